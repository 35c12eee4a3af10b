//! The vocabulary, without I/O: what things are called and where they are, whose they are, and what they allow.

mod identity;
mod names;
mod owner;
mod package_pattern;
mod place;
mod policy;
mod proxies;
mod restrictions;
mod tags;

pub(crate) use identity::{Domain, Identity};
pub(crate) use names::{
    AccountId, DeletionMode, Description, DomainName, ExternalConnection, Format, KmsKeyArn, RepositoryName, Rule,
    text_type,
};
pub(crate) use owner::{
    Evidence, FORMER_RESTRICTIONS, Owner, POLICY_REPOSITORY, PolicyOwner, RESERVED_PREFIX, Standing, UnfitOwner,
};
pub(crate) use package_pattern::PackagePattern;
#[cfg(test)]
pub(crate) use package_pattern::{LONGEST as LONGEST_PATTERN, Namespace, namespace_of};
pub(crate) use place::{Place, account_in_arn};
pub(crate) use policy::{LONGEST as LONGEST_POLICY, Policy};
pub(crate) use proxies::{Connections, Proxy, possible_proxy_names};
pub(crate) use restrictions::{ALLOW_SPECIFIC, Allowed, Origin, OriginChange, Restrictions};
pub(crate) use tags::{LONGEST_KEY, LONGEST_VALUE, MOST_TAGS, TagMap, is_tag_character, is_tag_value};
