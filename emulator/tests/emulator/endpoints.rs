//! Endpoints and tokens.

use serde_json::Value;

use crate::harness::Service;

#[tokio::test]
async fn every_format_has_its_endpoint() {
    let service = Service::with_repositories(&["main"]).await;
    for format in ["npm", "pypi", "maven", "nuget", "generic", "ruby", "swift", "cargo"] {
        let path = format!("/v1/repository/endpoint?domain=dd&repository=main&format={format}");
        let endpoint = service.get(&path).await.ok();
        let expected = format!("https://dd-123456789012.d.codeartifact.us-east-1.amazonaws.com/{format}/main/");
        assert_eq!(endpoint["repositoryEndpoint"], expected);
        let endpoint = service.get(&format!("{path}&endpointType=dualstack")).await.ok();
        let expected = format!("https://dd-123456789012.codeartifact.us-east-1.on.aws/{format}/main/");
        assert_eq!(endpoint["repositoryEndpoint"], expected);
    }
    service
        .get("/v1/repository/endpoint?domain=dd&repository=main&format=cobol")
        .await
        .invalid();
    service
        .get("/v1/repository/endpoint?domain=dd&repository=main")
        .await
        .invalid();
    service
        .get("/v1/repository/endpoint?domain=dd&repository=gone&format=npm")
        .await
        .missing();
}

#[tokio::test]
async fn a_token_lasts_between_a_quarter_of_an_hour_and_twelve() {
    let service = Service::with_repositories(&[]).await;
    let token = |seconds: i32| format!("POST /v1/authorization-token?domain=dd&duration={seconds}");
    for seconds in [0, 900, 43_200] {
        let body = service.call(&token(seconds), Value::Null).await.ok();
        assert!(body["authorizationToken"].is_string() && body["expiration"].is_number());
    }
    for seconds in [1, 899, 43_201, -1] {
        service.call(&token(seconds), Value::Null).await.invalid();
    }
}
