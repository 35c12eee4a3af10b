//! The rules across properties: from what was read of each to a description that holds together.

use std::collections::BTreeSet;

use crate::stack::{Format, PackagePattern, Place, Policy, Proxy, RepositoryName, shortened};

use super::draft::Draft;
use super::excess::{self, Before};
use super::hints::did_you_mean;
use super::limits::Limits;
use super::{Adoption, Asked, Desired, DomainSource, MOST_PATTERNS, Problems};

/// What is true of a stack that had `AdoptExisting` before the limit.
const ADOPTION_IS_OFF: &str =
    "AdoptExisting has no effect here: PlatformRepositories does not name this stack's repository";

/// The service's quota of direct upstreams of a repository.
pub(super) const MOST_UPSTREAMS: usize = 10;

impl Draft {
    /// What is asked for, if no rule is broken but limits.
    pub(super) fn asked(mut self, before: Option<&Before>, place: &Place, limits: &Limits) -> Result<Asked, Problems> {
        let is_foreign = self.domain_owner.as_ref().is_some_and(|owner| owner != place.account());
        self.require("DomainName");
        self.require("RepositoryName");
        if is_foreign {
            for property in [
                "KmsKeyArn",
                "DomainPolicyDocument",
                "DomainAccess",
                "InternalPackages",
                "BlockedPackages",
            ] {
                self.refuse_if_given(
                    property,
                    "cannot be set on the domain of another account, which DomainOwner names",
                );
            }
        } else if self.domain_owner.is_some() || !self.is_given("DomainOwner") {
            self.require("KmsKeyArn");
            self.check_key(place);
        }
        if self.is_given("RepositoryPolicyDocument") {
            self.refuse_if_given(
                "Access",
                "cannot be combined with RepositoryPolicyDocument: both write the repository's policy",
            );
        }
        if self.is_given("DomainPolicyDocument") {
            self.refuse_if_given(
                "DomainAccess",
                "cannot be combined with DomainPolicyDocument: both write the domain's policy",
            );
        }
        self.check_policies();
        let proxies = self.proxies();
        self.check_upstreams(&proxies);
        self.check_duplicates();
        self.check_packages();

        let excess = excess::check(&self, &proxies, before, place, limits);
        let (identity, mut problems) = (self.identity(place), std::mem::take(&mut self.problems));
        let Some(identity) = identity.filter(|_| problems.is_empty()) else {
            problems.append(excess.problems);
            return Err(problems);
        };
        let may_adopt = limits.is_platform(&identity.repository);
        let domain = match self.key {
            Some(key) => DomainSource::Own {
                key,
                policy: self.domain_access.policy.or(self.domain_policy),
            },
            None => DomainSource::Foreign,
        };
        let mut upstreams = self.upstreams;
        upstreams.extend(proxies.iter().map(|proxy| proxy.name.clone()));
        if self.endpoint_formats.is_empty() {
            self.endpoint_formats = formats_of_use(&proxies, &self.internal_packages);
        }
        let adoption = match (may_adopt, self.adopt_existing) {
            (false, _) => Adoption::NotAllowed,
            (true, true) => Adoption::Asked,
            (true, false) => Adoption::NotAsked,
        };
        let is_bound = self.adopt_existing && !may_adopt;
        let desired = Desired {
            identity,
            domain,
            description: self.description.unwrap_or_default(),
            proxies,
            upstreams,
            downstreams: self.downstreams,
            repository_policy: self.access.policy.or(self.repository_policy),
            tags: self.tags,
            endpoint_formats: self.endpoint_formats,
            endpoint_type: self.endpoint_type.unwrap_or_default(),
            adoption,
            deletion_mode: self.deletion_mode.unwrap_or(limits.deletion_mode()),
            internal_packages: self.internal_packages,
            blocked_packages: self.blocked_packages,
        };
        Ok(Asked {
            desired,
            excess: (!excess.problems.is_empty()).then_some(excess),
            note: is_bound.then_some(ADOPTION_IS_OFF),
        })
    }

    fn problem(&mut self, property: &str, message: impl Into<String>) {
        self.problems.add(property, message);
    }

    fn require(&mut self, property: &str) {
        if !self.is_given(property) {
            self.problem(property, "is required");
        }
    }

    fn refuse_if_given(&mut self, property: &str, why: &str) {
        if self.is_given(property) {
            self.problem(property, why);
        }
    }

    /// A domain is encrypted with a key of its own region. Source: the CodeArtifact API reference, `CreateDomain`.
    fn check_key(&mut self, place: &Place) {
        let elsewhere = self.key.as_ref().filter(|key| key.region() != place.region());
        if let Some(key) = elsewhere {
            let (its, ours) = (key.region(), place.region());
            let message =
                format!("must be a key of {ours}, the region of the function and its domains, got one of {its}");
            self.problem("KmsKeyArn", message);
        }
    }

    fn check_policies(&mut self) {
        let documents = [
            ("DomainPolicyDocument", &self.domain_policy),
            ("RepositoryPolicyDocument", &self.repository_policy),
        ];
        let wrong = documents.map(|(property, policy)| (property, policy.as_ref().map(problems_of_policy)));
        for (property, problems) in wrong {
            for problem in problems.into_iter().flatten() {
                self.problem(property, problem);
            }
        }
    }

    fn proxies(&mut self) -> Vec<Proxy> {
        let Some(primary) = self.repository_name.clone() else {
            return Vec::new();
        };
        let proxies = self.connections.proxies(&primary);
        if proxies.len() < self.connections.all().len() {
            let most = RepositoryName::MAX_LENGTH;
            self.problem(
                "RepositoryName",
                format!(
                    "is too long for its proxies, whose names {primary}-upstream… may have {most} characters at most"
                ),
            );
        }
        proxies
    }

    fn check_upstreams(&mut self, proxies: &[Proxy]) {
        let refused: Vec<String> = self
            .upstreams
            .iter()
            .filter_map(|upstream| {
                if Some(upstream) == self.repository_name.as_ref() {
                    return Some(format!("must not name the repository itself, got {upstream}"));
                }
                let is_proxy = proxies.iter().any(|proxy| proxy.name == *upstream);
                is_proxy.then(|| {
                    format!(
                        "must not name {upstream}, the proxy that ExternalConnection makes: it comes last by itself"
                    )
                })
            })
            .collect();
        for message in refused {
            self.problem("Upstreams", message);
        }
        let count = self.upstreams.len() + self.connections.all().len();
        if count > MOST_UPSTREAMS {
            self.problem(
                "Upstreams",
                format!("a repository has at most {MOST_UPSTREAMS} upstreams, proxies counted, got {count}"),
            );
        }
    }

    fn check_packages(&mut self) {
        let lists = [
            ("InternalPackages", &self.internal_packages),
            ("BlockedPackages", &self.blocked_packages),
        ];
        let unfit = lists.into_iter().flat_map(|(property, patterns)| {
            let unfit = patterns.iter().filter_map(PackagePattern::unfit);
            unfit.map(move |message| (property, message))
        });
        let both = self
            .blocked_packages
            .iter()
            .filter(|pattern| self.internal_packages.contains(pattern));
        let both = both.map(|pattern| ("BlockedPackages", format!("{pattern} is in InternalPackages too")));
        let count = self.internal_packages.len() + self.blocked_packages.len();
        let too_many = (count > MOST_PATTERNS && !self.blocked_packages.is_empty()).then(|| {
            let message = format!("at most {MOST_PATTERNS} patterns, those of InternalPackages counted, got {count}");
            ("BlockedPackages", message)
        });
        let wrong: Vec<_> = unfit.chain(both).chain(too_many).collect();
        for (property, message) in wrong {
            self.problem(property, message);
        }
    }

    fn check_duplicates(&mut self) {
        let connections: Vec<&str> = self
            .connections
            .all()
            .iter()
            .map(|connection| connection.as_str())
            .collect();
        let lists = [
            ("ExternalConnection", twice(connections.into_iter())),
            ("Upstreams", twice(self.upstreams.iter().map(RepositoryName::as_str))),
            (
                "InternalPackages",
                twice(self.internal_packages.iter().map(PackagePattern::as_str)),
            ),
            (
                "BlockedPackages",
                twice(self.blocked_packages.iter().map(PackagePattern::as_str)),
            ),
        ];
        for (property, item) in lists {
            if let Some(item) = item {
                self.problem(property, format!("{item} appears twice"));
            }
        }
    }
}

/// The first text that appears twice.
fn twice<'a>(mut texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut seen = BTreeSet::new();
    texts.find(|text| !seen.insert(*text)).map(str::to_owned)
}

/// The formats whose endpoints builds will ask for: those that come in, and those made here. Without a registry of public
/// packages nothing tells, so it is all.
fn formats_of_use(proxies: &[Proxy], patterns: &[PackagePattern]) -> BTreeSet<Format> {
    if proxies.is_empty() {
        return Format::ALL.into();
    }
    let fetched = proxies.iter().map(|proxy| proxy.connection.format());
    fetched.chain(patterns.iter().map(PackagePattern::format)).collect()
}

/// Everything that is wrong with a policy.
fn problems_of_policy(policy: &Policy) -> Vec<String> {
    let mut problems = Vec::new();
    if !policy.has_statement() {
        let message = "has no Statement: it would allow and deny nothing; leave it out to have no policy";
        problems.push(message.to_owned());
        return problems;
    }
    let unknown = policy.unknown_elements();
    problems.extend(unknown.into_iter().map(|(name, known)| {
        let (shown, hint) = (shortened(name), did_you_mean(name, known));
        format!("has the element {shown:?}, which the policy language does not know{hint}")
    }));
    problems.extend(policy.without_effect());
    problems.extend(policy.open_statements());
    problems
}
