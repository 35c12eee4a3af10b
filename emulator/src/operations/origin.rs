//! The origin controls of package groups.

use serde_json::{Map, Value, json};

use super::Context;
use super::group::description;
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::pattern::ROOT;
use crate::state::{Domain, Group, Mode, Origin, Origins};

/// Changes to allowed lists in one call (the official CloudFormation handler for
/// `AWS::CodeArtifact::PackageGroup` splits its calls there).
const MOST_CHANGES: usize = 100;

/// One entry of an allowed list, to be added or removed.
struct Change {
    origin: Origin,
    repository: String,
}

pub(crate) fn update(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (domain, group) = ctx.group(input)?;
    let added = read_changes(input, "addAllowedRepositories")?;
    let removed = read_changes(input, "removeAllowedRepositories")?;
    if added.len() + removed.len() > MOST_CHANGES {
        let message = format!("At most {MOST_CHANGES} allowed repositories can be changed in one call");
        return Err(ServiceError::invalid(message));
    }
    let mut origins = group.origins.clone();
    set_modes(group, input, &mut origins)?;
    let mut updates = Map::new();
    for change in &added {
        check_added(ctx, domain, &origins, change)?;
        let allowed = &mut origin_mut(&mut origins, change.origin)?.allowed;
        if allowed.insert(change.repository.clone()) {
            note(&mut updates, change, "ADDED");
        }
    }
    for change in &removed {
        check_list(&origins, change)?;
        let allowed = &mut origin_mut(&mut origins, change.origin)?.allowed;
        if allowed.remove(&change.repository) {
            note(&mut updates, change, "REMOVED");
        }
    }
    ctx.group_mut(input)?.origins = origins;
    let (domain, group) = ctx.group(input)?;
    Ok(json!({ "packageGroup": description(domain, group), "allowedRepositoryUpdates": updates }))
}

fn origin_mut(origins: &mut Origins, origin: Origin) -> Result<&mut crate::state::Restriction, ServiceError> {
    origins.get_mut(&origin).ok_or_else(ServiceError::internal)
}

fn read_changes(input: &Input, name: &str) -> Result<Vec<Change>, ServiceError> {
    let read = |entry: &Value| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        let missing = || ServiceError::invalid(format!("{name} needs repositoryName and originRestrictionType"));
        let origin = text("originRestrictionType")
            .and_then(Origin::read)
            .ok_or_else(missing)?;
        Ok(Change {
            origin,
            repository: text("repositoryName").ok_or_else(missing)?.to_owned(),
        })
    };
    input.list(name).unwrap_or_default().iter().map(read).collect()
}

fn set_modes(group: &Group, input: &Input, origins: &mut Origins) -> Result<(), ServiceError> {
    for (name, mode) in input.object("restrictions").into_iter().flatten() {
        let read = Origin::read(name).zip(mode.as_str().and_then(Mode::read));
        let (origin, mode) = read.ok_or_else(|| ServiceError::invalid(format!("Unknown restriction {name}")))?;
        if mode == Mode::Inherit && group.pattern.text() == ROOT {
            return Err(ServiceError::invalid(
                "The root package group has no parent to inherit from",
            ));
        }
        let restriction = origin_mut(origins, origin)?;
        restriction.mode = mode;
        // Only a restriction to specific repositories has a list (user guide, "Allowed repository
        // lists").
        if mode != Mode::AllowSpecificRepositories {
            restriction.allowed.clear();
        }
    }
    Ok(())
}

/// The official CloudFormation handler removes nothing from a list whose restriction goes: there is
/// none then.
fn check_list(origins: &Origins, change: &Change) -> Result<(), ServiceError> {
    let mode = origins[&change.origin].mode;
    if mode == Mode::AllowSpecificRepositories {
        return Ok(());
    }
    let (name, mode) = (change.origin.name(), mode.name());
    let message = format!("{name} is {mode}: only ALLOW_SPECIFIC_REPOSITORIES has a list of repositories");
    Err(ServiceError::invalid(message))
}

fn check_added(ctx: &Context<'_>, domain: &Domain, origins: &Origins, change: &Change) -> Result<(), ServiceError> {
    check_list(origins, change)?;
    if ctx.seen_repository(domain, &change.repository).is_some() {
        return Ok(());
    }
    let arn = ctx.place.repository(&domain.owner, &domain.name, &change.repository);
    let message = format!(
        "Repository '{}' in domain '{}' does not exist",
        change.repository, domain.name
    );
    Err(ServiceError::not_found(message, Subject::repository(arn)))
}

fn note(updates: &mut Map<String, Value>, change: &Change, how: &str) {
    let of = updates.entry(change.origin.name()).or_insert_with(|| json!({}));
    match of.get_mut(how).and_then(Value::as_array_mut) {
        Some(names) => names.push(json!(change.repository)),
        None => of[how] = json!([change.repository]),
    }
}

pub(crate) fn list_allowed(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (_, group) = ctx.group(input)?;
    let origin = Origin::read(input.text("originRestrictionType")).ok_or_else(ServiceError::internal)?;
    let names = group.origins[&origin].allowed.iter();
    let entries: Vec<(String, Value)> = names.map(|name| (name.clone(), json!(name))).collect();
    ctx.page(input, "allowedRepositories", entries)
}
