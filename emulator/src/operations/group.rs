//! Package groups.

use serde_json::{Value, json};

use super::package::{named, requested};
use super::{Context, tag};
use crate::error::{ServiceError, Subject};
use crate::model::{Input, Kind};
use crate::options::UnnormalisedPatterns;
use crate::pattern::{Pattern, ROOT, Strength};
use crate::state::{Domain, Group, Mode, ORIGINS, PackageKey, Veil};

impl Context<'_> {
    /// A group of a domain by its pattern.
    pub(crate) fn find_group<'d>(&self, domain: &'d Domain, pattern: &str) -> Result<&'d Group, ServiceError> {
        let found = domain.groups.get(pattern);
        let seen = found.filter(|group| !group.seen.look(self.now_ms));
        seen.or_else(|| self.departed_group(domain, pattern)).ok_or_else(|| {
            let arn = self.place.group(&domain.owner, &domain.name, pattern);
            let message = format!(
                "Package group not found. Package group '{pattern}' in domain '{}' does not exist",
                domain.name
            );
            ServiceError::not_found(message, Subject::group(arn))
        })
    }

    /// The group that was last deleted under a pattern, while its deletion is not seen.
    fn departed_group<'d>(&self, domain: &'d Domain, pattern: &str) -> Option<&'d Group> {
        if self.kind == Kind::Write {
            return None;
        }
        let mut latest = domain.departed_groups.iter().rev();
        let (group, deletion) = latest.find(|(group, _)| group.pattern.text() == pattern)?;
        deletion.look(self.now_ms).then_some(group)
    }

    /// The group a request names.
    pub(crate) fn group(&self, input: &Input) -> Result<(&Domain, &Group), ServiceError> {
        let domain = self.find_domain(&self.domain_key(input))?;
        let pattern = input.text("packageGroup");
        Ok((domain, self.find_group(domain, pattern)?))
    }

    pub(crate) fn group_mut(&mut self, input: &Input) -> Result<&mut Group, ServiceError> {
        self.group(input)?;
        let key = self.domain_key(input);
        let found = self.found_domain(&key)?.groups.get_mut(input.text("packageGroup"));
        found.ok_or_else(ServiceError::internal)
    }
}

pub(crate) fn create(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let domain = ctx.find_domain(&ctx.domain_key(input))?;
    let pattern = read_pattern(ctx, input.text("packageGroup"))?;
    let arn = ctx.place.group(&domain.owner, &domain.name, pattern.text());
    let tags = tag::read(ctx, input, &arn)?;
    if domain.groups.contains_key(pattern.text()) {
        let message = format!(
            "Package group '{}' in domain '{}' already exists",
            pattern.text(),
            domain.name
        );
        return Err(ServiceError::conflict(message, Subject::group(arn)));
    }
    let text = pattern.text().to_owned();
    let mut group = Group::new(pattern, arn, ctx.created(), Mode::Inherit);
    group.description = input.optional("description").map(str::to_owned);
    group.contact = input.optional("contactInfo").map(str::to_owned);
    group.tags = ctx.new_tags(tags);
    group.seen = Veil::new(ctx.settings.visibility.package_group, ctx.now_ms);
    group.lag = ctx.settings.package_group_lag;
    let key = ctx.domain_key(input);
    let answer = json!({ "packageGroup": description(ctx.find_domain(&key)?, &group) });
    ctx.found_domain(&key)?.groups.insert(text, group);
    Ok(answer)
}

fn read_pattern(ctx: &Context<'_>, text: &str) -> Result<Pattern, ServiceError> {
    let refuse = |why: String| ServiceError::invalid(format!("Invalid package group pattern '{text}': {why}"));
    let pattern = Pattern::read(text).map_err(refuse)?;
    let normal = pattern.normalised();
    match ctx.settings.unnormalised_patterns {
        UnnormalisedPatterns::Refuse if normal != pattern => {
            Err(refuse(format!("its names must be normalised: '{}'", normal.text())))
        }
        _ => Ok(normal),
    }
}

pub(crate) fn describe(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (domain, group) = ctx.group(input)?;
    Ok(json!({ "packageGroup": description(domain, group) }))
}

pub(crate) fn update(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let group = ctx.group_mut(input)?;
    if let Some(text) = input.optional("description") {
        group.description = Some(text.to_owned());
    }
    if let Some(text) = input.optional("contactInfo") {
        group.contact = Some(text.to_owned());
    }
    let (domain, group) = ctx.group(input)?;
    Ok(json!({ "packageGroup": description(domain, group) }))
}

/// A deleted group's children go to its parent: they have no parent of their own to remember.
pub(crate) fn delete(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (domain, group) = ctx.group(input)?;
    if group.pattern.text() == ROOT {
        return Err(ServiceError::invalid("The root package group can't be deleted"));
    }
    let answer = json!({ "packageGroup": description(domain, group) });
    let key = ctx.domain_key(input);
    let deletion = Veil::new(ctx.settings.visibility.deleted_package_group, ctx.now_ms);
    let unseen = deletion.hides(ctx.now_ms);
    let domain = ctx.found_domain(&key)?;
    let removed = domain.groups.remove(input.text("packageGroup")).filter(|_| unseen);
    domain.departed_groups.extend(removed.map(|group| (group, deletion)));
    Ok(answer)
}

pub(crate) fn list(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let domain = ctx.domain(input)?;
    let prefix = input.optional("prefix").unwrap_or_default();
    let seen = domain.groups.iter().filter(|(_, group)| !group.seen.hides(ctx.now_ms));
    let groups = seen.filter(|(pattern, _)| pattern.starts_with(prefix));
    let entries: Vec<(String, Value)> = groups
        .map(|(pattern, group)| (pattern.clone(), description(domain, group)))
        .collect();
    ctx.page(input, "packageGroups", entries)
}

pub(crate) fn list_children(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (domain, group) = ctx.group(input)?;
    let is_child = |other: &Group| {
        let parent = domain.parent_group(&other.pattern);
        parent.is_some_and(|parent| parent.pattern == group.pattern)
    };
    let seen = domain.groups.iter().filter(|(_, group)| !group.seen.hides(ctx.now_ms));
    let children = seen.filter(|(_, other)| is_child(other));
    let entries: Vec<(String, Value)> = children
        .map(|(pattern, child)| (pattern.clone(), description(domain, child)))
        .collect();
    ctx.page(input, "packageGroups", entries)
}

pub(crate) fn associated(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let package = requested(input)?;
    let domain = ctx.find_domain(&ctx.domain_key(input))?;
    let answer = match domain.group_of(&package) {
        Some((group, strength)) => json!({
            "packageGroup": description(domain, group),
            "associationType": strength.name(),
        }),
        None => json!({}),
    };
    let key = ctx.domain_key(input);
    if let Ok(domain) = ctx.found_domain(&key) {
        domain.age_groups();
    }
    Ok(answer)
}

/// The packages whose group this is; as a preview, also those whose it would be if the group were
/// there, which lets the group be missing.
pub(crate) fn associated_packages(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let preview = input.flag("preview");
    let domain = ctx.find_domain(&ctx.domain_key(input))?;
    let text = input.text("packageGroup");
    let pattern = match ctx.find_group(domain, text) {
        Ok(group) => group.pattern.clone(),
        Err(_) if preview => read_pattern(ctx, text)?,
        Err(missing) => return Err(missing),
    };
    let packages = domain
        .repositories
        .values()
        .flat_map(|repository| repository.packages.keys());
    let mut entries: Vec<(String, Value)> = packages
        .filter_map(|package| {
            let strength = strength_in(domain, &pattern, package)?;
            let mut value = named(package, "package");
            value["associationType"] = json!(strength.name());
            Some((package.path(), value))
        })
        .collect();
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    entries.dedup_by(|one, other| one.0 == other.0);
    ctx.page(input, "packages", entries)
}

/// How a package is associated with a pattern, which may not be a group yet.
fn strength_in(domain: &Domain, pattern: &Pattern, package: &PackageKey) -> Option<Strength> {
    let strength = pattern.matches(package)?;
    let winner = domain.group_of(package);
    let wins = winner.is_none_or(|(group, best)| {
        group.pattern == *pattern || (pattern.specificity(), strength) > (group.pattern.specificity(), best)
    });
    wins.then_some(strength)
}

/// A group with its parent and its effective restrictions.
pub(crate) fn description(domain: &Domain, group: &Group) -> Value {
    let reference = |group: &Group| json!({ "arn": group.arn, "pattern": group.pattern.text() });
    let restriction = |origin| {
        let own = &group.origins[&origin];
        let (mode, from) = domain.effective_mode(group, origin);
        let mut value = json!({ "mode": own.mode.name(), "effectiveMode": mode.name() });
        if own.mode == Mode::Inherit {
            value["inheritedFrom"] = reference(from);
        }
        if own.mode == Mode::AllowSpecificRepositories {
            value["repositoriesCount"] = json!(own.allowed.len());
        }
        value
    };
    let restrictions: Value = ORIGINS
        .iter()
        .map(|(origin, name)| ((*name).to_owned(), restriction(*origin)))
        .collect();
    let mut value = json!({
        "arn": group.arn,
        "pattern": group.pattern.text(),
        "domainName": domain.name,
        "domainOwner": domain.owner,
        "createdTime": group.created,
        "originConfiguration": { "restrictions": restrictions },
    });
    if let Some(text) = &group.description {
        value["description"] = json!(text);
    }
    if let Some(text) = &group.contact {
        value["contactInfo"] = json!(text);
    }
    if let Some(parent) = domain.parent_group(&group.pattern) {
        value["parent"] = reference(parent);
    }
    value
}
