//! Several requests at the same time: some order of them explains the answers, and what is there in the end.

use std::cell::RefCell;

use proptest::prelude::*;

use super::alone::{Deed, Scenery, asks, deeds};
use super::cases;
use super::event::Event;
use super::explained::{unexplained, wrong_after_cancelling};
use super::names::POLICY_REPOSITORY;
use super::oracle::explain::Closeness;
use super::request::Request;
use super::shape::{Shape, shapes};
use super::stack::{Ask, Heard};
use super::turns::{Schedule, Turns, Work, schedules, together};
use crate::stack::DeletionMode;

/// What one of those at work does.
#[derive(Clone)]
enum Part {
    /// A stack's ask, seen through.
    Ask(usize, Request),
    /// One delivery, and nothing that follows from it.
    Delivery(Request),
}

impl Part {
    fn request(&self) -> &Request {
        match self {
            Self::Ask(_, request) | Self::Delivery(request) => request,
        }
    }
}

/// Lets all of them work at the same time; tells what each was answered.
fn all_at_once(scenery: &mut Scenery, parts: &[Part], turns: &Turns, schedule: &Schedule) -> Vec<Vec<Heard>> {
    let world = RefCell::new(std::mem::take(&mut scenery.world));
    let rows: Vec<RefCell<Vec<Heard>>> = parts.iter().map(|_| RefCell::default()).collect();
    let mut stacks: Vec<Option<_>> = scenery.stacks.iter_mut().map(Some).collect();
    let work = parts.iter().zip(&rows).map(|(part, heard)| -> Work {
        let world = &world;
        match part.clone() {
            Part::Ask(team, request) => {
                let stack = stacks[team].take().expect("each team once");
                Box::pin(stack.carry_out(request, world, turns, heard))
            }
            Part::Delivery(request) => Box::pin(async move {
                let answer = Event::new(world, turns, &request).run().await;
                heard.borrow_mut().push(Heard { request, answer });
            }),
        }
    });
    let work: Vec<Work> = work.collect();
    together(turns, schedule, work);
    scenery.world = world.into_inner();
    rows.into_iter().map(RefCell::into_inner).collect()
}

/// What several came to, and what was there before and after.
struct Ended {
    before: Scenery,
    after: Scenery,
    rows: Vec<Vec<Heard>>,
    gave_up_policy: bool,
}

fn ended(before: Scenery, parts: &[Part], schedule: &Schedule) -> Ended {
    let mut after = before.clone();
    let turns = Turns::new(schedule.order);
    let rows = all_at_once(&mut after, parts, &turns, schedule);
    let gave_up_policy = turns.gave_up_policy().get();
    Ended {
        before,
        after,
        rows,
        gave_up_policy,
    }
}

/// The story, call by call.
fn told(ended: &Ended, parts: &[Part], schedule: &Schedule) -> String {
    let turns = Turns::told(schedule.order);
    all_at_once(&mut ended.before.clone(), parts, &turns, schedule);
    let answers = ended.rows.iter().enumerate().flat_map(|(row, heard)| {
        heard.iter().map(move |heard| format!("{row}: {:?}\n   {:?}", heard.request, heard.answer))
    });
    turns.journal().into_iter().chain(answers).collect::<Vec<_>>().join("\n")
}

impl Ended {
    fn unexplained(&self, closeness: Closeness) -> Vec<String> {
        let rows: Vec<Vec<&Heard>> = self.rows.iter().map(|row| row.iter().collect()).collect();
        unexplained(&self.before.world, &rows, &self.after.world, closeness)
    }

    /// Whether a rollback is refused, for what another stack has by then: then all is left to the next one.
    fn is_stuck(&self) -> bool {
        self.after.stacks.iter().any(|stack| stack.is_stuck)
    }

    /// Whether what failed may leave traces that its rollback cannot tell from what was handed over: a repository that was
    /// adopted keeps what was written to it, and a proxy that an Update made is retained where the properties before it
    /// say so.
    fn leaves_traces(&self) -> bool {
        self.rows.iter().flatten().any(|Heard { request, answer }| {
            let old = request.old.as_ref().map(|old| old.read().desired.deletion_mode);
            !answer.is_success() && (request.shape.adopts || old == Some(DeletionMode::Retain))
        })
    }
}

impl Ended {
    /// A policy that was put while its owner tag was taken off: see `a_policy_that_is_put_while_it_is_released_goes`.
    fn leaves_a_policy(&self) -> bool {
        let of = |scenery: &Scenery, name: &String| {
            let domain = scenery.world.domains.get(name)?;
            domain.policy.clone().filter(|_| !domain.tags.contains_key(POLICY_REPOSITORY))
        };
        self.after.world.domains.keys().any(|name| of(&self.after, name).is_some() && of(&self.before, name).is_none())
    }
}

fn after(history: &[Deed]) -> Scenery {
    let mut scenery = Scenery::new();
    for deed in history {
        scenery.happens(deed);
    }
    scenery
}

/// Whether two mean to make one domain for primary repositories of one name: known, the policy owner tag does not tell
/// them apart.
fn are_namesakes(before: &Scenery, requests: &[&Request]) -> bool {
    let is_new = |request: &&&Request| {
        let domain = &request.shape.read().desired.identity.domain;
        !before.world.domains.contains_key(domain.name.as_str())
    };
    let identities: Vec<_> = requests.iter().filter(is_new).map(|it| it.shape.read().desired.identity.clone()).collect();
    identities.iter().enumerate().any(|(at, identity)| identities[..at].contains(identity))
}

impl Ended {
    /// A repository that names an upstream that is gone: see `a_primary_with_a_dead_link_can_be_released`.
    fn has_dead_link(&self) -> bool {
        let mut domains = self.after.world.domains.values();
        domains.any(|domain| {
            let mut upstreams = domain.repositories.values().flat_map(|it| &it.upstreams);
            upstreams.any(|upstream| !domain.repositories.contains_key(&upstream.name))
        })
    }
}

/// Whether the primary holds packages and is nobody's, and such a one would be retained.
fn adopts_packages(before: &Scenery, shape: &Shape) -> bool {
    let desired = &shape.read().desired;
    let domain = before.world.domains.get(desired.identity.domain.name.as_str());
    let primary = domain.and_then(|domain| domain.repositories.get(desired.identity.repository.as_str()));
    desired.deletion_mode != DeletionMode::Delete && primary.is_some_and(|primary| primary.holds_packages)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn stacks_at_the_same_time_end_as_one_after_the_other(
        history in prop::collection::vec(deeds(), 0..4),
        asks in (asks(0), asks(1), prop::option::weighted(0.3, asks(2))),
        schedule in schedules(),
    ) {
        let before = after(&history);
        let asks = [Some(asks.0), Some(asks.1), asks.2];
        let requests = asks.iter().zip(&before.stacks).filter_map(|(ask, stack)| Some((stack.team, stack.request(ask.as_ref()?)?)));
        let parts: Vec<Part> = requests.map(|(team, request)| Part::Ask(team, request)).collect();
        let requests: Vec<&Request> = parts.iter().map(Part::request).collect();
        if are_namesakes(&before, &requests) {
            return Ok(());
        }
        let ended = ended(before, &parts, &schedule);
        if !ended.is_stuck() && !ended.leaves_traces() && !ended.gave_up_policy {
            let wrong = ended.unexplained(Closeness::Gradual);
            prop_assert!(wrong.is_empty(), "{wrong:#?}\n{}", told(&ended, &parts, &schedule));
        }
    }

    #[test]
    fn a_request_that_is_delivered_twice_at_once_ends_as_one_that_came_once(
        history in prop::collection::vec(deeds(), 0..4),
        ask in asks(0),
        schedule in schedules(),
    ) {
        let before = after(&history);
        let Some(request) = before.stacks[0].request(&ask) else {
            return Ok(());
        };
        let parts = [Part::Delivery(request.clone()), Part::Delivery(request)];
        let ended = ended(before, &parts, &schedule);
        // What fails for a missing upstream may have come any part of the way.
        let is_whole = ended.rows.iter().flatten().all(|heard| heard.answer.is_success());
        let wrong = ended.unexplained(if is_whole { Closeness::Exact } else { Closeness::Gradual });
        prop_assert!(wrong.is_empty(), "{wrong:#?}\n{}", told(&ended, &parts, &schedule));
        prop_assert_eq!(&ended.rows[0][0].answer.id, &ended.rows[1][0].answer.id);
    }

    #[test]
    fn a_create_that_is_cancelled_at_any_call_leaves_nothing_behind(
        history in prop::collection::vec(deeds(), 0..4),
        shape in shapes(Just(0)),
        schedule in schedules(),
    ) {
        let before = after(&history);
        let stack = &before.stacks[0];
        if stack.record.is_some() || adopts_packages(&before, &shape) {
            return Ok(());
        }
        let create = stack.request(&Ask::Deploy(shape.clone())).expect("a Create");
        let delete = stack.cancellation(&shape);
        let parts = [Part::Delivery(create.clone()), Part::Delivery(delete.clone())];
        let ended = ended(before, &parts, &schedule);
        if ended.has_dead_link() {
            return Ok(());
        }
        prop_assert!(ended.rows[1][0].answer.is_success(), "{}", told(&ended, &parts, &schedule));
        let wrong = wrong_after_cancelling(&ended.before.world, &create, &delete, &ended.after.world);
        if ended.leaves_a_policy() {
            return Ok(());
        }
        prop_assert!(wrong.is_empty(), "{wrong:#?}\n{}", told(&ended, &parts, &schedule));
    }
}
