//! What must be seen for a plan, and what was seen.

use std::collections::{BTreeMap, BTreeSet};

use crate::stack::{Domain, FORMER_RESTRICTIONS, Format, PackagePattern, RepositoryName, Restrictions, TagMap};

/// What to look at.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) domain: Domain,
    pub(crate) primary: RepositoryName,
    /// Other repositories to look at: the proxies.
    pub(crate) others: BTreeSet<RepositoryName>,
    pub(crate) domain_policy: bool,
    pub(crate) repository_policy: bool,
    pub(crate) endpoint_formats: BTreeSet<Format>,
    pub(crate) package_groups: BTreeSet<PackagePattern>,
    /// Those of the groups that may be let go: the repositories that they name are looked at too.
    pub(crate) leaving_groups: BTreeSet<PackagePattern>,
    pub(crate) contents: Contents,
}

/// How far to look into what a domain holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    Unseen,
    /// The names of its repositories: is it empty but for ours, are proxies there that nobody names?
    Repositories,
    /// And whether the primary holds a package.
    RepositoriesAndPackages,
}

/// What the service says now; whatever is missing was not there, or not looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    pub(crate) domain: Option<ObservedDomain>,
    pub(crate) repositories: BTreeMap<RepositoryName, ObservedRepository>,
    pub(crate) repository_policy: Option<ObservedPolicy>,
    pub(crate) endpoints: BTreeMap<Format, String>,
    pub(crate) package_groups: BTreeMap<PackagePattern, ObservedGroup>,
    /// Some of the names of the domain's repositories: more than could be ours, if there are so many.
    pub(crate) listed: BTreeSet<String>,
    pub(crate) primary_holds_packages: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedDomain {
    pub(crate) arn: String,
    pub(crate) key: String,
    pub(crate) tags: TagMap,
    pub(crate) policy: Option<ObservedPolicy>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedRepository {
    pub(crate) arn: String,
    pub(crate) description: String,
    pub(crate) upstreams: Vec<String>,
    pub(crate) connections: Vec<String>,
    pub(crate) tags: TagMap,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedPolicy {
    pub(crate) document: String,
    pub(crate) revision: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedGroup {
    pub(crate) arn: String,
    pub(crate) tags: TagMap,
    pub(crate) restrictions: Restrictions,
}

impl ObservedRepository {
    pub(crate) fn has_upstream(&self, name: &RepositoryName) -> bool {
        self.upstreams.iter().any(|upstream| upstream == name.as_str())
    }

    /// Its upstreams without these, if it has any of them.
    pub(crate) fn upstreams_without(&self, names: &BTreeSet<&str>) -> Option<Vec<String>> {
        let kept = self.upstreams.iter().filter(|name| !names.contains(name.as_str()));
        let kept: Vec<String> = kept.cloned().collect();
        (kept.len() < self.upstreams.len()).then_some(kept)
    }
}

impl ObservedDomain {
    pub(crate) fn policy_revision(&self) -> Option<String> {
        self.policy.as_ref().and_then(|policy| policy.revision.clone())
    }
}

impl ObservedGroup {
    /// What it allowed before it was adopted, where a tag tells.
    pub(crate) fn former(&self) -> Option<Restrictions> {
        Restrictions::from_tag(self.tags.get(FORMER_RESTRICTIONS)?)
    }
}
