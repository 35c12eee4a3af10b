//! The vocabulary, without I/O: what things are called and where they are, whose they are, and what they allow.

mod characters;
mod deletion_mode;
mod description;
mod downstreams;
mod endpoint_type;
mod grants;
mod identity;
mod links;
mod moment;
mod names;
mod owner;
mod package_pattern;
mod place;
mod policy;
mod proxies;
mod registries;
mod restrictions;
mod tags;
mod value_types;
mod wildcard;

pub(crate) use characters::{code_point, first_unreadable, shortened};
pub(crate) use deletion_mode::DeletionMode;
pub(crate) use description::Description;
#[cfg(test)]
pub(crate) use description::LONGEST as LONGEST_DESCRIPTION;
pub(crate) use downstreams::Downstreams;
pub(crate) use endpoint_type::EndpointType;
pub(crate) use grants::{Grantee, Right};
pub(crate) use identity::{Domain, Identity};
pub(crate) use links::FormerLinks;
pub(crate) use moment::Moment;
pub(crate) use names::{AccountId, DomainName, KmsKeyArn, RepositoryName, number_hint};
pub(crate) use owner::{
    ADOPTED, DOWNSTREAMS, Evidence, FORMER_LINKS, FORMER_RESTRICTIONS, GROUP_REPOSITORY, LINKED, Owner, POLICY_OWNER,
    POLICY_REPOSITORY, PolicyOwner, RESERVED_PREFIX, Standing, UnfitOwner,
};
pub(crate) use package_pattern::PackagePattern;
#[cfg(test)]
pub(crate) use package_pattern::{LONGEST as LONGEST_PATTERN, Namespace, namespace_of};
pub(crate) use place::{Place, account_in_arn};
pub(crate) use policy::{LONGEST as LONGEST_POLICY, Policy};
pub(crate) use proxies::{Connections, Proxy};
pub(crate) use registries::{ExternalConnection, Format};
pub(crate) use restrictions::{ALLOW_SPECIFIC, Allowed, Origin, OriginChange, Restrictions};
pub(crate) use tags::{LONGEST_KEY, LONGEST_VALUE, MOST_TAGS, TagMap, is_tag_value};
pub(crate) use value_types::{Rule, Text, choice_type, text_type};
pub(crate) use wildcard::Wildcard;
