//! The service, in memory: what there is, and what each write does to it.

use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_types::DateTime;

use super::names::place;
use crate::plan::{Action, ObservedPolicy};
use crate::stack::{
    ALLOW_SPECIFIC, Allowed, Domain as DomainId, MOST_TAGS, Moment, Origin, OriginChange, PackagePattern,
    RepositoryName, Restrictions, TagMap,
};

/// Direct upstreams of one repository. Source: the user guide's quotas.
const MOST_UPSTREAMS: usize = 10;

/// All domains of the account, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) domains: BTreeMap<String, Domain>,
    /// The last number that was given to a repository or a revision.
    last: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Domain {
    pub(super) key: String,
    pub(super) tags: TagMap,
    pub(super) policy: Option<ObservedPolicy>,
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) groups: BTreeMap<PackagePattern, Group>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Repository {
    /// Which one it is of those that ever had its name.
    pub(super) number: u64,
    pub(super) description: String,
    pub(super) upstreams: Vec<Upstream>,
    pub(super) connections: Vec<String>,
    pub(super) tags: TagMap,
    pub(super) policy: Option<ObservedPolicy>,
    pub(super) holds_packages: bool,
}

impl Repository {
    /// When it was created: each in another second.
    pub(super) fn created(&self) -> Moment {
        DateTime::from_secs(i64::try_from(self.number).expect("a small number")).into()
    }
}

/// A link to the repository that had the name when it was made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Upstream {
    pub(super) name: String,
    pub(super) number: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) tags: TagMap,
    pub(super) restrictions: Restrictions,
}

/// Why a write had no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Conflict,
    NotFound,
    /// The service takes no such call as things are: a 400 or a 402.
    Invalid(String),
}

fn invalid<T>(why: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Invalid(why.into()))
}

impl World {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn domain(&mut self, name: &str) -> Result<&mut Domain, Fault> {
        self.domains.get_mut(name).ok_or(Fault::NotFound)
    }

    fn repository(&mut self, domain: &DomainId, name: &str) -> Result<&mut Repository, Fault> {
        let repositories = &mut self.domain(domain.name.as_str())?.repositories;
        repositories.get_mut(name).ok_or(Fault::NotFound)
    }

    fn group(&mut self, domain: &DomainId, pattern: &PackagePattern) -> Result<&mut Group, Fault> {
        let groups = &mut self.domain(domain.name.as_str())?.groups;
        groups.get_mut(pattern).ok_or(Fault::NotFound)
    }

    /// Does a write in a domain; gives the revision of a policy that it put.
    pub(super) fn carry_out(&mut self, within: &DomainId, action: &Action) -> Result<Option<String>, Fault> {
        match action {
            Action::CreateDomain { name, key, tags } => {
                self.create_domain(name.as_str(), key.as_str(), tags.clone())?;
            }
            Action::DeleteDomain { name } => self.delete_domain(name.as_str())?,
            Action::PutDomainPolicy { document, revision, .. } => {
                let new = self.next().to_string();
                let domain = self.domain(within.name.as_str())?;
                put(&mut domain.policy, document, revision.as_deref(), &new)?;
                return Ok(Some(new));
            }
            Action::DeleteDomainPolicy { revision, .. } => {
                take(&mut self.domain(within.name.as_str())?.policy, revision.as_deref())?;
            }
            Action::CreateRepository {
                name,
                description,
                upstreams,
                tags,
            } => {
                let upstreams: Vec<&str> = upstreams.iter().map(RepositoryName::as_str).collect();
                self.create_repository(within, name.as_str(), description, &upstreams, tags)?;
            }
            Action::UpdateRepository {
                name,
                description,
                upstreams,
            } => self.update_repository(within, name.as_str(), description.as_ref(), upstreams.as_ref())?,
            Action::DeleteRepository { name } => {
                let repositories = &mut self.domain(within.name.as_str())?.repositories;
                repositories.remove(name.as_str()).ok_or(Fault::NotFound)?;
            }
            Action::AssociateExternalConnection { name, connection } => {
                associate(self.repository(within, name.as_str())?, connection)?;
            }
            Action::DisassociateExternalConnection { name, connection } => {
                let connections = &mut self.repository(within, name.as_str())?.connections;
                let at = connections.iter().position(|it| it == connection);
                connections.remove(at.ok_or(Fault::NotFound)?);
            }
            Action::PutRepositoryPolicy {
                name,
                document,
                revision,
            } => {
                let new = self.next().to_string();
                let policy = &mut self.repository(within, name.as_str())?.policy;
                put(policy, document, revision.as_deref(), &new)?;
                return Ok(Some(new));
            }
            Action::DeleteRepositoryPolicy { name, revision } => {
                take(&mut self.repository(within, name.as_str())?.policy, revision.as_deref())?;
            }
            Action::CreatePackageGroup { pattern, tags } => self.create_group(within, pattern, tags)?,
            Action::UpdatePackageGroupOrigins { pattern, change } => self.update_group(within, pattern, change)?,
            Action::DeletePackageGroup { pattern } => {
                let groups = &mut self.domain(within.name.as_str())?.groups;
                groups.remove(pattern).ok_or(Fault::NotFound)?;
            }
            Action::Tag { on, tags } => {
                let merged = self.tags(&on.arn).ok_or(Fault::NotFound)?;
                let mut new = merged.clone();
                new.extend(tags.clone());
                *merged = fitting(new)?;
            }
            Action::TagLinked { .. } => unreachable!("who carries it out knows the moment: it is a Tag by now"),
            Action::Untag { on, keys } => {
                let tags = self.tags(&on.arn).ok_or(Fault::NotFound)?;
                tags.retain(|key, _| !keys.contains(key));
            }
        }
        Ok(None)
    }

    /// The tags of the thing that has this ARN.
    pub(super) fn tags(&mut self, arn: &str) -> Option<&mut TagMap> {
        for (name, domain) in &mut self.domains {
            let id = super::names::own_domain(name);
            if place().domain_arn(&id) == arn {
                return Some(&mut domain.tags);
            }
            let of_domain = place().domain_arn(&id).replace(":domain/", ":repository/") + "/";
            if let Some(repository) = arn.strip_prefix(&of_domain) {
                return domain.repositories.get_mut(repository).map(|it| &mut it.tags);
            }
            let mut groups = domain.groups.iter_mut();
            if let Some((_, group)) = groups.find(|(pattern, _)| place().package_group_arn(&id, pattern) == arn) {
                return Some(&mut group.tags);
            }
        }
        None
    }

    pub(super) fn create_domain(&mut self, name: &str, key: &str, tags: TagMap) -> Result<(), Fault> {
        if self.domains.contains_key(name) {
            return Err(Fault::Conflict);
        }
        let domain = Domain {
            key: key.to_owned(),
            tags: fitting(tags)?,
            ..Domain::default()
        };
        self.domains.insert(name.to_owned(), domain);
        Ok(())
    }

    /// Deleting a missing domain does not fail.
    fn delete_domain(&mut self, name: &str) -> Result<(), Fault> {
        match self.domains.get(name) {
            Some(domain) if !domain.repositories.is_empty() => Err(Fault::Conflict),
            _ => {
                self.domains.remove(name);
                Ok(())
            }
        }
    }

    pub(super) fn create_repository(
        &mut self,
        within: &DomainId,
        name: &str,
        description: &str,
        upstreams: &[&str],
        tags: &TagMap,
    ) -> Result<(), Fault> {
        let number = self.next();
        let domain = self.domain(within.name.as_str())?;
        if domain.repositories.contains_key(name) {
            return Err(Fault::Conflict);
        }
        let repository = Repository {
            number,
            description: description.to_owned(),
            upstreams: linked(domain, name, upstreams)?,
            tags: fitting(tags.clone())?,
            ..Repository::default()
        };
        domain.repositories.insert(name.to_owned(), repository);
        Ok(())
    }

    fn update_repository(
        &mut self,
        within: &DomainId,
        name: &str,
        description: Option<&String>,
        upstreams: Option<&Vec<RepositoryName>>,
    ) -> Result<(), Fault> {
        let is_connected = !self.repository(within, name)?.connections.is_empty();
        let domain = self.domain(within.name.as_str())?;
        let names: Option<Vec<&str>> = upstreams.map(|names| names.iter().map(RepositoryName::as_str).collect());
        let links = names.map(|names| linked(domain, name, &names)).transpose()?;
        // Even an empty list is refused, as users have seen it.
        if links.is_some() && is_connected {
            return invalid(format!("{name} has an external connection, and is given upstreams"));
        }
        let repository = self.repository(within, name)?;
        if let Some(description) = description {
            repository.description.clone_from(description);
        }
        if let Some(links) = links {
            repository.upstreams = links;
        }
        Ok(())
    }

    fn create_group(&mut self, within: &DomainId, pattern: &PackagePattern, tags: &TagMap) -> Result<(), Fault> {
        let tags = fitting(tags.clone())?;
        let groups = &mut self.domain(within.name.as_str())?.groups;
        if groups.contains_key(pattern) {
            return Err(Fault::Conflict);
        }
        let restrictions = open("INHERIT");
        groups.insert(pattern.clone(), Group { tags, restrictions });
        Ok(())
    }

    fn update_group(
        &mut self,
        within: &DomainId,
        pattern: &PackagePattern,
        change: &OriginChange,
    ) -> Result<(), Fault> {
        let mut restrictions = self.group(within, pattern)?.restrictions.clone();
        for (origin, mode) in &change.modes {
            let allowed = restrictions.0.get_mut(origin).expect("all three are there");
            allowed.mode.clone_from(mode);
            // Only this mode has a list: with another one the list goes by itself.
            if mode != ALLOW_SPECIFIC {
                allowed.repositories.clear();
            }
        }
        for (origin, name) in change.add.iter().chain(&change.remove) {
            let allowed = restrictions.0.get_mut(origin).expect("all three are there");
            if allowed.mode != ALLOW_SPECIFIC {
                return invalid(format!("{pattern} has no list of {} to change", origin.as_str()));
            }
            if change.remove.contains(&(*origin, name.clone())) {
                allowed.repositories.remove(name);
            } else {
                self.repository(within, name)?;
                allowed.repositories.insert(name.clone());
            }
        }
        self.group(within, pattern)?.restrictions = restrictions;
        Ok(())
    }
}

/// What a group allows with the same mode for every origin.
pub(super) fn open(mode: &str) -> Restrictions {
    let allowed = Allowed {
        mode: mode.to_owned(),
        repositories: BTreeSet::new(),
    };
    Restrictions(Origin::ALL.map(|origin| (origin, allowed.clone())).into())
}

/// The links to the repositories that bear these names now.
fn linked(domain: &Domain, of: &str, names: &[&str]) -> Result<Vec<Upstream>, Fault> {
    let distinct: BTreeSet<&&str> = names.iter().collect();
    if names.len() > MOST_UPSTREAMS || distinct.len() < names.len() || names.contains(&of) {
        return invalid(format!("{of} cannot have the upstreams {names:?}"));
    }
    let link = |name: &&str| {
        let upstream = domain.repositories.get(*name).ok_or(Fault::NotFound)?;
        Ok(Upstream {
            name: (*name).to_owned(),
            number: upstream.number,
        })
    };
    names.iter().map(link).collect()
}

fn associate(repository: &mut Repository, connection: &str) -> Result<(), Fault> {
    match repository.connections.first() {
        Some(there) if there == connection => Err(Fault::Conflict),
        Some(there) => invalid(format!("it is connected to {there}, not to {connection}")),
        None if !repository.upstreams.is_empty() => invalid("it has upstreams, and is given a connection"),
        None => {
            repository.connections.push(connection.to_owned());
            Ok(())
        }
    }
}

fn fitting(tags: TagMap) -> Result<TagMap, Fault> {
    if tags.len() <= MOST_TAGS {
        return Ok(tags);
    }
    invalid(format!("{} tags are more than there can be", tags.len()))
}

/// A given revision must be the current one; if there is no policy, no revision is.
fn is_current(policy: Option<&ObservedPolicy>, given: Option<&str>) -> bool {
    given.is_none_or(|given| policy.is_some_and(|policy| policy.revision.as_deref() == Some(given)))
}

fn put(policy: &mut Option<ObservedPolicy>, document: &str, given: Option<&str>, new: &str) -> Result<(), Fault> {
    if !is_current(policy.as_ref(), given) {
        return Err(Fault::Conflict);
    }
    *policy = Some(ObservedPolicy {
        document: document.to_owned(),
        revision: Some(new.to_owned()),
    });
    Ok(())
}

fn take(policy: &mut Option<ObservedPolicy>, given: Option<&str>) -> Result<(), Fault> {
    match policy {
        None => Err(Fault::NotFound),
        Some(_) if !is_current(policy.as_ref(), given) => Err(Fault::Conflict),
        Some(_) => {
            *policy = None;
            Ok(())
        }
    }
}
