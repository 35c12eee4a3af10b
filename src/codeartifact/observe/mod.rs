//! What the CodeArtifact API says now: one round of concurrent reads.
//!
//! ARNs are derived, so that tags are read beside what they are on; if the service names another ARN, it is believed
//! and its tags are read again. Of what is new, and so not there in all likelihood, nothing is read before it is seen.

mod domain;
mod groups;
mod neighbours;
mod preview;
mod repositories;
mod turned_up;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{TryFutureExt as _, join, try_join_all};
use futures_util::try_join;

use super::Service;
use super::error::Result;
use crate::plan::{Hidden, Observed, Read, Scope, Thing};
use crate::stack::TagMap;

use turned_up::{linked_before, turned_up};

/// So many neighbours are looked at together.
const MANY_AT_A_TIME: usize = 20;

/// What to read of a domain or a repository.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    Tags,
    /// And its policy.
    Policy,
}

/// Reads the service.
pub(crate) struct Observer<'a> {
    pub(crate) service: Service<'a>,
    /// What is not there, in all likelihood.
    pub(crate) new: BTreeSet<Thing>,
}

impl Observer<'_> {
    /// Looks at all of a scope at once, and then at the repositories that turned up by it: proxies, and what groups name.
    pub(crate) async fn look(&self, scope: &Scope) -> Result<Observed> {
        // Boxed: all reads at once make a large future.
        let mut observed = Box::pin(self.look_at_named(scope)).await?;
        let turned_up = turned_up(scope, &observed);
        let (turned_up, has_others, neighbours, adopted) = try_join!(
            self.repositories(scope, &turned_up),
            self.has_others(scope, &observed),
            self.neighbours(scope, &observed),
            self.adopted(scope, &observed),
        )?;
        let (repositories, hidden) = sorted(turned_up);
        observed.hidden.extend(hidden);
        // A proxy that turned up may have been adopted.
        let linked_before = linked_before(scope, &repositories);
        observed.repositories.extend(repositories);
        observed.repositories.extend(adopted);
        let unseen = linked_before.iter().filter(|name| observed.is_gone(name));
        let (repositories, hidden) = sorted(self.repositories(scope, unseen).await?);
        observed.repositories.extend(repositories);
        observed.hidden.extend(hidden);
        (observed.has_others, observed.neighbours) = (has_others, neighbours);
        Ok(observed)
    }

    /// All that the scope names.
    async fn look_at_named(&self, scope: &Scope) -> Result<Observed> {
        let ((domain, policy_alone), repositories, endpoints, package_groups, listed, contents) = try_join!(
            self.domain_and_policy(scope),
            self.repositories(scope, scope.repositories()),
            self.endpoints(scope),
            self.package_groups(scope),
            self.listing(scope),
            self.contents(scope),
        )?;
        let (repositories, hidden) = sorted(repositories);
        let (package_groups, hidden_groups) = sorted(package_groups);
        Ok(Observed {
            domain,
            policy_alone,
            repositories,
            hidden,
            endpoints,
            package_groups,
            hidden_groups,
            listed,
            contents,
            ..Observed::default()
        })
    }

    /// A read that is denied or refused is an observation like another; then the tags on the thing are looked at alone.
    async fn or_hidden<T>(&self, read: Result<Option<T>>, arn: Option<&str>) -> Result<Read<T>> {
        let error = match read {
            Ok(found) => return Ok(found.into()),
            Err(error) => error,
        };
        let Some(cause) = error.hides() else {
            return Err(error);
        };
        let tags = match arn {
            Some(arn) => self.service.tags(arn).await,
            None => Ok(None),
        };
        let (tags, has_hidden_tags) = match tags {
            Ok(tags) => (tags.unwrap_or_default(), false),
            Err(error) if error.hides().is_some() => (TagMap::new(), true),
            Err(error) => return Err(error),
        };
        let why = error.to_string();
        Ok(Read::Hidden(Hidden {
            cause,
            why,
            tags,
            has_hidden_tags,
            exists: false,
        }))
    }

    /// A thing, and what is read `with` it: at once, or if the thing is new, once it is seen.
    async fn both<T, U>(
        &self,
        thing: &Thing,
        read: impl Future<Output = Result<Option<T>>>,
        with: impl Future<Output = U>,
    ) -> Result<Option<(T, U)>> {
        // Boxed: they would stand in this future more than once.
        let (read, with) = (Box::pin(read), Box::pin(with));
        if self.new.contains(thing) {
            return Ok(match read.await? {
                Some(read) => Some((read, with.await)),
                None => None,
            });
        }
        let (read, with) = join(read, with).await;
        Ok(read?.map(|read| (read, with)))
    }

    /// The tags read beside a thing, if the ARN they were read by turned out right.
    async fn tags_of(&self, arn: &str, expected: &str, read: Result<Option<TagMap>>) -> Result<Option<TagMap>> {
        if arn == expected {
            read
        } else {
            self.service.tags(arn).await
        }
    }
}

/// Reads all of these at once.
async fn each<'a, Key: Clone + Ord + 'a, T, Reading: Future<Output = Result<T>>>(
    keys: impl IntoIterator<Item = &'a Key>,
    read: impl Fn(&'a Key) -> Reading,
) -> Result<BTreeMap<Key, T>> {
    let reads = keys.into_iter().map(|key| read(key).map_ok(|it| (key.clone(), it)));
    Ok(try_join_all(reads).await?.into_iter().collect())
}

/// What is there, and what could not be looked at.
fn sorted<Key: Ord, T>(read: BTreeMap<Key, Read<T>>) -> (BTreeMap<Key, T>, BTreeMap<Key, Hidden>) {
    let (mut there, mut hidden) = (BTreeMap::new(), BTreeMap::new());
    for (key, read) in read {
        match read {
            Read::Found(found) => drop(there.insert(key, found)),
            Read::Hidden(it) => drop(hidden.insert(key, it)),
            Read::Absent => {}
        }
    }
    (there, hidden)
}
