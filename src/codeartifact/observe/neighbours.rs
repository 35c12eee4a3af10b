//! What else is in the domain: any other repository, and those that have one of this stack's as an upstream.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::try_join;

use super::{MANY_AT_A_TIME, Observer, each};
use crate::codeartifact::error::Result;
use crate::plan::{Contents, Observed, ObservedRepository, Read, Scope};
use crate::stack::{DOWNSTREAMS, Downstreams, RepositoryName};

/// So many listed repositories are looked at together to find one that is there: the first is, nearly always.
const AT_A_TIME: usize = 2;

impl Observer<'_> {
    pub(super) async fn listing(&self, scope: &Scope) -> Result<Read<BTreeSet<String>>> {
        if scope.contents == Contents::Unseen {
            return Ok(Read::Absent);
        }
        // A prefix longer than any name is refused: then no proxy can be there.
        let proxies = format!("{}-upstream", scope.primary);
        let ours = async {
            if proxies.len() > RepositoryName::MAX_LENGTH {
                return Ok(BTreeSet::new());
            }
            self.service.repository_names(Some(proxies.as_str())).await
        };
        let names = async { try_join!(self.service.repository_names(None), ours) };
        let names = names
            .await
            .map(|(some, ours)| Some(some.into_iter().chain(ours).collect()));
        self.or_hidden(names, None).await
    }

    /// Whether a repository that is none of this stack's is in the domain: one that is listed, and was seen. The list alone
    /// may still have what is deleted.
    pub(super) async fn has_others(&self, scope: &Scope, observed: &Observed) -> Result<bool> {
        let listed = observed
            .listed
            .found()
            .into_iter()
            .flatten()
            .filter_map(|name| name.parse().ok());
        let others: Vec<RepositoryName> = listed.filter(|name| !scope.is_own(name)).collect();
        for some in others.chunks(AT_A_TIME) {
            let described = self.described(some).await?;
            if described.values().any(|it| !matches!(it, Read::Absent)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The neighbours' repositories that have one of this stack's as an upstream, among those that may: by its properties, or
    /// by the tags, in which the stack that replaces this one names its own.
    pub(super) async fn neighbours(
        &self,
        scope: &Scope,
        observed: &Observed,
    ) -> Result<BTreeMap<RepositoryName, Vec<RepositoryName>>> {
        let names: Vec<RepositoryName> = match &scope.neighbours {
            None => return Ok(BTreeMap::new()),
            Some(Downstreams::Named(names)) => {
                let repositories = observed.repositories.iter().filter(|(name, _)| scope.is_own(name));
                let tags = repositories.filter_map(|(_, it)| it.tags.get(DOWNSTREAMS));
                let in_tags = tags.flat_map(|tag| Downstreams::named_in_tag(tag));
                let names: BTreeSet<RepositoryName> = names.iter().cloned().chain(in_tags).collect();
                names.into_iter().collect()
            }
            Some(Downstreams::All) => {
                let names = self
                    .or_hidden(self.service.all_repository_names().await.map(Some), None)
                    .await?;
                let names = names.found().into_iter().flatten();
                names.filter_map(|name| name.parse().ok()).collect()
            }
        };
        let names: Vec<RepositoryName> = names.into_iter().filter(|name| !scope.is_own(name)).collect();
        let mut neighbours = BTreeMap::new();
        for some in names.chunks(MANY_AT_A_TIME) {
            for (name, read) in self.described(some).await? {
                let upstreams = read.found().map_or(&[][..], |repository| &repository.upstreams);
                let of_ours: Vec<RepositoryName> = upstreams.iter().filter(|it| scope.is_own(it)).cloned().collect();
                if !of_ours.is_empty() {
                    neighbours.insert(name, of_ours);
                }
            }
        }
        Ok(neighbours)
    }

    /// Others' repositories, without their tags.
    async fn described(&self, names: &[RepositoryName]) -> Result<BTreeMap<RepositoryName, Read<ObservedRepository>>> {
        each(names, |name| async {
            self.or_hidden(self.service.describe_repository(name).await, None).await
        })
        .await
    }
}
