//! Packages in a repository.

use std::collections::BTreeMap;

use super::Veil;

/// A package's coordinates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PackageKey {
    pub(crate) format: String,
    /// Empty where the package has none.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl PackageKey {
    /// `/npm/space/name`, with an empty namespace left empty.
    pub(crate) fn path(&self) -> String {
        format!("/{}/{}/{}", self.format, self.namespace, self.name)
    }
}

/// A package with its own origin controls, which hold within one repository.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) publish: bool,
    pub(crate) upstream: bool,
    /// Its creation, for lists; its deletion once it is deleted.
    pub(crate) listed: Veil,
    pub(crate) releases: BTreeMap<String, Release>,
}

/// The status of a version whose assets are gone for good.
pub(crate) const DISPOSED: &str = "Disposed";

/// One version of a package.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub(crate) revision: String,
    pub(crate) status: &'static str,
    pub(crate) published: f64,
    pub(crate) source: Source,
    pub(crate) assets: BTreeMap<String, Asset>,
}

/// Where a version came into the domain.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Published into this repository.
    Repository(String),
    /// Ingested through this connection.
    Connection(String),
}

/// One file of a version.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    pub(crate) size: usize,
    pub(crate) sha256: String,
}
