//! What someone does by hand: the call, and what it does to what is there.

use crate::oracle::there::{Repository, There, meaning};
use crate::shared::aws::Aws;
use crate::shared::sample::{DOMAIN, KEY, domain_policy};

/// One call of a stranger's, in the sample's domain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Touch {
    CreateDomain,
    CreateRepository(&'static str),
    DeleteRepository(&'static str),
    /// Takes tags off a repository, or off the domain where it is not named.
    Untag(Option<&'static str>, &'static [&'static str]),
    PutDomainPolicy(&'static str),
}

impl Touch {
    /// Does it, whether or not there is something to do it to.
    pub(crate) async fn act(self, aws: &Aws) {
        use futures_util::FutureExt as _;
        let done = std::panic::AssertUnwindSafe(self.call(aws)).catch_unwind().await;
        drop(done);
    }

    async fn call(self, aws: &Aws) {
        match self {
            Self::CreateDomain => aws.create_domain(DOMAIN, KEY).await,
            Self::CreateRepository(name) => aws.create_repository(DOMAIN, name).await,
            Self::DeleteRepository(name) => aws.delete_repository(DOMAIN, name).await,
            Self::Untag(name, keys) => {
                let what = name.map_or(format!("domain/{DOMAIN}"), |name| format!("repository/{DOMAIN}/{name}"));
                let arn = format!("arn:aws:codeartifact:eu-central-1:123456789012:{what}");
                aws.untag(&arn, keys).await;
            }
            Self::PutDomainPolicy(account) => aws.put_domain_policy(DOMAIN, &domain_policy(account)).await,
        }
    }

    /// The same, on what is there.
    pub(crate) fn effect(self, there: &There) -> There {
        let mut there = there.clone();
        let Some(domain) = there.0.get_mut(DOMAIN) else {
            return there;
        };
        match self {
            Self::CreateDomain => {}
            Self::CreateRepository(name) => {
                domain
                    .repositories
                    .entry(name.to_owned())
                    .or_insert_with(|| Repository {
                        packages: serde_json::json!([]),
                        ..Repository::default()
                    });
            }
            Self::DeleteRepository(name) => {
                domain.repositories.remove(name);
                let upstreams = domain.repositories.values_mut().flat_map(|it| &mut it.upstreams);
                for upstream in upstreams.filter(|upstream| upstream.name == name) {
                    upstream.linked = false;
                }
            }
            Self::Untag(name, keys) => {
                let repository = name.and_then(|name| domain.repositories.get_mut(name));
                let tags = match name {
                    Some(_) => repository.map(|it| &mut it.tags),
                    None => Some(&mut domain.tags),
                };
                if let Some(tags) = tags {
                    tags.retain(|key, _| !keys.contains(&key.as_str()));
                }
            }
            Self::PutDomainPolicy(account) => domain.policy = Some(meaning(&domain_policy(account))),
        }
        there
    }
}
