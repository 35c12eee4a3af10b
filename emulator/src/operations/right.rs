//! What a call needs the right to do. It is known from the request alone, so a caller without the right is
//! refused before anything is looked up, and not told what exists.
//!
//! Source: the service authorization reference of `CodeArtifact`, and its user guide where that says more.

use super::Context;
use crate::arn::{ResourceArn, Taggable};
use crate::error::ServiceError;
use crate::journal::Need;
use crate::model::{Input, Operation};
use crate::options::{CreationResource, PutRepositoryPolicy, TagsOn};
use crate::policy::{Kind, Question, Verdict, evaluate, wildcard};
use crate::state::{DomainKey, Tags};

/// An action on a resource.
#[derive(Debug, Clone)]
pub(crate) struct Right {
    /// With its service's prefix.
    action: String,
    /// An ARN, or `*`.
    resource: String,
    /// Whose policies may give the right besides the caller's own, and must where the caller is a guest:
    /// a domain's, and a repository's in it.
    domain: Option<DomainKey>,
    repository: Option<String>,
    /// A guest needs no word of those policies, though they may deny.
    unasked: bool,
}

impl Right {
    /// A right that only the caller's own policy gives.
    fn own(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            domain: None,
            repository: None,
            unasked: false,
        }
    }

    pub(crate) fn of(action: &str, resource: impl Into<String>, domain: &DomainKey, repository: Option<&str>) -> Self {
        Self {
            domain: Some(domain.clone()),
            repository: repository.map(str::to_owned),
            ..Self::own(format!("codeartifact:{action}"), resource)
        }
    }
}

/// The tags in a request, which conditions look at.
#[derive(Debug, Default)]
struct Requested {
    tags: Tags,
    keys: Vec<String>,
}

impl Requested {
    fn read(input: &Input) -> Self {
        let text = |name| input.texts_of("tags", name).unwrap_or_default();
        let tags: Tags = text("key").into_iter().zip(text("value")).collect();
        let removed = input.list("tagKeys").unwrap_or_default().iter();
        let removed = removed.filter_map(|key| key.as_str().map(str::to_owned));
        let keys = tags.keys().cloned().chain(removed).collect();
        Self { tags, keys }
    }
}

impl Context<'_> {
    /// Whether the caller may make this call.
    pub(crate) fn authorize_call(&self, operation: &Operation, input: &Input) -> Result<(), ServiceError> {
        let requested = Requested::read(input);
        let mut rights = self.rights(operation, input).into_iter();
        rights.try_for_each(|right| self.authorize_with(&right, &requested))
    }

    /// Every right that a call needs, for the log.
    pub(crate) fn needs(&self, operation: &Operation, input: &Input) -> Vec<Need> {
        let need = |right: Right| Need {
            action: right.action,
            resource: right.resource,
        };
        self.rights(operation, input).into_iter().map(need).collect()
    }

    /// Whether the caller has a right.
    pub(crate) fn authorize(&self, right: &Right) -> Result<(), ServiceError> {
        self.authorize_with(right, &Requested::default())
    }

    /// Everything a call needs the right to do.
    fn rights(&self, operation: &Operation, input: &Input) -> Vec<Right> {
        let name = operation.name;
        let key = self.domain_key(input);
        let (owner, domain) = (&key.0, &key.1);
        let on_domain = || Right::of(name, self.place.domain(owner, domain), &key, None);
        let on_repository = |action: &str, repository: &str| {
            let arn = self.place.repository(owner, domain, repository);
            Right::of(action, arn, &key, Some(repository))
        };
        match name {
            "ListDomains" | "ListRepositories" => vec![Right::own(format!("codeartifact:{name}"), "*")],
            "CreateDomain" => self.creation(name, &on_domain(), input),
            "CreatePackageGroup" => self.creation(name, &self.on_group(name, input), input),
            "CreateRepository" => {
                let repository = on_repository(name, input.text("repository"));
                let mut rights = self.creation(name, &repository, input);
                // A guest is let in by the domain's policy, on the domain (user guide, "Domain policies").
                rights.insert(0, on_domain());
                rights.extend(associations(input, on_repository));
                rights
            }
            "UpdateRepository" => {
                let mut rights = vec![on_repository(name, input.text("repository"))];
                rights.extend(associations(input, on_repository));
                rights
            }
            "GetAuthorizationToken" => self.login(&key).into(),
            "TagResource" | "UntagResource" | "ListTagsForResource" => self.on_arn(name, input),
            // The caller does not know the group yet, so the right is asked for over any.
            _ if input.optional("packageGroup").is_some() || name == "GetAssociatedPackageGroup" => {
                vec![self.on_group(name, input)]
            }
            _ => match (input.optional("repository"), super::package::requested(input)) {
                (Some(repository), Ok(package)) if input.optional("package").is_some() => {
                    let arn = self.place.package(owner, domain, repository, &package.path());
                    vec![Right::of(name, arn, &key, Some(repository))]
                }
                (Some(repository), _) => vec![on_repository(name, repository)],
                (None, _) => vec![on_domain()],
            },
        }
    }

    /// What a token for a domain needs. It is STS's, given for `CodeArtifact` (user guide, "Authentication and
    /// tokens").
    pub(crate) fn login(&self, key: &DomainKey) -> [Right; 2] {
        let domain = self.place.domain(&key.0, &key.1);
        [
            Right::of("GetAuthorizationToken", domain, key, None),
            Right::own("sts:GetServiceBearerToken", "*"),
        ]
    }

    fn on_group(&self, action: &str, input: &Input) -> Right {
        let key = self.domain_key(input);
        let pattern = input.optional("packageGroup").unwrap_or(crate::pattern::ROOT);
        Right::of(action, self.place.group(&key.0, &key.1, pattern), &key, None)
    }

    fn on_arn(&self, action: &str, input: &Input) -> Vec<Right> {
        let text = input.text("resourceArn");
        // What is no ARN needs no right: the operation refuses it.
        let read = ResourceArn::read(text, self.place).ok();
        let right = read.map(|arn| {
            let repository = match &arn.resource {
                Taggable::Repository(name) => Some(name.as_str()),
                _ => None,
            };
            Right::of(action, text, &(arn.owner.clone(), arn.domain.clone()), repository)
        });
        right.into_iter().collect()
    }

    /// What creating a thing needs. Nobody administers it yet, so its own policy and administrator do not
    /// count.
    fn creation(&self, action: &str, thing: &Right, input: &Input) -> Vec<Right> {
        let on_arn = match action {
            // There is no domain yet that could have a policy.
            "CreateDomain" => Right::own(&thing.action, &thing.resource),
            // The domain's policy lets a guest in on the domain, not on each name in it.
            "CreateRepository" => Right {
                repository: None,
                unasked: true,
                ..thing.clone()
            },
            _ => thing.clone(),
        };
        let mut rights = vec![on_arn];
        if self.settings.creation_resource == CreationResource::Any {
            rights.push(Right::own(&thing.action, "*"));
        }
        if input.list("tags").is_some_and(|tags| !tags.is_empty()) {
            rights.extend(self.tagging(thing, input));
        }
        if let Some(key) = input.optional("encryptionKey") {
            let key = self.settings.keys.aliases.get(key).map_or(key, String::as_str);
            rights.extend(["kms:DescribeKey", "kms:CreateGrant"].map(|action| Right::own(action, key)));
        }
        rights
    }

    /// Tagging within a creation needs its own right (user guide, "Domain policies").
    fn tagging(&self, thing: &Right, input: &Input) -> Vec<Right> {
        let key = self.domain_key(input);
        let mut arns = Vec::new();
        if self.settings.creation_tags_on != TagsOn::Domain {
            arns.push(thing.resource.clone());
        }
        if self.settings.creation_tags_on != TagsOn::Resource {
            arns.push(self.place.domain(&key.0, &key.1));
        }
        arns.dedup();
        arns.into_iter()
            .map(|arn| Right::of("TagResource", arn, &key, None))
            .collect()
    }

    fn authorize_with(&self, right: &Right, requested: &Requested) -> Result<(), ServiceError> {
        let caller = self.caller;
        let refuse = |why: &str| {
            Err(ServiceError::access_denied(format!(
                "User: {} is not authorized to perform: {} on resource: {} {why}",
                caller.principal.arn, right.action, right.resource
            )))
        };
        let unallowed = |kind: &str| {
            refuse(&format!(
                "because no {kind}-based policy allows the {} action",
                right.action
            ))
        };
        if self
            .settings
            .denied
            .iter()
            .any(|denial| denial.covers(&right.action, &right.resource))
        {
            return unallowed("identity");
        }
        let question = Question {
            caller,
            region: &self.place.region,
            action: &right.action,
            resource: &right.resource,
            request_tags: &requested.tags,
            tag_keys: &requested.keys,
            resource_tags: self.tags_of(&right.resource),
        };
        let identity = caller.principal.policy.as_ref();
        let identity = identity.map_or(Verdict::Allowed, |policy| evaluate(policy, &question, Kind::Identity));
        let by_resource = self.ask_resource_policies(right, &question);
        let by_identity = identity == Verdict::Allowed;
        match by_resource {
            _ if identity == Verdict::Denied => refuse("with an explicit deny in an identity-based policy"),
            Verdict::Denied => refuse("with an explicit deny in a resource-based policy"),
            // Naming the account leaves the decision to its identity policies.
            Verdict::Allowed if self.is_own(right) => Ok(()),
            Verdict::Silent if !right.unasked && !self.is_own(right) => unallowed("resource"),
            _ if by_identity => Ok(()),
            _ => unallowed("identity"),
        }
    }

    /// Whether the caller's account may have the right by its own policies alone: it owns the domain or
    /// administers the repository, or nothing is there that could have a policy.
    fn is_own(&self, right: &Right) -> bool {
        let Some(key) = &right.domain else {
            return true;
        };
        let Some(domain) = self.world.domains.get(key) else {
            return true;
        };
        let repository = right.repository.as_ref().and_then(|name| domain.repositories.get(name));
        let account = &self.caller.account;
        domain.owner == *account || repository.is_some_and(|repository| repository.administrator == *account)
    }

    /// What the policies of the domain and of the repository say together.
    fn ask_resource_policies(&self, right: &Right, question: &Question<'_>) -> Verdict {
        let domain = right.domain.as_ref().and_then(|key| self.world.domains.get(key));
        let repository = domain.zip(right.repository.as_ref());
        let repository = repository.and_then(|(domain, name)| domain.repositories.get(name));
        // A policy is ignored for the right to replace it, so that nobody can lock themselves out (user guide,
        // "Interaction between repository and domain policies").
        let domain = domain.filter(|_| right.action != "codeartifact:PutDomainPermissionsPolicy");
        let put_on_repository = right.action == "codeartifact:PutRepositoryPermissionsPolicy";
        let repository = repository.filter(|_| !put_on_repository);
        let policies = [
            domain.and_then(|domain| domain.policy.current().as_ref()),
            repository.and_then(|repository| repository.policy.current().as_ref()),
        ];
        let verdicts = policies.into_iter().flatten();
        let verdict = verdicts
            .map(|policy| evaluate(&policy.parsed, question, Kind::Resource))
            .max()
            .unwrap_or(Verdict::Silent);
        let delegable =
            !put_on_repository || self.settings.put_repository_policy == PutRepositoryPolicy::ByDomainPolicy;
        if verdict != Verdict::Denied && !delegable {
            return Verdict::Silent;
        }
        verdict
    }

    /// The tags of the thing behind an ARN, if it is there and can have any.
    fn tags_of(&self, arn: &str) -> Option<&Tags> {
        let ResourceArn {
            owner,
            domain,
            resource,
        } = ResourceArn::read(arn, self.place).ok()?;
        let domain = self.world.domains.get(&(owner, domain))?;
        let tags = match &resource {
            Taggable::Domain => &domain.tags,
            Taggable::Repository(name) => &domain.repositories.get(name)?.tags,
            Taggable::Group(pattern) => &domain.groups.get(pattern)?.tags,
        };
        Some(tags.current())
    }
}

/// Linking a repository needs the right over each upstream.
fn associations(input: &Input, on_repository: impl Fn(&str, &str) -> Right) -> Vec<Right> {
    let upstreams = input.texts_of("upstreams", "repositoryName").unwrap_or_default();
    let right = |name: &String| on_repository("AssociateWithDownstreamRepository", name);
    upstreams.iter().map(right).collect()
}

impl crate::options::Denial {
    /// Whether it forbids an action, given with its service's prefix, on a resource.
    fn covers(&self, action: &str, resource: &str) -> bool {
        let name = action.strip_prefix("codeartifact:").unwrap_or(action);
        let operation = self.operation.as_ref();
        operation.is_none_or(|pattern| wildcard(pattern, name) || wildcard(pattern, action))
            && self.resource.as_ref().is_none_or(|pattern| wildcard(pattern, resource))
    }
}
