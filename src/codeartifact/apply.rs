//! Carries out a plan: every step whose predecessors are done, at once.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use aws_sdk_codeartifact::Client;
use aws_sdk_codeartifact::types::{PackageGroupAllowedRepository, Tag, UpstreamRepository};
use futures_util::StreamExt as _;
use futures_util::future::{Either, FutureExt as _};
use futures_util::stream::FuturesUnordered;
use futures_util::try_join;
use tokio::time::Instant;
use tracing::info;

use crate::backoff::Backoff;
use crate::codeartifact::Progress;
use crate::codeartifact::{Kind, ServiceError};
use crate::codeartifact::{Observer, group_text, repository_text};
use crate::plan::Scope;
use crate::plan::{Action, Plan, Tagged};
use crate::stack::{Domain, Place};
use crate::stack::{Format, KmsKeyArn, PackagePattern, Policy, RepositoryName};
use crate::stack::{Origin, OriginChange};
use crate::stack::{Owner, POLICY_REPOSITORY, Standing, TagMap};

/// Carries out plans in one domain.
pub(crate) struct Applier<'a> {
    pub(crate) client: &'a Client,
    pub(crate) place: &'a Place,
    pub(crate) domain: &'a Domain,
    /// How long a new key may take to be visible, and a new domain to be active.
    pub(crate) patience: Duration,
    pub(crate) owner: &'a Owner,
    pub(crate) progress: &'a Progress,
}

/// The ARNs that the service gave to what was created, by the name of the thing.
pub(crate) type Arns = BTreeMap<String, String>;

/// What carrying out a plan brought.
#[derive(Default)]
pub(crate) struct Applied {
    pub(crate) arns: Arns,
    pub(crate) endpoints: BTreeMap<Format, String>,
}

enum Ended {
    Step(usize, Result<Option<String>, ServiceError>),
    Endpoints(Result<BTreeMap<Format, String>, ServiceError>),
}

impl Applier<'_> {
    /// Carries out all steps, and looks up endpoints as soon as the primary repository is there.
    ///
    /// # Errors
    /// The first step that failed; those under way are then seen to their end, and no other is begun.
    pub(crate) async fn apply(
        &self,
        plan: &Plan,
        endpoints: impl Future<Output = Result<BTreeMap<Format, String>, ServiceError>>,
    ) -> Result<Applied, ServiceError> {
        self.progress
            .planned(plan.steps.iter().map(|step| step.action.to_string()).collect());
        let mut waiting: BTreeSet<usize> = (0..plan.steps.len()).collect();
        let mut done = BTreeSet::new();
        let mut under_way = FuturesUnordered::new();
        let mut endpoints = Some(endpoints);
        let mut applied = Applied::default();
        let mut failure = None;
        loop {
            if failure.is_none() {
                let is_ready = |index: &usize| plan.steps[*index].after.iter().all(|before| done.contains(before));
                let ready: Vec<usize> = waiting.iter().copied().filter(is_ready).collect();
                for index in ready {
                    waiting.remove(&index);
                    let step = self.step(&plan.steps[index].action);
                    under_way.push(Either::Left(step.map(move |result| Ended::Step(index, result))));
                }
                if plan.primary_there.iter().all(|before| done.contains(before)) {
                    under_way.extend(endpoints.take().map(|it| Either::Right(it.map(Ended::Endpoints))));
                }
            }
            match under_way.next().await {
                Some(Ended::Step(index, Ok(arn))) => {
                    done.insert(index);
                    applied
                        .arns
                        .extend(arn.and_then(|arn| Some((made_by(&plan.steps[index].action)?, arn))));
                }
                Some(Ended::Endpoints(Ok(found))) => applied.endpoints = found,
                Some(Ended::Step(_, Err(error)) | Ended::Endpoints(Err(error))) => {
                    failure.get_or_insert(error);
                }
                None => return failure.map_or(Ok(applied), Err),
            }
        }
    }

    /// One step, timed and told of; gives the ARN of what it created.
    async fn step(&self, action: &Action) -> Result<Option<String>, ServiceError> {
        let step = action.to_string();
        self.progress.began(&step);
        let begun = Instant::now();
        let result = self.call(action).await;
        self.progress.ended(&step, result.is_ok());
        let outcome = if result.is_ok() { "done" } else { "failed" };
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(_) => info!(step, duration_ms, outcome),
            Err(error) => info!(step, duration_ms, outcome, error = %error),
        }
        result
    }

    async fn call(&self, action: &Action) -> Result<Option<String>, ServiceError> {
        match action {
            Action::CreateDomain { key, tags, .. } => self.create_domain(key, tags).await,
            Action::DeleteDomain { .. } => self.delete_domain().await,
            Action::PutDomainPolicy {
                document,
                revision,
                primary,
                ..
            } => self.put_domain_policy(document, revision.clone(), primary).await,
            Action::DeleteDomainPolicy { revision, .. } => self.delete_domain_policy(revision.clone()).await,
            Action::CreateRepository {
                name,
                description,
                upstreams,
                tags,
            } => self.create_repository(name, description, upstreams, tags).await,
            Action::UpdateRepository {
                name,
                description,
                upstreams,
            } => {
                self.update_repository(name, description.clone(), upstreams.as_deref())
                    .await
            }
            Action::DeleteRepository { name } => self.delete_repository(name).await,
            Action::AssociateExternalConnection { name, connection } => self.associate(name, connection.as_str()).await,
            Action::DisassociateExternalConnection { name, connection } => self.disassociate(name, connection).await,
            Action::PutRepositoryPolicy {
                name,
                document,
                revision,
            } => self.put_repository_policy(name, document, revision.clone()).await,
            Action::DeleteRepositoryPolicy { name, revision } => {
                self.delete_repository_policy(name, revision.clone()).await
            }
            Action::CreatePackageGroup { pattern, tags } => self.create_package_group(pattern, tags).await,
            Action::UpdatePackageGroupOrigins { pattern, change, undo } => {
                self.update_package_group_origins(pattern, change).await?;
                self.keep_or(undo, pattern).await
            }
            Action::DeletePackageGroup { pattern } => self.delete_package_group(pattern).await,
            Action::Tag { on, tags } => self.tag(on, tags).await,
            Action::Claim { on, tags, seen } => self.claim(on, tags, seen).await,
            Action::ClaimPolicy {
                on,
                tags,
                seen,
                primary,
                policy,
                revision,
            } => {
                self.claim(on, tags, seen).await?;
                // Boxed: all reads at once make a large future.
                Box::pin(self.keep_mark(on, primary, policy, revision.as_ref())).await
            }
            Action::Untag { on, keys } => self.untag(on, keys).await,
        }
    }

    fn observer(&self) -> Observer<'_> {
        Observer {
            client: self.client,
            place: self.place,
        }
    }

    fn domain_text(&self) -> String {
        format!("domain {}", self.domain.name)
    }

    fn repository_text(&self, name: &RepositoryName) -> String {
        repository_text(self.domain, name)
    }

    /// Creates the domain and waits until it is active. A key just made takes a moment to be visible everywhere.
    async fn create_domain(&self, key: &KmsKeyArn, tags: &TagMap) -> Result<Option<String>, ServiceError> {
        let mut backoff = Backoff::within(self.patience);
        let description = loop {
            let request = self
                .client
                .create_domain()
                .domain(self.domain.name.as_str())
                .encryption_key(key.as_str());
            let answer = request.set_tags(Some(tag_list(tags))).send().await;
            match answer.map_err(|e| ServiceError::new("CreateDomain", self.domain_text(), &e)) {
                Ok(output) => break output.domain,
                Err(error) if error.kind != Kind::Key => return Err(error),
                Err(error) => {
                    self.progress.waits_for(&error.to_string());
                    backoff.wait_or(error).await?;
                }
            }
        };
        let arn = description.as_ref().and_then(|domain| domain.arn.clone());
        let mut active = description
            .and_then(|domain| domain.status)
            .is_none_or(|status| is_active(status.as_str()));
        while !active && backoff.wait_or(()).await.is_ok() {
            let answer = self
                .client
                .describe_domain()
                .domain(self.domain.name.as_str())
                .send()
                .await;
            let output = answer.map_err(|e| ServiceError::new("DescribeDomain", self.domain_text(), &e))?;
            active = output
                .domain
                .and_then(|domain| domain.status)
                .is_none_or(|status| is_active(status.as_str()));
        }
        Ok(arn)
    }

    async fn delete_domain(&self) -> Result<Option<String>, ServiceError> {
        let answer = self
            .client
            .delete_domain()
            .domain(self.domain.name.as_str())
            .send()
            .await;
        gone(answer.map_err(|e| ServiceError::new("DeleteDomain", self.domain_text(), &e)))
    }

    /// Puts the policy, and looks whether that was right.
    async fn put_domain_policy(
        &self,
        document: &str,
        revision: Option<String>,
        primary: &RepositoryName,
    ) -> Result<Option<String>, ServiceError> {
        let request = self
            .client
            .put_domain_permissions_policy()
            .domain(self.domain.name.as_str());
        let answer = request
            .policy_document(document)
            .set_policy_revision(revision)
            .send()
            .await;
        let output = answer.map_err(|e| ServiceError::new("PutDomainPermissionsPolicy", self.domain_text(), &e))?;
        // Boxed: all reads at once make a large future.
        Box::pin(self.keep_policy(output.policy.and_then(|policy| policy.revision), primary)).await
    }

    /// Takes a policy that was just put away again where it does not show to be this stack's: where none stood there was
    /// no revision to lock on, so another may have claimed it, or a Delete of this stack come and gone.
    async fn keep_policy(&self, put: Option<String>, primary: &RepositoryName) -> Result<Option<String>, ServiceError> {
        let outrun = ServiceError::outrun("PutDomainPermissionsPolicy", self.domain_text());
        let (scope, observer) = (Scope::of_policy(self.domain, primary), self.observer());
        let (domain, repository) = try_join!(observer.domain(&scope), observer.repository(self.domain, primary))?;
        let Some(domain) = domain else {
            return Err(outrun);
        };
        let on_primary = repository.as_ref().map(|repository| &repository.tags);
        let marked = domain.tags.get(POLICY_REPOSITORY);
        let is_marked = marked.is_some_and(|marked| marked == primary.as_str());
        if is_marked && self.owner.shows_policy(&domain.tags, on_primary) {
            let stands = domain.policy.is_some_and(|policy| policy.revision == put);
            return if stands { Ok(None) } else { Err(outrun) };
        }
        match self.delete_domain_policy(put).await {
            Err(error) if error.kind != Kind::Conflict => return Err(error),
            _ => {}
        }
        let is_others = |tags: &TagMap| matches!(self.owner.standing(tags), Standing::Others(_));
        if is_marked && !on_primary.is_some_and(is_others) {
            let on = Tagged {
                arn: domain.arn,
                name: self.domain.name.to_string(),
            };
            self.untag(&on, &[POLICY_REPOSITORY.to_owned()]).await?;
        }
        Err(outrun)
    }

    /// Gives the mark up again where a policy stands that was not there when it was claimed: whoever put it had claimed it
    /// before, so it is not written over.
    async fn keep_mark(
        &self,
        on: &Tagged,
        primary: &RepositoryName,
        wanted: &Policy,
        seen: Option<&String>,
    ) -> Result<Option<String>, ServiceError> {
        let domain = self.observer().domain(&Scope::of_policy(self.domain, primary)).await?;
        let standing = domain.and_then(|domain| domain.policy);
        let is_right = standing
            .is_none_or(|policy| policy.revision.as_ref() == seen || wanted.means_the_same_as(&policy.document));
        if is_right {
            return Ok(None);
        }
        self.untag(on, &[POLICY_REPOSITORY.to_owned()]).await?;
        Err(ServiceError::outrun("TagResource", &on.name))
    }

    /// Deletes the policy of this revision; whichever stands, where none was seen.
    async fn delete_domain_policy(&self, revision: Option<String>) -> Result<Option<String>, ServiceError> {
        let request = self
            .client
            .delete_domain_permissions_policy()
            .domain(self.domain.name.as_str());
        let answer = request.set_policy_revision(revision).send().await;
        gone(answer.map_err(|e| ServiceError::new("DeleteDomainPermissionsPolicy", self.domain_text(), &e)))
    }

    async fn create_repository(
        &self,
        name: &RepositoryName,
        description: &str,
        upstreams: &[RepositoryName],
        tags: &TagMap,
    ) -> Result<Option<String>, ServiceError> {
        let upstreams = (!upstreams.is_empty()).then(|| upstream_list(upstreams.iter().map(RepositoryName::as_str)));
        let request = self
            .client
            .create_repository()
            .domain(self.domain.name.as_str())
            .repository(name.as_str());
        let request = request
            .set_domain_owner(self.place.foreign_owner(self.domain))
            .description(description);
        let answer = request
            .set_upstreams(upstreams)
            .set_tags(Some(tag_list(tags)))
            .send()
            .await;
        let output = answer.map_err(|e| ServiceError::new("CreateRepository", self.repository_text(name), &e))?;
        self.progress.there(name);
        Ok(output.repository.and_then(|repository| repository.arn))
    }

    async fn update_repository(
        &self,
        name: &RepositoryName,
        description: Option<String>,
        upstreams: Option<&[String]>,
    ) -> Result<Option<String>, ServiceError> {
        let upstreams = upstreams.map(|names| upstream_list(names.iter().map(String::as_str)));
        let request = self
            .client
            .update_repository()
            .domain(self.domain.name.as_str())
            .repository(name.as_str());
        let request = request
            .set_domain_owner(self.place.foreign_owner(self.domain))
            .set_description(description);
        let answer = request.set_upstreams(upstreams).send().await;
        done(answer.map_err(|e| ServiceError::new("UpdateRepository", self.repository_text(name), &e)))
    }

    async fn delete_repository(&self, name: &RepositoryName) -> Result<Option<String>, ServiceError> {
        let request = self
            .client
            .delete_repository()
            .domain(self.domain.name.as_str())
            .repository(name.as_str());
        let answer = request
            .set_domain_owner(self.place.foreign_owner(self.domain))
            .send()
            .await;
        gone(answer.map_err(|e| ServiceError::new("DeleteRepository", self.repository_text(name), &e)))
    }

    async fn associate(&self, name: &RepositoryName, connection: &str) -> Result<Option<String>, ServiceError> {
        let request = self
            .client
            .associate_external_connection()
            .domain(self.domain.name.as_str());
        let request = request
            .repository(name.as_str())
            .set_domain_owner(self.place.foreign_owner(self.domain));
        let answer = request.external_connection(connection).send().await;
        done(answer.map_err(|e| ServiceError::new("AssociateExternalConnection", self.repository_text(name), &e)))
    }

    async fn disassociate(&self, name: &RepositoryName, connection: &str) -> Result<Option<String>, ServiceError> {
        let request = self
            .client
            .disassociate_external_connection()
            .domain(self.domain.name.as_str());
        let request = request
            .repository(name.as_str())
            .set_domain_owner(self.place.foreign_owner(self.domain));
        let answer = request.external_connection(connection).send().await;
        gone(answer.map_err(|e| ServiceError::new("DisassociateExternalConnection", self.repository_text(name), &e)))
    }

    async fn put_repository_policy(
        &self,
        name: &RepositoryName,
        document: &str,
        revision: Option<String>,
    ) -> Result<Option<String>, ServiceError> {
        let request = self
            .client
            .put_repository_permissions_policy()
            .domain(self.domain.name.as_str());
        let request = request
            .repository(name.as_str())
            .set_domain_owner(self.place.foreign_owner(self.domain));
        let answer = request
            .policy_document(document)
            .set_policy_revision(revision)
            .send()
            .await;
        done(answer.map_err(|e| ServiceError::new("PutRepositoryPermissionsPolicy", self.repository_text(name), &e)))
    }

    async fn delete_repository_policy(
        &self,
        name: &RepositoryName,
        revision: Option<String>,
    ) -> Result<Option<String>, ServiceError> {
        let request = self
            .client
            .delete_repository_permissions_policy()
            .domain(self.domain.name.as_str());
        let request = request
            .repository(name.as_str())
            .set_domain_owner(self.place.foreign_owner(self.domain));
        let answer = request.set_policy_revision(revision).send().await;
        gone(answer.map_err(|e| ServiceError::new("DeleteRepositoryPermissionsPolicy", self.repository_text(name), &e)))
    }

    async fn create_package_group(
        &self,
        pattern: &PackagePattern,
        tags: &TagMap,
    ) -> Result<Option<String>, ServiceError> {
        let request = self.client.create_package_group().domain(self.domain.name.as_str());
        let request = request.package_group(pattern.as_str()).set_tags(Some(tag_list(tags)));
        let answer = request.send().await;
        let output =
            answer.map_err(|e| ServiceError::new("CreatePackageGroup", group_text(self.domain, pattern), &e))?;
        Ok(output.package_group.and_then(|group| group.arn))
    }

    async fn update_package_group_origins(
        &self,
        pattern: &PackagePattern,
        change: &OriginChange,
    ) -> Result<Option<String>, ServiceError> {
        let modes = change
            .modes
            .iter()
            .map(|(origin, mode)| (origin.as_str().into(), mode.as_str().into()));
        let request = self.client.update_package_group_origin_configuration();
        let request = request
            .domain(self.domain.name.as_str())
            .package_group(pattern.as_str())
            .set_restrictions((!change.modes.is_empty()).then(|| modes.collect()));
        let answer = request
            .set_add_allowed_repositories(allowed_list(&change.add))
            .set_remove_allowed_repositories(allowed_list(&change.remove))
            .send()
            .await;
        let text = group_text(self.domain, pattern);
        done(answer.map_err(|e| ServiceError::new("UpdatePackageGroupOriginConfiguration", text, &e)))
    }

    /// Puts an adopted group back where a Delete of this stack has come and gone, and let go of it.
    async fn keep_or(&self, undo: &[OriginChange], pattern: &PackagePattern) -> Result<Option<String>, ServiceError> {
        if undo.is_empty() {
            return Ok(None);
        }
        let group = self.observer().package_group(self.domain, pattern).await?;
        if group.is_some_and(|group| self.owner.standing(&group.tags).is_ours()) {
            return Ok(None);
        }
        for change in undo {
            self.update_package_group_origins(pattern, change).await?;
        }
        let text = group_text(self.domain, pattern);
        Err(ServiceError::outrun("UpdatePackageGroupOriginConfiguration", text))
    }

    async fn delete_package_group(&self, pattern: &PackagePattern) -> Result<Option<String>, ServiceError> {
        let request = self.client.delete_package_group().domain(self.domain.name.as_str());
        let answer = request.package_group(pattern.as_str()).send().await;
        gone(answer.map_err(|e| ServiceError::new("DeletePackageGroup", group_text(self.domain, pattern), &e)))
    }

    async fn tag(&self, on: &Tagged, tags: &TagMap) -> Result<Option<String>, ServiceError> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(&on.arn)
            .set_tags(Some(tag_list(tags)));
        done(
            request
                .send()
                .await
                .map_err(|e| ServiceError::new("TagResource", &on.name, &e)),
        )
    }

    async fn untag(&self, on: &Tagged, keys: &[String]) -> Result<Option<String>, ServiceError> {
        let request = self.client.untag_resource().resource_arn(&on.arn);
        let answer = request.set_tag_keys(Some(keys.to_vec())).send().await;
        gone(answer.map_err(|e| ServiceError::new("UntagResource", &on.name, &e)))
    }

    /// Of two that claim a thing at once the last one has it: reading back tells which. Whoever comes later than that must
    /// not: so it is read before, too.
    async fn claim(&self, on: &Tagged, tags: &TagMap, seen: &TagMap) -> Result<Option<String>, ServiceError> {
        let outrun = || ServiceError::outrun("TagResource", &on.name);
        let before = self.observer().tags(&on.arn).await?.ok_or_else(outrun)?;
        if tags.keys().any(|key| before.get(key) != seen.get(key)) {
            return Err(outrun());
        }
        self.tag(on, tags).await?;
        let after = self.observer().tags(&on.arn).await?.unwrap_or_default();
        if tags.iter().any(|(key, value)| after.get(key) != Some(value)) {
            return Err(outrun());
        }
        Ok(None)
    }
}

/// The name of what a step creates.
fn made_by(action: &Action) -> Option<String> {
    match action {
        Action::CreateDomain { name, .. } => Some(format!("domain/{name}")),
        Action::CreateRepository { name, .. } => Some(format!("repository/{name}")),
        Action::CreatePackageGroup { pattern, .. } => Some(pattern.to_string()),
        _ => None,
    }
}

/// The service's own spelling of its states varies.
fn is_active(status: &str) -> bool {
    status.eq_ignore_ascii_case("active")
}

fn done<T>(answer: Result<T, ServiceError>) -> Result<Option<String>, ServiceError> {
    answer.map(|_| None)
}

/// What is to go may be gone already.
fn gone<T>(answer: Result<T, ServiceError>) -> Result<Option<String>, ServiceError> {
    match answer {
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        answer => done(answer),
    }
}

fn tag_list(tags: &TagMap) -> Vec<Tag> {
    tags.iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect()
}

fn upstream_list<'a>(names: impl Iterator<Item = &'a str>) -> Vec<UpstreamRepository> {
    names
        .filter_map(|name| UpstreamRepository::builder().repository_name(name).build().ok())
        .collect()
}

fn allowed_list(named: &BTreeSet<(Origin, String)>) -> Option<Vec<PackageGroupAllowedRepository>> {
    let one = |(origin, name): &(Origin, String)| {
        let allowed = PackageGroupAllowedRepository::builder().repository_name(name);
        allowed.origin_restriction_type(origin.as_str().into()).build()
    };
    (!named.is_empty()).then(|| named.iter().map(one).collect())
}
