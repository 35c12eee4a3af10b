//! Package versions.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::resolve::{Publication, publish as place_version};
use super::{Context, package};
use crate::caller::hex;
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::state::{DISPOSED, Release, Source};

fn origin(release: &Release) -> Value {
    match &release.source {
        Source::Repository(name) => json!({ "originType": "INTERNAL", "domainEntryPoint": { "repositoryName": name } }),
        Source::Connection(name) => {
            json!({ "originType": "EXTERNAL", "domainEntryPoint": { "externalConnectionName": name } })
        }
    }
}

pub(crate) fn list(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (key, _, found) = ctx.package(input)?;
    let wanted = |release: &Release| {
        let kind = if matches!(release.source, Source::Repository(_)) {
            "INTERNAL"
        } else {
            "EXTERNAL"
        };
        input.optional("status").is_none_or(|status| status == release.status)
            && input.optional("originType").is_none_or(|origin| origin == kind)
    };
    let entry = |(version, release): (&String, &Release)| {
        let summary = json!({
            "version": version, "revision": release.revision, "status": release.status, "origin": origin(release),
        });
        // By publication time, newest first, where that is asked for.
        let sort = if input.optional("sortBy").is_some() {
            format!("{:020.6}", 1e12 - release.published)
        } else {
            String::new()
        };
        (format!("{sort}{version}"), summary)
    };
    let mut entries: Vec<(String, Value)> = found
        .releases
        .iter()
        .filter(|(_, release)| wanted(release))
        .map(entry)
        .collect();
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    let mut answer = ctx.page(input, "versions", entries)?;
    for (name, value) in package::named(&key, "package").as_object().into_iter().flatten() {
        answer[name] = value.clone();
    }
    if let Some((version, _)) = found
        .releases
        .iter()
        .max_by(|one, other| one.1.published.total_cmp(&other.1.published))
    {
        answer["defaultDisplayVersion"] = json!(version);
    }
    Ok(answer)
}

pub(crate) fn describe(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (key, repository, found) = ctx.package(input)?;
    let version = input.text("packageVersion");
    let release = found.releases.get(version).ok_or_else(|| {
        let message = format!(
            "Package version '{version}' not found in repository '{}'",
            repository.name
        );
        ServiceError::not_found(message, Subject::package_version(format!("{}/{version}", key.path())))
    })?;
    let mut description = package::named(&key, "packageName");
    description["displayName"] = json!(key.name);
    description["version"] = json!(version);
    description["publishedTime"] = json!(release.published);
    description["revision"] = json!(release.revision);
    description["status"] = json!(release.status);
    description["origin"] = origin(release);
    Ok(json!({ "packageVersion": description }))
}

/// The assets go for good, and the version stays as one that cannot be had. Each version succeeds or fails by itself.
pub(crate) fn dispose(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (key, ..) = ctx.package(input)?;
    let revision = ctx.fresh_token();
    let package = ctx.repository_mut(input)?.packages.get_mut(&key);
    let releases = &mut package.ok_or_else(ServiceError::internal)?.releases;
    let (mut done, mut failed) = (Map::new(), Map::new());
    for version in input
        .list("versions")
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
    {
        let wanted = input
            .object("versionRevisions")
            .and_then(|revisions| revisions.get(version));
        let release = releases.get_mut(version);
        let fault = match &release {
            None => Some("NOT_FOUND"),
            Some(release) if wanted.is_some_and(|wanted| *wanted != release.revision) => Some("MISMATCHED_REVISION"),
            Some(release)
                if input
                    .optional("expectedStatus")
                    .is_some_and(|status| status != release.status) =>
            {
                Some("MISMATCHED_STATUS")
            }
            Some(_) => None,
        };
        match (release, fault) {
            (Some(release), None) => {
                release.status = DISPOSED;
                release.assets.clear();
                release.revision.clone_from(&revision);
                done.insert(version.to_owned(), json!({ "revision": revision, "status": DISPOSED }));
            }
            (_, fault) => drop(failed.insert(version.to_owned(), json!({ "errorCode": fault, "errorMessage": fault }))),
        }
    }
    Ok(json!({ "successfulVersions": done, "failedVersions": failed }))
}

/// Generic packages are the only ones that are published through this operation.
pub(crate) fn publish(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    if input.text("format") != "generic" {
        return Err(ServiceError::invalid(
            "Only packages of format generic can be published with PublishPackageVersion",
        ));
    }
    let actual = hex(&Sha256::digest(&input.payload));
    if actual != input.text("assetSHA256") {
        return Err(ServiceError::invalid(
            "The SHA-256 of the asset's content is not the one given",
        ));
    }
    let publication = Publication {
        package: package::requested(input)?,
        version: input.text("packageVersion").to_owned(),
        asset: input.text("assetName").to_owned(),
        size: input.payload.len(),
        sha256: actual.clone(),
        unfinished: input.flag("unfinished"),
    };
    let domain = ctx.domain_key(input);
    let release = place_version(ctx, &domain, input.text("repository"), &publication)?;
    let mut answer = package::named(&publication.package, "package");
    answer["version"] = json!(publication.version);
    answer["versionRevision"] = json!(release.revision);
    answer["status"] = json!(release.status);
    answer["asset"] = json!({ "name": publication.asset, "size": publication.size, "hashes": { "SHA-256": actual } });
    Ok(answer)
}
