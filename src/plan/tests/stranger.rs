//! What others do by hand in the console. A number chooses among what is there.

use proptest::prelude::*;

use super::names::{FORMER_RESTRICTIONS, KEY, LOGICAL_ID, POLICY_REPOSITORY, STACK_ID, own_domain, owner, parsed};
use super::shape::{CONNECTIONS, DOMAINS, PATTERNS, policy_of};
use super::world::{Domain, Group, Repository, Upstream, World, open};
use crate::plan::{Action, ObservedPolicy};
use crate::stack::{ALLOW_SPECIFIC, Origin, TagMap};

/// The names that strangers give to repositories of their own.
const NAMES: [&str; 6] = [
    "tools",
    "apples",
    "alpha",
    "beta",
    "alpha-upstream",
    "beta-upstream-npmjs",
];

/// An owner that has no stack here.
const SOMEONE: usize = 9;

#[derive(Clone, Copy, Debug)]
pub(super) enum Foreign {
    MakeRepository {
        domain: u8,
        name: u8,
        connected: bool,
    },
    /// Adds an upstream, which is there.
    Link {
        of: usize,
        to: &'static str,
    },
    Recreate(usize),
    DeleteRepository(usize),
    Unlink(usize),
    Disconnect(usize),
    Describe(usize),
    Publish(usize),
    /// Takes away the owner's tags, or half of them.
    Strip(usize, Half),
    Seize(usize),
    Tag(usize),
    StripDomain(usize),
    StripPolicyOwner(usize),
    PutDomainPolicy(usize),
    DeleteDomainPolicy(usize),
    PutRepositoryPolicy(usize),
    MakeGroup(usize, u8),
    ChangeGroup(usize),
    StripGroup(usize),
    DeleteGroup(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Half {
    Both,
    StackId,
    LogicalId,
}

pub(super) fn foreign() -> impl Strategy<Value = Foreign> {
    let nth = 0..8_usize;
    let half = prop_oneof![Just(Half::Both), Just(Half::StackId), Just(Half::LogicalId)];
    prop_oneof![
        4 => (prop_oneof![4 => Just(0_u8), 1 => Just(1)], 0..6_u8, any::<bool>())
            .prop_map(|(domain, name, connected)| Foreign::MakeRepository { domain, name, connected }),
        1 => nth.clone().prop_map(|of| Foreign::Link { of, to: "tools" }),
        2 => nth.clone().prop_map(Foreign::Recreate),
        2 => nth.clone().prop_map(Foreign::DeleteRepository),
        1 => nth.clone().prop_map(Foreign::Unlink),
        1 => nth.clone().prop_map(Foreign::Disconnect),
        1 => nth.clone().prop_map(Foreign::Describe),
        2 => nth.clone().prop_map(Foreign::Publish),
        3 => (nth.clone(), half).prop_map(|(nth, half)| Foreign::Strip(nth, half)),
        1 => nth.clone().prop_map(Foreign::Seize),
        1 => nth.clone().prop_map(Foreign::Tag),
        1 => nth.clone().prop_map(Foreign::StripDomain),
        2 => nth.clone().prop_map(Foreign::StripPolicyOwner),
        1 => nth.clone().prop_map(Foreign::PutDomainPolicy),
        1 => nth.clone().prop_map(Foreign::DeleteDomainPolicy),
        1 => nth.clone().prop_map(Foreign::PutRepositoryPolicy),
        2 => (nth.clone(), 0..2_u8).prop_map(|(domain, pattern)| Foreign::MakeGroup(domain, pattern)),
        1 => nth.clone().prop_map(Foreign::ChangeGroup),
        1 => nth.clone().prop_map(Foreign::StripGroup),
        1 => nth.prop_map(Foreign::DeleteGroup),
    ]
}

impl Foreign {
    /// Does it, if there is anything to do it to.
    pub(super) fn act(self, world: &mut World) {
        let changed = self.try_to(world);
        let _ = changed;
    }

    fn try_to(self, world: &mut World) -> Option<()> {
        match self {
            Self::MakeRepository {
                domain,
                name,
                connected,
            } => {
                make_repository(world, DOMAINS[usize::from(domain)], NAMES[usize::from(name)], connected);
            }
            Self::Link { of, to } => {
                let (domain, name) = world.nth_repository(of)?;
                let number = world.domains.get(&domain)?.repositories.get(to)?.number;
                let repository = world.domains.get_mut(&domain)?.repositories.get_mut(&name)?;
                let is_new = repository.connections.is_empty()
                    && name != to
                    && repository.upstreams.iter().all(|it| it.name != to);
                let upstream = Upstream {
                    name: to.to_owned(),
                    number,
                };
                repository.upstreams.extend(is_new.then_some(upstream));
            }
            Self::Recreate(nth) => {
                let (domain, name) = world.nth_repository(nth)?;
                world.domains.get_mut(&domain)?.repositories.remove(&name);
                make_repository(world, &domain, &name, false);
            }
            Self::DeleteRepository(nth) => {
                let (domain, name) = world.nth_repository(nth)?;
                world.domains.get_mut(&domain)?.repositories.remove(&name);
            }
            Self::Unlink(nth) => drop(repository(world, nth)?.upstreams.pop()),
            Self::Disconnect(nth) => drop(repository(world, nth)?.connections.pop()),
            Self::Describe(nth) => repository(world, nth)?.description = "by hand".to_owned(),
            Self::Publish(nth) => repository(world, nth)?.holds_packages = true,
            Self::Strip(nth, half) => strip(&mut repository(world, nth)?.tags, half),
            Self::Seize(nth) => repository(world, nth)?.tags.extend(owner(SOMEONE).tags()),
            Self::Tag(nth) => {
                let tags = [("team", "theirs"), ("theirs", "too")];
                let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
                repository(world, nth)?.tags.extend(tags);
            }
            Self::StripDomain(nth) => strip(&mut domain(world, nth)?.tags, Half::Both),
            Self::StripPolicyOwner(nth) => drop(domain(world, nth)?.tags.remove(POLICY_REPOSITORY)),
            Self::PutDomainPolicy(nth) => {
                domain(world, nth)?.policy = Some(by_hand("codeartifact:GetAuthorizationToken"));
            }
            Self::DeleteDomainPolicy(nth) => domain(world, nth)?.policy = None,
            Self::PutRepositoryPolicy(nth) => {
                repository(world, nth)?.policy = Some(by_hand("codeartifact:ReadFromRepository"));
            }
            Self::MakeGroup(nth, pattern) => {
                let groups = &mut domain(world, nth)?.groups;
                let group = Group {
                    tags: TagMap::new(),
                    restrictions: open("INHERIT"),
                };
                groups.entry(parsed(PATTERNS[usize::from(pattern)])).or_insert(group);
            }
            Self::ChangeGroup(nth) => {
                let (domain, nth) = domain_of_group(world, nth)?;
                let name = domain.repositories.keys().next().cloned();
                let group = domain.groups.values_mut().nth(nth)?;
                let publish = group.restrictions.0.get_mut(&Origin::Publish)?;
                ALLOW_SPECIFIC.clone_into(&mut publish.mode);
                publish.repositories = name.into_iter().collect();
            }
            Self::StripGroup(nth) => {
                let (domain, nth) = domain_of_group(world, nth)?;
                let tags = &mut domain.groups.values_mut().nth(nth)?.tags;
                strip(tags, Half::Both);
                tags.remove(FORMER_RESTRICTIONS);
            }
            Self::DeleteGroup(nth) => {
                let (domain, nth) = domain_of_group(world, nth)?;
                let pattern = domain.groups.keys().nth(nth)?.clone();
                domain.groups.remove(&pattern);
            }
        }
        Some(())
    }
}

/// A repository of no owner, in a domain that is made by hand if need be.
pub(super) fn make_repository(world: &mut World, domain: &str, name: &str, connected: bool) {
    // What is there already stays.
    let _ = world.create_domain(domain, KEY, TagMap::new());
    let within = own_domain(domain);
    if world
        .create_repository(&within, name, "by hand", &[], &TagMap::new())
        .is_ok()
        && connected
    {
        let associate = Action::AssociateExternalConnection {
            name: parsed(name),
            connection: parsed(CONNECTIONS[0]),
        };
        world.carry_out(&within, &associate).expect("it is new");
    }
}

fn by_hand(action: &str) -> ObservedPolicy {
    ObservedPolicy {
        document: policy_of("999999999999", action).to_string(),
        revision: Some("by-hand".to_owned()),
    }
}

fn strip(tags: &mut TagMap, half: Half) {
    let keys: &[&str] = match half {
        Half::Both => &[STACK_ID, LOGICAL_ID],
        Half::StackId => &[STACK_ID],
        Half::LogicalId => &[LOGICAL_ID],
    };
    tags.retain(|key, _| !keys.contains(&key.as_str()));
}

impl World {
    fn nth_repository(&self, nth: usize) -> Option<(String, String)> {
        let all: Vec<(&String, &String)> = self
            .domains
            .iter()
            .flat_map(|(domain, it)| it.repositories.keys().map(move |name| (domain, name)))
            .collect();
        let (domain, name) = all.get(nth.checked_rem(all.len())?)?;
        Some(((*domain).clone(), (*name).clone()))
    }
}

fn repository(world: &mut World, nth: usize) -> Option<&mut Repository> {
    let (domain, name) = world.nth_repository(nth)?;
    world.domains.get_mut(&domain)?.repositories.get_mut(&name)
}

fn domain(world: &mut World, nth: usize) -> Option<&mut Domain> {
    let nth = nth.checked_rem(world.domains.len())?;
    world.domains.values_mut().nth(nth)
}

fn domain_of_group(world: &mut World, nth: usize) -> Option<(&mut Domain, usize)> {
    let domain = world.domains.values_mut().find(|domain| !domain.groups.is_empty())?;
    let nth = nth % domain.groups.len();
    Some((domain, nth))
}
