//! One request at a time: what it leaves is what the contract says, and nothing is left to do.

use std::cell::RefCell;

use proptest::prelude::*;

use super::cases;
use super::event::Event;
use super::explained::wrong_alone;
use super::names::place;
use super::request::{Kind, Request};
use super::shape::{changes, shapes};
use super::stack::{Ask, Heard, Stack};
use super::stranger::{Foreign, foreign};
use super::turns::{Turns, alone};
use super::world::World;
use crate::cloudformation::PhysicalId;
use crate::plan::{self, Former, History, Plan};
use crate::stack::Evidence;

pub(super) const TEAMS: usize = 3;

/// More calls than any request needs.
pub(super) const ENDLESS: usize = 5000;

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Ask(usize, Ask),
    Foreign(Foreign),
}

pub(super) fn asks(team: usize) -> impl Strategy<Value = Ask> {
    let team = u8::try_from(team).expect("few teams");
    let names = prop_oneof![8 => Just(team), 1 => 0..4_u8];
    prop_oneof![
        4 => shapes(names).prop_map(Ask::Deploy),
        4 => changes().prop_map(Ask::Change),
        2 => Just(Ask::Delete),
    ]
}

pub(super) fn deeds() -> impl Strategy<Value = Deed> {
    let asks = prop_oneof![
        asks(0).prop_map(|ask| (0, ask)),
        asks(1).prop_map(|ask| (1, ask)),
        asks(2).prop_map(|ask| (2, ask))
    ];
    prop_oneof![
        2 => asks.prop_map(|(team, ask)| Deed::Ask(team, ask)),
        1 => foreign().prop_map(Deed::Foreign),
    ]
}

/// What is there, and what is on record of each team.
#[derive(Clone)]
pub(super) struct Scenery {
    pub(super) world: World,
    pub(super) stacks: Vec<Stack>,
}

impl Scenery {
    pub(super) fn new() -> Self {
        Self {
            world: World::default(),
            stacks: (0..TEAMS).map(Stack::new).collect(),
        }
    }

    /// Lets a deed happen with all that follows from it, the steps of plans in some order; tells what was heard.
    pub(super) fn happens(&mut self, deed: &Deed, order: u64) -> Vec<Heard> {
        match deed {
            Deed::Foreign(foreign) => {
                foreign.act(&mut self.world);
                Vec::new()
            }
            Deed::Ask(team, ask) => {
                let stack = &mut self.stacks[*team];
                let Some(request) = stack.request(ask) else {
                    return Vec::new();
                };
                let (world, turns) = (RefCell::new(std::mem::take(&mut self.world)), Turns::new(order));
                let heard = RefCell::default();
                let work = stack.carry_out(request, &world, &turns, &heard);
                assert!(alone(&turns, ENDLESS, Box::pin(work)), "it goes on for ever");
                self.world = world.into_inner();
                heard.into_inner()
            }
        }
    }

    /// Lets one request be worked on alone; gives its answer, or nothing if it was cut short after so many calls.
    pub(super) fn answers(&mut self, request: &Request, order: u64, most: usize) -> Option<super::request::Answer> {
        let (world, turns) = (RefCell::new(std::mem::take(&mut self.world)), Turns::new(order));
        let answer = RefCell::default();
        let event = Event::new(&world, &turns, request);
        alone(
            &turns,
            most,
            Box::pin(async { *answer.borrow_mut() = Some(event.run().await) }),
        );
        drop(event);
        self.world = world.into_inner();
        answer.into_inner()
    }
}

/// What is still to be done for a request that was answered with SUCCESS.
pub(super) fn left_to_do(world: &World, request: &Request, id: &str) -> Plan {
    let read = request.shape.read();
    let owner = request.owner();
    if request.kind == Kind::Delete {
        let id = PhysicalId::parse(id, place());
        if id.is_not_created() {
            return Plan::default();
        }
        let Some(identity) = id.identity().cloned().or_else(|| read.previous.identity.clone()) else {
            return Plan::default();
        };
        let observed = world.observe(&plan::to_delete(&identity, &read.previous, &Former::default()));
        return plan::delete(&identity, Evidence::WasOurs, &read.previous, &observed, &owner, place())
            .expect("what was done is not refused");
    }
    let history = History {
        existing: Some(read.desired.identity.clone()),
        previous: read.previous.clone(),
    };
    let observed = world.observe(&plan::to_converge(&read.desired, &history));
    plan::converge(&read.desired, &history, &observed, &owner).expect("what was done is not refused")
}

proptest! {
    #![proptest_config(cases(512))]

    /// Of each request of a history, rollbacks and clean-ups included: what is there afterwards is what the contract says,
    /// and planned again there is nothing to do.
    #[test]
    fn a_plan_carried_out_is_as_the_contract_says_and_leaves_an_empty_plan(
        history in prop::collection::vec(deeds(), 1..7), order in any::<u64>(),
    ) {
        let mut scenery = Scenery::new();
        for deed in &history {
            let mut before = scenery.world.clone();
            for Heard { request, answer, after } in scenery.happens(deed, order) {
                let wrong = wrong_alone(&before, &request, &answer, &after);
                prop_assert!(wrong.is_empty(), "{request:#?}\n{answer:#?}\n{wrong:#?}");
                if answer.is_success() {
                    let plan = left_to_do(&after, &request, &answer.id);
                    prop_assert!(plan.steps.is_empty(), "{request:#?}\nstill to do: {plan:#?}");
                }
                before = after;
            }
        }
    }
}
