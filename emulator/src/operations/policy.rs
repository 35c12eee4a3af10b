//! The permissions policies of domains and repositories.

use serde_json::{Value, json};

use super::Context;
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::policy::{check, normalise};
use crate::state::Policy;

pub(crate) fn put_on_domain(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let domain = ctx.domain(input, "PutDomainPermissionsPolicy")?;
    let arn = domain.arn.clone();
    check_revision(input, domain.policy.current().as_ref(), Subject::domain(&arn))?;
    let policy = ctx.new_policy(input)?;
    let (lag, now_ms) = (ctx.settings.visibility.policy, ctx.now_ms);
    let answer = resource_policy(&policy, &arn);
    let domain = ctx.domain_mut(input, "PutDomainPermissionsPolicy")?;
    domain.policy.change(Some(policy), lag, now_ms);
    Ok(answer)
}

pub(crate) fn get_from_domain(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let domain = ctx.domain(input, "GetDomainPermissionsPolicy")?;
    let none = || no_policy(Subject::domain(&domain.arn));
    Ok(resource_policy(
        domain.policy.look(ctx.now_ms).as_ref().ok_or_else(none)?,
        &domain.arn,
    ))
}

pub(crate) fn delete_from_domain(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let answer = {
        let domain = ctx.domain(input, "DeleteDomainPermissionsPolicy")?;
        let policy = domain
            .policy
            .current()
            .as_ref()
            .ok_or_else(|| no_policy(Subject::domain(&domain.arn)))?;
        check_revision(input, Some(policy), Subject::domain(&domain.arn))?;
        resource_policy(policy, &domain.arn)
    };
    let (lag, now_ms) = (ctx.settings.visibility.policy, ctx.now_ms);
    let domain = ctx.domain_mut(input, "DeleteDomainPermissionsPolicy")?;
    domain.policy.change(None, lag, now_ms);
    Ok(answer)
}

pub(crate) fn put_on_repository(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (_, repository) = ctx.repository(input, "PutRepositoryPermissionsPolicy")?;
    let arn = repository.arn.clone();
    check_revision(input, repository.policy.current().as_ref(), Subject::repository(&arn))?;
    let policy = ctx.new_policy(input)?;
    let (lag, now_ms) = (ctx.settings.visibility.policy, ctx.now_ms);
    let answer = resource_policy(&policy, &arn);
    let repository = ctx.repository_mut(input, "PutRepositoryPermissionsPolicy")?;
    repository.policy.change(Some(policy), lag, now_ms);
    Ok(answer)
}

pub(crate) fn get_from_repository(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let (_, repository) = ctx.repository(input, "GetRepositoryPermissionsPolicy")?;
    let none = || no_policy(Subject::repository(&repository.arn));
    Ok(resource_policy(
        repository.policy.look(ctx.now_ms).as_ref().ok_or_else(none)?,
        &repository.arn,
    ))
}

pub(crate) fn delete_from_repository(ctx: &mut Context<'_>, input: &Input) -> Result<Value, ServiceError> {
    let answer = {
        let (_, repository) = ctx.repository(input, "DeleteRepositoryPermissionsPolicy")?;
        let policy = repository
            .policy
            .current()
            .as_ref()
            .ok_or_else(|| no_policy(Subject::repository(&repository.arn)))?;
        check_revision(input, Some(policy), Subject::repository(&repository.arn))?;
        resource_policy(policy, &repository.arn)
    };
    let (lag, now_ms) = (ctx.settings.visibility.policy, ctx.now_ms);
    let repository = ctx.repository_mut(input, "DeleteRepositoryPermissionsPolicy")?;
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
}
