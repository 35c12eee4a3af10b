//! The permissions policies of domains and repositories.

use serde_json::{Value, json};

use super::Context;
use super::unknown::matching;
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::options::Unknown;
use crate::policy::{check, normalise, principals, with_ids};
use crate::state::{Lagging, Policy};

pub(crate) fn put_on_domain(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let domain = ctx.domain(input)?;
    let arn = domain.arn.clone();
    check_revision(input, domain.policy.current().as_ref(), Subject::domain(&arn))?;
    let policy = ctx.new_policy(input)?;
    let (lag, now_ms) = (ctx.settings.visibility.policy, ctx.now_ms);
    let answer = resource_policy(&policy, &arn);
    let domain = ctx.domain_mut(input)?;
    domain.policy.change(Some(policy), lag, now_ms);
    Ok(answer)
}

pub(crate) fn get_from_domain(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let domain = ctx.domain(input)?;
    ctx.shown(&domain.policy, &domain.arn, Subject::domain(&domain.arn))
}

pub(crate) fn delete_from_domain(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let answer = {
        let domain = ctx.domain(input)?;
        let policy = domain
            .policy
            .current()
            .as_ref()
            .ok_or_else(|| no_policy(Subject::domain(&domain.arn)))?;
        check_revision(input, Some(policy), Subject::domain(&domain.arn))?;
        resource_policy(policy, &domain.arn)
    };
    let (lag, now_ms) = (ctx.settings.visibility.policy, ctx.now_ms);
    let domain = ctx.domain_mut(input)?;
    domain.policy.change(None, lag, now_ms);
    Ok(answer)
}

pub(crate) fn put_on_repository(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (_, repository) = ctx.repository(input)?;
    let arn = repository.arn.clone();
    check_revision(input, repository.policy.current().as_ref(), Subject::repository(&arn))?;
    let policy = ctx.new_policy(input)?;
    let (lag, now_ms) = (ctx.settings.visibility.policy, ctx.now_ms);
    let answer = resource_policy(&policy, &arn);
    let repository = ctx.repository_mut(input)?;
    repository.policy.change(Some(policy), lag, now_ms);
    Ok(answer)
}

pub(crate) fn get_from_repository(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (_, repository) = ctx.repository(input)?;
    ctx.shown(
        &repository.policy,
        &repository.arn,
        Subject::repository(&repository.arn),
    )
}

pub(crate) fn delete_from_repository(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let answer = {
        let (_, repository) = ctx.repository(input)?;
        let policy = repository
            .policy
            .current()
            .as_ref()
            .ok_or_else(|| no_policy(Subject::repository(&repository.arn)))?;
        check_revision(input, Some(policy), Subject::repository(&repository.arn))?;
        resource_policy(policy, &repository.arn)
    };
    let (lag, now_ms) = (ctx.settings.visibility.policy, ctx.now_ms);
    let repository = ctx.repository_mut(input)?;
    repository.policy.change(None, lag, now_ms);
    Ok(answer)
}

fn no_policy(subject: Subject) -> ServiceError {
    ServiceError::not_found("Permissions policy not found. The resource has no policy", subject)
}

/// A given revision must be the current one; where there is no policy no revision is.
fn check_revision(input: &Input, current: Option<&Policy>, subject: Subject) -> Result<(), ServiceError> {
    match input.optional("policyRevision") {
        Some(given) if current.is_none_or(|policy| policy.revision != given) => Err(ServiceError::conflict(
            "The policy revision does not match the current revision",
            subject,
        )),
        _ => Ok(()),
    }
}

fn resource_policy(policy: &Policy, arn: &str) -> Value {
    json!({ "policy": { "resourceArn": arn, "revision": policy.revision, "document": policy.document } })
}

impl Context<'_> {
    fn new_policy(&mut self, input: &Input) -> Result<Policy, ServiceError> {
        let text = input.text("policyDocument");
        let parsed = check(text)?;
        self.check_principals(&parsed)?;
        let document = if self.settings.normalise_policies {
            normalise(&parsed, self.place.partition())
        } else {
            text.to_owned()
        };
        Ok(Policy {
            parsed,
            document,
            revision: self.fresh_token(),
        })
    }

    /// A policy as reading it shows it.
    fn shown(&self, policy: &Lagging<Option<Policy>>, arn: &str, subject: Subject) -> Result<Value, ServiceError> {
        let policy = policy.look(self.now_ms).as_ref().ok_or_else(|| no_policy(subject))?;
        let mut answer = resource_policy(policy, arn);
        let gone = |principal: &str| matching(&self.settings.unknown_principals, principal) == Some(Unknown::ForGood);
        if let Some(document) = with_ids(&policy.document, gone) {
            answer["policy"]["document"] = json!(document);
        }
        Ok(answer)
    }

    /// Refuses a policy that names a principal which IAM does not know. Each one that may not be known yet is
    /// counted, so that several wait at the same time.
    fn check_principals(&mut self, policy: &Value) -> Result<(), ServiceError> {
        let mut named = principals(policy, self.place.partition());
        named.retain(|arn| {
            let unknown = matching(&self.settings.unknown_principals, arn);
            !self.knows(arn, unknown)
        });
        match named.first() {
            None => Ok(()),
            Some(unknown) => Err(ServiceError::validation(
                "OTHER",
                format!("Invalid principal in policy: \"AWS\":\"{unknown}\""),
            )),
        }
    }
}
