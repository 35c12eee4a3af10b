//! Domains.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::unknown::matching;
use super::{Context, tag};
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::options::{Lag, StatusCase};
use crate::pattern::{Pattern, ROOT};
use crate::state::{Domain, Group, Lagging, Mode, Veil};

pub(crate) fn create(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    // A domain is made in the caller's own account: the operation takes no owner.
    let owner = ctx.caller.account.clone();
    let name = input.text("domain").to_owned();
    let arn = ctx.place.domain(&owner, &name);
    let tags = tag::read(ctx, input, &arn)?;
    if ctx.world.domains.contains_key(&(owner.clone(), name.clone())) {
        let message = format!("Domain with name '{name}' owned by account '{owner}' already exists");
        return Err(ServiceError::conflict(message, Subject::domain(arn)));
    }
    let count = ctx.world.domains.keys().filter(|(of, _)| *of == owner).count();
    if count >= ctx.settings.domains_per_account {
        let message = format!(
            "Domain limit of {} exceeded for account '{owner}'",
            ctx.settings.domains_per_account
        );
        return Err(ServiceError::quota(message, Subject::domain(arn)));
    }
    let key = match input.optional("encryptionKey") {
        Some(key) => ctx.find_key(key)?,
        None => ctx.managed_key(&owner),
    };
    let created = ctx.created();
    let domain = Domain {
        key,
        bucket: format!(
            "arn:{}:s3:::assets-{:012x}-{}",
            ctx.place.partition(),
            ctx.rng.u64(..1 << 48),
            ctx.place.region
        ),
        created,
        tags: ctx.new_tags(tags),
        policy: Lagging::new(None, Lag::default(), ctx.now_ms),
        repositories: BTreeMap::new(),
        departed: Vec::new(),
        departed_groups: Vec::new(),
        seen: Veil::new(ctx.settings.visibility.domain, ctx.now_ms),
        described: Veil::new(ctx.settings.visibility.described, ctx.now_ms),
        groups: root_group(ctx, &owner, &name, created),
        pending: ctx.settings.domain_pending_describes,
        emptied: Veil::default(),
        arn,
        name: name.clone(),
        owner: owner.clone(),
    };
    let answer = json!({ "domain": description(ctx, &domain) });
    ctx.world.domains.insert((owner, name), domain);
    Ok(answer)
}

/// Every domain has the root group from its beginning, and it allows all.
fn root_group(ctx: &Context<'_>, owner: &str, domain: &str, created: f64) -> BTreeMap<String, Group> {
    let root = Pattern::read(ROOT).ok();
    let group = root.map(|root| Group::new(root, ctx.place.group(owner, domain, ROOT), created, Mode::Allow));
    group.into_iter().map(|group| (ROOT.to_owned(), group)).collect()
}

pub(crate) fn describe(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let key = ctx.domain_key(input);
    let domain = ctx.domain(input)?;
    if domain.described.look(ctx.now_ms) {
        return Err(ctx.no_domain(&key));
    }
    let answer = json!({ "domain": description(ctx, domain) });
    if let Some(domain) = ctx.world.domains.get_mut(&key) {
        domain.pending = domain.pending.saturating_sub(1);
    }
    Ok(answer)
}

/// Deleting a missing domain does not fail: the model gives the operation no
/// `ResourceNotFoundException`.
pub(crate) fn delete(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let key = ctx.domain_key(input);
    let Some(domain) = ctx.world.domains.get(&key) else {
        let arn = ctx.place.domain(&key.0, &key.1);
        if key.0 != ctx.caller.account {
            let message = format!(
                "User: {} is not authorized to perform: codeartifact:DeleteDomain on resource: {arn}",
                ctx.caller.principal.arn
            );
            return Err(ServiceError::access_denied(message));
        }
        return Ok(json!({}));
    };
    let key_lost = ctx.settings.keys.lost.contains(&domain.key);
    // Without its key a domain goes even with repositories in it (user guide, "Delete a domain").
    if !key_lost && (!domain.repositories.is_empty() || domain.emptied.look(ctx.now_ms)) {
        let subject = Subject::domain(domain.arn.clone());
        return Err(ServiceError::conflict(
            "Domain must contain 0 repositories before deletion",
            subject,
        ));
    }
    let mut answer = json!({ "domain": description(ctx, domain) });
    answer["domain"]["status"] = json!(spell(ctx, "Deleted"));
    let deletion = Veil::new(ctx.settings.visibility.deleted_domain, ctx.now_ms);
    let removed = ctx.world.domains.remove(&key).filter(|_| deletion.hides(ctx.now_ms));
    ctx.world.departed.extend(removed.map(|domain| (domain, deletion)));
    Ok(answer)
}

pub(crate) fn list(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let own = ctx
        .world
        .domains
        .values()
        .filter(|domain| domain.owner == ctx.caller.account && !domain.seen.hides(ctx.now_ms));
    let entries: Vec<(String, Value)> = own.map(|domain| (domain.name.clone(), summary(ctx, domain))).collect();
    ctx.page(input, "domains", entries)
}

fn summary(ctx: &Context<'_>, domain: &Domain) -> Value {
    let status = if domain.pending > 0 { "Creating" } else { "Active" };
    json!({
        "name": domain.name,
        "owner": domain.owner,
        "arn": domain.arn,
        "status": spell(ctx, status),
        "createdTime": domain.created,
        "encryptionKey": domain.key,
    })
}

fn description(ctx: &Context<'_>, domain: &Domain) -> Value {
    let releases = domain
        .repositories
        .values()
        .flat_map(|repository| repository.packages.values())
        .flat_map(|package| package.releases.values());
    let bytes: usize = releases
        .flat_map(|release| release.assets.values())
        .map(|asset| asset.size)
        .sum();
    let mut description = summary(ctx, domain);
    description["repositoryCount"] = json!(domain.repositories.len());
    description["assetSizeBytes"] = json!(bytes);
    description["s3BucketArn"] = json!(domain.bucket);
    description
}

/// A status as the settings want it spelled.
pub(crate) fn spell(ctx: &Context<'_>, status: &str) -> String {
    match ctx.settings.status_case {
        StatusCase::Modelled => status.to_owned(),
        StatusCase::Upper => status.to_uppercase(),
        StatusCase::Lower => status.to_lowercase(),
    }
}

impl Context<'_> {
    /// The key's ARN behind what a request calls the key: a key ARN or an alias ARN of this
    /// region that the service can see.
    fn find_key(&mut self, named: &str) -> Result<String, ServiceError> {
        let refuse = |what: String| ServiceError::validation("ENCRYPTION_KEY_ERROR", what);
        let missing = || refuse(format!("KMS key not found: {named}"));
        if self.settings.kms_not_found_times > 0 {
            self.settings.kms_not_found_times -= 1;
            return Err(missing());
        }
        let unknown = matching(&self.settings.unknown_keys, named);
        if !self.knows(named, unknown) {
            return Err(missing());
        }
        let keys = &self.settings.keys;
        let key = keys.aliases.get(named).map_or(named, String::as_str);
        if !is_key_arn(key, self.place.partition(), &self.place.region) || keys.lost.contains(key) {
            return Err(missing());
        }
        if keys.known.as_ref().is_some_and(|known| !known.contains(key)) {
            return Err(missing());
        }
        if keys.disabled.contains(key) {
            return Err(refuse(format!("KMS key is disabled: {named}")));
        }
        if keys.asymmetric.contains(key) {
            return Err(refuse(format!("KMS key must be symmetric: {named}")));
        }
        Ok(key.to_owned())
    }

    /// The key AWS keeps for the service in an account, used where none is given.
    fn managed_key(&self, owner: &str) -> String {
        let (partition, region) = (self.place.partition(), &self.place.region);
        format!("arn:{partition}:kms:{region}:{owner}:key/00000000-0000-4000-8000-{owner}")
    }
}

fn is_key_arn(text: &str, partition: &str, region: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", of, "kms", at, account, resource] = parts[..] else {
        return false;
    };
    let account_ok = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let id = resource.strip_prefix("key/").unwrap_or_default();
    let id_ok = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    of == partition && at == region && account_ok && id_ok
}
