//! Someone else: what they do behind the function's back, as far as there is something to do it to.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use super::history::{Foreign, Half};
use super::properties::{DOMAINS, PATTERNS, STRANGERS_NAMES};
use crate::oracle::contract::{LOGICAL_ID, POLICY_REPOSITORY, STACK_ID};
use crate::oracle::there::{Repository, There};
use crate::shared::sample::{KEY, STRANGER, domain_policy, repository_policy};
use crate::world::World;

/// What strangers made, by incarnation, and did not take away themselves.
#[derive(Debug, Default)]
pub(super) struct Strangers(pub(super) BTreeSet<u64>);

impl Strangers {
    /// Does it, or nothing where there is nothing to do it to.
    ///
    /// What is changed while a request is worked on may be gone by then: a stranger's call may fail as well.
    pub(super) async fn act(&mut self, world: &World, foreign: &Foreign) {
        let before = There::read(&world.aws.emulator.state());
        let target = target(&before, foreign);
        let done = AssertUnwindSafe(change(world, &before, foreign)).catch_unwind().await;
        let Some((domain, name)) = target.filter(|_| done.is_ok()) else {
            return;
        };
        let incarnation = |there: &There| there.repository(&domain, &name).and_then(|it| it.incarnation);
        let after = There::read(&world.aws.emulator.state());
        let (was, is) = (incarnation(&before), incarnation(&after));
        if was != is {
            self.0.retain(|it| Some(*it) != was);
            self.0.extend(is);
        }
    }
}

/// The repository that someone makes or takes away.
fn target(there: &There, foreign: &Foreign) -> Option<(String, String)> {
    let (domain, name) = match foreign {
        Foreign::MakeRepository { domain, name } => {
            (DOMAINS[usize::from(*domain)], STRANGERS_NAMES[usize::from(*name)])
        }
        Foreign::DeleteRepository(nth) | Foreign::RecreateRepository(nth) => {
            repository(there, *nth).map(|(domain, name, _)| (domain, name))?
        }
        _ => return None,
    };
    Some((domain.to_owned(), name.to_owned()))
}

fn repository(there: &There, nth: usize) -> Option<(&str, &str, &Repository)> {
    let all: Vec<_> = there.repositories().collect();
    all.get(nth % all.len().max(1)).copied()
}

fn arn(domain: &str, name: &str) -> String {
    format!("arn:aws:codeartifact:eu-central-1:123456789012:repository/{domain}/{name}")
}

async fn change(world: &World, there: &There, foreign: &Foreign) {
    match foreign {
        Foreign::MakeDomain(_)
        | Foreign::PutDomainPolicy(_)
        | Foreign::DeleteDomainPolicy(_)
        | Foreign::TagDomain(_)
        | Foreign::StripDomain(_)
        | Foreign::StripMark(_)
        | Foreign::ChangeGroup(_)
        | Foreign::StripGroup(_)
        | Foreign::DeleteGroup(_)
        | Foreign::MakeGroup { .. } => change_domain(world, there, foreign).await,
        _ => change_repository(world, there, foreign).await,
    }
}

async fn change_repository(world: &World, there: &There, foreign: &Foreign) {
    let aws = &world.aws;
    if let Foreign::MakeRepository { domain, name } = foreign {
        let (domain, name) = (DOMAINS[usize::from(*domain)], STRANGERS_NAMES[usize::from(*name)]);
        if !there.0.contains_key(domain) {
            aws.create_domain(domain, KEY).await;
        }
        if there.repository(domain, name).is_none() {
            aws.create_repository(domain, name).await;
        }
        return;
    }
    let (Foreign::DeleteRepository(nth)
    | Foreign::RecreateRepository(nth)
    | Foreign::Describe(nth)
    | Foreign::Unlink(nth, _)
    | Foreign::Reverse(nth)
    | Foreign::Disconnect(nth)
    | Foreign::PutRepositoryPolicy(nth)
    | Foreign::DeleteRepositoryPolicy(nth)
    | Foreign::Tag(nth)
    | Foreign::ChangeTag(nth)
    | Foreign::Strip(nth, _)
    | Foreign::Seize(nth)
    | Foreign::Publish(nth)) = foreign
    else {
        return;
    };
    let Some((domain, name, it)) = repository(there, *nth) else {
        return;
    };
    let arn = arn(domain, name);
    let upstreams: Vec<&str> = it.upstreams.iter().map(|up| up.name.as_str()).collect();
    let is_linkable = it.connections.is_empty() && upstreams.iter().all(|up| there.repository(domain, up).is_some());
    let is_held = there
        .repositories()
        .any(|(of, _, other)| of == domain && other.upstreams.iter().any(|up| up.name == name));
    let is_free = !is_held || aws.emulator.settings().delete_of_upstream == crate::shared::DeleteOfUpstream::Allow;
    match foreign {
        Foreign::DeleteRepository(_) if is_free => aws.delete_repository(domain, name).await,
        Foreign::RecreateRepository(_) if is_free => {
            aws.delete_repository(domain, name).await;
            aws.create_repository(domain, name).await;
        }
        Foreign::Describe(_) => aws.describe_repository_as(domain, name, "a stranger's words").await,
        Foreign::Unlink(_, kept) if is_linkable => {
            aws.link(domain, name, &upstreams[..(*kept).min(upstreams.len())]).await;
        }
        Foreign::Reverse(_) if is_linkable => {
            aws.link(domain, name, &upstreams.into_iter().rev().collect::<Vec<_>>())
                .await;
        }
        Foreign::Disconnect(_) => {
            for connection in &it.connections {
                aws.disconnect(domain, name, connection).await;
            }
        }
        Foreign::PutRepositoryPolicy(_) => {
            aws.put_repository_policy(domain, name, &repository_policy("999999999999"))
                .await;
        }
        Foreign::DeleteRepositoryPolicy(_) if it.policy.is_some() => aws.delete_repository_policy(domain, name).await,
        Foreign::Tag(_) => aws.tag(&arn, &[("strangers", "tag")]).await,
        Foreign::ChangeTag(_) => aws.tag(&arn, &[("team", "strangers")]).await,
        Foreign::Strip(_, half) => {
            let keys: &[&str] = match half {
                Half::Both => &[STACK_ID, LOGICAL_ID],
                Half::StackId => &[STACK_ID],
                Half::LogicalId => &[LOGICAL_ID],
            };
            aws.untag(&arn, keys).await;
        }
        Foreign::Seize(_) => aws.tag(&arn, &[(STACK_ID, STRANGER), (LOGICAL_ID, "Theirs")]).await,
        Foreign::Publish(_) if it.packages == serde_json::json!([]) => aws.publish(domain, name),
        _ => {}
    }
}

async fn change_domain(world: &World, there: &There, foreign: &Foreign) {
    let aws = &world.aws;
    if let Foreign::MakeDomain(domain) = foreign {
        let domain = DOMAINS[usize::from(*domain)];
        if !there.0.contains_key(domain) {
            aws.create_domain(domain, KEY).await;
        }
        return;
    }
    let (Foreign::PutDomainPolicy(nth)
    | Foreign::DeleteDomainPolicy(nth)
    | Foreign::TagDomain(nth)
    | Foreign::StripDomain(nth)
    | Foreign::StripMark(nth)
    | Foreign::ChangeGroup(nth)
    | Foreign::StripGroup(nth)
    | Foreign::DeleteGroup(nth)
    | Foreign::MakeGroup { domain: nth, .. }) = foreign
    else {
        return;
    };
    let Some((domain, it)) = there.0.iter().nth(nth % there.0.len().max(1)) else {
        return;
    };
    let arn = format!("arn:aws:codeartifact:eu-central-1:123456789012:domain/{domain}");
    let group = it.groups.keys().find(|pattern| *pattern != "/*");
    match (foreign, group) {
        (Foreign::PutDomainPolicy(_), _) => aws.put_domain_policy(domain, &domain_policy("999999999999")).await,
        (Foreign::DeleteDomainPolicy(_), _) if it.policy.is_some() => aws.delete_domain_policy(domain).await,
        (Foreign::TagDomain(_), _) => aws.tag(&arn, &[("strangers", "tag"), ("team", "strangers")]).await,
        (Foreign::StripDomain(_), _) => aws.untag(&arn, &[STACK_ID, LOGICAL_ID]).await,
        (Foreign::StripMark(_), _) => aws.untag(&arn, &[POLICY_REPOSITORY]).await,
        (Foreign::ChangeGroup(_), Some(pattern)) => aws.restrict(domain, pattern, "EXTERNAL_UPSTREAM", "ALLOW").await,
        (Foreign::StripGroup(_), Some(pattern)) => {
            let arn = aws.group_arn(domain, pattern);
            aws.untag(&arn, &[STACK_ID, LOGICAL_ID]).await;
        }
        (Foreign::DeleteGroup(_), Some(pattern)) => aws.delete_group(domain, pattern).await,
        (Foreign::MakeGroup { pattern, .. }, _) => {
            let pattern = PATTERNS[usize::from(*pattern)];
            if !it.groups.contains_key(pattern) {
                aws.create_group(domain, pattern).await;
            }
        }
        _ => {}
    }
}
