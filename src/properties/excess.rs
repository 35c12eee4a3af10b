//! What properties ask for beyond the platform's limits.
//!
//! A limit may be set, or drawn tighter, when stacks are there already. Only what an Update asks for anew is held to it:
//! else a stack could not be changed, nor a failed change be rolled back, for something that has nothing to do with it.

use std::collections::BTreeSet;

use crate::stack::{Identity, Place, Policy, Proxy, RepositoryName};

use super::draft::Draft;
use super::limits::Limits;
use super::{Excess, Item};

/// What a stack had before an Update.
pub(super) struct Before<'a> {
    /// The properties that it had.
    pub(super) draft: Draft,
    /// What its id names.
    pub(super) existing: Option<&'a Identity>,
}

/// Holds the properties to the limits.
pub(super) fn check(
    draft: &Draft,
    proxies: &[Proxy],
    before: Option<&Before>,
    place: &Place,
    limits: &Limits,
) -> Excess {
    let asked = Asked {
        draft,
        before,
        place,
        limits,
    };
    let broken = [
        asked.names(proxies),
        asked.platform_only(),
        asked.connections(),
        asked.organizations(),
        asked.documents(),
        asked.tags(),
    ];
    let mut excess = Excess::default();
    for fault in limits.faults() {
        let message = format!("{fault}: whoever deploys the function must mend it");
        excess.problems.add("the function's limits", message);
        excess.items.push(Item::Anything);
    }
    for Broken { told, items } in broken {
        for (property, message) in told {
            excess.problems.add(property, message);
        }
        excess.items.extend(items);
    }
    excess
}

/// What is beyond a limit.
#[derive(Default)]
struct Broken {
    /// Properties, each with what is wrong with it.
    told: Vec<(&'static str, String)>,
    items: Vec<Item>,
}

impl Broken {
    fn add(&mut self, property: &'static str, message: String, items: impl IntoIterator<Item = Item>) {
        self.told.push((property, message));
        self.items.extend(items);
    }
}

impl FromIterator<(&'static str, String, Item)> for Broken {
    fn from_iter<I: IntoIterator<Item = (&'static str, String, Item)>>(found: I) -> Self {
        let mut broken = Self::default();
        for (property, message, item) in found {
            broken.add(property, message, [item]);
        }
        broken
    }
}

struct Asked<'a> {
    draft: &'a Draft,
    before: Option<&'a Before<'a>>,
    place: &'a Place,
    limits: &'a Limits,
}

impl Asked<'_> {
    fn names(&self, proxies: &[Proxy]) -> Broken {
        let had = self.repositories_before();
        let broken = |name: &RepositoryName| {
            let pattern = self.limits.broken_name_pattern(name).filter(|_| !had.contains(name))?;
            Some(format!(
                "{name}, which RepositoryNamePattern ({pattern}) does not allow"
            ))
        };
        let of_proxies = proxies.iter().filter_map(|proxy| {
            let message = format!("needs the proxy {}", broken(&proxy.name)?);
            Some(("ExternalConnection", message, Item::Repository(proxy.name.clone())))
        });
        let of_proxies: Broken = of_proxies.collect();
        let name = self.draft.repository_name.as_ref();
        let Some((name, message)) = name.and_then(|name| Some((name, broken(name)?))) else {
            return of_proxies;
        };
        // The proxies are named after it: that name is all there is to mend.
        let mut of_primary = Broken {
            told: Vec::new(),
            items: of_proxies.items,
        };
        let item = Item::Repository(name.clone());
        of_primary.add("RepositoryName", format!("must not be {message}"), [item]);
        of_primary
    }

    /// The repositories that the stack had in the same domain.
    fn repositories_before(&self) -> BTreeSet<RepositoryName> {
        let Some(before) = self.before else {
            return BTreeSet::new();
        };
        let stated = before.draft.identity(self.place);
        let known = stated.iter().chain(before.existing);
        let own = known.filter(|identity| self.is_in_domain(identity));
        own.flat_map(|Identity { repository, .. }| {
            let proxies = before.draft.connections.proxies(repository);
            proxies.into_iter().map(|proxy| proxy.name).chain([repository.clone()])
        })
        .collect()
    }

    fn is_in_domain(&self, identity: &Identity) -> bool {
        let asked = self.draft.identity(self.place);
        asked.is_some_and(|asked| asked.domain == identity.domain)
    }

    /// The properties before.
    fn before(&self) -> Option<&Draft> {
        self.before.map(|before| &before.draft)
    }

    /// The properties before, if they were of the same domain.
    fn before_in_domain(&self) -> Option<&Draft> {
        let is_same = |before: &&Draft| before.identity(self.place).is_some_and(|it| self.is_in_domain(&it));
        self.before().filter(is_same)
    }

    /// What reaches beyond the repository of its stack.
    fn platform_only(&self) -> Broken {
        let Some(name) = &self.draft.repository_name else {
            return Broken::default();
        };
        if self.limits.is_platform(name) {
            return Broken::default();
        }
        let policy_before = self.before_in_domain().and_then(Draft::stated_domain_policy);
        let is_new = |policy: &Option<Policy>| policy.is_some() && policy.as_ref() != policy_before;
        let blocked_before = self
            .before_in_domain()
            .map_or(&[][..], |before| &before.blocked_packages);
        let blocked = self.draft.blocked_packages.iter();
        let blocked_anew = blocked.filter(|pattern| !blocked_before.contains(pattern));
        let blocked_anew: Vec<Item> = blocked_anew.cloned().map(Item::BlockedPackages).collect();
        let adopted_before = self.before().is_some_and(|before| before.adopt_existing);
        let adopts_anew = self.draft.adopt_existing && !adopted_before;
        let one = |is_new: bool, item: Item| is_new.then_some(item).into_iter().collect::<Vec<_>>();
        let reaching = [
            (
                "DomainPolicyDocument",
                one(is_new(&self.draft.domain_policy), Item::DomainPolicy),
            ),
            (
                "DomainAccess",
                one(is_new(&self.draft.domain_access.policy), Item::DomainPolicy),
            ),
            ("BlockedPackages", blocked_anew),
            ("AdoptExisting", one(adopts_anew, Item::Adoption)),
        ];
        let mut broken = Broken::default();
        for (property, items) in reaching.into_iter().filter(|(_, items)| !items.is_empty()) {
            let message = format!(
                "reaches beyond the stack's own repository, and {name} is not among the PlatformRepositories, which alone \
                 may use it"
            );
            broken.add(property, message, items);
        }
        broken
    }

    fn connections(&self) -> Broken {
        let allowed = self.limits.connections();
        let names: Vec<&str> = allowed.iter().map(|connection| connection.as_str()).collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        let before = self.before().map_or(&[][..], |before| before.connections.all());
        let connections = self.draft.connections.all().iter();
        let new = connections.filter(|it| !allowed.contains(it) && !before.contains(it));
        new.map(|connection| {
            let name = connection.as_str();
            let message = format!("must not be {name}: AllowedConnections allows {names}");
            ("ExternalConnection", message, Item::Connection(*connection))
        })
        .collect()
    }

    /// The organizations that the properties name themselves.
    fn organizations(&self) -> Broken {
        let Some(organization) = self.limits.organization() else {
            return Broken::default();
        };
        let others = self.draft.organizations().filter(|other| other.id != organization);
        let new = others.filter(|other| {
            let before = self.before().into_iter().flat_map(Draft::organizations);
            !before.into_iter().any(|before| before == *other)
        });
        new.map(|other| {
            let message = format!(
                "must be {organization}, the OrganizationId of the function, got {}",
                other.id
            );
            let item = if other.path.starts_with("Domain") {
                Item::DomainPolicy
            } else {
                Item::RepositoryPolicy
            };
            (other.path, message, item)
        })
        .collect()
    }

    /// The policies that are stated as documents.
    fn documents(&self) -> Broken {
        let Some(organization) = self.limits.organization() else {
            return Broken::default();
        };
        let account = self.place.account();
        let (domain, repository) = (&self.draft.domain_policy, &self.draft.repository_policy);
        let before = self.before();
        let documents = [
            (
                "DomainPolicyDocument",
                Item::DomainPolicy,
                domain,
                before.and_then(Draft::stated_domain_policy),
            ),
            (
                "RepositoryPolicyDocument",
                Item::RepositoryPolicy,
                repository,
                before.and_then(Draft::stated_repository_policy),
            ),
        ];
        let outsiders = documents.into_iter().flat_map(|(property, item, policy, before)| {
            let policies = policy.iter();
            let new = policies.flat_map(move |it| it.new_outsiders(before, organization.as_str(), account));
            new.map(move |statement| (property, statement, item.clone()))
        });
        outsiders
            .map(|(property, statement, item)| {
                let message = format!(
                    "{statement} may let in others than the organization: the OrganizationId of the function asks each Allow \
                     for the condition StringEquals aws:PrincipalOrgID {organization}, or to name only principals of the \
                     account {account}"
                );
                (property, message, item)
            })
            .collect()
    }

    fn tags(&self) -> Broken {
        let had = |key: &String| self.before().is_none_or(|before| before.tags.contains_key(key));
        let required = self.limits.required_tags().iter();
        let missing = required.filter(|key| !self.draft.tags.contains_key(*key) && had(key));
        let missing: Vec<&str> = missing.map(String::as_str).collect();
        if missing.is_empty() {
            return Broken::default();
        }
        let message = format!("must have {}, which RequiredTags asks for", missing.join(", "));
        [("Tags", message, Item::MissingTags)].into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::{RawValue, to_raw_value};
    use serde_json::{Value, json};

    use super::super::Asked;
    use super::*;

    const OURS: &str = "o-a1b2c3d4e5";

    fn properties(changes: &Value) -> Box<RawValue> {
        let mut properties = json!({
            "DomainName": "kloudvin-pkgs", "RepositoryName": "team-npm",
            "KmsKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd",
        });
        let all = properties.as_object_mut().expect("a map");
        all.extend(changes.as_object().expect("a map").clone());
        to_raw_value(&properties).expect("JSON")
    }

    fn place() -> Place {
        Place::new("eu-central-1".to_owned(), "111122223333".parse().expect("an account"))
    }

    fn limits(variable: &str, value: &str) -> Limits {
        Limits::from_variables(|name| (name == variable).then(|| value.to_owned()))
    }

    /// What an Update from one set of properties to another has in excess.
    fn of_update(limits: &Limits, before: &Value, asked: &Value) -> String {
        let (before, asked) = (properties(before), properties(asked));
        let (asked, _) =
            Asked::of_update(Some(&asked), Some(&before), None, &place(), limits).expect("right properties");
        asked.excess.map_or(String::new(), |excess| excess.problems.to_string())
    }

    fn allow(principal: &Value, condition: &Value) -> Value {
        json!({"Statement": {
            "Sid": "Read", "Effect": "Allow", "Principal": principal, "Action": "codeartifact:ReadFromRepository",
            "Resource": "*", "Condition": condition,
        }})
    }

    /// One property beyond each limit.
    fn beyond() -> Vec<(&'static str, &'static str, Value, [&'static str; 2])> {
        let partner = allow(&json!({"AWS": "444455556666"}), &json!({}));
        vec![
            (
                "REPOSITORY_NAME_PATTERN",
                "*-npm",
                json!({"RepositoryName": "team"}),
                ["RepositoryName: ", "RepositoryNamePattern (*-npm)"],
            ),
            (
                "REPOSITORY_NAME_PATTERN",
                "*-npm",
                json!({"ExternalConnection": "public:npmjs"}),
                ["ExternalConnection: ", "team-npm-upstream"],
            ),
            (
                "PLATFORM_REPOSITORIES",
                "",
                json!({"DomainPolicyDocument": partner}),
                ["DomainPolicyDocument: ", "PlatformRepositories"],
            ),
            (
                "PLATFORM_REPOSITORIES",
                "platform",
                json!({"DomainAccess": {"Principals": ["444455556666"]}}),
                ["DomainAccess: ", "PlatformRepositories"],
            ),
            (
                "PLATFORM_REPOSITORIES",
                "",
                json!({"BlockedPackages": ["/npm//event-stream$"]}),
                ["BlockedPackages: ", "PlatformRepositories"],
            ),
            (
                "PLATFORM_REPOSITORIES",
                "platform,shared-*",
                json!({"AdoptExisting": true}),
                ["AdoptExisting: ", "PlatformRepositories"],
            ),
            (
                "ALLOWED_CONNECTIONS",
                "public:pypi,public:npmjs",
                json!({"ExternalConnection": ["public:npmjs", "public:crates-io"]}),
                [
                    "public:crates-io",
                    "AllowedConnections allows public:npmjs, public:pypi",
                ],
            ),
            (
                "ORGANIZATION_ID",
                OURS,
                json!({"Access": {"Readers": ["*"], "OrganizationId": "o-zzzzzzzzzz"}}),
                ["Access.OrganizationId: ", "o-zzzzzzzzzz"],
            ),
            (
                "ORGANIZATION_ID",
                OURS,
                json!({"DomainAccess": {"Principals": ["*"], "OrganizationId": "o-zzzzzzzzzz"}}),
                ["DomainAccess.OrganizationId: ", OURS],
            ),
            (
                "ORGANIZATION_ID",
                OURS,
                json!({"RepositoryPolicyDocument": partner}),
                ["RepositoryPolicyDocument: the statement Read", OURS],
            ),
            (
                "ORGANIZATION_ID",
                OURS,
                json!({"DomainPolicyDocument": partner}),
                ["DomainPolicyDocument: the statement Read", "OrganizationId"],
            ),
            (
                "REQUIRED_TAGS",
                "team,cost-centre",
                json!({"Tags": {"team": "payments"}}),
                ["Tags: must have cost-centre", "RequiredTags"],
            ),
        ]
    }

    #[test]
    fn a_create_beyond_a_limit_is_refused_with_the_parameters_name() {
        for (variable, value, changes, words) in beyond() {
            let asked = Asked::anew(Some(&properties(&changes)), &place(), &limits(variable, value));
            let problems = asked.expect_err(variable).to_string();
            assert!(problems.starts_with("1 problem "), "{problems}");
            for word in words {
                assert!(problems.contains(word), "{word} is not in {problems}");
            }
            assert!(Asked::anew(Some(&properties(&changes)), &place(), &Limits::default()).is_ok());
        }
    }

    #[test]
    fn what_was_there_before_is_not_refused_and_what_is_new_is() {
        for (variable, value, changes, _) in beyond() {
            let limits = limits(variable, value);
            assert_eq!(of_update(&limits, &changes, &changes), "", "{variable}");
            let conforming = json!({"Tags": {"team": "a", "cost-centre": "b"}});
            assert_ne!(of_update(&limits, &conforming, &changes), "", "{variable} {changes}");
        }
    }

    #[test]
    fn a_limit_that_cannot_be_understood_allows_nothing_new_and_is_told() {
        let limits = limits("ALLOWED_CONNECTIONS", "public:npm");
        let problems = Asked::anew(Some(&properties(&json!({}))), &place(), &limits).expect_err("a fault");
        let told = problems.to_string();
        assert!(
            told.contains("the function's limits: ALLOWED_CONNECTIONS must have names"),
            "{told}"
        );
        assert!(
            told.ends_with("got \"public:npm\": whoever deploys the function must mend it"),
            "{told}"
        );
        assert_ne!(
            of_update(&limits, &json!({}), &json!({"RepositoryDescription": "new"})),
            ""
        );
    }

    #[test]
    fn every_broken_rule_and_every_limit_are_told_together() {
        let wrong = properties(&json!({"EndpointType": "ipv6"}));
        let problems = Asked::anew(Some(&wrong), &place(), &limits("REQUIRED_TAGS", "team")).expect_err("wrong");
        let text = problems.to_string();
        assert!(
            text.starts_with("2 problems ") && text.contains("RequiredTags"),
            "{text}"
        );
    }

    #[test]
    fn an_allow_is_bound_to_the_organization_or_to_the_functions_account() {
        let limits = limits("ORGANIZATION_ID", OURS);
        let bound = json!({"StringEquals": {"aws:PrincipalOrgID": OURS}});
        let taken = |principal: &Value, condition: &Value| {
            let document = allow(principal, condition);
            let read = properties(&json!({"RepositoryPolicyDocument": document}));
            Asked::anew(Some(&read), &place(), &limits).is_ok()
        };
        let partner = json!({"AWS": "444455556666"});
        for (principal, condition) in [
            (json!("*"), bound.clone()),
            (partner.clone(), bound),
            (partner.clone(), json!({"StringEquals": {"AWS:principalorgid": [OURS]}})),
            (json!({"AWS": "111122223333"}), json!({})),
            (
                json!({"AWS": ["arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:role/ci"]}),
                json!({}),
            ),
        ] {
            assert!(taken(&principal, &condition), "{principal} {condition}");
        }
        for (principal, condition) in [
            (partner.clone(), json!({})),
            (
                partner.clone(),
                json!({"StringEquals": {"aws:PrincipalOrgID": [OURS, "o-zzzzzzzzzz"]}}),
            ),
            (
                partner.clone(),
                json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": OURS}}),
            ),
            (
                partner.clone(),
                json!({"StringNotEquals": {"aws:PrincipalOrgID": OURS}}),
            ),
            (partner, json!({"StringEquals": {"aws:PrincipalAccount": OURS}})),
            (json!({"AWS": ["111122223333", "444455556666"]}), json!({})),
            (
                json!({"AWS": "111122223333", "Service": "codebuild.amazonaws.com"}),
                json!({}),
            ),
            (json!({"AWS": []}), json!({})),
        ] {
            assert!(!taken(&principal, &condition), "{principal} {condition}");
        }
        let deny = json!({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}});
        let read = properties(&json!({"RepositoryPolicyDocument": deny}));
        assert!(
            Asked::anew(Some(&read), &place(), &limits).is_ok(),
            "a Deny lets in nobody"
        );
    }

    #[test]
    fn of_a_document_only_the_new_statements_are_held_to_the_organization() {
        let limits = limits("ORGANIZATION_ID", OURS);
        let statement = |sid: &str, account: &str| json!({"Sid": sid, "Effect": "Allow", "Principal": {"AWS": account}, "Action": "*", "Resource": "*"});
        let document = |statements: &[Value]| json!({"RepositoryPolicyDocument": {"Statement": statements}});
        let (old, new) = (statement("Old", "444455556666"), statement("New", "777788889999"));
        let excess = of_update(&limits, &document(std::slice::from_ref(&old)), &document(&[old, new]));
        assert!(excess.contains("New") && !excess.contains("Old"), "{excess}");
    }

    #[test]
    fn an_organization_that_was_named_before_lets_in_nobody_new() {
        let limits = limits("ORGANIZATION_ID", OURS);
        let access = |reader: &str| json!({"Access": {"Readers": [reader], "OrganizationId": "o-zzzzzzzzzz"}});
        assert_eq!(of_update(&limits, &access("444455556666"), &access("444455556666")), "");
        let excess = of_update(&limits, &access("444455556666"), &access("777788889999"));
        assert!(excess.contains("Access.OrganizationId"), "{excess}");
    }

    #[test]
    fn the_organization_is_put_on_every_allow_that_access_writes() {
        let access = json!({"Access": {"Publishers": ["111122223333"], "Readers": ["444455556666"]}});
        let asked = Asked::anew(Some(&properties(&access)), &place(), &limits("ORGANIZATION_ID", OURS)).expect("right");
        let document = asked.desired.repository_policy.expect("a policy").document().to_owned();
        let condition = json!({"StringEquals": {"aws:PrincipalOrgID": OURS}}).to_string();
        assert_eq!(document.matches(&condition).count(), 2, "{document}");
    }

    #[test]
    fn adoption_that_was_asked_for_before_a_limit_adopts_nothing_more() {
        let adopts = properties(&json!({"AdoptExisting": true}));
        let update = |limits: &Limits| {
            let (asked, _) =
                Asked::of_update(Some(&adopts), Some(&adopts), None, &place(), limits).expect("right properties");
            asked
        };
        let bound = update(&limits("PLATFORM_REPOSITORIES", ""));
        assert!(bound.excess.is_none() && !bound.desired.adoption.is_asked() && bound.note.is_some());
        let free = update(&Limits::default());
        assert!(free.desired.adoption.is_asked() && free.note.is_none());
    }

    #[test]
    fn a_name_that_the_id_shows_to_be_the_stacks_is_not_new_and_in_another_domain_it_is() {
        let limits = limits("REPOSITORY_NAME_PATTERN", "other-*");
        let existing = |domain: &str| {
            let arn = format!("arn:aws:codeartifact:eu-central-1:111122223333:repository/{domain}/team-npm");
            place().identity_in_arn(&arn).expect("an identity")
        };
        let is_new = |domain: &str| {
            let read = properties(&json!({}));
            let asked = Asked::of_update(Some(&read), None, Some(&existing(domain)), &place(), &limits);
            asked.expect("right properties").0.excess.is_some()
        };
        assert!(!is_new("kloudvin-pkgs"));
        assert!(is_new("another"));
    }

    #[test]
    fn the_platform_says_what_becomes_of_the_repositories_where_the_template_does_not() {
        use super::super::Previous;
        use crate::stack::DeletionMode;

        let limits = limits("DEFAULT_DELETION_MODE", "Delete");
        for (changes, mode) in [
            (json!({}), DeletionMode::Delete),
            (json!({"DeletionMode": "Retain"}), DeletionMode::Retain),
        ] {
            let read = properties(&changes);
            let asked = Asked::anew(Some(&read), &place(), &limits).expect("right properties");
            assert_eq!(asked.desired.deletion_mode, mode);
            assert_eq!(Previous::read(Some(&read), &place(), &limits).deletion_mode, mode);
        }
    }
}
