//! Finding what a request is about, and whether the caller may do that.

use super::Context;
use crate::error::{ServiceError, Subject};
use crate::model::Input;
use crate::policy::{Verdict, evaluate};
use crate::state::{Domain, DomainKey, Repository};

/// The operations a resource policy can't allow: it is ignored for them, so that nobody can lock
/// themselves out (user guide, "Interaction between repository and domain policies").
const NEVER_DELEGATED: &[&str] = &["PutDomainPermissionsPolicy", "PutRepositoryPermissionsPolicy"];

impl Context<'_> {
    /// The identity of the domain a request names.
    pub(crate) fn domain_key(&self, input: &Input) -> DomainKey {
        let owner = input.optional("domainOwner").unwrap_or(&self.caller.account);
        (owner.to_owned(), input.text("domain").to_owned())
    }

    /// The domain a request names, if the caller may do this with it.
    pub(crate) fn domain(&self, input: &Input, action: &str) -> Result<&Domain, ServiceError> {
        let domain = self.find_domain(&self.domain_key(input))?;
        self.authorize(action, &domain.arn, domain, None)?;
        Ok(domain)
    }

    pub(crate) fn domain_mut(&mut self, input: &Input, action: &str) -> Result<&mut Domain, ServiceError> {
        self.domain(input, action)?;
        let key = self.domain_key(input);
        self.found_domain(&key)
    }

    /// The repository a request names, if the caller may do this with it.
    pub(crate) fn repository(&self, input: &Input, action: &str) -> Result<(&Domain, &Repository), ServiceError> {
        let domain = self.find_domain(&self.domain_key(input))?;
        let repository = self.find_repository(domain, input.text("repository"), action)?;
        self.authorize(action, &repository.arn, domain, Some(repository))?;
        Ok((domain, repository))
    }

    pub(crate) fn repository_mut(&mut self, input: &Input, action: &str) -> Result<&mut Repository, ServiceError> {
        self.repository(input, action)?;
        let key = self.domain_key(input);
        let name = input.text("repository");
        self.found_domain(&key)?
            .repositories
            .get_mut(name)
            .ok_or_else(ServiceError::internal)
    }

    pub(crate) fn find_domain(&self, key: &DomainKey) -> Result<&Domain, ServiceError> {
        let (owner, name) = key;
        let found = self.world.domains.get(key);
        found.filter(|domain| !domain.seen.look(self.now_ms)).ok_or_else(|| {
            // The wording users report (aws/aws-cdk#19792).
            let message = format!("Domain not found. Domain '{name}' owned by account '{owner}' does not exist");
            ServiceError::not_found(message, Subject::domain(self.place.domain(owner, name)))
        })
    }

    /// A domain that was looked up before under the same lock.
    pub(crate) fn found_domain(&mut self, key: &DomainKey) -> Result<&mut Domain, ServiceError> {
        self.world.domains.get_mut(key).ok_or_else(ServiceError::internal)
    }

    /// A repository by name. A caller that has no rights in the domain is not told what exists.
    pub(crate) fn find_repository<'d>(
        &self,
        domain: &'d Domain,
        name: &str,
        action: &str,
    ) -> Result<&'d Repository, ServiceError> {
        self.key_is_there(domain)?;
        if let Some(repository) = self.seen_repository(domain, name) {
            return Ok(repository);
        }
        let departed = reads(action).then(|| self.departed_repository(domain, name)).flatten();
        if let Some(departed) = departed {
            return Ok(departed);
        }
        let arn = self.place.repository(&domain.owner, &domain.name, name);
        self.authorize(action, &arn, domain, None)?;
        let message = format!(
            "Repository not found. Repository '{name}' in domain '{}' owned by account '{}' does not exist",
            domain.name, domain.owner
        );
        Err(ServiceError::not_found(message, Subject::repository(arn)))
    }

    /// A repository by name, if there is one and its creation is seen.
    pub(crate) fn seen_repository<'d>(&self, domain: &'d Domain, name: &str) -> Option<&'d Repository> {
        let found = domain.repositories.get(name);
        found.filter(|repository| !repository.seen.look(self.now_ms))
    }

    /// The repository that was last deleted under a name, while its deletion is not seen.
    fn departed_repository<'d>(&self, domain: &'d Domain, name: &str) -> Option<&'d Repository> {
        let mut latest = domain.departed.iter().rev();
        let found = latest.find(|departed| departed.repository.name == name);
        found
            .filter(|departed| departed.seen.look(self.now_ms))
            .map(|departed| &departed.repository)
    }

    /// Whether the caller may do this. With a repository, its policy and its administrator count
    /// too.
    pub(crate) fn authorize(
        &self,
        action: &str,
        resource: &str,
        domain: &Domain,
        repository: Option<&Repository>,
    ) -> Result<(), ServiceError> {
        let caller = self.caller;
        let own = caller.account == domain.owner
            || repository.is_some_and(|repository| repository.administrator == caller.account);
        let identity = caller.principal.policy.as_ref().map_or(Verdict::Allowed, |policy| {
            evaluate(policy, caller, action, resource, true)
        });
        let policies = [
            domain
                .policy
                .current()
                .as_ref()
                .filter(|_| action != "PutDomainPermissionsPolicy"),
            repository
                .and_then(|repository| repository.policy.current().as_ref())
                .filter(|_| action != "PutRepositoryPermissionsPolicy"),
        ];
        let verdicts = policies
            .into_iter()
            .flatten()
            .map(|policy| evaluate(&policy.parsed, caller, action, resource, false));
        let verdicts: Vec<Verdict> = verdicts.collect();
        let denied = identity == Verdict::Denied || verdicts.contains(&Verdict::Denied);
        let by_identity = identity == Verdict::Allowed;
        let by_resource = !NEVER_DELEGATED.contains(&action)
            && if own {
                // Naming the account leaves the decision to its identity policies.
                verdicts.contains(&Verdict::Allowed)
            } else {
                verdicts.iter().any(|verdict| *verdict != Verdict::Silent)
            };
        let allowed = if own {
            by_identity || by_resource
        } else {
            by_identity && by_resource
        };
        if allowed && !denied {
            return Ok(());
        }
        let why = if denied {
            "with an explicit deny"
        } else {
            "because no policy allows it"
        };
        Err(ServiceError::access_denied(format!(
            "User: {} is not authorized to perform: codeartifact:{action} on resource: {resource} {why}",
            caller.principal.arn
        )))
    }

    /// Account-level operations: only the identity policy counts.
    pub(crate) fn authorize_account(&self, action: &str, resource: &str) -> Result<(), ServiceError> {
        let caller = self.caller;
        let identity = caller.principal.policy.as_ref();
        if identity.is_none_or(|policy| evaluate(policy, caller, action, resource, true) == Verdict::Allowed) {
            return Ok(());
        }
        Err(ServiceError::access_denied(format!(
            "User: {} is not authorized to perform: codeartifact:{action} on resource: {resource}",
            caller.principal.arn
        )))
    }

    /// Without access to the domain's key its repositories can't be reached, listed or deleted
    /// (user guide, "Delete a domain").
    pub(crate) fn key_is_there(&self, domain: &Domain) -> Result<(), ServiceError> {
        if self.settings.keys.lost.contains(&domain.key) {
            let message = format!(
                "The KMS key {} of domain '{}' is not accessible",
                domain.key, domain.name
            );
            return Err(ServiceError::validation("ENCRYPTION_KEY_ERROR", message));
        }
        Ok(())
    }
}

/// Whether an action reads only: such a one may still see what is gone.
fn reads(action: &str) -> bool {
    ["Describe", "Get", "List", "Read"]
        .iter()
        .any(|verb| action.starts_with(verb))
}
