//! Packages and their own origin controls.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Context;
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::pattern::{normal_name, normal_namespace};
use crate::state::{Package, PackageKey, Repository, Veil};

const WITHOUT_NAMESPACE: &[&str] = &["pypi", "nuget", "ruby", "cargo"];
const WITH_NAMESPACE: &[&str] = &["maven", "generic", "swift"];

/// A package's coordinates, in the service's normal form.
pub(crate) fn coordinates(format: &str, namespace: &str, name: &str) -> Result<PackageKey, ServiceError> {
    if WITHOUT_NAMESPACE.contains(&format) && !namespace.is_empty() {
        return Err(ServiceError::invalid(format!(
            "Packages of format {format} have no namespace"
        )));
    }
    if WITH_NAMESPACE.contains(&format) && namespace.is_empty() {
        return Err(ServiceError::invalid(format!(
            "Packages of format {format} have a namespace"
        )));
    }
    Ok(PackageKey {
        format: format.to_owned(),
        namespace: normal_namespace(format, namespace),
        name: normal_name(format, name),
    })
}

/// The coordinates in a request.
pub(crate) fn requested(input: &Input) -> Result<PackageKey, ServiceError> {
    coordinates(input.text("format"), input.text("namespace"), input.text("package"))
}

impl Context<'_> {
    /// A package in the repository a request names.
    pub(crate) fn package(&self, input: &Input) -> Result<(PackageKey, &Repository, &Package), ServiceError> {
        let key = requested(input)?;
        let domain = self.find_domain(&self.domain_key(input))?;
        let repository = self.find_repository(domain, input.text("repository"))?;
        let arn = self
            .place
            .package(&domain.owner, &domain.name, &repository.name, &key.path());
        let package = repository.packages.get(&key).ok_or_else(|| {
            let message = format!("Package not found in repository '{}'", repository.name);
            ServiceError::not_found(message, Subject::package(arn))
        })?;
        Ok((key, repository, package))
    }
}

fn origin_configuration(package: &Package) -> Value {
    let word = |allowed: bool| if allowed { "ALLOW" } else { "BLOCK" };
    json!({ "restrictions": { "publish": word(package.publish), "upstream": word(package.upstream) } })
}

/// Coordinates as answers hold them: a missing namespace is left out.
pub(crate) fn named(key: &PackageKey, name_as: &str) -> Value {
    let mut value = json!({ "format": key.format, name_as: key.name });
    if !key.namespace.is_empty() {
        value["namespace"] = json!(key.namespace);
    }
    value
}

fn summary(key: &PackageKey, package: &Package) -> Value {
    let mut summary = named(key, "package");
    summary["originConfiguration"] = origin_configuration(package);
    summary
}

pub(crate) fn list(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (_, repository) = ctx.repository(input)?;
    let wanted = |name: &str, allowed: bool| input.optional(name).is_none_or(|word| (word == "ALLOW") == allowed);
    let format = input.optional("format");
    let hidden = ctx.unlisted(input);
    let present = repository
        .packages
        .iter()
        .filter(|(_, package)| !hidden(&package.listed));
    let departed = repository
        .departed
        .iter()
        .filter(|(_, package)| hidden(&package.listed));
    // A package that is back is listed once.
    let packages: BTreeMap<&PackageKey, &Package> = departed.chain(present).collect();
    let entries: Vec<(String, Value)> = packages
        .into_iter()
        .filter(|(key, _)| format.is_none_or(|format| format == key.format))
        // The model: the option `namespace` matches as a prefix here.
        .filter(|(key, _)| key.namespace.starts_with(input.text("namespace")))
        .filter(|(key, _)| key.name.starts_with(input.text("packagePrefix")))
        .filter(|(_, package)| wanted("publish", package.publish) && wanted("upstream", package.upstream))
        .map(|(key, package)| {
            (
                format!("{}\0{}\0{}", key.format, key.namespace, key.name),
                summary(key, package),
            )
        })
        .collect();
    ctx.page(input, "packages", entries)
}

pub(crate) fn describe(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (key, _, package) = ctx.package(input)?;
    let mut description = named(&key, "name");
    description["originConfiguration"] = origin_configuration(package);
    Ok(json!({ "package": description }))
}

pub(crate) fn delete(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (key, _, package) = ctx.package(input)?;
    let answer = json!({ "deletedPackage": summary(&key, package) });
    let deletion = Veil::new(ctx.settings.visibility.lists, ctx.now_ms);
    let now_ms = ctx.now_ms;
    let repository = ctx.repository_mut(input)?;
    let removed = repository.packages.remove(&key).filter(|_| deletion.hides(now_ms));
    if let Some(mut package) = removed {
        package.listed = deletion;
        repository.departed.insert(key, package);
    }
    Ok(answer)
}

/// It may be called on a package that is not there yet, which makes it one without versions.
pub(crate) fn put_origin_configuration(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let key = requested(input)?;
    let allowed = |name: &str| {
        let restrictions = input.object("restrictions");
        restrictions
            .and_then(|restrictions| restrictions.get(name))
            .and_then(Value::as_str)
            == Some("ALLOW")
    };
    let listed = Veil::new(ctx.settings.visibility.lists, ctx.now_ms);
    let repository = ctx.repository_mut(input)?;
    let package = repository.packages.entry(key).or_insert_with(|| Package {
        publish: true,
        upstream: true,
        listed,
        releases: BTreeMap::new(),
    });
    package.publish = allowed("publish");
    package.upstream = allowed("upstream");
    Ok(json!({ "originConfiguration": origin_configuration(package) }))
}
