//! Why a plan is refused, and what it leaves alone: what a user reads, with what to do about it.

use std::fmt;

use super::observed::{Cause, Hidden};
use crate::stack::{AccountId, DomainName, KmsKeyArn, Owner, POLICY_REPOSITORY, PackagePattern, RepositoryName};

/// Why a plan is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The domain is encrypted with another key.
    OtherKey {
        domain: DomainName,
        key: String,
        wanted: KmsKeyArn,
    },
    /// The domain of another account does not exist.
    NoForeignDomain {
        domain: DomainName,
        account: AccountId,
    },
    /// A repository of a stack that is replaced could have the name of a proxy of the new one, or the other way round: the
    /// clean-up could not tell them apart.
    NameClash {
        old: RepositoryName,
        new: RepositoryName,
    },
    UnownedRepository(RepositoryName),
    OwnedRepository {
        name: RepositoryName,
        owner: Owner,
    },
    UnownedGroup(PackagePattern),
    OwnedGroup {
        pattern: PackagePattern,
        owner: Owner,
    },
    /// What the group allows does not fit in a tag, so it could not be put back.
    CrowdedGroup(PackagePattern),
    UnownedPolicy(DomainName),
    OwnedPolicy {
        domain: DomainName,
        repository: String,
    },
    /// Another stack owns the policy, and has not put it yet.
    AwaitedPolicy {
        domain: DomainName,
        repository: String,
    },
    /// The plan needs a fact that could not be read.
    Unreadable(Hidden),
    /// The domain's key is lost, and its deletion would take a neighbour's repositories along.
    LostKey {
        domain: DomainName,
        hidden: Hidden,
    },
}

impl Refusal {
    /// Whether the next look may show another picture: someone else is just at work.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::AwaitedPolicy { .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::OtherKey { domain, key, wanted } => write!(
                formatter,
                "the domain {domain} is encrypted with the key {key}, not with {wanted}: a domain's key cannot change; \
                 to use another key, give a new DomainName"
            ),
            Self::NoForeignDomain { domain, account } => write!(
                formatter,
                "the domain {domain} of account {account} does not exist: DomainOwner names another account's domain, \
                 which is used as it is, never created"
            ),
            Self::NameClash { old, new } => write!(
                formatter,
                "the repository {new} cannot replace {old}: one has the name of a proxy of the other, and the clean-up of \
                 the old stack would delete it. Give another RepositoryName"
            ),
            Self::UnownedRepository(name) => write!(
                formatter,
                "the repository {name} exists already and is unowned: set AdoptExisting to true to adopt it, or give \
                 another RepositoryName"
            ),
            Self::OwnedRepository { name, owner } => write!(
                formatter,
                "the repository {name} is owned by {owner}: give another RepositoryName, or release it there (delete that \
                 resource with DeletionMode Retain, or remove its tags codeartifact-stack:stack-id and \
                 codeartifact-stack:logical-id) and set AdoptExisting to true here"
            ),
            Self::UnownedGroup(pattern) => write!(
                formatter,
                "the package group {pattern} exists already and is unowned: set AdoptExisting to true to adopt it, or \
                 remove it from InternalPackages"
            ),
            Self::OwnedGroup { pattern, owner } => write!(
                formatter,
                "the package group {pattern} is owned by {owner}: remove it from InternalPackages here, or release it by \
                 removing it there"
            ),
            Self::CrowdedGroup(pattern) => write!(
                formatter,
                "the package group {pattern} names too many repositories to be adopted: what it allows now has to fit in a \
                 tag of 256 characters, so that it can be put back"
            ),
            Self::UnownedPolicy(domain) => write!(
                formatter,
                "the domain {domain} has another policy, which is unowned: set AdoptExisting to true to adopt it, state \
                 the same DomainPolicyDocument or none, or remove that policy"
            ),
            Self::OwnedPolicy { domain, repository } => write!(
                formatter,
                "the domain {domain} has another policy, which is owned by the stack of the repository {repository}: \
                 state the same DomainPolicyDocument or none, or release it there by removing DomainPolicyDocument from \
                 that stack"
            ),
            Self::AwaitedPolicy { domain, repository } => write!(
                formatter,
                "the policy of the domain {domain} is owned by the stack of the repository {repository}, which has not put \
                 one yet; if no such stack is at work, remove the tag {POLICY_REPOSITORY} from the domain"
            ),
            Self::Unreadable(Hidden { cause, why, .. }) => {
                formatter.write_str(why)?;
                match cause {
                    Cause::Key => formatter.write_str(
                        ": the domain's key cannot be used; enable it, cancel its deletion or give its grant back, and \
                         try again",
                    ),
                    Cause::Denied | Cause::Refused => Ok(()),
                }
            }
            Self::LostKey { domain, hidden } => write!(
                formatter,
                "{}: the key of the domain {domain} cannot be used, and without it no repository can be deleted. Enable \
                 the key or cancel its deletion, and try again; if it is gone for good, delete the domain with everything \
                 in it, other stacks' repositories too: aws codeartifact delete-domain --domain {domain}",
                hidden.why
            ),
        }
    }
}

/// All that stands against a plan: nothing was touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) Vec<Refusal>);

impl Refused {
    /// Whether the next look may show another picture.
    pub(crate) fn may_pass(&self) -> bool {
        self.0.iter().all(Refusal::may_pass)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        for (index, refusal) in self.0.iter().enumerate() {
            write!(formatter, "{}{refusal}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// What a plan leaves alone, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeftAlone {
    Repository(RepositoryName, Why),
    Group(PackagePattern, Why),
    /// The policy of the domain is another stack's.
    Policy(DomainName),
    ForeignDomain(DomainName, AccountId),
    /// No stack created the domain.
    UnownedDomain(DomainName),
    /// There are other repositories in the domain.
    UsedDomain(DomainName),
    /// It could not be read, and nothing shows that it is ours.
    Unreadable(Hidden),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    OwnedBy(Owner),
    Unowned,
    Adopted,
    DeletionMode,
    /// It is no longer wanted, and stays without an owner.
    Released,
    /// Another stack's repository has it as an upstream.
    Upstream,
    /// A group guards another repository of the same owner.
    GuardsAnother,
    /// A group guards a repository that stays.
    Guards(RepositoryName),
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::OwnedBy(owner) => write!(formatter, "it is owned by {owner}"),
            Self::Unowned => formatter.write_str("it has no owner tags"),
            Self::Adopted => formatter.write_str("it existed before this stack adopted it"),
            Self::DeletionMode => formatter.write_str("DeletionMode retains it, and its proxies"),
            Self::Released => formatter.write_str("it is released, and is unowned from now on"),
            Self::Upstream => formatter.write_str("another stack's repository has it as an upstream"),
            Self::GuardsAnother => formatter.write_str("it guards another repository of this stack now"),
            Self::Guards(primary) => write!(formatter, "it guards the repository {primary}, which stays"),
        }
    }
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Repository(name, why) => write!(formatter, "the repository {name} stays: {why}"),
            Self::Group(pattern, why) => write!(formatter, "the package group {pattern} stays: {why}"),
            Self::Policy(domain) => write!(
                formatter,
                "the policy of the domain {domain} stays: it is owned by another stack"
            ),
            Self::ForeignDomain(domain, account) => {
                write!(formatter, "the domain {domain} stays: it is account {account}'s")
            }
            Self::UnownedDomain(domain) => write!(formatter, "the domain {domain} stays: no stack created it"),
            Self::UsedDomain(domain) => {
                write!(
                    formatter,
                    "the domain {domain} stays: there are other repositories in it"
                )
            }
            Self::Unreadable(hidden) => write!(
                formatter,
                "what could not be read is left alone, for nothing shows that it is this stack's: {}",
                hidden.why
            ),
        }
    }
}
