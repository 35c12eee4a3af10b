//! Why a plan is refused, and what it leaves alone: what a user reads, with what to do about it.

use std::fmt;

use super::action::{Tagged, Thing};
use super::observed::{Cause, Hidden, ObservedGroup, Unseen};
use crate::properties::Adoption;
use crate::stack::{
    AccountId, DeletionMode, DomainName, Grantee, KmsKeyArn, MOST_TAGS, Owner, POLICY_REPOSITORY, PackagePattern,
    RepositoryName,
};

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
    UnownedRepository(RepositoryName, Adoption),
    /// What the repository is linked to does not fit in a tag, so it could not be put back.
    CrowdedRepository(RepositoryName),
    /// The service would refuse the tags of the thing when others have changed already.
    TooManyTags {
        on: Tagged,
        count: usize,
    },
    /// A repository that is to be a proxy has a policy of its own.
    ProxyWithPolicy(RepositoryName),
    /// A repository that is to be a proxy holds packages that were published to it.
    ProxyWithPackages(RepositoryName),
    /// A repository that `Upstreams` names does not exist; it did if it is linked.
    NoUpstream {
        name: RepositoryName,
        is_linked: bool,
    },
    /// A repository that `Upstreams` names does not let this one in.
    NoConsent {
        upstream: RepositoryName,
        owner: Option<Owner>,
        primary: RepositoryName,
    },
    OwnedRepository {
        name: RepositoryName,
        owner: Owner,
        adoption: Adoption,
    },
    /// Another logical id of the same stack has it: another resource, or the same one by its former name.
    OwnedInStack {
        name: RepositoryName,
        owner: Owner,
    },
    UnownedGroup(PackagePattern, Adoption),
    OwnedGroup {
        pattern: PackagePattern,
        owner: Owner,
    },
    /// A neighbour's group holds the pattern.
    InsideGroup {
        pattern: PackagePattern,
        parent: String,
        owner: Owner,
    },
    /// What the group allows does not fit in a tag, so it could not be put back.
    CrowdedGroup(PackagePattern),
    UnownedPolicy(DomainName, Adoption),
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
        matches!(self, Self::AwaitedPolicy { .. } | Self::NoUpstream { .. })
    }

    /// What it is about, if that is refused for being unowned.
    pub(crate) fn unowned(&self) -> Option<Thing> {
        match self {
            Self::UnownedRepository(name, _) => Some(Thing::Repository(name.clone())),
            Self::UnownedGroup(pattern, _) => Some(Thing::Group(pattern.clone())),
            _ => None,
        }
    }

    /// If a neighbour's group holds a pattern: a rule of one's own inside it would win over the neighbour's.
    pub(super) fn inside_group(pattern: &PackagePattern, group: &ObservedGroup, owner: &Owner) -> Option<Self> {
        let (parent, neighbour) = group.neighbour(owner)?;
        Some(Self::InsideGroup {
            pattern: pattern.clone(),
            parent: parent.to_owned(),
            owner: neighbour,
        })
    }
}

impl fmt::Display for Refusal {
    #[allow(clippy::too_many_lines, reason = "a text for each, in one place")]
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
            Self::TooManyTags { on, count } => {
                let what = match on.thing {
                    Thing::Domain => "domain",
                    Thing::Repository(_) => "repository",
                    Thing::Group(_) => "package group",
                };
                write!(
                    formatter,
                    "the {what} {} would have {count} tags, and the service allows {MOST_TAGS}: take tags off it by hand, or \
                     give fewer Tags",
                    on.name
                )
            }
            Self::UnownedRepository(name, adoption) => write!(
                formatter,
                "the repository {name} exists already and is unowned{}, or give another RepositoryName",
                by_adoption(*adoption)
            ),
            Self::OwnedRepository { name, owner, adoption } => write!(
                formatter,
                "the repository {name} is owned by {owner}: give another RepositoryName, or release it there (delete that \
                 resource with DeletionMode Retain; if it is gone for good, remove the tags codeartifact-stack:stack-id \
                 and codeartifact-stack:logical-id from the repository) and {}",
                match adoption {
                    Adoption::Asked | Adoption::NotAsked => "set AdoptExisting to true here",
                    Adoption::NotAllowed =>
                        "ask the platform's team to adopt it: PlatformRepositories lets no other stack",
                }
            ),
            Self::OwnedInStack { name, owner } => write!(
                formatter,
                "the repository {name} is owned by {owner}, which is another resource of this stack, or this one by a \
                 former logical id: keep that logical id, or give another RepositoryName"
            ),
            Self::CrowdedRepository(name) => write!(
                formatter,
                "the repository {name} has too many upstreams to be adopted: their names have to fit in a tag of 256 \
                 characters, so that they can be put back; adopt it by hand, or remove upstreams first"
            ),
            Self::ProxyWithPolicy(name) => write!(
                formatter,
                "the repository {name} cannot be adopted as a proxy: it has a policy of its own; remove that, or give \
                 another RepositoryName"
            ),
            Self::ProxyWithPackages(name) => write!(
                formatter,
                "the repository {name} cannot be adopted as a proxy: it holds packages that were published to it; move \
                 them, or give another RepositoryName"
            ),
            Self::NoUpstream { name, is_linked: true } => write!(
                formatter,
                "Upstreams: the repository {name} does not exist in the domain any more; the upstreams \
                 cannot change with that dead link among them: remove {name} from Upstreams, or create it again"
            ),
            Self::NoUpstream { name, .. } => write!(
                formatter,
                "Upstreams: the repository {name} does not exist in the domain; check its name, or let its stack come \
                 first (in the same template: DependsOn)"
            ),
            Self::NoConsent {
                upstream,
                owner,
                primary,
            } => {
                write!(formatter, "Upstreams: the repository {upstream}")?;
                if let Some(owner) = owner {
                    write!(formatter, ", which is owned by {owner},")?;
                }
                write!(
                    formatter,
                    " does not let {primary} have it as an upstream: its stack has to name {primary} in Downstreams"
                )
            }
            Self::UnownedGroup(pattern, adoption) => write!(
                formatter,
                "the package group {pattern} exists already and is unowned{}, or remove it from InternalPackages (or \
                 BlockedPackages)",
                by_adoption(*adoption)
            ),
            Self::OwnedGroup { pattern, owner } => write!(
                formatter,
                "the package group {pattern} is owned by {owner}: remove it from InternalPackages (or BlockedPackages) here, or release it by \
                 removing it there"
            ),
            Self::InsideGroup { pattern, parent, owner } => write!(
                formatter,
                "the package group {pattern} would lie inside {parent}, which is owned by {owner}, and undo its rule for what \
                 {pattern} names: remove it from InternalPackages (or BlockedPackages) here, or release {parent} by removing it there"
            ),
            Self::CrowdedGroup(pattern) => write!(
                formatter,
                "the package group {pattern} names too many repositories to be adopted: what it allows now has to fit in a \
                 tag of 256 characters, so that it can be put back"
            ),
            Self::UnownedPolicy(domain, adoption) => write!(
                formatter,
                "the domain {domain} has another policy, which is unowned{}, state the same DomainPolicyDocument (or \
                 DomainAccess) or none, or remove that policy",
                by_adoption(*adoption)
            ),
            Self::OwnedPolicy { domain, repository } => write!(
                formatter,
                "the domain {domain} has another policy, which is owned by the stack of the repository {repository}: \
                 state the same DomainPolicyDocument (or DomainAccess) or none, or release it there by removing it from that \
                 stack"
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

/// How to adopt what is unowned, as it goes on after that.
fn by_adoption(adoption: Adoption) -> &'static str {
    match adoption {
        Adoption::Asked | Adoption::NotAsked => ": set AdoptExisting to true to adopt it",
        Adoption::NotAllowed => ", and PlatformRepositories lets only the platform's stacks adopt it: ask them",
    }
}

/// All that a plan is refused for: nothing was touched.
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

/// What a careful operator wants to know of a plan beside its steps: what it leaves alone, and why; what an adoption changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Repository(RepositoryName, Why),
    Group(PackagePattern, Why),
    /// The policy of the domain is another stack's.
    Policy(DomainName),
    /// The policy of the domain is not the one that an attempt to adopt it stated.
    PolicyAsFound(DomainName),
    ForeignDomain(DomainName, AccountId),
    /// No stack created the domain.
    UnownedDomain(DomainName),
    /// There are other repositories in the domain.
    UsedDomain(DomainName),
    /// It could not be read, and nothing shows that it is ours.
    Unreadable(Hidden),
    /// An upstream that is linked is gone: nothing comes through it.
    DeadLink(RepositoryName),
    /// An upstream was recreated, so that its link is dead, or was linked by someone who left no tag. It is linked anew.
    StaleLink(RepositoryName),
    /// A link that exists although the upstream does not let the repository in, or not any more.
    WithoutConsent(RepositoryName),
    /// A package group that exists is inside a neighbour's.
    InsideGroup {
        pattern: PackagePattern,
        parent: String,
        owner: Owner,
    },
    /// A package group inside ours that is not ours: its more specific rule wins.
    HoldsGroup {
        pattern: PackagePattern,
        inner: String,
        owner: Option<Owner>,
    },
    /// An adoption cuts an external connection.
    Cuts {
        name: RepositoryName,
        connection: String,
    },
    /// An adoption replaces upstreams.
    Replaces {
        name: RepositoryName,
        upstreams: Vec<RepositoryName>,
    },
    /// An adoption replaces the policy of a repository.
    ReplacesPolicy(RepositoryName),
    /// An adoption replaces the policy of the domain.
    ReplacesDomainPolicy(DomainName),
    /// The policy of a domain, or of a repository, names principals that are gone.
    GoneFromDomainPolicy(DomainName),
    GoneFromPolicy(RepositoryName),
    /// The policy of a repository is not the one that the properties before stated, and these never came about.
    PolicyNeverPut(RepositoryName),
    /// An adoption changes what a package group allows.
    Restricts(PackagePattern),
    /// Principals of other accounts whom the repository's policy lets in, and to whom the domain's gives no token.
    WithoutToken {
        domain: DomainName,
        grantees: Vec<Grantee>,
    },
    /// Repositories that hold packages already which are to be blocked.
    Copies {
        pattern: PackagePattern,
        held_by: Vec<RepositoryName>,
    },
    /// Repositories that were not looked at for such packages.
    UnseenCopies {
        pattern: PackagePattern,
        unseen: Unseen,
    },
    /// An upstream that is of the stack which this one replaces, and is deleted with it.
    UpstreamGoes(RepositoryName),
    /// One that stays for the sake of this stack.
    UpstreamStays(RepositoryName),
    /// The repository that this stack's replaces, and what becomes of it.
    Replaced(RepositoryName, DeletionMode),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    OwnedBy(Owner),
    Unowned,
    Adopted,
    /// `DeletionMode` is `Retain`.
    Retained,
    /// `DeletionMode` is `RetainIfNotEmpty`, and it holds packages.
    Holds,
    /// `DeletionMode` is `RetainIfNotEmpty`, and these repositories of neighbours have it or one of its proxies as an upstream.
    UpstreamOf(Vec<RepositoryName>),
    /// It is no longer wanted, and stays without an owner.
    Released,
    /// Another stack's repository has it as an upstream.
    Upstream,
    /// A group guards another repository of the same owner.
    GuardsAnother,
    /// A group guards a repository that stays.
    Guards(RepositoryName),
    /// A group blocks, and the repository of its stack stays.
    Blocks(RepositoryName),
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::OwnedBy(owner) => write!(formatter, "it is owned by {owner}"),
            Self::Unowned => formatter.write_str("it has no owner tags"),
            Self::Adopted => formatter.write_str("it existed before this stack adopted it"),
            Self::Retained => formatter.write_str("DeletionMode retains it, and its proxies"),
            Self::Holds => formatter.write_str("it holds packages, and DeletionMode retains it then, and its proxies"),
            Self::UpstreamOf(neighbours) => write!(
                formatter,
                "it, or a proxy of it, is an upstream of {}",
                names(neighbours)
            ),
            Self::Released => formatter.write_str("it is released, and is unowned from now on"),
            Self::Upstream => formatter.write_str("another stack's repository has it as an upstream"),
            Self::GuardsAnother => formatter.write_str("it guards another repository of this stack now"),
            Self::Guards(primary) => write!(formatter, "it guards the repository {primary}, which stays"),
            Self::Blocks(primary) => write!(
                formatter,
                "what it blocks stays blocked, as the repository {primary} stays"
            ),
        }
    }
}

impl fmt::Display for Note {
    #[allow(clippy::too_many_lines, reason = "a text for each, in one place")]
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Repository(name, why @ Why::Adopted) => write!(
                formatter,
                "the repository {name} stays: {why}; its description and its policy stay as they are now"
            ),
            Self::Repository(name, why) => write!(formatter, "the repository {name} stays: {why}"),
            Self::Group(pattern, why) => write!(formatter, "the package group {pattern} stays: {why}"),
            Self::Policy(domain) => write!(
                formatter,
                "the policy of the domain {domain} stays: it is owned by another stack"
            ),
            Self::PolicyAsFound(domain) => write!(
                formatter,
                "the policy of the domain {domain} stays: it is not the one that this stack stated when it adopted it"
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
            Self::DeadLink(name) => write!(
                formatter,
                "the upstream {name} does not exist any more: the link to it is dead, and is kept as it is"
            ),
            Self::StaleLink(name) => write!(
                formatter,
                "the upstream {name} was recreated, or linked by hand: the link to it counts as dead, and is renewed"
            ),
            Self::WithoutConsent(name) => write!(
                formatter,
                "the upstream {name} does not name this repository in its Downstreams: the link that exists is kept, and is \
                 not renewed"
            ),
            Self::InsideGroup { pattern, parent, owner } => write!(
                formatter,
                "the package group {pattern} is inside {parent}, which is owned by {owner}: it is kept, and its rule wins for \
                 what it names"
            ),
            Self::HoldsGroup { pattern, inner, owner } => {
                let whose = owner
                    .as_ref()
                    .map_or("is unowned".to_owned(), |owner| format!("is owned by {owner}"));
                write!(
                    formatter,
                    "the package group {inner}, which {whose}, is inside {pattern}: its rule wins for what it names"
                )
            }
            Self::Cuts { name, connection } => write!(
                formatter,
                "the adopted repository {name} loses its external connection {connection}, which is put back when it is \
                 released"
            ),
            Self::Replaces { name, upstreams } => write!(
                formatter,
                "the adopted repository {name} loses its upstreams {}, which are put back when it is released",
                names(upstreams)
            ),
            Self::ReplacesPolicy(name) => write!(
                formatter,
                "the policy of the adopted repository {name} is replaced, and is not put back when it is released"
            ),
            Self::ReplacesDomainPolicy(name) => write!(
                formatter,
                "the unowned policy of the domain {name} is replaced, and is not put back when the stack goes"
            ),
            Self::GoneFromDomainPolicy(name) => {
                write!(formatter, "the policy of the domain {name} {GONE}")
            }
            Self::GoneFromPolicy(name) => write!(formatter, "the policy of the repository {name} {GONE}"),
            Self::PolicyNeverPut(name) => write!(
                formatter,
                "the policy of the repository {name} stays: it is not the one that the properties before stated, and those \
                 never came about"
            ),
            Self::Restricts(pattern) => write!(
                formatter,
                "what the adopted package group {pattern} allows is changed, and is put back when it is released"
            ),
            Self::WithoutToken { domain, grantees } => {
                let grantees: Vec<String> = grantees.iter().map(ToString::to_string).collect();
                write!(
                    formatter,
                    "this repository lets in {}, to whom the policy of the domain {domain} gives no token to log in with: \
                     name them in DomainAccess of the stack that owns that policy",
                    grantees.join(", ")
                )
            }
            Self::Copies { pattern, held_by } => write!(
                formatter,
                "the repositories {} hold packages already that {pattern} blocks: versions that are there stay, and are \
                 installed, until they are disposed of",
                names(held_by)
            ),
            Self::UnseenCopies { pattern, unseen } => {
                write!(formatter, "packages that {pattern} blocks were not looked for in ")?;
                match unseen {
                    Unseen::Repositories(count) => write!(formatter, "{count} of the domain's repositories"),
                    Unseen::All => formatter.write_str("any repository: they could not be listed"),
                }
            }
            Self::UpstreamGoes(name) => write!(
                formatter,
                "the upstream {name} is of the stack that this one replaces, and its DeletionMode is Delete: it is deleted \
                 afterwards, and the link to it is then dead"
            ),
            Self::UpstreamStays(name) => write!(
                formatter,
                "the upstream {name} is of the stack that this one replaces, and stays afterwards, even if it is empty"
            ),
            Self::Replaced(name, mode) => {
                write!(formatter, "the repository {name}, which this stack replaces, ")?;
                formatter.write_str(match mode {
                    DeletionMode::Delete => "is deleted afterwards, with the packages in it",
                    DeletionMode::RetainIfNotEmpty => {
                        "is deleted afterwards; if it holds a package or is a neighbour's upstream, it stays, and is unowned"
                    }
                    DeletionMode::Retain => "stays afterwards, and is unowned",
                })
            }
        }
    }
}

const GONE: &str = "names a user or a role that was deleted: it is put again, in case there is a new one by the name, and is \
                    kept as it is if there is none";

fn names(repositories: &[RepositoryName]) -> String {
    let names: Vec<&str> = repositories.iter().map(RepositoryName::as_str).collect();
    names.join(", ")
}
