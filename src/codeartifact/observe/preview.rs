//! What only a preview looks at: no step needs to know it.

use std::collections::BTreeSet;

use super::{MANY_AT_A_TIME, Observer, each};
use crate::codeartifact::error::Result;
use crate::codeartifact::service::Holding;
use crate::plan::{Copies, InnerGroup, OtherGroup, Read, Unseen};
use crate::stack::{PackagePattern, RepositoryName};

/// So often `Plan` looks into a repository for what a pattern blocks: one call each.
const MOST_LOOKS: usize = 200;

impl Observer<'_> {
    /// Some of the groups inside each of ours, with their tags; none of what may not be looked at.
    pub(crate) async fn inner_groups(
        &self,
        patterns: impl Iterator<Item = &PackagePattern>,
    ) -> Result<Vec<InnerGroup>> {
        let mut found = Vec::new();
        for pattern in patterns {
            let groups = self
                .or_hidden(self.service.inner_groups(pattern).await.map(Some), None)
                .await?;
            for inner in groups.found().into_iter().flatten() {
                let tags = self.or_hidden(self.service.tags(&inner.arn).await, None).await?;
                let tags = tags.found().cloned().unwrap_or_default();
                found.push(InnerGroup {
                    pattern: pattern.clone(),
                    inner: OtherGroup { tags, ..inner.clone() },
                });
            }
        }
        Ok(found)
    }

    /// The repositories of the domain that hold packages which these patterns name, as far as so many looks show it.
    pub(crate) async fn copies(&self, patterns: &[PackagePattern]) -> Result<Vec<Copies>> {
        if patterns.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.service.all_repository_names().await.map(Some);
        let listed = match self.or_hidden(listed, None).await? {
            Read::Found(listed) => listed,
            Read::Absent => BTreeSet::new(),
            Read::Hidden(_) => {
                let unlooked = |pattern: &PackagePattern| Copies {
                    pattern: pattern.clone(),
                    held_by: Vec::new(),
                    unseen: Unseen::All,
                };
                return Ok(patterns.iter().map(unlooked).collect());
            }
        };
        let names: Vec<RepositoryName> = listed.iter().filter_map(|name| name.parse().ok()).collect();
        let mut looks_left = MOST_LOOKS;
        let mut found = Vec::new();
        for pattern in patterns {
            let looked_at = &names[..names.len().min(looks_left)];
            looks_left -= looked_at.len();
            let (held_by, unseen) = self.holding(pattern, looked_at).await?;
            found.push(Copies {
                pattern: pattern.clone(),
                held_by,
                unseen: Unseen::Repositories(unseen + names.len() - looked_at.len()),
            });
        }
        Ok(found)
    }

    /// Those that hold a package, and how many did not tell.
    async fn holding(
        &self,
        pattern: &PackagePattern,
        names: &[RepositoryName],
    ) -> Result<(Vec<RepositoryName>, usize)> {
        let (mut held_by, mut unseen) = (Vec::new(), 0);
        for some in names.chunks(MANY_AT_A_TIME) {
            let looks = each(some, |name| async move {
                let holding = self.service.holds_any(name, pattern).await.map(Some);
                self.or_hidden(holding, None).await
            });
            for (name, holding) in looks.await? {
                match holding.found() {
                    Some(Holding::Some) => held_by.push(name),
                    Some(Holding::Nothing) => {}
                    Some(Holding::Unknown) | None => unseen += 1,
                }
            }
        }
        Ok((held_by, unseen))
    }
}
