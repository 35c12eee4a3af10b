//! Repositories and their upstreams.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::domain::spell;
use super::{Context, tag};
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::options::{DeleteOfUpstream, Lag};
use crate::state::{Departed, Domain, Lagging, Repository, Upstream, Veil};

/// Direct upstreams of one repository (user guide, quotas).
const MOST_UPSTREAMS: usize = 10;

pub(crate) fn create(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let name = input.text("repository").to_owned();
    let domain = ctx.domain(input)?;
    let arn = ctx.place.repository(&domain.owner, &domain.name, &name);
    let tags = tag::read(ctx, input, &arn)?;
    if domain.pending > 0 {
        let message = format!("Domain '{}' is not active", domain.name);
        return Err(ServiceError::conflict(message, Subject::domain(&domain.arn)));
    }
    ctx.key_is_there(domain)?;
    if domain.repositories.contains_key(&name) {
        let message = format!(
            "Repository with name '{name}' in domain '{}' already exists",
            domain.name
        );
        return Err(ServiceError::conflict(message, Subject::repository(arn)));
    }
    if domain.repositories.len() >= ctx.settings.repositories_per_domain {
        let message = format!("Repository limit of {} exceeded", ctx.settings.repositories_per_domain);
        return Err(ServiceError::quota(message, Subject::domain(&domain.arn)));
    }
    let upstreams = read_upstreams(ctx, domain, &name, input)?.unwrap_or_default();
    let created = ctx.created();
    let repository = Repository {
        id: 0,
        administrator: ctx.caller.account.clone(),
        created,
        description: input
            .optional("description")
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        upstreams,
        connections: Vec::new(),
        tags: ctx.new_tags(tags),
        policy: Lagging::new(None, Lag::default(), ctx.now_ms),
        packages: BTreeMap::new(),
        departed: BTreeMap::new(),
        seen: Veil::new(ctx.settings.visibility.repository, ctx.now_ms),
        described: Veil::new(ctx.settings.visibility.described, ctx.now_ms),
        listed: Veil::new(ctx.settings.visibility.lists, ctx.now_ms),
        former: None,
        name: name.clone(),
        arn,
    };
    let id = ctx.world.fresh_id();
    let domain = ctx.domain_mut(input)?;
    domain.emptied = Veil::default();
    domain.repositories.insert(name, Repository { id, ..repository });
    let (domain, repository) = found(ctx, input)?;
    Ok(json!({ "repository": description(ctx, domain, repository) }))
}

/// The repository a request names, after the operation's own checks.
fn found<'c>(ctx: &'c Context<'_>, input: &Input) -> Result<(&'c Domain, &'c Repository), ServiceError> {
    let domain = ctx.find_domain(&ctx.domain_key(input))?;
    let repository = domain.repositories.get(input.text("repository"));
    Ok((domain, repository.ok_or_else(ServiceError::internal)?))
}

pub(crate) fn describe(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (domain, repository) = ctx.repository(input)?;
    if repository.described.look(ctx.now_ms) {
        return Err(ctx.no_repository(domain, &repository.name));
    }
    let shown = match &repository.former {
        Some((former, veil)) if veil.look(ctx.now_ms) => former.clone(),
        _ => description(ctx, domain, repository),
    };
    Ok(json!({ "repository": shown }))
}

pub(crate) fn update(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (domain, repository) = ctx.repository(input)?;
    let upstreams = read_upstreams(ctx, domain, &repository.name, input)?;
    // Even an empty list is refused here, as users have seen it.
    if upstreams.is_some() && !repository.connections.is_empty() {
        let message = "A repository can have upstream repositories or an external connection, not both";
        return Err(ServiceError::validation("OTHER", message));
    }
    ctx.change(input)?;
    let repository = ctx.repository_mut(input)?;
    if let Some(text) = input.optional("description") {
        repository.description = Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    }
    if let Some(upstreams) = upstreams {
        repository.upstreams = upstreams;
    }
    let (domain, repository) = found(ctx, input)?;
    Ok(json!({ "repository": description(ctx, domain, repository) }))
}

/// The upstreams in a request, linked to the repositories that bear their names now.
fn read_upstreams(
    ctx: &Context<'_>,
    domain: &Domain,
    repository: &str,
    input: &Input,
) -> Result<Option<Vec<Upstream>>, ServiceError> {
    let Some(names) = input.texts_of("upstreams", "repositoryName") else {
        return Ok(None);
    };
    if names.len() > MOST_UPSTREAMS {
        let message = format!("A repository can have at most {MOST_UPSTREAMS} direct upstreams");
        let arn = ctx.place.repository(&domain.owner, &domain.name, repository);
        return Err(ServiceError::quota(message, Subject::repository(arn)));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(ServiceError::invalid(format!("Upstream '{twice}' is given twice")));
    }
    let link = |name: &String| {
        let upstream = ctx.find_repository(domain, name)?;
        if name == repository || reaches(domain, upstream, repository) {
            let message = format!("Upstream '{name}' would lead back to repository '{repository}'");
            return Err(ServiceError::validation("OTHER", message));
        }
        Ok(Upstream {
            name: name.clone(),
            id: upstream.id,
        })
    };
    if names.iter().any(|name| name == repository) {
        return Err(ServiceError::validation(
            "OTHER",
            "A repository can't be its own upstream",
        ));
    }
    names.iter().map(link).collect::<Result<Vec<_>, _>>().map(Some)
}

/// Whether a repository's upstreams, or theirs, include the named one.
fn reaches(domain: &Domain, from: &Repository, name: &str) -> bool {
    let mut waiting = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(repository) = waiting.pop() {
        if !seen.insert(repository.id) {
            continue;
        }
        if repository.upstreams.iter().any(|upstream| upstream.name == name) {
            return true;
        }
        waiting.extend(
            repository
                .upstreams
                .iter()
                .filter_map(|upstream| domain.repositories.get(&upstream.name)),
        );
    }
    false
}

pub(crate) fn delete(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (domain, repository) = ctx.repository(input)?;
    ctx.key_is_there(domain)?;
    if ctx.settings.delete_of_upstream == DeleteOfUpstream::Conflict {
        let uses = |other: &&Repository| other.upstreams.iter().any(|upstream| upstream.id == repository.id);
        if let Some(user) = domain.repositories.values().find(uses) {
            let message = format!("Repository '{}' is an upstream of '{}'", repository.name, user.name);
            return Err(ServiceError::conflict(message, Subject::repository(&repository.arn)));
        }
    }
    let answer = json!({ "repository": description(ctx, domain, repository) });
    let mut lag = ctx.settings.visibility.emptied_domain;
    lag.reads = lag.reads.saturating_add(ctx.settings.domain_not_empty_lag);
    let emptied = Veil::new(lag, ctx.now_ms);
    let seen = Veil::new(ctx.settings.visibility.deleted_repository, ctx.now_ms);
    let listed = Veil::new(ctx.settings.visibility.lists, ctx.now_ms);
    let now_ms = ctx.now_ms;
    let name = input.text("repository");
    let key = ctx.domain_key(input);
    let domain = ctx.found_domain(&key)?;
    let unseen = seen.hides(now_ms) || listed.hides(now_ms);
    if let Some(repository) = domain.repositories.remove(name).filter(|_| unseen) {
        domain.departed.push(Departed {
            repository,
            seen,
            listed,
        });
    }
    if domain.repositories.is_empty() {
        domain.emptied = emptied;
    }
    Ok(answer)
}

/// Repositories the caller's account owns or administers, over all domains it can see.
pub(crate) fn list(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let prefix = input.optional("repositoryPrefix").unwrap_or_default();
    let account = &ctx.caller.account;
    let mut entries = Vec::new();
    for domain in ctx.world.domains.values() {
        for repository in domain.repositories.values() {
            let ours = domain.owner == *account || repository.administrator == *account;
            if ours && repository.name.starts_with(prefix) {
                let key = format!("{} {} {}", domain.owner, domain.name, repository.name);
                entries.push((key, summary(domain, repository)));
            }
        }
    }
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    ctx.page(input, "repositories", entries)
}

pub(crate) fn list_in_domain(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let domain = ctx.domain(input)?;
    ctx.key_is_there(domain)?;
    let prefix = input.optional("repositoryPrefix").unwrap_or_default();
    let administrator = input.optional("administratorAccount");
    let hidden = ctx.unlisted(input);
    let departed = domain.departed.iter().filter(|departed| hidden(&departed.listed));
    let present = domain
        .repositories
        .values()
        .filter(|repository| !hidden(&repository.listed));
    // A repository that was recreated is listed once.
    let repositories: BTreeMap<&str, &Repository> = departed
        .map(|departed| &departed.repository)
        .chain(present)
        .filter(|repository| repository.name.starts_with(prefix))
        .filter(|repository| administrator.is_none_or(|account| account == repository.administrator))
        .map(|repository| (repository.name.as_str(), repository))
        .collect();
    // Those of a page alone are told of: a domain may hold thousands.
    let entries = repositories
        .into_values()
        .map(|repository| (repository.name.clone(), summary(domain, repository)));
    ctx.page(input, "repositories", entries)
}

impl Context<'_> {
    /// Keeps what describing a repository shows before a change of it.
    pub(crate) fn change(&mut self, input: &Input) -> Result<(), ServiceError> {
        let lag = self.settings.visibility.repository_changes;
        if lag == Lag::default() {
            return Ok(());
        }
        let (domain, repository) = found(self, input)?;
        let unseen = repository.former.as_ref().filter(|(_, veil)| veil.hides(self.now_ms));
        let shown = match unseen {
            Some((former, _)) => former.clone(),
            None => description(self, domain, repository),
        };
        let former = Some((shown, Veil::new(lag, self.now_ms)));
        let key = self.domain_key(input);
        let repositories = &mut self.found_domain(&key)?.repositories;
        if let Some(repository) = repositories.get_mut(input.text("repository")) {
            repository.former = former;
        }
        Ok(())
    }
}

fn summary(domain: &Domain, repository: &Repository) -> Value {
    let mut summary = json!({
        "name": repository.name,
        "administratorAccount": repository.administrator,
        "domainName": domain.name,
        "domainOwner": domain.owner,
        "arn": repository.arn,
        "createdTime": repository.created,
    });
    if let Some(text) = &repository.description {
        summary["description"] = json!(text);
    }
    summary
}

/// A repository with its upstreams' names (linked or not) and its connections.
pub(crate) fn description(ctx: &Context<'_>, domain: &Domain, repository: &Repository) -> Value {
    let mut description = summary(domain, repository);
    let name = |upstream: &Upstream| json!({ "repositoryName": upstream.name });
    description["upstreams"] = repository.upstreams.iter().map(name).collect();
    description["externalConnections"] = repository
        .connections
        .iter()
        .map(|connection| {
            json!({
                "externalConnectionName": connection.name,
                "packageFormat": connection.format,
                "status": spell(ctx, "Available"),
            })
        })
        .collect();
    description
}
