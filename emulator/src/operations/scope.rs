//! Finding what a request is about.

use super::Context;
use crate::error::{ServiceError, Subject};
use crate::model::{Input, Kind};
use crate::options::{LostError, LostLocks};
use crate::state::{Domain, DomainKey, Repository};

impl Context<'_> {
    /// The identity of the domain a request names.
    pub(crate) fn domain_key(&self, input: &Input) -> DomainKey {
        let owner = input.optional("domainOwner").unwrap_or(&self.caller.account);
        (owner.to_owned(), input.text("domain").to_owned())
    }

    /// The domain a request names.
    pub(crate) fn domain(&self, input: &Input) -> Result<&Domain, ServiceError> {
        self.find_domain(&self.domain_key(input))
    }

    pub(crate) fn domain_mut(&mut self, input: &Input) -> Result<&mut Domain, ServiceError> {
        self.domain(input)?;
        let key = self.domain_key(input);
        self.found_domain(&key)
    }

    /// The repository a request names.
    pub(crate) fn repository(&self, input: &Input) -> Result<(&Domain, &Repository), ServiceError> {
        let domain = self.find_domain(&self.domain_key(input))?;
        let repository = self.find_repository(domain, input.text("repository"))?;
        Ok((domain, repository))
    }

    pub(crate) fn repository_mut(&mut self, input: &Input) -> Result<&mut Repository, ServiceError> {
        self.repository(input)?;
        let key = self.domain_key(input);
        let name = input.text("repository");
        self.found_domain(&key)?
            .repositories
            .get_mut(name)
            .ok_or_else(ServiceError::internal)
    }

    /// A domain by its key, if its creation is seen.
    pub(crate) fn find_domain(&self, key: &DomainKey) -> Result<&Domain, ServiceError> {
        let found = self.world.domains.get(key);
        let seen = found.filter(|domain| !domain.seen.look(self.now_ms));
        seen.or_else(|| self.departed_domain(key))
            .ok_or_else(|| self.no_domain(key))
    }

    /// That there is no such domain.
    pub(crate) fn no_domain(&self, (owner, name): &DomainKey) -> ServiceError {
        // The wording users report (aws/aws-cdk#19792).
        let message = format!("Domain not found. Domain '{name}' owned by account '{owner}' does not exist");
        ServiceError::not_found(message, Subject::domain(self.place.domain(owner, name)))
    }

    /// The domain that was last deleted under a name, while its deletion is not seen by its owner. A guest is not
    /// let in by a policy that is gone.
    fn departed_domain(&self, key: &DomainKey) -> Option<&Domain> {
        if self.kind == Kind::Write || self.caller.account != key.0 {
            return None;
        }
        let mut latest = self.world.departed.iter().rev();
        let (domain, deletion) = latest.find(|(domain, _)| domain.owner == key.0 && domain.name == key.1)?;
        deletion.look(self.now_ms).then_some(domain)
    }

    /// A domain that was looked up before under the same lock.
    pub(crate) fn found_domain(&mut self, key: &DomainKey) -> Result<&mut Domain, ServiceError> {
        self.world.domains.get_mut(key).ok_or_else(ServiceError::internal)
    }

    /// A repository by name, if its creation is seen.
    pub(crate) fn find_repository<'d>(&self, domain: &'d Domain, name: &str) -> Result<&'d Repository, ServiceError> {
        if self.settings.keys.lost_locks == LostLocks::Repositories {
            self.key_is_there(domain)?;
        }
        if let Some(repository) = self.seen_repository(domain, name) {
            return Ok(repository);
        }
        if let Some(departed) = self.departed_repository(domain, name) {
            return Ok(departed);
        }
        Err(self.no_repository(domain, name))
    }

    /// That there is no such repository.
    pub(crate) fn no_repository(&self, domain: &Domain, name: &str) -> ServiceError {
        let arn = self.place.repository(&domain.owner, &domain.name, name);
        let message = format!(
            "Repository not found. Repository '{name}' in domain '{}' owned by account '{}' does not exist",
            domain.name, domain.owner
        );
        ServiceError::not_found(message, Subject::repository(arn))
    }

    /// A repository by name, if there is one and its creation is seen.
    pub(crate) fn seen_repository<'d>(&self, domain: &'d Domain, name: &str) -> Option<&'d Repository> {
        let found = domain.repositories.get(name);
        found.filter(|repository| !repository.seen.look(self.now_ms))
    }

    /// The repository that was last deleted under a name, while its deletion is not seen: by reads alone.
    fn departed_repository<'d>(&self, domain: &'d Domain, name: &str) -> Option<&'d Repository> {
        if self.kind == Kind::Write {
            return None;
        }
        let mut latest = domain.departed.iter().rev();
        let found = latest.find(|departed| departed.repository.name == name);
        found
            .filter(|departed| departed.seen.look(self.now_ms))
            .map(|departed| &departed.repository)
    }

    /// Without access to the domain's key its repositories can't be reached, listed or deleted
    /// (user guide, "Delete a domain").
    pub(crate) fn key_is_there(&self, domain: &Domain) -> Result<(), ServiceError> {
        if self.settings.keys.lost.contains(&domain.key) {
            let message = format!(
                "The KMS key {} of domain '{}' is not accessible",
                domain.key, domain.name
            );
            return Err(match self.settings.keys.lost_error {
                LostError::Validation => ServiceError::validation("ENCRYPTION_KEY_ERROR", message),
                LostError::AccessDenied => ServiceError::access_denied(message),
            });
        }
        Ok(())
    }
}
