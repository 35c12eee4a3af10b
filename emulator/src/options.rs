//! What a caller may choose: at start ([`Options`]) and while it runs ([`Settings`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tls::Identity;

/// What is fixed when the emulator starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The account of callers whose access key id is not itself an account's number.
    pub account: String,
    /// The region that is served. The partition follows from it.
    pub region: String,
    /// With a secret every request's signature is verified against it; without one only
    /// the signature's shape is.
    pub secret: Option<String>,
    /// With an identity the port speaks TLS.
    pub tls: Option<Identity>,
    /// Seeds the faults that fire with a probability, and the revisions' text.
    pub seed: u64,
    /// The time of day at the start, in milliseconds since the epoch. Where it is left out it is the
    /// machine's for an emulator with a port, and always the same one for one in process.
    pub epoch_ms: Option<u64>,
    /// The settings at start, and again after a reset.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            account: "123456789012".into(),
            region: "us-east-1".into(),
            secret: None,
            tls: None,
            seed: 0,
            epoch_ms: None,
            settings: Settings::default(),
        }
    }
}

/// What can be changed while the emulator runs. Where a setting stands for something that nothing documents, the probe of
/// `probes/` that would decide it is named.
///
/// Numbers that count down (`kms_not_found_times`) show what is left when read back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Every call waits this long before it takes effect, in milliseconds.
    pub latency_ms: u64,
    /// Reads allowed per second and account; the service's own quota is 800.
    pub reads_per_second: Option<u32>,
    /// Writes allowed per second and account; the service's own quota is 100.
    pub writes_per_second: Option<u32>,
    /// The next so many `CreateDomain` calls that name a key answer "KMS key not found".
    pub kms_not_found_times: u32,
    /// Keys that the service does not find (400), by their ARN, in which `*` and `?` stand for characters. The longest
    /// pattern that matches decides. A key or a grant that was just made is not found for some seconds
    /// (hashicorp/terraform-provider-aws#30523).
    pub unknown_keys: BTreeMap<String, Unknown>,
    /// How long reads and lists lag behind writes: the probes `new_…_seen`, `new_repository_listed`, `deleted_repository_unseen`.
    pub visibility: Visibility,
    /// Which KMS keys there are.
    pub keys: Keys,
    /// After a domain's last repository went, so many `DeleteDomain` calls still answer that it
    /// is not empty.
    pub domain_not_empty_lag: u32,
    /// A new domain is not active for so many describes. Its status is then none of the model's.
    pub domain_pending_describes: u32,
    /// How statuses are spelled.
    pub status_case: StatusCase,
    /// Lists are cut to pages of at most so many entries.
    pub page_size: Option<usize>,
    /// Quota of domains per account and region.
    pub domains_per_account: usize,
    /// Quota of repositories per domain.
    pub repositories_per_domain: usize,
    /// Answer policies in other words than they were put in, with the same meaning.
    pub normalise_policies: bool,
    /// What happens when a repository is deleted while another names it as upstream: the probe `deleted_upstream`.
    pub delete_of_upstream: DeleteOfUpstream,
    /// How a second external connection on one repository is refused: the probe `second_connection`.
    pub second_connection: SecondConnection,
    /// How the external connection that a repository has already is refused: the probe `same_connection_twice`.
    pub same_connection: SameConnection,
    /// Which characters tags may hold: the probe `tag_characters`.
    pub tag_characters: TagCharacters,
    /// Principals that IAM does not know, by their ARN, in which `*` and `?` stand for characters; an account is
    /// its root's ARN. A policy that names one is refused (400). The longest pattern that matches decides. The probes
    /// `unknown_principal` and `new_principal` ask.
    ///
    /// Elsewhere in AWS a policy cannot name what does not exist, nor for some seconds what was just made; for this
    /// service it is likely, and not documented. A role or user that is unknown for good after a policy named it was
    /// deleted: reading that policy shows its unique id (`AROA…`) in place of its ARN.
    pub unknown_principals: BTreeMap<String, Unknown>,
    /// What happens to patterns that hold names the service would normalise.
    pub unnormalised_patterns: UnnormalisedPatterns,
    /// What is denied to everyone, whatever allows it.
    pub denied: Vec<Denial>,
    /// Which resource a caller's own policy must allow a creation on.
    pub creation_resource: CreationResource,
    /// Which resource `TagResource` must be allowed on where tags are given at a creation: the probe `creation_tags_on`.
    pub creation_tags_on: TagsOn,
    /// Whether another account can be given `PutRepositoryPermissionsPolicy`.
    pub put_repository_policy: PutRepositoryPolicy,
    /// Access key ids that stand for certain principals.
    pub principals: BTreeMap<String, Principal>,
    /// What the public registries hold, as `FORMAT/NAMESPACE/NAME` (the namespace may be
    /// empty); nothing means that they hold a package of any name.
    pub public_packages: Option<BTreeSet<String>>,
    /// A created package group applies to packages only after so many looks at a package.
    pub package_group_lag: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            reads_per_second: None,
            writes_per_second: None,
            kms_not_found_times: 0,
            unknown_keys: BTreeMap::new(),
            visibility: Visibility::default(),
            keys: Keys::default(),
            domain_not_empty_lag: 0,
            domain_pending_describes: 0,
            status_case: StatusCase::default(),
            page_size: None,
            domains_per_account: 10,
            repositories_per_domain: 1000,
            normalise_policies: true,
            delete_of_upstream: DeleteOfUpstream::default(),
            second_connection: SecondConnection::default(),
            same_connection: SameConnection::default(),
            tag_characters: TagCharacters::default(),
            unknown_principals: BTreeMap::new(),
            unnormalised_patterns: UnnormalisedPatterns::default(),
            denied: Vec::new(),
            creation_resource: CreationResource::default(),
            creation_tags_on: TagsOn::default(),
            put_repository_policy: PutRepositoryPolicy::default(),
            principals: BTreeMap::new(),
            public_packages: None,
            package_group_lag: 0,
        }
    }
}

/// How long what was written stays unseen; nothing of it by default.
///
/// Users of the official `CloudFormation` handlers met such lags (their pull requests 46, 48 and 72; the
/// package group's handler still waits ten seconds), nobody documents them: each is at hand here, and
/// none is the rule. Writes act on what is true, whether it is seen or not: creating what is there
/// unseen is a conflict, and a policy's revision is the newest one's. `DeleteDomain` deletes an unseen
/// domain, as it has no error to say that there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Visibility {
    /// A created domain, for every call that names it: 404.
    pub domain: Lag,
    /// A created repository, for every call that names it, as an upstream or on a package group's
    /// list too: 404.
    pub repository: Lag,
    /// A created package group, for every call that names it: 404.
    pub package_group: Lag,
    /// A created domain or repository, for the call that describes it: 404. Every other call that names it finds it.
    pub described: Lag,
    /// Tags set or removed later than a thing's creation: the former ones are listed.
    pub tags: Lag,
    /// Tags given at a creation: none are listed. The stricter side of a doubt, as they may well be
    /// written together with the thing.
    pub creation_tags: Lag,
    /// A policy that was put or deleted: the former one is read, or none. It takes effect at once.
    pub policy: Lag,
    /// A change to a repository's description, upstreams or connection: it is described as before.
    pub repository_changes: Lag,
    /// A deleted domain, for reads of its owner that name it: it is shown as before. Writes do not find it.
    pub deleted_domain: Lag,
    /// A deleted repository, for reads that name it: it is shown as before. Writes do not find it.
    pub deleted_repository: Lag,
    /// A deleted package group, for reads that name it: it is shown as before. Writes do not find it.
    pub deleted_package_group: Lag,
    /// The deletion of a domain's last repository, for `DeleteDomain`: 409, as not empty. Here the reads are
    /// attempts to delete it; [`domain_not_empty_lag`](Settings::domain_not_empty_lag) adds to them.
    pub emptied_domain: Lag,
    /// Creations and deletions, for `ListRepositoriesInDomain` and `ListPackages`. Here the reads are
    /// first pages of that list.
    pub lists: Lag,
}

/// How long a change stays unseen: for so many reads that look for it, and for so many milliseconds;
/// where both are given, until both are over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lag {
    /// So many calls that look for it do not see it.
    pub reads: u32,
    /// Nobody sees it before so many milliseconds.
    pub ms: u64,
}

/// The KMS keys the service can see. Keys are named by their ARN.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// The only keys there are; nothing means that every well-formed key exists.
    pub known: Option<BTreeSet<String>>,
    /// Keys that are disabled.
    pub disabled: BTreeSet<String>,
    /// Keys that are asymmetric, which the service does not take.
    pub asymmetric: BTreeSet<String>,
    /// Keys lost after a domain was made with them: its repositories can't be reached, listed or
    /// deleted any more, the domain itself can be deleted with them inside.
    pub lost: BTreeSet<String>,
    /// How far a lost key locks a domain's repositories.
    pub lost_locks: LostLocks,
    /// The answer to what a lost key locks.
    pub lost_error: LostError,
    /// Alias ARNs and the key ARN each points at.
    pub aliases: BTreeMap<String, String>,
}

/// What a lost key locks besides making repositories, listing them and deleting them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LostLocks {
    /// Every call that names a repository: the stricter side (user guide, "Delete a domain": the repositories
    /// can't be reached).
    #[default]
    Repositories,
    /// Nothing else, as far as the user guide says it in so many words.
    ListsAndDeletions,
}

/// The answer to what a lost key locks, which nothing documents: the probe `delete_domain_with_a_lost_key`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LostError {
    /// 400 with the reason `ENCRYPTION_KEY_ERROR`, the only one of the model's errors that speaks of a key.
    #[default]
    Validation,
    /// 403, as from KMS itself.
    AccessDenied,
}

/// Something that is denied (403) for as long as it stands here. In both members `*` and `?` stand for
/// characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Denial {
    /// The action: an operation's name, or a right without an operation such as
    /// `AssociateWithDownstreamRepository` or `kms:CreateGrant`; nothing means every one.
    pub operation: Option<String>,
    /// The ARN of what it is about; nothing means everything.
    pub resource: Option<String>,
}

impl Denial {
    /// A denial of one action.
    #[must_use]
    pub fn of(operation: &str) -> Self {
        Self {
            operation: Some(operation.into()),
            resource: None,
        }
    }

    /// Only on resources whose ARN matches this.
    #[must_use]
    pub fn on(mut self, resource: &str) -> Self {
        self.resource = Some(resource.into());
        self
    }
}

/// Which resource `CreateDomain`, `CreateRepository` and `CreatePackageGroup` are asked for. The service
/// authorization reference gives them no resource type in one place and ARNs in another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CreationResource {
    /// `*`, as for actions without a resource type, so that a statement that names ARNs allows nothing: the
    /// stricter side.
    #[default]
    Any,
    /// The new thing's ARN, as in the user guide's examples.
    Arn,
}

/// Which resource `TagResource` is asked for at a creation with tags. The user guide has it allowed "to the
/// domain and all repositories", and does not say which one is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagsOn {
    /// The domain and the new thing: the stricter side.
    #[default]
    Both,
    /// The domain.
    Domain,
    /// The new thing.
    Resource,
}

/// Whether `PutRepositoryPermissionsPolicy` can be given to another account. (For
/// `PutDomainPermissionsPolicy` it is certain that it can't.)
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PutRepositoryPolicy {
    /// No policy of the domain or the repository gives it: the stricter side.
    #[default]
    NeverDelegated,
    /// The domain's policy may give it; the repository's own is ignored (user guide, "Interaction between
    /// repository and domain policies").
    ByDomainPolicy,
}

/// Who is behind an access key id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The IAM or STS ARN of a user, a role or an account's root.
    pub arn: String,
    /// The principal's identity policy, or a list of them; nothing means that it allows everything.
    #[serde(default)]
    pub policy: Option<Value>,
    /// What `aws:PrincipalOrgID` holds for it.
    #[serde(default)]
    pub organization: Option<String>,
}

/// How statuses are spelled in answers. Real ones vary (`Available`, `AVAILABLE`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusCase {
    /// As the model's enum has them.
    #[default]
    Modelled,
    /// In capitals, as the user guide's examples show an external connection's.
    Upper,
    /// In small letters.
    Lower,
}

/// The answer to deleting a repository that another one names as upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeleteOfUpstream {
    /// It is deleted and leaves a broken link (hashicorp/terraform-provider-aws#31092).
    #[default]
    Allow,
    /// 409.
    Conflict,
}

/// The answer to a second external connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondConnection {
    /// 400, as seen by users (awsdocs/aws-cloudformation-user-guide#1127).
    #[default]
    Validation,
    /// 402.
    Quota,
    /// 409.
    Conflict,
}

/// The answer to the external connection that the repository has already, which nothing documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameConnection {
    /// 409.
    #[default]
    Conflict,
    /// 400.
    Validation,
}

/// Which characters the keys and values of tags may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagCharacters {
    /// Letters, digits, spaces and `_.:/=+-@`, as AWS recommends for all services: the stricter side.
    #[default]
    Recommended,
    /// All that the service's model allows.
    Modelled,
}

/// How long a principal or a key is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// For so many calls that name it, and for so many milliseconds after the first of them; until both
    /// are over.
    For {
        /// So many calls that name it are refused.
        #[serde(default)]
        times: u32,
        /// Calls that name it are refused so long after the first one.
        #[serde(default)]
        ms: u64,
    },
    /// It does not exist.
    ForGood,
}

/// The answer to a pattern whose names are not in the service's normal form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnnormalisedPatterns {
    /// 400: the user guide says that such groups must use the normalised names.
    #[default]
    Refuse,
    /// The group is made with the normalised pattern.
    Normalise,
}
