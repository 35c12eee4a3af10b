//! The package managers' side, as far as tests need it: seeding, publishing and requesting packages
//! of any format without speaking each format's protocol.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::error::{ServiceError, Subject};
use crate::model::Kind;
use crate::operations::Right;
use crate::operations::endpoint::LONGEST;
use crate::operations::package::coordinates;
use crate::operations::resolve::{Publication, ingest, publish};
use crate::shared::Shared;
use crate::state::{Asset, DomainKey, Package, Release, Source, Veil};

/// Packages to put into a repository without asking anyone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The domain's owner; the default account where it is left out.
    #[serde(default)]
    pub owner: Option<String>,
    /// The domain, which must exist.
    pub domain: String,
    /// The repository, which must exist.
    pub repository: String,
    /// What to put there.
    pub packages: Vec<SeedPackage>,
}

/// One package to put into a repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedPackage {
    /// One of the eight formats.
    pub format: String,
    /// The namespace, for formats and packages that have one.
    #[serde(default)]
    pub namespace: String,
    /// The name.
    pub package: String,
    /// The versions; one, `1.0.0`, where they are left out.
    #[serde(default = "first_version")]
    pub versions: Vec<String>,
}

fn first_version() -> Vec<String> {
    vec!["1.0.0".into()]
}

/// A package version that somebody publishes to, or requests from, a repository.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PackageRequest {
    /// The access key id of the caller; the default account's root where it is left out.
    pub caller: Option<String>,
    /// The token that is sent, which says who the caller is in its place; one that is not valid for the domain is
    /// refused (401). Without a token the caller needs no right to one.
    pub token: Option<String>,
    /// The domain's owner; the account of `caller` where it is left out.
    pub owner: Option<String>,
    /// The domain.
    pub domain: String,
    /// The repository.
    pub repository: String,
    /// One of the eight formats.
    pub format: String,
    /// The namespace, for formats and packages that have one.
    pub namespace: String,
    /// The name.
    pub package: String,
    /// The version; `1.0.0` where it is left out.
    pub version: Option<String>,
    /// The file that is published; one named after package and version where it is left out.
    pub asset: Option<String>,
    /// Whether more files of the version follow: until then it is `Unfinished`, as Maven's is before its metadata.
    pub unfinished: bool,
}

/// Why the emulator would not do as it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status the service would answer.
    pub status: u16,
    /// The error's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}: {}", self.status, self.kind, self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self {
            status: error.status,
            kind: error.kind,
            message: error.message,
        }
    }
}

impl Shared {
    pub(crate) fn seed(&self, seed: &Seed) -> Result<(), Refusal> {
        let owner = seed.owner.clone().unwrap_or_else(|| self.options.account.clone());
        let mut inner = self.lock();
        let caller = Caller::of(&owner, &self.options, &inner.settings, &self.place);
        let mut context = inner.context(self, &caller, Kind::Write);
        let domain: DomainKey = (owner, seed.domain.clone());
        if !context
            .found_domain(&domain)
            .is_ok_and(|domain| domain.repositories.contains_key(&seed.repository))
        {
            let message = format!(
                "There is no repository '{}' in domain '{}'",
                seed.repository, seed.domain
            );
            return Err(ServiceError::not_found(message, Subject::repository(seed.repository.clone())).into());
        }
        for package in &seed.packages {
            let key = coordinates(&package.format, &package.namespace, &package.package)?;
            let mut releases = std::collections::BTreeMap::new();
            for version in &package.versions {
                let asset = Asset {
                    size: 0,
                    sha256: String::new(),
                };
                let release = Release {
                    revision: context.fresh_token(),
                    status: "Published",
                    published: context.now(),
                    source: Source::Repository(seed.repository.clone()),
                    assets: [("asset".to_owned(), asset)].into(),
                };
                releases.insert(version.clone(), release);
            }
            let repositories = &mut context.found_domain(&domain)?.repositories;
            if let Some(repository) = repositories.get_mut(&seed.repository) {
                let package = Package {
                    publish: true,
                    upstream: false,
                    listed: Veil::default(),
                    releases,
                };
                repository.packages.insert(key, package);
            }
        }
        Ok(())
    }

    pub(crate) fn ingest(&self, request: &PackageRequest) -> Result<Value, Refusal> {
        let (caller, domain) = self.caller(request)?;
        let package = coordinates(&request.format, &request.namespace, &request.package)?;
        let version = request.version.as_deref().unwrap_or("1.0.0");
        let mut inner = self.lock();
        let mut context = inner.context(self, &caller, Kind::Write);
        let arn = self.place.repository(&domain.0, &domain.1, &request.repository);
        let right = Right::of("ReadFromRepository", arn, &domain, Some(&request.repository));
        context.authorize(&right)?;
        Ok(ingest(&mut context, &domain, &request.repository, &package, version)?)
    }

    pub(crate) fn publish(&self, request: &PackageRequest) -> Result<Value, Refusal> {
        let (caller, domain) = self.caller(request)?;
        let version = request.version.clone().unwrap_or_else(|| "1.0.0".into());
        let publication = Publication {
            package: coordinates(&request.format, &request.namespace, &request.package)?,
            asset: request
                .asset
                .clone()
                .unwrap_or_else(|| format!("{}-{version}", request.package)),
            version,
            size: 0,
            sha256: String::new(),
            unfinished: request.unfinished,
        };
        let mut inner = self.lock();
        let mut context = inner.context(self, &caller, Kind::Write);
        let path = publication.package.path();
        let arn = self.place.package(&domain.0, &domain.1, &request.repository, &path);
        let right = Right::of("PublishPackageVersion", arn, &domain, Some(&request.repository));
        context.authorize(&right)?;
        let release = publish(&mut context, &domain, &request.repository, &publication)?;
        Ok(json!({ "status": release.status, "revision": release.revision }))
    }

    pub(crate) fn token(&self, caller: &str, domain: DomainKey) -> Result<String, Refusal> {
        let mut inner = self.lock();
        let caller = Caller::of(caller, &self.options, &inner.settings, &self.place);
        let mut context = inner.context(self, &caller, Kind::Read);
        context
            .login(&domain)
            .iter()
            .try_for_each(|right| context.authorize(right))?;
        Ok(context.issue_token(domain, LONGEST)?.0)
    }

    /// Who asks, and for which domain.
    fn caller(&self, request: &PackageRequest) -> Result<(Caller, DomainKey), Refusal> {
        let inner = self.lock();
        let key = request.caller.as_deref().unwrap_or(&self.options.account);
        let caller = Caller::of(key, &self.options, &inner.settings, &self.place);
        let owner = request.owner.clone().unwrap_or_else(|| caller.account.clone());
        let domain = (owner, request.domain.clone());
        let Some(text) = &request.token else {
            return Ok((caller, domain));
        };
        let known = inner.world.tokens.get(text);
        let valid = known.filter(|token| token.domain == domain && self.now_ms() / 1000 < token.expiration);
        let token =
            valid.ok_or_else(|| ServiceError::new(401, "Unauthorized", "The token is not one for this domain"))?;
        Ok((token.caller.clone(), domain))
    }
}
