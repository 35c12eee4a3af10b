//! What must be seen for a plan, and what was seen.

use std::collections::{BTreeMap, BTreeSet};

use super::action::Thing;
use crate::stack::{
    ADOPTED, Domain, Downstreams, EndpointType, Evidence, FORMER_LINKS, FORMER_RESTRICTIONS, Format, FormerLinks,
    GROUP_REPOSITORY, LINKED, Moment, Owner, PackagePattern, RepositoryName, Restrictions, Standing, TagMap,
};

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
    pub(crate) endpoint_type: EndpointType,
    pub(crate) package_groups: BTreeSet<PackagePattern>,
    /// Those of the groups that may be released: the repositories that they name are looked at too.
    pub(crate) leaving_groups: BTreeSet<PackagePattern>,
    pub(crate) contents: Contents,
    /// What the stack cannot have had before this event: it is not there, in all likelihood.
    pub(crate) new: BTreeSet<Thing>,
    /// Whether what is unowned is to be adopted: then a proxy is looked at more closely.
    pub(crate) adopts: bool,
    /// The neighbours' repositories that may have this stack's as an upstream, if that matters.
    pub(crate) neighbours: Option<Downstreams>,
}

impl Scope {
    /// The repositories to look at.
    pub(crate) fn repositories(&self) -> BTreeSet<&RepositoryName> {
        self.others.iter().chain([&self.primary]).collect()
    }

    /// Whether one of the stack's own repositories has this name, or could have it.
    pub(crate) fn is_own(&self, name: &RepositoryName) -> bool {
        self.primary.has_as_own(name.as_str())
    }
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
    pub(crate) domain: Read<ObservedDomain>,
    /// The policy of a domain that is not there, or could not be looked at itself: if a policy that is not there may not be
    /// read, it may not be when it is.
    pub(crate) policy_alone: Read<ObservedPolicy>,
    pub(crate) repositories: BTreeMap<RepositoryName, ObservedRepository>,
    /// Repositories that could not be looked at.
    pub(crate) hidden: BTreeMap<RepositoryName, Hidden>,
    pub(crate) endpoints: BTreeMap<Format, String>,
    pub(crate) package_groups: BTreeMap<PackagePattern, ObservedGroup>,
    /// Package groups that could not be looked at.
    pub(crate) hidden_groups: BTreeMap<PackagePattern, Hidden>,
    /// Some of the names of the domain's repositories: more than could be ours, if there are so many.
    pub(crate) listed: Read<BTreeSet<String>>,
    /// Whether the primary repository holds packages.
    pub(crate) contents: Read<Packages>,
    /// Repositories of neighbours, with those of their upstreams that have a name of this stack's.
    pub(crate) neighbours: BTreeMap<RepositoryName, Vec<RepositoryName>>,
    /// Whether a repository that is none of this stack's was seen in the domain.
    pub(crate) has_others: bool,
    /// What this stack's adopted things were like when this event first saw them, whatever became of their tags.
    pub(crate) former: Former,
}

/// What adopted repositories were linked to before, and what adopted package groups allowed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Former {
    links: BTreeMap<RepositoryName, FormerLinks>,
    restrictions: BTreeMap<PackagePattern, Restrictions>,
}

impl Former {
    /// Remembers what the tags of an adopted thing say, if nothing is known of it yet.
    pub(crate) fn remember(&mut self, thing: &Thing, tags: &TagMap) {
        match thing {
            Thing::Domain => {}
            Thing::Repository(name) => {
                if let Some(links) = tags.get(FORMER_LINKS).and_then(|tag| FormerLinks::from_tag(tag)) {
                    self.links.entry(name.clone()).or_insert(links);
                }
            }
            Thing::Group(pattern) => {
                let former = tags.get(FORMER_RESTRICTIONS);
                if let Some(restrictions) = former.and_then(|tag| Restrictions::from_tag(tag)) {
                    self.restrictions.entry(pattern.clone()).or_insert(restrictions);
                }
            }
        }
    }

    pub(super) fn links_of(&self, name: &RepositoryName) -> Option<&FormerLinks> {
        self.links.get(name)
    }

    pub(super) fn restrictions_of(&self, pattern: &PackagePattern) -> Option<&Restrictions> {
        self.restrictions.get(pattern)
    }

    /// The repositories that are named by it: as upstreams, and as those that a group allows.
    pub(super) fn repositories(&self) -> impl Iterator<Item = RepositoryName> {
        let upstreams = self.links.values().flat_map(|links| links.upstreams.clone());
        let allowed = self.restrictions.values().flat_map(Restrictions::repositories);
        upstreams.chain(allowed.filter_map(|name| name.parse().ok()))
    }
}

/// What a read brought.
#[derive(Clone, Debug, Default)]
pub(crate) enum Read<T> {
    Found(T),
    /// It is not there, or was not looked at.
    #[default]
    Absent,
    Hidden(Hidden),
}

/// A read that was denied or refused: an observation like another. An event fails for it only if its plan needs the fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hidden {
    pub(crate) cause: Cause,
    /// What the service said, of which operation on what.
    pub(crate) why: String,
    /// The tags of the thing, if they could be read.
    pub(crate) tags: TagMap,
    /// Whether they may not be looked at either.
    pub(crate) has_hidden_tags: bool,
    /// Whether it was seen to exist all the same.
    pub(crate) exists: bool,
}

impl Hidden {
    /// Whether its tags show it to be this stack's; where they are hidden too, the primary tells for what is around it.
    pub(super) fn may_be_of(&self, owner: &Owner, evidence: Evidence) -> bool {
        let is_untold = self.has_hidden_tags && evidence == Evidence::WasOurs;
        is_untold || owner.standing(&self.tags).is_ours()
    }
}

/// Why a read did not show what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Denied,
    Refused,
    /// The domain's key cannot be used.
    Key,
}

/// That a repository holds packages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packages;

impl<T> Read<T> {
    pub(crate) fn found(&self) -> Option<&T> {
        match self {
            Self::Found(found) => Some(found),
            Self::Absent | Self::Hidden(_) => None,
        }
    }

    pub(crate) fn hidden(&self) -> Option<&Hidden> {
        match self {
            Self::Hidden(hidden) => Some(hidden),
            Self::Absent | Self::Found(_) => None,
        }
    }
}

impl<T> From<Option<T>> for Read<T> {
    fn from(found: Option<T>) -> Self {
        found.map_or(Self::Absent, Self::Found)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedDomain {
    pub(crate) arn: String,
    pub(crate) key: String,
    /// The ARN of the bucket that holds the packages.
    pub(crate) bucket: Option<String>,
    pub(crate) tags: TagMap,
    pub(crate) policy: Read<ObservedPolicy>,
    /// How many repositories the service counts in it.
    pub(crate) repositories: Option<usize>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedRepository {
    pub(crate) arn: String,
    pub(crate) description: String,
    pub(crate) upstreams: Vec<RepositoryName>,
    pub(crate) connections: Vec<String>,
    pub(crate) created: Option<Moment>,
    pub(crate) tags: TagMap,
    /// Looked at only of the primary, and of what is to be adopted as a proxy.
    pub(crate) policy: Read<ObservedPolicy>,
    /// Whether packages were published to it: looked at only of what is to be adopted as a proxy.
    pub(crate) published: Read<Packages>,
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
    pub(crate) created: Option<Moment>,
    /// The nearest group around this one that somebody owns.
    pub(crate) parent: Option<OtherGroup>,
}

impl Observed {
    /// Whether anything could not be looked at.
    pub(crate) fn is_partial(&self) -> bool {
        let hides_some = !self.hidden.is_empty() || !self.hidden_groups.is_empty();
        let listed = [self.listed.hidden(), self.contents.hidden(), self.domain.hidden()];
        hides_some || listed.iter().any(Option::is_some)
    }

    /// The neighbours' repositories that have a repository as an upstream.
    pub(crate) fn having_upstream(&self, name: &RepositoryName) -> Vec<RepositoryName> {
        let having = self.neighbours.iter().filter(|(_, upstreams)| upstreams.contains(name));
        having.map(|(neighbour, _)| neighbour.clone()).collect()
    }

    /// The repositories and package groups that show this owner to have adopted them, with their tags.
    pub(crate) fn adopted(&self, owner: &Owner) -> impl Iterator<Item = (Thing, &TagMap)> {
        let repositories = self.repositories.iter();
        let repositories = repositories.map(|(name, it)| (Thing::Repository(name.clone()), &it.tags));
        let groups = self.package_groups.iter();
        let groups = groups.map(|(pattern, it)| (Thing::Group(pattern.clone()), &it.tags));
        let all = repositories.chain(groups);
        all.filter(|(_, tags)| owner.standing(tags) == Standing::Adopted)
    }

    /// Remembers what the tags of adopted things say. A Create that is being cancelled may change one after its tags are
    /// gone.
    pub(crate) fn recall(&mut self, remembered: &mut Former, owner: &Owner) {
        for (thing, tags) in self.adopted(owner) {
            remembered.remember(&thing, tags);
        }
        self.former.clone_from(remembered);
    }

    /// Leaves out what shows without an owner although it was deleted: its tags are gone already, and it will be.
    pub(crate) fn leave_out(&mut self, owner: &Owner, was_deleted: impl Fn(&Thing) -> bool) {
        let is_there = |thing: Thing, tags: &TagMap| owner.standing(tags) != Standing::Unowned || !was_deleted(&thing);
        self.repositories
            .retain(|name, repository| is_there(Thing::Repository(name.clone()), &repository.tags));
        self.package_groups
            .retain(|pattern, group| is_there(Thing::Group(pattern.clone()), &group.tags));
    }

    /// Whether a thing was seen without any owner's tags.
    pub(crate) fn has_as_unowned(&self, thing: &Thing, owner: &Owner) -> bool {
        self.tags_of(thing)
            .is_some_and(|tags| owner.standing(tags) == Standing::Unowned)
    }

    /// When a repository or a package group that was seen was created.
    pub(crate) fn created(&self, thing: &Thing) -> Option<Moment> {
        match thing {
            Thing::Domain => None,
            Thing::Repository(name) => self.repositories.get(name)?.created,
            Thing::Group(pattern) => self.package_groups.get(pattern)?.created,
        }
    }

    /// Whether a repository that was looked at is not there.
    pub(crate) fn is_gone(&self, name: &RepositoryName) -> bool {
        !self.repositories.contains_key(name) && !self.hidden.contains_key(name)
    }

    /// Whether a thing was seen with tags that make it this owner's, or may not be looked at.
    pub(crate) fn has_as_ours(&self, thing: &Thing, owner: &Owner) -> bool {
        let tags = self.tags_of(thing);
        tags.is_some_and(|tags| owner.standing(tags).is_ours()) || self.hides(thing)
    }

    fn tags_of(&self, thing: &Thing) -> Option<&TagMap> {
        match thing {
            Thing::Domain => self.domain.found().map(|domain| &domain.tags),
            Thing::Repository(name) => self.repositories.get(name).map(|repository| &repository.tags),
            Thing::Group(pattern) => self.package_groups.get(pattern).map(|group| &group.tags),
        }
    }

    /// Whether a thing was seen, or may not be looked at: only what can be looked at can be missed.
    pub(crate) fn has(&self, thing: &Thing) -> bool {
        self.shows(thing) || self.hides(thing)
    }

    /// Whether a thing was seen.
    pub(crate) fn shows(&self, thing: &Thing) -> bool {
        match thing {
            Thing::Domain => self.domain.found().is_some(),
            Thing::Repository(name) => self.repositories.contains_key(name),
            Thing::Group(pattern) => self.package_groups.contains_key(pattern),
        }
    }

    fn hides(&self, thing: &Thing) -> bool {
        match thing {
            Thing::Domain => self.domain.hidden().is_some(),
            Thing::Repository(name) => self.hidden.contains_key(name),
            Thing::Group(pattern) => self.hidden_groups.contains_key(pattern),
        }
    }
}

impl ObservedRepository {
    pub(crate) fn has_upstream(&self, name: &RepositoryName) -> bool {
        self.upstreams.contains(name)
    }

    /// Whether its owner would release it, not delete it: it was adopted, or is unowned.
    pub(crate) fn may_stay(&self) -> bool {
        self.tags.contains_key(ADOPTED) || Owner::in_tags(&self.tags).is_none()
    }

    /// Whether its link to an upstream is dead: a repository that was recreated keeps its name, not its link. It is newer
    /// than this one and than what was linked last.
    pub(crate) fn has_stale_link_to(&self, upstream: &Self) -> bool {
        let Some(created) = upstream.created else {
            return false;
        };
        self.created.is_some_and(|of_this| created > of_this) && self.linked().is_none_or(|linked| created > linked)
    }

    /// When the newest of the upstreams was created that were linked last, if a tag says so.
    pub(crate) fn linked(&self) -> Option<Moment> {
        Moment::parse(self.tags.get(LINKED)?)
    }

    /// What it was linked to before it was adopted, if a tag says so.
    pub(crate) fn former_links(&self) -> Option<FormerLinks> {
        FormerLinks::from_tag(self.tags.get(FORMER_LINKS)?)
    }

    /// Its upstreams without these, if it has any of them.
    pub(crate) fn upstreams_without(&self, names: &BTreeSet<&RepositoryName>) -> Option<Vec<RepositoryName>> {
        let kept = self.upstreams.iter().filter(|name| !names.contains(name));
        let kept: Vec<RepositoryName> = kept.cloned().collect();
        (kept.len() < self.upstreams.len()).then_some(kept)
    }
}

impl ObservedDomain {
    pub(crate) fn policy_revision(&self) -> Option<String> {
        self.policy.found().and_then(|policy| policy.revision.clone())
    }
}

/// A package group around or inside one of this stack's.
#[derive(Clone, Debug)]
pub(crate) struct OtherGroup {
    pub(crate) pattern: String,
    pub(crate) arn: String,
    pub(crate) tags: TagMap,
}

/// A package group inside one of this stack's.
#[derive(Clone, Debug)]
pub(crate) struct InnerGroup {
    pub(crate) pattern: PackagePattern,
    pub(crate) inner: OtherGroup,
}

/// Where packages are already that a pattern is to block.
#[derive(Clone, Debug)]
pub(crate) struct Copies {
    pub(crate) pattern: PackagePattern,
    /// The repositories that hold some.
    pub(crate) held_by: Vec<RepositoryName>,
    pub(crate) unseen: Unseen,
}

/// What was not looked at, or not to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// So many repositories.
    Repositories(usize),
    /// Which repositories there are could not be read.
    All,
}

impl ObservedGroup {
    /// The group that this one is inside of, if it is owned by another.
    pub(crate) fn neighbour(&self, owner: &Owner) -> Option<(&str, Owner)> {
        let parent = self.parent.as_ref()?;
        match owner.standing(&parent.tags) {
            Standing::OwnedBy(neighbour) => Some((&parent.pattern, neighbour)),
            _ => None,
        }
    }

    /// The primary repository of its stack, if a tag says so.
    pub(crate) fn repository(&self) -> Option<RepositoryName> {
        self.tags.get(GROUP_REPOSITORY)?.parse().ok()
    }

    /// What it allowed before it was adopted, if a tag says so.
    pub(crate) fn former(&self) -> Option<Restrictions> {
        Restrictions::from_tag(self.tags.get(FORMER_RESTRICTIONS)?)
    }
}
