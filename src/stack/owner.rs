//! Who owns a thing: the tags that say so.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{RepositoryName, TagMap, is_tag_value};

/// The tag keys below this prefix are this product's.
pub(crate) const RESERVED_PREFIX: &str = "codeartifact-stack:";
pub(crate) const STACK_ID: &str = "codeartifact-stack:stack-id";
pub(crate) const LOGICAL_ID: &str = "codeartifact-stack:logical-id";
/// On a thing that was there before its owner adopted it.
pub(crate) const ADOPTED: &str = "codeartifact-stack:adopted";
/// On a domain: the primary repository of the stack that owns the domain's policy.
pub(crate) const POLICY_REPOSITORY: &str = "codeartifact-stack:policy-repository";
/// On a domain: the mark of the owner of that stack, so that a later repository of the name inherits nothing.
pub(crate) const POLICY_OWNER: &str = "codeartifact-stack:policy-owner";
/// On a package group that blocks, and so names no repository: the primary repository of its stack.
pub(crate) const GROUP_REPOSITORY: &str = "codeartifact-stack:repository";
/// On an adopted package group: what it allowed before.
pub(crate) const FORMER_RESTRICTIONS: &str = "codeartifact-stack:former-restrictions";
/// On an adopted repository: what it was linked to before.
pub(crate) const FORMER_LINKS: &str = "codeartifact-stack:former-links";
/// On a primary repository: the newest creation among the upstreams of the last update that sent them.
pub(crate) const LINKED: &str = "codeartifact-stack:linked";
/// On a repository: which neighbours' may have it as an upstream. It stays when the repository is released.
pub(crate) const DOWNSTREAMS: &str = "codeartifact-stack:downstreams";

/// All the tag keys that a thing loses when its owner releases it.
pub(crate) const RESERVED: [&str; 9] = [
    STACK_ID,
    LOGICAL_ID,
    ADOPTED,
    POLICY_REPOSITORY,
    POLICY_OWNER,
    GROUP_REPOSITORY,
    FORMER_RESTRICTIONS,
    FORMER_LINKS,
    LINKED,
];

/// The resource of a CloudFormation stack that a thing belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    stack_id: String,
    logical_id: String,
}

/// The pair cannot stand in a tag, so it could never be recognised again.
#[derive(Debug, thiserror::Error)]
#[error(
    "{field} cannot be the value of a tag, and so cannot mark what belongs to it: \
     it must be 1 to 256 characters, none of them a control, invisible, private-use or unassigned one"
)]
pub(crate) struct UnfitOwner {
    field: &'static str,
}

impl Owner {
    /// The owner that an event names.
    ///
    /// # Errors
    /// If one of the two could not be the value of a tag.
    pub(crate) fn new(stack_id: String, logical_id: String) -> Result<Self, UnfitOwner> {
        let fits = |text: &str| !text.is_empty() && is_tag_value(text);
        match (fits(&stack_id), fits(&logical_id)) {
            (true, true) => Ok(Self { stack_id, logical_id }),
            (false, _) => Err(UnfitOwner { field: "StackId" }),
            _ => Err(UnfitOwner {
                field: "LogicalResourceId",
            }),
        }
    }

    /// Whether both are resources of one stack, if not one resource.
    pub(crate) fn is_of_the_stack_of(&self, other: &Self) -> bool {
        self.stack_id == other.stack_id
    }

    /// The owner that tags name: both of the pair, or none.
    pub(crate) fn in_tags(tags: &TagMap) -> Option<Self> {
        Some(Self {
            stack_id: tags.get(STACK_ID)?.clone(),
            logical_id: tags.get(LOGICAL_ID)?.clone(),
        })
    }

    /// The tags that mark what this owner creates.
    pub(crate) fn tags(&self) -> TagMap {
        TagMap::from([
            (STACK_ID.to_owned(), self.stack_id.clone()),
            (LOGICAL_ID.to_owned(), self.logical_id.clone()),
        ])
    }

    /// The tags that mark what this owner adopts.
    pub(crate) fn tags_of_adopted(&self) -> TagMap {
        let mut tags = self.tags();
        tags.insert(ADOPTED.to_owned(), "true".to_owned());
        tags
    }

    /// What a thing with these tags is to this owner.
    pub(crate) fn standing(&self, tags: &TagMap) -> Standing {
        match Self::in_tags(tags) {
            None => Standing::Unowned,
            Some(owner) if owner != *self => Standing::OwnedBy(owner),
            Some(_) if tags.get(ADOPTED).is_some_and(|adopted| adopted == "true") => Standing::Adopted,
            Some(_) => Standing::Created,
        }
    }

    /// Whose the policy of a domain with these tags is, if it may be that of this owner's stack with this primary
    /// repository, which has these tags if it exists.
    pub(crate) fn policy_owner(
        &self,
        domain: &TagMap,
        primary: &RepositoryName,
        on_primary: Option<&TagMap>,
        evidence: Evidence,
    ) -> PolicyOwner {
        let Some(name) = domain.get(POLICY_REPOSITORY) else {
            return PolicyOwner::Unowned;
        };
        let another = || PolicyOwner::Another(name.clone());
        if name != primary.as_str() {
            return another();
        }
        if let Some(mark) = domain.get(POLICY_OWNER) {
            return if *mark == self.mark() {
                PolicyOwner::Us
            } else {
                another()
            };
        }
        // What versions before the mark wrote: there the primary has to tell whose it is.
        match on_primary.map(|tags| self.standing(tags)) {
            Some(Standing::Created | Standing::Adopted) => PolicyOwner::Us,
            // A repository that is gone, or is unowned, says nothing of whose the tag is: if it was ours, so is the tag.
            None | Some(Standing::Unowned) if evidence == Evidence::WasOurs => PolicyOwner::Us,
            // Whoever creates the domain tags it in the same call, before there is a repository.
            None if self.standing(domain) == Standing::Created => PolicyOwner::Us,
            _ => another(),
        }
    }

    /// The tags by which the stack of a primary repository owns its domain's policy.
    pub(crate) fn policy_tags(&self, primary: &RepositoryName) -> TagMap {
        TagMap::from([
            (POLICY_REPOSITORY.to_owned(), primary.to_string()),
            (POLICY_OWNER.to_owned(), self.mark()),
        ])
    }

    /// What tells this owner from any other, in few characters: half of a SHA-256, which nobody can make fit.
    fn mark(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.stack_id, self.logical_id));
        let half = std::array::from_fn(|at| digest[at]);
        format!("{:032x}", u128::from_be_bytes(half))
    }

    /// The reserved keys to take off a thing that is released; of another owner's or a stranger's thing, only
    /// what is left of this owner's pair.
    pub(crate) fn keys_to_release(&self, tags: &TagMap) -> Vec<String> {
        let is_left_over = |key: &str, value: &str| tags.get(key).is_some_and(|tag| tag == value);
        let is_ours = match Self::in_tags(tags) {
            Some(owner) => owner == *self,
            None => is_left_over(STACK_ID, &self.stack_id) || is_left_over(LOGICAL_ID, &self.logical_id),
        };
        let keys = RESERVED.iter().filter(|key| is_ours && tags.contains_key(**key));
        keys.map(|key| (*key).to_owned()).collect()
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} in {}", self.logical_id, self.stack_id)
    }
}

/// What is known of a primary repository, beside its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// It was this owner's: this function answered with its ARN, or saw it so before in the same event.
    WasOurs,
    /// Nothing: a Create never got to an answer, or touched nothing.
    None,
}

/// Who owns the policy of a domain: the stack whose primary repository the policy owner tag names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicyOwner {
    Us,
    /// The stack of this repository.
    Another(String),
    Unowned,
}

/// What a thing is to an owner.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The owner made it, and may delete it.
    Created,
    /// The owner took it over, and lets it go again.
    Adopted,
    /// It belongs to another owner.
    OwnedBy(Owner),
    /// It carries no owner's tags; half of the pair counts as none.
    Unowned,
}

impl Standing {
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Created | Self::Adopted)
    }
}
