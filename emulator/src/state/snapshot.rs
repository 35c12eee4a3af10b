//! The whole state as JSON, in a stable order, for assertions.

use serde_json::{Map, Value, json};

use super::{Domain, Group, ORIGINS, Policy, Repository, Source, World};

/// Everything there is: `{"domains": [{…, "repositories": [{…}], "packageGroups": [{…}]}]}`.
pub(crate) fn snapshot(world: &World) -> Value {
    json!({ "domains": world.domains.values().map(domain).collect::<Vec<_>>() })
}

fn domain(domain: &Domain) -> Value {
    let repositories: Vec<Value> = domain
        .repositories
        .values()
        .map(|one| repository(domain, one))
        .collect();
    json!({
        "name": domain.name,
        "owner": domain.owner,
        "arn": domain.arn,
        "status": if domain.pending > 0 { "Pending" } else { "Active" },
        "encryptionKey": domain.key,
        "createdTime": domain.created,
        "tags": domain.tags.current(),
        "policy": policy(domain.policy.current().as_ref()),
        "repositories": repositories,
        "packageGroups": domain.groups.values().map(group).collect::<Vec<_>>(),
    })
}

fn policy(policy: Option<&Policy>) -> Value {
    policy.map_or(
        Value::Null,
        |policy| json!({ "document": policy.document, "parsed": policy.parsed, "revision": policy.revision }),
    )
}

fn repository(domain: &Domain, repository: &Repository) -> Value {
    let upstream =
        |upstream: &super::Upstream| json!({ "name": upstream.name, "linked": domain.linked(upstream).is_some() });
    let connections: Vec<&str> = repository
        .connections
        .iter()
        .map(|connection| connection.name)
        .collect();
    json!({
        "name": repository.name,
        "arn": repository.arn,
        // A repository recreated under the same name has another one.
        "incarnation": repository.id,
        "administratorAccount": repository.administrator,
        "description": repository.description,
        "createdTime": repository.created,
        "upstreams": repository.upstreams.iter().map(upstream).collect::<Vec<_>>(),
        "externalConnections": connections,
        "tags": repository.tags.current(),
        "policy": policy(repository.policy.current().as_ref()),
        "packages": packages(repository),
    })
}

fn packages(repository: &Repository) -> Vec<Value> {
    let package = |(key, package): (&super::PackageKey, &super::Package)| {
        let release = |(version, release): (&String, &super::Release)| {
            let source = match &release.source {
                Source::Repository(name) | Source::Connection(name) => name,
            };
            let assets: Map<String, Value> = release
                .assets
                .iter()
                .map(|(name, asset)| (name.clone(), json!(asset.sha256)))
                .collect();
            let value = json!({ "status": release.status, "source": source, "assets": assets });
            (version.clone(), value)
        };
        json!({
            "format": key.format,
            "namespace": key.namespace,
            "package": key.name,
            "publish": package.publish,
            "upstream": package.upstream,
            "versions": package.releases.iter().map(release).collect::<Map<_, _>>(),
        })
    };
    repository.packages.iter().map(package).collect()
}

fn group(group: &Group) -> Value {
    let restriction = |(origin, name): &(super::Origin, &str)| {
        let restriction = &group.origins[origin];
        (
            (*name).to_owned(),
            json!({ "mode": restriction.mode.name(), "allowedRepositories": restriction.allowed }),
        )
    };
    json!({
        "pattern": group.pattern.text(),
        "arn": group.arn,
        "description": group.description,
        "contactInfo": group.contact,
        "createdTime": group.created,
        "tags": group.tags.current(),
        "restrictions": ORIGINS.iter().map(restriction).collect::<Map<_, _>>(),
    })
}
