//! The contract as a function: from what is there and a request to what is there afterwards.
//!
//! Written from the contract's sentences ("Life of a resource", "Ownership"), and knowing nothing of how the
//! function goes about it: no order, no calls, no plan.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::there::{Domain, Group, Repository, Tags, There, Upstream, list, meaning, text};

pub(crate) const STACK_ID: &str = "codeartifact-stack:stack-id";
pub(crate) const LOGICAL_ID: &str = "codeartifact-stack:logical-id";
pub(crate) const ADOPTED: &str = "codeartifact-stack:adopted";
pub(crate) const POLICY_REPOSITORY: &str = "codeartifact-stack:policy-repository";
pub(crate) const POLICY_OWNER: &str = "codeartifact-stack:policy-owner";
pub(crate) const FORMER: &str = "codeartifact-stack:former-restrictions";
const FORMER_LINKS: &str = "codeartifact-stack:former-links";
const DOWNSTREAMS: &str = "codeartifact-stack:downstreams";

/// The id of a Create that touched nothing.
pub(crate) const NOT_CREATED: &str = "codeartifact-stack:not-created";

/// Behind the ARN in the id of an attempt at a stack that was to be retained.
const UNFINISHED: &str = "#unfinished";

/// What a request has to come to where nothing goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// SUCCESS, and this is there.
    Done(There),
    /// FAILED, and nothing was touched.
    Refused(String),
    /// FAILED on the way to this: something that is named is not there.
    Breaks(There),
}

/// Who a request is from.
#[derive(Debug, Clone, PartialEq)]
struct Owner {
    stack_id: String,
    logical_id: String,
}

/// How a thing stands to an owner.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    Created,
    Adopted,
    Others,
    Nobodys,
}

impl Owner {
    fn of(event: &Value) -> Self {
        Self {
            stack_id: text(&event["StackId"]),
            logical_id: text(&event["LogicalResourceId"]),
        }
    }

    fn marks(&self) -> Tags {
        Tags::from([
            (STACK_ID.to_owned(), self.stack_id.clone()),
            (LOGICAL_ID.to_owned(), self.logical_id.clone()),
        ])
    }

    /// Half of the pair counts as none.
    fn standing(&self, tags: &Tags) -> Standing {
        match (tags.get(STACK_ID), tags.get(LOGICAL_ID)) {
            (Some(stack), Some(logical)) if (stack, logical) != (&self.stack_id, &self.logical_id) => Standing::Others,
            (Some(_), Some(_)) if tags.get(ADOPTED).is_some_and(|flag| flag == "true") => Standing::Adopted,
            (Some(_), Some(_)) => Standing::Created,
            _ => Standing::Nobodys,
        }
    }

    fn has(&self, tags: &Tags) -> bool {
        matches!(self.standing(tags), Standing::Created | Standing::Adopted)
    }

    /// What is spared loses our tags, also where only half of our pair is left.
    fn release(&self, tags: &mut Tags) {
        let left = tags.get(STACK_ID) == Some(&self.stack_id) || tags.get(LOGICAL_ID) == Some(&self.logical_id);
        if self.standing(tags) != Standing::Others && left {
            for key in [
                STACK_ID,
                LOGICAL_ID,
                ADOPTED,
                POLICY_REPOSITORY,
                POLICY_OWNER,
                FORMER,
                FORMER_LINKS,
            ] {
                tags.remove(key);
            }
        }
    }

    /// What tells this owner from another where a policy's owner is told.
    fn mark(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.stack_id, self.logical_id));
        let half = std::array::from_fn(|at| digest[at]);
        format!("{:032x}", u128::from_be_bytes(half))
    }

    fn claim_policy(&self, tags: &mut Tags, primary: &str) {
        tags.insert(POLICY_REPOSITORY.to_owned(), primary.to_owned());
        tags.insert(POLICY_OWNER.to_owned(), self.mark());
    }

    /// Whether the mark beside the name of a repository is another owner's: then the name says nothing.
    fn is_anothers_policy(&self, tags: &Tags) -> bool {
        tags.get(POLICY_OWNER).is_some_and(|mark| *mark != self.mark())
    }
}

impl Described {
    /// Whether the domain's policy is not what was stated beside an adoption, which claims it before it puts its own.
    fn found_another(&self, domain: &Domain) -> bool {
        let differs = |stated: &Value| domain.policy.as_ref().is_some_and(|policy| policy != stated);
        self.adopt && self.domain_policy.as_ref().is_some_and(differs)
    }
}

fn unclaim_policy(tags: &mut Tags) {
    tags.remove(POLICY_REPOSITORY);
    tags.remove(POLICY_OWNER);
}

/// The primary repository a stack is known by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Identity {
    pub(crate) domain: String,
    pub(crate) repository: String,
}

impl Identity {
    pub(crate) fn arn(&self) -> String {
        format!(
            "arn:aws:codeartifact:eu-central-1:123456789012:repository/{}/{}",
            self.domain, self.repository
        )
    }

    fn of_arn(id: &str) -> Option<Self> {
        let arn = id.strip_suffix(UNFINISHED).unwrap_or(id);
        let path = arn.strip_prefix("arn:aws:codeartifact:eu-central-1:123456789012:repository/")?;
        let (domain, repository) = path.split_once('/')?;
        Some(Self {
            domain: domain.to_owned(),
            repository: repository.to_owned(),
        })
    }

    /// Whether one's primary has the name of a proxy of the other.
    fn entangled(&self, other: &Self) -> bool {
        self.domain == other.domain
            && (is_proxy_name(&self.repository, &other.repository)
                || is_proxy_name(&other.repository, &self.repository))
    }
}

fn is_proxy_name(primary: &str, name: &str) -> bool {
    let rest = name
        .strip_prefix(primary)
        .and_then(|rest| rest.strip_prefix("-upstream"));
    rest.is_some_and(|rest| rest.is_empty() || CONNECTIONS.iter().any(|it| rest.strip_prefix('-') == Some(it)))
}

/// The connections that histories name, without `public:`.
const CONNECTIONS: [&str; 3] = ["npmjs", "pypi", "maven-central"];

/// What properties describe.
#[derive(Debug, Clone)]
struct Described {
    identity: Identity,
    key: String,
    description: String,
    /// Each proxy's name with its connection, in order.
    proxies: Vec<(String, String)>,
    upstreams: Vec<String>,
    /// What the tag says of who may have it as an upstream.
    downstreams: String,
    repository_policy: Option<Value>,
    domain_policy: Option<Value>,
    tags: Tags,
    adopt: bool,
    mode: String,
    internal: BTreeSet<String>,
}

impl Described {
    /// Reads properties of the forms that histories make.
    fn read(properties: &Value) -> Self {
        let or = |name: &str, default: &str| properties[name].as_str().unwrap_or(default).to_owned();
        let texts = |value: &Value| list(value).map(text).collect::<Vec<_>>();
        let repository = or("RepositoryName", "");
        let short = |connection: &str| connection.trim_start_matches("public:").to_owned();
        let proxies = match &properties["ExternalConnection"] {
            Value::String(one) => vec![(format!("{repository}-upstream"), one.clone())],
            list => texts(list)
                .into_iter()
                .map(|one| (format!("{repository}-upstream-{}", short(&one)), one))
                .collect(),
        };
        let stated = |name: &str| properties.get(name).map(meaning);
        let access = properties.get("Access").map(written_out);
        Self {
            identity: Identity {
                domain: or("DomainName", ""),
                repository,
            },
            key: or("KmsKeyArn", ""),
            description: or("RepositoryDescription", "Managed by CloudFormation"),
            proxies,
            upstreams: texts(&properties["Upstreams"]),
            downstreams: match texts(&properties["Downstreams"]).join(" ").as_str() {
                "" => "@nobody".to_owned(),
                "*" => "@all".to_owned(),
                names => names.to_owned(),
            },
            repository_policy: stated("RepositoryPolicyDocument").or(access),
            domain_policy: stated("DomainPolicyDocument"),
            tags: serde_json::from_value(properties["Tags"].clone()).unwrap_or_default(),
            adopt: properties["AdoptExisting"] == "true",
            mode: or("DeletionMode", "RetainIfNotEmpty"),
            internal: texts(&properties["InternalPackages"]).into_iter().collect(),
        }
    }

    fn is_broken(&self, properties: &Value) -> bool {
        let own =
            |name: &String| *name == self.identity.repository || self.proxies.iter().any(|(proxy, _)| proxy == name);
        properties.get("Colour").is_some() || !self.key.starts_with("arn:aws:kms:") || self.upstreams.iter().any(own)
    }

    fn wanted_upstreams(&self) -> impl Iterator<Item = &String> {
        self.upstreams.iter().chain(self.proxies.iter().map(|(name, _)| name))
    }
}

/// `Access` as the policy it stands for.
fn written_out(access: &Value) -> Value {
    let statement = |principals: &Value, actions: &[&str]| {
        let actions: Vec<String> = actions.iter().map(|action| format!("codeartifact:{action}")).collect();
        json!({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": actions, "Resource": "*"})
    };
    let read = [
        "DescribePackageVersion",
        "DescribeRepository",
        "GetPackageVersionReadme",
        "GetRepositoryEndpoint",
        "ListPackageVersionAssets",
        "ListPackageVersionDependencies",
        "ListPackageVersions",
        "ListPackages",
        "ReadFromRepository",
    ];
    meaning(&json!({"Statement": [
        statement(&access["Publishers"], &[&read[..], &["PublishPackageVersion", "PutPackageMetadata"]].concat()),
        statement(&access["Readers"], &read),
    ]}))
}

/// What a request comes to.
pub(crate) fn verdict(there: &There, event: &Value) -> Verdict {
    let owner = Owner::of(event);
    let id = event["PhysicalResourceId"].as_str().and_then(Identity::of_arn);
    let described = Described::read(&event["ResourceProperties"]);
    if event["RequestType"] == "Delete" {
        let mut next = there.clone();
        // The Create touched nothing: a late Delete of it must not touch what a later Create made.
        if event["PhysicalResourceId"] == NOT_CREATED {
            return Verdict::Done(next);
        }
        let named_by_id = id.is_some();
        let identity = id.unwrap_or_else(|| described.identity.clone());
        // What was never handed over is not retained, unless it holds packages.
        let is_attempt = !named_by_id || text(&event["PhysicalResourceId"]).ends_with(UNFINISHED);
        let mode = match described.mode.as_str() {
            "Retain" if is_attempt => "RetainIfNotEmpty",
            mode => mode,
        };
        let attempt = Some(&described).filter(|_| is_attempt);
        retire(
            &mut next,
            &owner,
            &identity,
            named_by_id,
            mode,
            &described.internal,
            attempt,
        );
        return Verdict::Done(next);
    }
    if described.is_broken(&event["ResourceProperties"]) {
        return Verdict::Refused("wrong properties".to_owned());
    }
    let previous = event.get("OldResourceProperties").map(Described::read);
    let has_stated_policy = previous.as_ref().is_some_and(|it| it.repository_policy.is_some());
    let update = Update {
        owner: &owner,
        is_in_place: id.as_ref() == Some(&described.identity),
        existing: id,
        // Only where it makes a difference: the question goes back and forth otherwise.
        is_doubtful: has_stated_policy && described.repository_policy.is_none() && !can_go_back(there, event),
        previous,
        described: &described,
    };
    update.verdict(there)
}

/// Whether an Update back to the properties before would come about: else they may be of one that failed before it put
/// anything, and that is rolled back now.
fn can_go_back(there: &There, event: &Value) -> bool {
    let mut back = event.clone();
    back["ResourceProperties"] = event["OldResourceProperties"].clone();
    back["OldResourceProperties"] = event["ResourceProperties"].clone();
    matches!(verdict(there, &back), Verdict::Done(_))
}

/// What properties a request wants, or `None` where it is a Delete.
pub(crate) fn identity_wanted(event: &Value) -> Identity {
    Described::read(&event["ResourceProperties"]).identity
}

/// Whether the repository has another policy than the properties before state.
pub(crate) fn has_policy_of_others(there: &There, event: &Value) -> bool {
    let Described {
        identity,
        repository_policy: stated,
        ..
    } = Described::read(&event["OldResourceProperties"]);
    let repository = there.repository(&identity.domain, &identity.repository);
    repository.is_some_and(|repository| repository.policy.is_some() && repository.policy != stated)
}

/// What a template gets back, as far as it can be told from the properties.
pub(crate) fn outputs(event: &Value) -> Vec<(&'static str, String)> {
    let described = Described::read(&event["ResourceProperties"]);
    let proxies: Vec<String> = described.proxies.into_iter().map(|(name, _)| name).collect();
    vec![
        ("DomainName", described.identity.domain.clone()),
        ("DomainEncryptionKey", described.key),
        ("DomainOwner", "123456789012".to_owned()),
        ("RepositoryArn", described.identity.arn()),
        ("RepositoryName", described.identity.repository),
        ("UpstreamRepositoryName", proxies.join(",")),
    ]
}

/// The id that a failure is answered with that leaves its rollback to be told from another Delete.
pub(crate) fn told_id_of_attempt(event: &Value) -> String {
    identity_wanted(event).arn() + UNFINISHED
}

/// The id that a failure is answered with once anything was touched.
pub(crate) fn id_of_attempt(event: &Value) -> String {
    let described = Described::read(&event["ResourceProperties"]);
    let arn = described.identity.arn();
    // A rollback has to be told from the Delete of what was handed over, if it makes a difference.
    let adopts_more = !described.internal.is_empty() || described.domain_policy.is_some();
    let is_told = described.mode == "Retain" || described.adopt && adopts_more;
    if is_told && !names_in_place(event) {
        told_id_of_attempt(event)
    } else {
        arn
    }
}

/// Whether a request is about the stack that its id names.
pub(crate) fn names_in_place(event: &Value) -> bool {
    let named = event["PhysicalResourceId"].as_str().and_then(Identity::of_arn);
    named == Some(identity_wanted(event))
}

/// Whether something of the stack that a request makes is there by an earlier delivery.
pub(crate) fn has_traces(there: &There, event: &Value) -> bool {
    let owner = Owner::of(event);
    let wanted = identity_wanted(event);
    let Some(domain) = there.0.get(&wanted.domain) else {
        return false;
    };
    let is_own = |name: &String| *name == wanted.repository || is_proxy_name(&wanted.repository, name);
    let mut repositories = domain.repositories.iter();
    owner.has(&domain.tags) || repositories.any(|(name, it)| is_own(name) && owner.has(&it.tags))
}

/// A Create or an Update.
struct Update<'a> {
    owner: &'a Owner,
    described: &'a Described,
    existing: Option<Identity>,
    previous: Option<Described>,
    is_in_place: bool,
    /// Whether the previous properties may never have come about.
    is_doubtful: bool,
}

impl Update<'_> {
    fn verdict(&self, there: &There) -> Verdict {
        let mut next = there.clone();
        match self.converge(&mut next) {
            Ok(true) => {}
            Ok(false) => return Verdict::Breaks(next),
            Err(why) => return Verdict::Refused(why),
        }
        // The rollback of a replacement that CloudFormation was not told of takes along what there is of it.
        if let Some(previous) = &self.previous
            && self.is_in_place
            && previous.identity != self.described.identity
            && !previous.identity.entangled(&self.described.identity)
        {
            let mode = match previous.mode.as_str() {
                "Retain" => "RetainIfNotEmpty",
                mode => mode,
            };
            retire(
                &mut next,
                self.owner,
                &previous.identity,
                false,
                mode,
                &previous.internal,
                Some(previous),
            );
        }
        Verdict::Done(next)
    }

    /// What the previous properties said of this very stack.
    fn before(&self) -> Option<&Described> {
        let same = |previous: &&Described| self.is_in_place && previous.identity == self.described.identity;
        self.previous.as_ref().filter(same)
    }

    /// What the previous properties said of the same domain: a replacement within it finds its groups.
    fn before_in_domain(&self) -> Option<&Described> {
        let same = |previous: &&Described| previous.identity.domain == self.described.identity.domain;
        self.previous.as_ref().filter(same)
    }

    /// Whether everything that is named is there.
    fn converge(&self, next: &mut There) -> Result<bool, String> {
        let described = self.described;
        let name = &described.identity.repository;
        if let Some(existing) = &self.existing
            && !self.is_in_place
            && existing.entangled(&described.identity)
        {
            return Err(format!("{} cannot replace {}", name, existing.repository));
        }
        let is_new = !next.0.contains_key(&described.identity.domain);
        let domain = next
            .0
            .entry(described.identity.domain.clone())
            .or_insert_with(|| Domain {
                key: described.key.clone(),
                tags: self.owner.marks(),
                groups: BTreeMap::from([("/*".to_owned(), root_group())]),
                ..Domain::default()
            });
        if domain.key != described.key {
            return Err("a domain's key cannot change".to_owned());
        }
        if self.owner.standing(&domain.tags) == Standing::Created {
            let before = self.before_in_domain().map(|before| &before.tags);
            retag(&mut domain.tags, &described.tags, before);
        }
        if is_new && described.domain_policy.is_some() {
            self.owner.claim_policy(&mut domain.tags, name);
        }
        self.may_have_all(domain)?;
        self.domain_policy(domain)?;
        let is_relinked = self.proxies(domain);
        let is_whole = self.primary(domain, is_relinked);
        self.drop_proxies(domain);
        self.groups(domain);
        Ok(is_whole)
    }

    /// Whether the primary or a proxy was ours by what CloudFormation says, or is a proxy as we leave one behind.
    fn had(&self, domain: &Domain, name: &str) -> bool {
        if name == self.described.identity.repository {
            return self.is_in_place;
        }
        let proxies = self.before().map(|before| &before.proxies);
        proxies.is_some_and(|proxies| proxies.iter().any(|(proxy, _)| proxy == name)) || self.left(domain, name)
    }

    fn left(&self, domain: &Domain, name: &str) -> bool {
        let primary = &self.described.identity.repository;
        let is_as_made = |(proxy, connection): &(String, String)| {
            let there = domain.repositories.get(name);
            proxy == name
                && there.is_some_and(|there| {
                    there.description == format!("Public proxy ({connection}) for {primary}")
                        && there.connections == [connection.as_str()]
                        && there.upstreams.is_empty()
                })
        };
        let ours = domain.repositories.get(primary);
        self.is_in_place
            && ours.is_some_and(|primary| self.owner.has(&primary.tags))
            && self.described.proxies.iter().any(is_as_made)
    }

    fn may_have_all(&self, domain: &Domain) -> Result<(), String> {
        let primary = &self.described.identity.repository;
        for name in self.described.proxies.iter().map(|(name, _)| name).chain([primary]) {
            let Some(repository) = domain.repositories.get(name) else {
                continue;
            };
            match self.owner.standing(&repository.tags) {
                Standing::Others => return Err(format!("{name} belongs to another")),
                Standing::Nobodys if !self.had(domain, name) && !self.described.adopt => {
                    return Err(format!("{name} belongs to nobody"));
                }
                // What was published to a repository, and who its policy lets in, has no place in a proxy.
                Standing::Nobodys
                    if !self.had(domain, name)
                        && name != primary
                        && (repository.policy.is_some() || repository.packages != json!([])) =>
                {
                    return Err(format!("{name} cannot be a proxy"));
                }
                _ => {}
            }
        }
        let existing = domain.repositories.get(primary);
        let linked = || existing.into_iter().flat_map(|it| &it.upstreams).map(|it| &it.name);
        let differs = existing.is_none() || linked().ne(self.described.wanted_upstreams());
        for name in &self.described.upstreams {
            let is_kept = !differs && linked().any(|it| it == name);
            if !domain.repositories.contains_key(name) && !is_kept {
                return Err(format!("{name} is not there to be an upstream"));
            }
        }
        for pattern in &self.described.internal {
            let Some(group) = domain.groups.get(pattern) else {
                continue;
            };
            match self.owner.standing(&group.tags) {
                Standing::Others => return Err(format!("{pattern} belongs to another")),
                Standing::Nobodys if !self.had_group(pattern) && !self.described.adopt => {
                    return Err(format!("{pattern} belongs to nobody"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn had_group(&self, pattern: &str) -> bool {
        self.before_in_domain()
            .is_some_and(|before| before.internal.contains(pattern))
    }

    /// Adopts a repository that is unowned, and says what it was linked to, unless that is said already of what was ours.
    fn own_repository(&self, repository: &mut Repository, had: bool, made_here: &BTreeSet<String>) {
        let is_said = had && repository.tags.contains_key(FORMER_LINKS);
        let is_adopted = self.owner.standing(&repository.tags) == Standing::Nobodys && !is_said;
        self.own(&mut repository.tags, self.before());
        repository
            .tags
            .insert(DOWNSTREAMS.to_owned(), self.described.downstreams.clone());
        if is_adopted {
            let former = former_links(repository, made_here);
            repository.tags.insert(FORMER_LINKS.to_owned(), former);
        }
    }

    /// The proxies among a primary's upstreams that this stack created, or that are gone.
    fn proxies_made_here(&self, domain: &Domain, primary: &Repository) -> BTreeSet<String> {
        let names = primary.upstreams.iter().map(|it| &it.name);
        let proxies = names.filter(|name| is_proxy_name(&self.described.identity.repository, name));
        let is_anothers = |name: &&String| {
            let there = domain.repositories.get(*name);
            there.is_some_and(|it| self.owner.standing(&it.tags) != Standing::Created)
        };
        proxies.filter(|name| !is_anothers(name)).cloned().collect()
    }

    fn created_repository(&self) -> Tags {
        let mut tags = self.created();
        tags.insert(DOWNSTREAMS.to_owned(), self.described.downstreams.clone());
        tags
    }

    /// Adopts what is unowned, and puts the user's tags on.
    fn own(&self, tags: &mut Tags, before: Option<&Described>) {
        let mut wanted = self.described.tags.clone();
        if self.owner.standing(tags) == Standing::Nobodys {
            wanted.extend(self.owner.marks());
            wanted.insert(ADOPTED.to_owned(), "true".to_owned());
        }
        retag(tags, &wanted, before.map(|before| &before.tags));
    }

    fn created(&self) -> Tags {
        let mut tags = self.described.tags.clone();
        tags.extend(self.owner.marks());
        tags
    }

    /// Makes and repairs the proxies; gives whether the primary's link to one of them has to be made anew.
    fn proxies(&self, domain: &mut Domain) -> bool {
        let mut is_relinked = false;
        for (name, connection) in &self.described.proxies {
            let described = format!("Public proxy ({connection}) for {}", self.described.identity.repository);
            let had = self.had(domain, name);
            let proxy = domain.repositories.get_mut(name);
            // Made again by hand, perhaps.
            let lost = |proxy: &Repository| self.owner.standing(&proxy.tags) == Standing::Nobodys && had;
            is_relinked |= proxy.as_ref().is_none_or(|proxy| lost(proxy));
            match proxy {
                None => {
                    let made = Repository {
                        description: described,
                        connections: vec![connection.clone()],
                        tags: self.created_repository(),
                        packages: json!([]),
                        ..Repository::default()
                    };
                    domain.repositories.insert(name.clone(), made);
                }
                Some(proxy) => {
                    self.own_repository(proxy, had, &BTreeSet::new());
                    proxy.description = described;
                    proxy.upstreams.clear();
                    proxy.connections = vec![connection.clone()];
                }
            }
        }
        is_relinked
    }

    fn primary(&self, domain: &mut Domain, is_relinked: bool) -> bool {
        let described = self.described;
        let name = &described.identity.repository;
        let stated = self.before().and_then(|before| before.repository_policy.clone());
        let wanted: Vec<&String> = described.wanted_upstreams().collect();
        let mut primary = domain.repositories.remove(name).unwrap_or_else(|| Repository {
            tags: self.created_repository(),
            packages: json!([]),
            ..Repository::default()
        });
        let made_here = self.proxies_made_here(domain, &primary);
        self.own_repository(&mut primary, self.is_in_place, &made_here);
        primary.description.clone_from(&described.description);
        primary.connections.clear();
        let differs = primary.upstreams.iter().map(|it| &it.name).ne(wanted.iter().copied());
        let mut is_whole = true;
        // A link to what was recreated is made anew, unless another leads to what is gone.
        let leads_nowhere = |link: &&Upstream| !link.linked;
        let is_stale = primary.upstreams.iter().any(|link| leads_nowhere(&link))
            && wanted.iter().all(|name| domain.repositories.contains_key(*name));
        if differs || is_relinked || is_stale || primary.incarnation.is_none() {
            is_whole = wanted.iter().all(|name| domain.repositories.contains_key(*name));
            let link = |name: &&String| Upstream {
                name: (*name).clone(),
                linked: true,
            };
            primary.upstreams = wanted.iter().map(link).collect();
        }
        match &described.repository_policy {
            Some(policy) => primary.policy = Some(policy.clone()),
            None if stated.is_some() && (!self.is_doubtful || primary.policy == stated) => primary.policy = None,
            None => {}
        }
        domain.repositories.insert(name.clone(), primary);
        is_whole
    }

    /// Our proxies that are no longer wanted go, except under `Retain`; adopted ones are let go.
    fn drop_proxies(&self, domain: &mut Domain) {
        let described = self.described;
        let is_dropped = |name: &String| {
            is_proxy_name(&described.identity.repository, name) && !described.wanted_upstreams().any(|it| it == name)
        };
        let dropped: Vec<String> = domain
            .repositories
            .keys()
            .filter(|name| is_dropped(name))
            .cloned()
            .collect();
        for name in dropped {
            let proxy = domain.repositories.get_mut(&name).unwrap();
            match self.owner.standing(&proxy.tags) {
                Standing::Created if described.mode != "Retain" => delete(domain, &name),
                Standing::Created => self.owner.release(&mut proxy.tags),
                Standing::Adopted => {
                    give_back(domain, &name);
                    self.owner
                        .release(&mut domain.repositories.get_mut(&name).unwrap().tags);
                }
                Standing::Others | Standing::Nobodys => {}
            }
        }
    }

    fn domain_policy(&self, domain: &mut Domain) -> Result<(), String> {
        let name = &self.described.identity.repository;
        let here = |identity: &Identity| identity.domain == self.described.identity.domain;
        let mark = domain.tags.get(POLICY_REPOSITORY).cloned();
        let is_anothers = self.owner.is_anothers_policy(&domain.tags);
        let Some(policy) = &self.described.domain_policy else {
            // Taken out by its owner.
            if self.is_in_place && mark.as_ref() == Some(name) && !is_anothers {
                let before = self.before_in_domain();
                if before.is_none_or(|before| !before.found_another(domain)) {
                    domain.policy = None;
                }
                unclaim_policy(&mut domain.tags);
            }
            return Ok(());
        };
        let former = self
            .existing
            .iter()
            .chain(self.previous.as_ref().map(|it| &it.identity));
        let former: Vec<&String> = former.filter(|it| here(it)).map(|it| &it.repository).collect();
        let is_former = mark.as_ref().is_some_and(|mark| {
            let is_others = |it: &Repository| self.owner.standing(&it.tags) == Standing::Others;
            // The owner's mark tells; without it, what is on the repository of that name.
            let is_told = domain.tags.contains_key(POLICY_OWNER);
            former.contains(&mark) && (is_told || !domain.repositories.get(mark).is_some_and(is_others))
        });
        let is_ours = !is_anothers && (mark.as_ref() == Some(name) || is_former);
        let stands = domain.policy.as_ref().map(|stands| stands == policy);
        let had = self
            .before_in_domain()
            .is_some_and(|before| before.domain_policy.is_some());
        match (is_ours, &mark, stands) {
            // Content, and claims nothing.
            (false, _, Some(true)) => return Ok(()),
            (false, Some(other), _) => return Err(format!("the policy belongs to {other}")),
            (false, None, Some(false)) if !had && !self.described.adopt => {
                return Err("the policy belongs to nobody".to_owned());
            }
            // Ours: repaired, and the mark moves along with a replacement; or nobody's, and to be had.
            (true, ..) | (false, None, _) => {}
        }
        domain.policy = Some(policy.clone());
        self.owner.claim_policy(&mut domain.tags, name);
        Ok(())
    }

    fn groups(&self, domain: &mut Domain) {
        let primary = &self.described.identity.repository;
        for pattern in &self.described.internal {
            let guarded = guard(primary);
            match domain.groups.get_mut(pattern) {
                None => {
                    let group = Group {
                        tags: self.created(),
                        restrictions: guarded,
                    };
                    domain.groups.insert(pattern.clone(), group);
                }
                Some(group) => {
                    let is_adopted = self.owner.standing(&group.tags) == Standing::Nobodys && !self.had_group(pattern);
                    self.own(&mut group.tags, self.before_in_domain());
                    if is_adopted {
                        group.tags.insert(FORMER.to_owned(), remembered(&group.restrictions));
                    }
                    group.restrictions = guarded;
                }
            }
        }
        let before = self.before().map(|before| before.internal.clone()).unwrap_or_default();
        for pattern in before.difference(&self.described.internal) {
            let_go(domain, self.owner, pattern);
        }
    }
}

/// A Delete, or the part of a rollback that is one.
fn retire(
    there: &mut There,
    owner: &Owner,
    identity: &Identity,
    by_id: bool,
    mode: &str,
    internal: &BTreeSet<String>,
    attempt: Option<&Described>,
) {
    let name = &identity.repository;
    let Some(domain) = there.0.get_mut(&identity.domain) else {
        return;
    };
    let standing = domain
        .repositories
        .get(name)
        .map(|primary| owner.standing(&primary.tags));
    let holds_packages = domain
        .repositories
        .get(name)
        .is_some_and(|primary| primary.packages != json!([]));
    // What another delivery of the same Delete has let go of keeps its proxies as well.
    let is_retained = matches!(standing, Some(Standing::Created | Standing::Nobodys))
        && (mode == "Retain" || mode == "RetainIfNotEmpty" && holds_packages);
    let is_deleted = standing.is_none() || standing == Some(Standing::Created) && !is_retained;
    if standing == Some(Standing::Adopted) {
        give_back(domain, name);
    }
    retire_proxies(domain, owner, name, is_retained, standing == Some(Standing::Others));
    if standing == Some(Standing::Created) && is_deleted {
        delete(domain, name);
    } else if let Some(primary) = domain.repositories.get_mut(name) {
        owner.release(&mut primary.tags);
    }
    // What was never handed over is not guarded either.
    let is_given_back = matches!(standing, Some(Standing::Adopted | Standing::Nobodys)) && !is_retained;
    let groups_go = is_deleted || attempt.is_some() && is_given_back;
    for pattern in internal {
        retire_group(domain, owner, pattern, name, groups_go);
    }
    let is_marked = domain.tags.get(POLICY_REPOSITORY) == Some(name);
    let is_ours = match standing {
        _ if owner.is_anothers_policy(&domain.tags) => false,
        _ if domain.tags.contains_key(POLICY_OWNER) => true,
        Some(Standing::Created | Standing::Adopted) => true,
        // Named by an id that we answered with: it was ours once.
        Some(Standing::Nobodys) => by_id,
        None => by_id || owner.standing(&domain.tags) == Standing::Created,
        Some(Standing::Others) => false,
    };
    if is_marked && is_ours {
        if attempt.is_none_or(|attempt| !attempt.found_another(domain)) {
            domain.policy = None;
        }
        unclaim_policy(&mut domain.tags);
    }
    let is_someones = domain.tags.contains_key(STACK_ID) && domain.tags.contains_key(LOGICAL_ID);
    if domain.repositories.is_empty() && is_someones {
        there.0.remove(&identity.domain);
    }
}

fn retire_proxies(domain: &mut Domain, owner: &Owner, primary: &str, is_retained: bool, is_others: bool) {
    let proxies: Vec<String> = domain
        .repositories
        .keys()
        .filter(|name| is_proxy_name(primary, name))
        .cloned()
        .collect();
    for name in proxies {
        let is_linked = domain
            .repositories
            .get(primary)
            .is_some_and(|primary| primary.upstreams.iter().any(|it| it.name == name));
        let standing = owner.standing(&domain.repositories[&name].tags);
        if standing == Standing::Adopted && !is_retained {
            give_back(domain, &name);
        }
        // One that an unowned primary does not name was never linked to it.
        let is_unlinked = !is_linked
            && domain
                .repositories
                .get(primary)
                .is_some_and(|it| owner.standing(&it.tags) == Standing::Nobodys);
        let is_kept = is_retained && !is_unlinked || is_others && is_linked;
        let proxy = domain.repositories.get_mut(&name).unwrap();
        if owner.standing(&proxy.tags) != Standing::Created || is_kept {
            owner.release(&mut proxy.tags);
            continue;
        }
        let there: BTreeSet<String> = domain.repositories.keys().cloned().collect();
        if let Some(primary) = domain.repositories.get_mut(primary).filter(|_| is_linked) {
            // Sending the rest makes each of its links anew, and what is gone cannot be sent.
            primary
                .upstreams
                .retain(|it| it.name != name && there.contains(&it.name));
            primary.upstreams.iter_mut().for_each(|it| it.linked = true);
        }
        delete(domain, &name);
    }
}

/// A group goes with the primary it allows; where that stays, it stays, but for one that was adopted, which is put back.
fn retire_group(domain: &mut Domain, owner: &Owner, pattern: &str, primary: &str, goes: bool) {
    let Some(group) = domain.groups.get(pattern) else {
        return;
    };
    let is_ours_too = |name: &String| {
        let other = domain.repositories.get(name);
        name != primary && other.is_some_and(|other| owner.has(&other.tags))
    };
    // A replacement moved it.
    if list(&group.restrictions["PUBLISH"]["allowedRepositories"])
        .map(text)
        .any(|name| is_ours_too(&name))
    {
        return;
    }
    if goes || owner.standing(&group.tags) == Standing::Adopted {
        let_go(domain, owner, pattern);
    } else {
        owner.release(&mut domain.groups.get_mut(pattern).unwrap().tags);
    }
}

/// Deletes a group that the owner made, puts back one that it adopted.
fn let_go(domain: &mut Domain, owner: &Owner, pattern: &str) {
    let Some(group) = domain.groups.get_mut(pattern) else {
        return;
    };
    match owner.standing(&group.tags) {
        Standing::Created => drop(domain.groups.remove(pattern)),
        Standing::Adopted => {
            if let Some(former) = group.tags.get(FORMER) {
                let is_there = |name: &str| domain.repositories.contains_key(name);
                group.restrictions = recalled(former, &group.restrictions, is_there);
            }
            owner.release(&mut group.tags);
        }
        Standing::Others | Standing::Nobodys => {}
    }
}

/// The reserved tag that keeps what an adopted repository was linked to before.
fn former_links(repository: &Repository, made_here: &BTreeSet<String>) -> String {
    if let Some(connection) = repository.connections.first() {
        return format!("EXTERNAL={connection}");
    }
    let names = repository.upstreams.iter().map(|it| it.name.as_str());
    let names: Vec<&str> = names.filter(|name| !made_here.contains(*name)).collect();
    format!("UPSTREAMS={}", names.join("/"))
}

/// Links an adopted repository to what it was linked to before, as far as that is there still.
fn give_back(domain: &mut Domain, name: &str) {
    let there: BTreeSet<String> = domain.repositories.keys().cloned().collect();
    let repository = domain.repositories.get_mut(name).unwrap();
    let Some(former) = repository.tags.get(FORMER_LINKS) else {
        return;
    };
    if let Some(connection) = former.strip_prefix("EXTERNAL=") {
        repository.connections = vec![connection.to_owned()];
        repository.upstreams.clear();
        return;
    }
    let names = former.trim_start_matches("UPSTREAMS=").split('/');
    let names: Vec<String> = names.filter(|name| there.contains(*name)).map(str::to_owned).collect();
    repository.connections.clear();
    if repository.upstreams.iter().map(|it| &it.name).ne(&names) {
        let link = |name: String| Upstream { name, linked: true };
        repository.upstreams = names.into_iter().map(link).collect();
    }
}

fn delete(domain: &mut Domain, name: &str) {
    domain.repositories.remove(name);
    for other in domain.repositories.values_mut() {
        for upstream in other.upstreams.iter_mut().filter(|it| it.name == name) {
            upstream.linked = false;
        }
    }
}

/// Three-way: a key goes only if the previous properties had it.
fn retag(tags: &mut Tags, wanted: &Tags, before: Option<&Tags>) {
    for key in before
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
        .filter(|key| !wanted.contains_key(*key))
    {
        tags.remove(key);
    }
    tags.extend(wanted.clone());
}

fn restriction(mode: &str, allowed: &[&str]) -> Value {
    json!({"mode": mode, "allowedRepositories": allowed})
}

fn root_group() -> Group {
    let all = ["PUBLISH", "EXTERNAL_UPSTREAM", "INTERNAL_UPSTREAM"];
    Group {
        restrictions: all
            .map(|kind| (kind.to_owned(), restriction("ALLOW", &[])))
            .into_iter()
            .collect(),
        ..Group::default()
    }
}

/// Published in the primary alone, nothing from public registries.
fn guard(primary: &str) -> Value {
    json!({
        "PUBLISH": restriction("ALLOW_SPECIFIC_REPOSITORIES", &[primary]),
        "EXTERNAL_UPSTREAM": restriction("BLOCK", &[]),
        "INTERNAL_UPSTREAM": restriction("ALLOW", &[]),
    })
}

/// The reserved tag that keeps what an adopted group allowed before.
fn remembered(restrictions: &Value) -> String {
    let kinds = ["EXTERNAL_UPSTREAM", "INTERNAL_UPSTREAM", "PUBLISH"];
    let one = |kind: &str| {
        let named = list(&restrictions[kind]["allowedRepositories"]).map(text);
        let words: Vec<String> = [text(&restrictions[kind]["mode"])].into_iter().chain(named).collect();
        format!("{kind}={}", words.join("/"))
    };
    kinds.map(one).join(" ")
}

/// What was remembered, without the repositories that are gone since, but for those that are named `now`: they need not be
/// put back.
fn recalled(former: &str, now: &Value, is_there: impl Fn(&str) -> bool) -> Value {
    let one = |part: &str| {
        let (kind, rest) = part.split_once('=').unwrap();
        let still: BTreeSet<String> = list(&now[kind]["allowedRepositories"]).map(text).collect();
        let mut words = rest.split('/');
        let mode = words.next().unwrap();
        let named: Vec<&str> = words.filter(|name| is_there(name) || still.contains(*name)).collect();
        (kind.to_owned(), restriction(mode, &named))
    };
    former.split(' ').map(one).collect::<serde_json::Map<_, _>>().into()
}
