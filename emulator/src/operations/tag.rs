//! Tags on domains, repositories and package groups.

use serde_json::{Value, json};

use super::Context;
use crate::arn::{ResourceArn, Taggable};
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::options::TagCharacters;
use crate::state::{Lagging, Tags};

/// Tags on one resource (user guide, "Tagging resources").
const MOST: usize = 50;

/// The tags in a request that creates a resource.
pub(crate) fn read(ctx: &Context<'_>, input: &Input, arn: &str) -> Result<Tags, ServiceError> {
    let mut tags = Tags::new();
    for entry in input.list("tags").unwrap_or_default() {
        let (key, value) = read_one(entry, ctx.settings.tag_characters)?;
        if tags.insert(key.clone(), value).is_some() {
            return Err(ServiceError::invalid(format!("Tag key '{key}' is given twice")));
        }
    }
    check_count(&tags, arn)?;
    Ok(tags)
}

fn read_one(entry: &Value, allowed: TagCharacters) -> Result<(String, String), ServiceError> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (key, value) = (text("key"), text("value"));
    check_key(&key, allowed)?;
    check_characters(&value, allowed)?;
    Ok((key, value))
}

fn check_key(key: &str, allowed: TagCharacters) -> Result<(), ServiceError> {
    if key.to_lowercase().starts_with("aws:") {
        return Err(ServiceError::invalid(format!(
            "Tag key '{key}' uses the reserved prefix aws:"
        )));
    }
    check_characters(key, allowed)
}

/// The model's own rule was held before.
fn check_characters(text: &str, allowed: TagCharacters) -> Result<(), ServiceError> {
    let fine = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    if allowed == TagCharacters::Modelled || text.chars().all(fine) {
        Ok(())
    } else {
        Err(ServiceError::invalid(format!(
            "Tag text '{text}' holds characters that are not allowed"
        )))
    }
}

fn check_count(tags: &Tags, arn: &str) -> Result<(), ServiceError> {
    if tags.len() <= MOST {
        return Ok(());
    }
    let subject = match arn.split(':').nth(5).and_then(|resource| resource.split('/').next()) {
        Some("domain") => Subject::domain(arn),
        Some("repository") => Subject::repository(arn),
        _ => Subject::group(arn),
    };
    Err(ServiceError::quota(
        format!("A resource can have at most {MOST} tags"),
        subject,
    ))
}

pub(crate) fn tag(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let arn = input.text("resourceArn");
    let added = read(ctx, input, arn)?;
    let (lag, now_ms) = (ctx.settings.visibility.tags, ctx.now_ms);
    let tags = ctx.tags_mut(arn)?;
    // All or nothing: a call over the limit changes no tag.
    let mut merged = tags.current().clone();
    merged.extend(added);
    check_count(&merged, arn)?;
    tags.change(merged, lag, now_ms);
    Ok(json!({}))
}

pub(crate) fn untag(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let keys: Vec<&str> = input
        .list("tagKeys")
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let allowed = ctx.settings.tag_characters;
    keys.iter().try_for_each(|key| check_key(key, allowed))?;
    let (lag, now_ms) = (ctx.settings.visibility.tags, ctx.now_ms);
    let tags = ctx.tags_mut(input.text("resourceArn"))?;
    let mut left = tags.current().clone();
    left.retain(|key, _| !keys.contains(&key.as_str()));
    tags.change(left, lag, now_ms);
    Ok(json!({}))
}

pub(crate) fn list(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let tags = ctx.tags(input.text("resourceArn"))?;
    let tags: Vec<Value> = tags
        .look(ctx.now_ms)
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    Ok(json!({ "tags": tags }))
}

impl Context<'_> {
    /// The tags of a new thing.
    pub(crate) fn new_tags(&self, tags: Tags) -> Lagging<Tags> {
        Lagging::new(tags, self.settings.visibility.creation_tags, self.now_ms)
    }

    /// The tags of the resource behind an ARN.
    fn tags(&self, arn: &str) -> Result<&Lagging<Tags>, ServiceError> {
        let ResourceArn {
            owner,
            domain,
            resource,
        } = ResourceArn::read(arn, self.place)?;
        let domain = self.find_domain(&(owner, domain))?;
        let repository = match &resource {
            Taggable::Repository(name) => Some(self.find_repository(domain, name)?),
            _ => None,
        };
        Ok(match (&resource, repository) {
            (_, Some(repository)) => &repository.tags,
            (Taggable::Group(pattern), _) => &self.find_group(domain, pattern)?.tags,
            _ => &domain.tags,
        })
    }

    fn tags_mut(&mut self, arn: &str) -> Result<&mut Lagging<Tags>, ServiceError> {
        self.tags(arn)?;
        let ResourceArn {
            owner,
            domain,
            resource,
        } = ResourceArn::read(arn, self.place)?;
        let domain = self.found_domain(&(owner, domain))?;
        let tags = match &resource {
            Taggable::Domain => Some(&mut domain.tags),
            Taggable::Repository(name) => domain.repositories.get_mut(name).map(|repository| &mut repository.tags),
            Taggable::Group(pattern) => domain.groups.get_mut(pattern).map(|group| &mut group.tags),
        };
        tags.ok_or_else(ServiceError::internal)
    }
}
