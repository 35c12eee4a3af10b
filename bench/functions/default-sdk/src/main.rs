//! The smallest function, with a `CodeArtifact` client set up as the SDK's guide does, and one call to use it.

use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_from_env().await;
    let client = &aws_sdk_codeartifact::Client::new(&config);
    let count = |_: LambdaEvent<Value>| async move {
        let domains = client.list_domains().send().await?;
        Ok::<_, Error>(json!(domains.domains().len()))
    };
    Runtime::new(service_fn(count)).run().await
}
