//! How package versions enter repositories: by publication, and through upstreams and external
//! connections. The origin controls of packages and package groups decide.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Context;
use crate::error::{ServiceError, Subject};
use crate::pattern::Strength;
use crate::state::{
    Asset, DISPOSED, Domain, DomainKey, Mode, Origin, Package, PackageKey, Release, Repository, Source, Veil,
};

/// The service looks in at most so many repositories for one version (user guide, "Requesting a
/// package version with upstream repositories").
const MOST_SEARCHED: usize = 20;

/// What is to be published.
pub(crate) struct Publication {
    pub(crate) package: PackageKey,
    pub(crate) version: String,
    pub(crate) asset: String,
    pub(crate) size: usize,
    pub(crate) sha256: String,
    pub(crate) unfinished: bool,
}

/// Whether the package's group lets its versions enter a repository this way; the error says which
/// group does not, and why.
fn group_allows(domain: &Domain, package: &PackageKey, origin: Origin, repository: &str) -> Result<(), String> {
    let Some((group, strength)) = domain.group_of(package) else {
        return Ok(());
    };
    let pattern = group.pattern.text();
    if strength == Strength::Weak {
        return Err(format!("it is a variation (weak match) of package group {pattern}"));
    }
    let (mode, from) = domain.effective_mode(group, origin);
    let allowed = match mode {
        Mode::Allow | Mode::Inherit => true,
        Mode::Block => false,
        Mode::AllowSpecificRepositories => from.origins[&origin].allowed.contains(repository),
    };
    if allowed {
        Ok(())
    } else {
        let name = origin.name();
        Err(format!(
            "package group {pattern} restricts {name} to {} for repository '{repository}'",
            mode.name()
        ))
    }
}

/// Puts a version into a repository as a publisher does.
pub(crate) fn publish(
    ctx: &mut Context<'_>,
    key: &DomainKey,
    repository: &str,
    publication: &Publication,
) -> Result<Release, ServiceError> {
    let domain = ctx.find_domain(key)?;
    let target = ctx.find_repository(domain, repository)?;
    let path = publication.package.path();
    let arn = ctx.place.package(&domain.owner, &domain.name, repository, &path);
    check_publication(domain, target, publication, &arn)?;
    let revision = ctx.fresh_token();
    let now = ctx.now();
    let listed = Veil::new(ctx.settings.visibility.lists, ctx.now_ms);
    let domain = ctx.found_domain(key)?;
    domain.age_groups();
    let target = domain
        .repositories
        .get_mut(repository)
        .ok_or_else(ServiceError::internal)?;
    // The first version decides a package's own controls: published here, so nothing from upstream.
    let package = target
        .packages
        .entry(publication.package.clone())
        .or_insert_with(|| Package {
            publish: true,
            upstream: false,
            listed: listed.clone(),
            releases: BTreeMap::new(),
        });
    let release = package
        .releases
        .entry(publication.version.clone())
        .or_insert_with(|| Release {
            revision: String::new(),
            status: "Unfinished",
            published: now,
            source: Source::Repository(repository.to_owned()),
            assets: BTreeMap::new(),
        });
    release.revision = revision;
    release.status = if publication.unfinished {
        "Unfinished"
    } else {
        "Published"
    };
    let asset = Asset {
        size: publication.size,
        sha256: publication.sha256.clone(),
    };
    release.assets.insert(publication.asset.clone(), asset);
    Ok(release.clone())
}

fn check_publication(
    domain: &Domain,
    target: &Repository,
    publication: &Publication,
    arn: &str,
) -> Result<(), ServiceError> {
    let package = target.packages.get(&publication.package);
    if let Err(why) = group_allows(domain, &publication.package, Origin::Publish, &target.name) {
        return Err(ServiceError::access_denied(format!(
            "Publishing {} is blocked: {why}",
            publication.package.path()
        )));
    }
    if package.is_some_and(|package| !package.publish) {
        let message = format!(
            "Publishing {} is blocked by the package's origin controls",
            publication.package.path()
        );
        return Err(ServiceError::access_denied(message));
    }
    let version = &publication.version;
    let release = package.and_then(|package| package.releases.get(version));
    if let Some(release) = release {
        let same = release.assets.contains_key(&publication.asset);
        if release.status != "Unfinished" || same {
            let message = format!(
                "Package version '{version}' exists in repository '{}' already",
                target.name
            );
            return Err(ServiceError::conflict(message, Subject::package_version(arn)));
        }
        return Ok(());
    }
    // What an upstream holds and could be retained here can't be published (user guide,
    // "Publishing and upstream repositories").
    let reachable = package.is_none_or(|package| package.upstream)
        && group_allows(domain, &publication.package, Origin::InternalUpstream, &target.name).is_ok();
    let holds = |upstream: &&Repository| has(upstream, &publication.package, version);
    if let Some(upstream) = search_order(domain, target)
        .into_iter()
        .skip(1)
        .find(holds)
        .filter(|_| reachable)
    {
        let message = format!(
            "Package version '{version}' is present in upstream repository '{}'",
            upstream.name
        );
        return Err(ServiceError::conflict(message, Subject::package_version(arn)));
    }
    Ok(())
}

fn has(repository: &Repository, package: &PackageKey, version: &str) -> bool {
    repository
        .packages
        .get(package)
        .is_some_and(|package| package.releases.contains_key(version))
}

/// Such a version cannot be had any more: neither from here, nor through here from where it came.
fn is_disposed(repository: &Repository, package: &PackageKey, version: &str) -> bool {
    let package = repository.packages.get(package);
    let release = package.and_then(|package| package.releases.get(version));
    release.is_some_and(|release| release.status == DISPOSED)
}

/// Whether files of such a version are still to come: until then nothing of it can be had (user guide, "Use Maven
/// checksums").
fn is_unfinished(repository: &Repository, package: &PackageKey, version: &str) -> bool {
    let package = repository.packages.get(package);
    let release = package.and_then(|package| package.releases.get(version));
    release.is_some_and(|release| release.status == "Unfinished")
}

/// The repositories a request for a package is looked up in: the one asked, then its upstreams in
/// order, each with its own upstreams first. Links that are broken are not followed.
fn search_order<'d>(domain: &'d Domain, from: &'d Repository) -> Vec<&'d Repository> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(repository) = waiting.pop() {
        if order.len() == MOST_SEARCHED || !seen.insert(repository.id) {
            continue;
        }
        order.push(repository);
        let upstreams = repository.upstreams.iter().rev();
        waiting.extend(upstreams.filter_map(|upstream| domain.linked(upstream)));
    }
    order
}

/// Where a version comes from when a package manager asks a repository for it.
struct Found {
    source: Source,
    /// The repository with the external connection, which keeps the version too.
    keeper: Option<String>,
}

/// Answers a package manager's request for a version: from the repository, from an upstream or
/// through an external connection, keeping it where the service would.
pub(crate) fn ingest(
    ctx: &mut Context<'_>,
    key: &DomainKey,
    repository: &str,
    package: &PackageKey,
    version: &str,
) -> Result<Value, ServiceError> {
    let domain = ctx.find_domain(key)?;
    let target = ctx.find_repository(domain, repository)?;
    if is_unfinished(target, package, version) {
        let message = format!("Package version {}@{version} is unfinished", package.path());
        return Err(ServiceError::not_found(
            message,
            Subject::package_version(target.arn.clone()),
        ));
    }
    if has(target, package, version) && !is_disposed(target, package, version) {
        return Ok(json!({ "source": repository, "retained": [] }));
    }
    let found = find(ctx, domain, target, package, version).map_err(|why| {
        let message = format!(
            "Package version {}@{version} is not available from repository '{repository}': {why}",
            package.path()
        );
        ServiceError::not_found(message, Subject::package_version(target.arn.clone()))
    })?;
    let keepers: Vec<String> = found.keeper.iter().cloned().chain([repository.to_owned()]).collect();
    let keepers: BTreeSet<String> = keepers.into_iter().collect();
    let release = Release {
        revision: ctx.fresh_token(),
        status: "Published",
        published: ctx.now(),
        source: found.source,
        assets: BTreeMap::new(),
    };
    let listed = Veil::new(ctx.settings.visibility.lists, ctx.now_ms);
    let domain = ctx.found_domain(key)?;
    domain.age_groups();
    for keeper in &keepers {
        if let Some(keeper) = domain.repositories.get_mut(keeper) {
            keep(keeper, package, version, &release, &listed);
        }
    }
    let source = match &release.source {
        Source::Repository(name) | Source::Connection(name) => name,
    };
    Ok(json!({ "source": source, "retained": keepers }))
}

fn keep(repository: &mut Repository, package: &PackageKey, version: &str, release: &Release, listed: &Veil) {
    // The first version decides a package's own controls: from outside, so nothing published here.
    let kept = repository.packages.entry(package.clone()).or_insert_with(|| Package {
        publish: false,
        upstream: true,
        listed: listed.clone(),
        releases: BTreeMap::new(),
    });
    kept.releases.insert(version.to_owned(), release.clone());
}

fn find(
    ctx: &Context<'_>,
    domain: &Domain,
    target: &Repository,
    package: &PackageKey,
    version: &str,
) -> Result<Found, String> {
    let blocked = |repository: &Repository| {
        repository
            .packages
            .get(package)
            .is_some_and(|package| !package.upstream)
    };
    if blocked(target) {
        return Err("the package's origin controls block upstreams".into());
    }
    let mut refusals = Vec::new();
    let internal = group_allows(domain, package, Origin::InternalUpstream, &target.name);
    for repository in search_order(domain, target) {
        let direct = repository.id == target.id;
        if is_disposed(repository, package, version) {
            return Err(format!("it is disposed of in '{}'", repository.name));
        }
        if let Some(release) = repository
            .packages
            .get(package)
            .and_then(|found| found.releases.get(version))
        {
            match &internal {
                Ok(()) => {
                    return Ok(Found {
                        source: release.source.clone(),
                        keeper: None,
                    });
                }
                Err(why) => refusals.push(why.clone()),
            }
        }
        let connection = repository
            .connections
            .iter()
            .find(|connection| connection.format == package.format);
        let Some(connection) = connection.filter(|_| is_public(ctx, package)) else {
            continue;
        };
        let external = group_allows(domain, package, Origin::ExternalUpstream, &repository.name);
        let external = if blocked(repository) {
            Err("the package's origin controls block upstreams".into())
        } else {
            external
        };
        match external.and_then(|()| if direct { Ok(()) } else { internal.clone() }) {
            Ok(()) => {
                let source = Source::Connection(connection.name.to_owned());
                return Ok(Found {
                    source,
                    keeper: Some(repository.name.clone()),
                });
            }
            Err(why) => refusals.push(why),
        }
    }
    refusals.extend(broken_links(domain, target));
    Err(if refusals.is_empty() {
        "no upstream has it".into()
    } else {
        refusals.join("; ")
    })
}

fn is_public(ctx: &Context<'_>, package: &PackageKey) -> bool {
    let known = ctx.settings.public_packages.as_ref();
    known.is_none_or(|known| known.contains(&package.path()[1..]))
}

/// The service's own words for a link to a repository that is gone (as quoted in
/// hashicorp/terraform-provider-aws#31092).
fn broken_links(domain: &Domain, target: &Repository) -> Option<String> {
    let broken = search_order(domain, target).into_iter().any(|repository| {
        repository
            .upstreams
            .iter()
            .any(|upstream| domain.linked(upstream).is_none())
    });
    broken.then(|| {
        "A repository referenced in your upstream graph no longer exists. To fix this issue, use the UpdateRepository \
         API with your new desired upstream configuration."
            .to_owned()
    })
}
