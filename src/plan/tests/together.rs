//! Several requests at the same time: some order of them explains the answers, and what is there in the end.

use std::cell::RefCell;

use proptest::prelude::*;

use super::alone::{Scenery, asks, deeds};
use super::cases;
use super::event::Event;
use super::explained::{unexplained, wrong_after_cancelling};
use super::oracle::explain::Closeness;
use super::request::{Kind, Request};
use super::shape::shapes;
use super::stack::{Ask, Heard};
use super::turns::{Schedule, Turns, Work, schedules, together};

/// What one of those at work does.
enum Part {
    /// A stack's ask, seen through.
    Ask(usize, Request),
    /// One delivery, and nothing that follows from it.
    Delivery(Request),
}

/// Lets all of them work at the same time; tells what each was answered.
fn all_at_once(scenery: &mut Scenery, parts: Vec<Part>, schedule: &Schedule) -> Vec<Vec<Heard>> {
    let world = RefCell::new(std::mem::take(&mut scenery.world));
    let turns = Turns::new(schedule.order);
    let rows: Vec<RefCell<Vec<Heard>>> = parts.iter().map(|_| RefCell::default()).collect();
    let mut stacks: Vec<Option<_>> = scenery.stacks.iter_mut().map(Some).collect();
    let work = parts.into_iter().zip(&rows).map(|(part, heard)| -> Work {
        let (world, turns) = (&world, &turns);
        match part {
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
    together(&turns, schedule, work);
    scenery.world = world.into_inner();
    rows.into_iter().map(RefCell::into_inner).collect()
}

fn told(rows: &[Vec<Heard>]) -> String {
    rows.iter()
        .enumerate()
        .flat_map(|(row, heard)| heard.iter().map(move |heard| format!("{row}: {:?}\n   {:?}", heard.request, heard.answer)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn explain(before: &Scenery, rows: &[Vec<Heard>], after: &Scenery, closeness: Closeness) -> Vec<String> {
    let rows: Vec<Vec<&Heard>> = rows.iter().map(|row| row.iter().collect()).collect();
    unexplained(&before.world, &rows, &after.world, closeness)
}

fn after(history: &[super::alone::Deed]) -> Scenery {
    let mut scenery = Scenery::new();
    for deed in history {
        scenery.happens(deed);
    }
    scenery
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn two_stacks_at_the_same_time_end_as_one_after_the_other(
        history in prop::collection::vec(deeds(), 0..4),
        one in asks(0),
        other in asks(1),
        schedule in schedules(),
    ) {
        let before = after(&history);
        let requests = (before.stacks[0].request(&one), before.stacks[1].request(&other));
        let (Some(one), Some(other)) = requests else {
            return Ok(());
        };
        let mut scenery = before.clone();
        let rows = all_at_once(&mut scenery, vec![Part::Ask(0, one), Part::Ask(1, other)], &schedule);
        if scenery.stacks.iter().any(|stack| stack.is_stuck) {
            return Ok(());
        }
        let wrong = explain(&before, &rows, &scenery, Closeness::Gradual);
        prop_assert!(wrong.is_empty(), "{wrong:#?}\n{}", told(&rows));
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
        let mut scenery = before.clone();
        let parts = vec![Part::Delivery(request.clone()), Part::Delivery(request)];
        let rows = all_at_once(&mut scenery, parts, &schedule);
        // What fails for a missing upstream may have come any part of the way.
        let is_whole = rows.iter().flatten().all(|heard| heard.answer.is_success());
        let closeness = if is_whole { Closeness::Exact } else { Closeness::Gradual };
        let wrong = explain(&before, &rows, &scenery, closeness);
        prop_assert!(wrong.is_empty(), "{wrong:#?}\n{}", told(&rows));
        prop_assert_eq!(&rows[0][0].answer.id, &rows[1][0].answer.id);
    }

    #[test]
    fn a_create_that_is_cancelled_at_any_call_leaves_nothing_behind(
        history in prop::collection::vec(deeds(), 0..4),
        shape in shapes(Just(0)),
        schedule in schedules(),
    ) {
        let before = after(&history);
        let stack = &before.stacks[0];
        if stack.record.is_some() {
            return Ok(());
        }
        let create = stack.request(&Ask::Deploy(shape.clone())).expect("a Create");
        let delete = stack.cancellation(&shape);
        let mut scenery = before.clone();
        let parts = vec![Part::Delivery(create.clone()), Part::Delivery(delete.clone())];
        let rows = all_at_once(&mut scenery, parts, &schedule);
        prop_assert_eq!(rows[1][0].request.kind, Kind::Delete);
        prop_assert!(rows[1][0].answer.is_success(), "{}", told(&rows));
        let wrong = wrong_after_cancelling(&before.world, &create, &delete, &scenery.world);
        prop_assert!(wrong.is_empty(), "{wrong:#?}\n{}", told(&rows));
    }

    #[test]
    fn three_stacks_at_the_same_time_end_as_one_after_the_other(
        history in prop::collection::vec(deeds(), 0..4),
        asks in (asks(0), asks(1), asks(2)),
        schedule in schedules(),
    ) {
        let before = after(&history);
        let asks = [asks.0, asks.1, asks.2];
        let requests = asks.iter().enumerate().filter_map(|(team, ask)| Some(Part::Ask(team, before.stacks[team].request(ask)?)));
        let mut scenery = before.clone();
        let rows = all_at_once(&mut scenery, requests.collect(), &schedule);
        if scenery.stacks.iter().any(|stack| stack.is_stuck) {
            return Ok(());
        }
        let wrong = explain(&before, &rows, &scenery, Closeness::Gradual);
        prop_assert!(wrong.is_empty(), "{wrong:#?}\n{}", told(&rows));
    }
}
