//! Package groups and their origin controls.

use std::collections::{BTreeMap, BTreeSet};

use super::{Domain, Lagging, PackageKey, Tags, Veil};
use crate::options::Lag;
use crate::pattern::{Pattern, Strength};

/// A way a package version can enter a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    ExternalUpstream,
    InternalUpstream,
    Publish,
}

/// Every origin with its name in the model.
pub(crate) const ORIGINS: [(Origin, &str); 3] = [
    (Origin::ExternalUpstream, "EXTERNAL_UPSTREAM"),
    (Origin::InternalUpstream, "INTERNAL_UPSTREAM"),
    (Origin::Publish, "PUBLISH"),
];

impl Origin {
    pub(crate) fn name(self) -> &'static str {
        ORIGINS
            .iter()
            .find(|(origin, _)| *origin == self)
            .map_or("", |(_, name)| name)
    }

    pub(crate) fn read(name: &str) -> Option<Self> {
        ORIGINS
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(origin, _)| *origin)
    }

    pub(crate) fn all() -> [Self; 3] {
        ORIGINS.map(|(origin, _)| origin)
    }
}

/// How an origin is restricted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Allow,
    AllowSpecificRepositories,
    Block,
    Inherit,
}

/// Every mode with its name in the model.
pub(crate) const MODES: [(Mode, &str); 4] = [
    (Mode::Allow, "ALLOW"),
    (Mode::AllowSpecificRepositories, "ALLOW_SPECIFIC_REPOSITORIES"),
    (Mode::Block, "BLOCK"),
    (Mode::Inherit, "INHERIT"),
];

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        MODES
            .iter()
            .find(|(mode, _)| *mode == self)
            .map_or("", |(_, name)| name)
    }

    pub(crate) fn read(name: &str) -> Option<Self> {
        MODES.iter().find(|(_, known)| *known == name).map(|(mode, _)| *mode)
    }
}

/// The repositories on an allowed list.
pub(crate) type Allowed = BTreeSet<String>;

/// The control of one origin.
#[derive(Debug, Clone)]
pub(crate) struct Restriction {
    pub(crate) mode: Mode,
    pub(crate) allowed: Allowed,
}

/// The controls of all three origins.
pub(crate) type Origins = BTreeMap<Origin, Restriction>;

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) pattern: Pattern,
    pub(crate) arn: String,
    pub(crate) created: f64,
    pub(crate) description: Option<String>,
    pub(crate) contact: Option<String>,
    pub(crate) tags: Lagging<Tags>,
    pub(crate) origins: Origins,
    /// Its creation.
    pub(crate) seen: Veil,
    /// So many looks at a package pass before the group counts.
    pub(crate) lag: u32,
}

impl Group {
    pub(crate) fn new(pattern: Pattern, arn: String, created: f64, mode: Mode) -> Self {
        let restriction = Restriction {
            mode,
            allowed: Allowed::new(),
        };
        Self {
            pattern,
            arn,
            created,
            description: None,
            contact: None,
            tags: Lagging::new(Tags::new(), Lag::default(), 0),
            seen: Veil::default(),
            origins: Origin::all().map(|origin| (origin, restriction.clone())).into(),
            lag: 0,
        }
    }
}

impl Domain {
    /// The group a pattern belongs under: of those that cover it, the most specific one.
    pub(crate) fn parent_group(&self, pattern: &Pattern) -> Option<&Group> {
        self.groups
            .values()
            .filter(|group| group.pattern.covers(pattern))
            .max_by_key(|group| group.pattern.specificity())
    }

    /// The mode that counts for a group, and the group it comes from: its own, or that of the first
    /// ancestor that does not inherit.
    pub(crate) fn effective_mode<'d>(&'d self, group: &'d Group, origin: Origin) -> (Mode, &'d Group) {
        let mut at = group;
        while at.origins[&origin].mode == Mode::Inherit {
            match self.parent_group(&at.pattern) {
                Some(parent) => at = parent,
                None => break,
            }
        }
        (at.origins[&origin].mode, at)
    }

    /// The group that decides for a package: the most specific one that matches, strongly before
    /// weakly where two are equally specific.
    pub(crate) fn group_of(&self, package: &PackageKey) -> Option<(&Group, Strength)> {
        self.groups
            .values()
            .filter(|group| group.lag == 0)
            .filter_map(|group| Some((group, group.pattern.matches(package)?)))
            .max_by_key(|(group, strength)| (group.pattern.specificity(), *strength))
    }

    /// Every look at a package brings new groups nearer to counting.
    pub(crate) fn age_groups(&mut self) {
        for group in self.groups.values_mut() {
            group.lag = group.lag.saturating_sub(1);
        }
    }
}
