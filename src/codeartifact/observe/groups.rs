//! Package groups, and whose the groups around them are.

use std::collections::BTreeMap;

use futures_util::future::join;

use super::{Observer, each};
use crate::codeartifact::Service;
use crate::codeartifact::error::Result;
use crate::plan::{Hidden, ObservedGroup, OtherGroup, Read, Scope, Thing};
use crate::stack::{ALLOW_SPECIFIC, Origin, Owner, PackagePattern};

impl Observer<'_> {
    pub(super) async fn package_groups(&self, scope: &Scope) -> Result<BTreeMap<PackagePattern, Read<ObservedGroup>>> {
        let Service { place, domain, .. } = self.service;
        // A domain of another account holds no group of ours: InternalPackages and BlockedPackages are refused there.
        if place.foreign_owner(domain).is_some() {
            return Ok(BTreeMap::new());
        }
        each(&scope.package_groups, |pattern| self.group_or_hidden(pattern)).await
    }

    /// A package group, or its tags if what it allows may not be read.
    async fn group_or_hidden(&self, pattern: &PackagePattern) -> Result<Read<ObservedGroup>> {
        let arn = self.service.place.package_group_arn(self.service.domain, pattern);
        let hidden = match self.or_hidden(self.package_group(pattern).await, Some(&arn)).await? {
            Read::Hidden(hidden) => hidden,
            read => return Ok(read),
        };
        // What hides may be only what it allows, or its tags; and the service may write its ARN in another way.
        let Ok(Some(group)) = self.service.describe_package_group(pattern).await else {
            return Ok(Read::Hidden(hidden));
        };
        if group.arn == arn {
            return Ok(Read::Hidden(Hidden { exists: true, ..hidden }));
        }
        let tags = self.or_hidden(self.service.tags(&group.arn).await, None).await?;
        Ok(Read::Hidden(Hidden {
            exists: true,
            has_hidden_tags: tags.hidden().is_some(),
            tags: tags.found().cloned().unwrap_or_default(),
            ..hidden
        }))
    }

    /// A package group; nothing if it is not there.
    pub(crate) async fn package_group(&self, pattern: &PackagePattern) -> Result<Option<ObservedGroup>> {
        let expected = self.service.place.package_group_arn(self.service.domain, pattern);
        let describe = self.service.describe_package_group(pattern);
        let tags = self.service.tags(&expected);
        // The guard's own setting, so that an unchanged group is read in one round.
        let publishers = self.service.allowed_repositories(pattern, Origin::Publish);
        let thing = Thing::Group(pattern.clone());
        let Some((mut group, (tags, publishers))) = self.both(&thing, describe, join(tags, publishers)).await? else {
            return Ok(None);
        };
        let Some(tags) = self.tags_of(&group.arn, &expected, tags).await? else {
            return Ok(None);
        };
        let mut publishers = Some(publishers);
        let lists = group.restrictions.0.iter_mut();
        for (origin, allowed) in lists.filter(|(_, allowed)| allowed.mode == ALLOW_SPECIFIC) {
            allowed.repositories = match publishers.take_if(|_| *origin == Origin::Publish) {
                Some(read) => read?,
                None => self.service.allowed_repositories(pattern, *origin).await?,
            };
        }
        group.parent = self.holder(group.parent).await?;
        Ok(Some(ObservedGroup { tags, ..group }))
    }

    /// The nearest of the groups around one that somebody owns, with its tags: one that is unowned has what is around it in
    /// force, unless it says otherwise.
    async fn holder(&self, parent: Option<OtherGroup>) -> Result<Option<OtherGroup>> {
        let mut around = parent;
        while let Some(group) = around {
            let tags = self.service.tags(&group.arn).await?.unwrap_or_default();
            if Owner::in_tags(&tags).is_some() {
                return Ok(Some(OtherGroup { tags, ..group }));
            }
            around = match group.pattern.parse() {
                Ok(pattern) => self
                    .service
                    .describe_package_group(&pattern)
                    .await?
                    .and_then(|group| group.parent),
                // A pattern of a form that this function does not make, and so of nobody's.
                Err(_) => None,
            };
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_codeartifact::config::{BehaviorVersion, Config, Credentials, Region};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_types::body::SdkBody;
    use serde_json::json;

    use super::*;
    use crate::codeartifact::Client;
    use crate::stack::{Domain, Place};

    /// The service, if it writes the ARN of a package group with the pattern as it is, and does not let read whom the group
    /// allows.
    #[derive(Clone, Debug)]
    struct PlainArns;

    impl HttpConnector for PlainArns {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let uri = request.uri();
            let (status, body) = match uri {
                _ if uri.contains("/v1/package-group-allowed-repositories") => (
                    403,
                    json!({"__type": "AccessDeniedException", "message": "not authorized"}),
                ),
                _ if uri.contains("/v1/package-group?") => {
                    let arn = "arn:aws:codeartifact:eu-central-1:111122223333:package-group/pkgs/npm/payments/*";
                    let restrictions = json!({"PUBLISH": {"mode": ALLOW_SPECIFIC}});
                    let origins = json!({ "restrictions": restrictions });
                    let group = json!({"arn": arn, "pattern": "/npm/payments/*", "originConfiguration": origins});
                    (200, json!({ "packageGroup": group }))
                }
                // The star of the derived ARN is escaped, and escaped again in the query.
                _ if uri.contains("/v1/tags?") && !uri.contains("%252") => {
                    (200, json!({"tags": [{"key": "team", "value": "ours"}]}))
                }
                _ => (
                    404,
                    json!({"__type": "ResourceNotFoundException", "message": "not found"}),
                ),
            };
            let status = status.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body.to_string()))))
        }
    }

    #[tokio::test]
    async fn the_tags_of_a_group_that_may_not_be_read_are_those_of_the_arn_that_the_service_gives() {
        let connector = SharedHttpConnector::new(PlainArns);
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("AKIATEST", "secret", None, None, "test"))
            .retry_config(crate::codeartifact::retries().with_max_attempts(1))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        let place = Place::new("eu-central-1".to_owned(), "111122223333".parse().expect("an account"));
        let domain = Domain {
            name: "pkgs".parse().expect("a name"),
            owner: place.account().clone(),
        };
        let client = Client::from_conf(config.build());
        let (client, place, domain) = (&client, &place, &domain);
        let observer = Observer {
            service: Service { client, place, domain },
            new: BTreeSet::new(),
        };
        let pattern: PackagePattern = "/npm/payments/*".parse().expect("a pattern");

        let seen = observer.group_or_hidden(&pattern).await.expect("an observation");

        let hidden = seen.hidden().expect("what it allows may not be read");
        assert_eq!(hidden.tags.get("team").map(String::as_str), Some("ours"));
        assert!(hidden.exists);
    }
}
