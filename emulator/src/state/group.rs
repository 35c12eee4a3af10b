//! Package groups and their origin controls.

use std::collections::{BTreeMap, BTreeSet};

use super::{Lagging, Tags, Veil};
use crate::options::Lag;
use crate::pattern::Pattern;

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

#[derive(Debug)]
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
