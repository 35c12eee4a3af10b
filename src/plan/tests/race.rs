//! A race: several requests at the same time, and what there is to say of its end.

use std::cell::RefCell;

use super::alone::{Deed, Scenery};
use super::event::Event;
use super::explained::{unexplained, wrong_after_cancelling};
use super::oracle::explain::Closeness;
use super::request::Request;
use super::shape::Shape;
use super::stack::{Ask, Heard, Stack};
use super::turns::{Schedule, Turns, Work, together};

/// What one of those at work does.
#[derive(Clone)]
pub(super) enum Part {
    /// A stack's ask, seen through.
    Ask(usize, Request),
    /// One delivery, and nothing that follows from it.
    Delivery(Request),
}

impl Part {
    pub(super) fn request(&self) -> &Request {
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
                let after = world.borrow().clone();
                heard.borrow_mut().push(Heard { request, answer, after });
            }),
        }
    });
    let work: Vec<Work> = work.collect();
    together(turns, schedule, work);
    scenery.world = world.into_inner();
    rows.into_iter().map(RefCell::into_inner).collect()
}

/// What several came to, and what was there before and after.
pub(super) struct Ended {
    pub(super) before: Scenery,
    pub(super) after: Scenery,
    pub(super) rows: Vec<Vec<Heard>>,
    pub(super) gave_up_policy: bool,
}

pub(super) fn ended(before: Scenery, parts: &[Part], schedule: &Schedule) -> Ended {
    let mut after = before.clone();
    let turns = Turns::new(schedule.order);
    let rows = all_at_once(&mut after, parts, &turns, schedule);
    Ended {
        before,
        after,
        rows,
        gave_up_policy: turns.gave_up_policy().get(),
    }
}

/// The story, call by call.
pub(super) fn told(ended: &Ended, parts: &[Part], schedule: &Schedule) -> String {
    let turns = Turns::told(schedule.order);
    all_at_once(&mut ended.before.clone(), parts, &turns, schedule);
    let answers = ended.rows.iter().enumerate().flat_map(|(row, heard)| {
        heard
            .iter()
            .map(move |heard| format!("{row}: {:?}\n   {:?}", heard.request, heard.answer))
    });
    turns
        .journal()
        .into_iter()
        .chain(answers)
        .collect::<Vec<_>>()
        .join("\n")
}

impl Ended {
    pub(super) fn unexplained(&self, closeness: Closeness) -> Vec<String> {
        let rows: Vec<Vec<&Heard>> = self.rows.iter().map(|row| row.iter().collect()).collect();
        unexplained(&self.before.world, &rows, &self.after.world, closeness)
    }

    /// Whether a rollback is refused, for what another stack has by then: then all is left to the next one.
    pub(super) fn is_stuck(&self) -> bool {
        self.after.stacks.iter().any(|stack| stack.is_stuck)
    }
}

pub(super) fn after(history: &[Deed]) -> Scenery {
    let mut scenery = Scenery::new();
    for deed in history {
        scenery.happens(deed, 0);
    }
    scenery
}

/// More calls in a row than anyone in these races makes before it waits.
const MOST_CALLS: u8 = 12;

/// Every schedule in which it is so often another one's turn before that one is done.
fn schedules(changes: usize) -> Vec<Schedule> {
    let mut all = vec![Vec::new()];
    for _ in 0..changes {
        all = all
            .iter()
            .flat_map(|runs| (1..MOST_CALLS).map(|run| [&runs[..], &[run]].concat()))
            .collect();
    }
    all.into_iter().map(|runs| Schedule { runs, order: 0 }).collect()
}

/// Tells of the first schedule by which an end is wrong.
#[track_caller]
pub(super) fn never(changes: usize, history: &[Deed], parts: &[Part], wrong: impl Fn(&Ended) -> Vec<String>) {
    let before = after(history);
    for schedule in schedules(changes) {
        let ended = ended(before.clone(), parts, &schedule);
        let wrong = wrong(&ended);
        assert!(
            wrong.is_empty(),
            "{wrong:#?}\n{schedule:?}\n{}",
            told(&ended, parts, &schedule)
        );
    }
}

pub(super) fn shape(repository: u8) -> Shape {
    Shape {
        repository,
        ..Shape::default()
    }
}

pub(super) fn create(team: usize, shape: Shape) -> Part {
    Part::Ask(team, Stack::new(team).request(&Ask::Deploy(shape)).expect("a Create"))
}

pub(super) fn deployed(team: usize, shape: Shape) -> Deed {
    Deed::Ask(team, Ask::Deploy(shape))
}

/// The Create and the Delete of a shape that is cancelled.
pub(super) fn cancelled(shape: &Shape) -> [Part; 2] {
    let stack = Stack::new(0);
    let create = stack.request(&Ask::Deploy(shape.clone())).expect("a Create");
    [Part::Delivery(create), Part::Delivery(stack.cancellation(shape))]
}

/// What is wrong after it.
pub(super) fn wrong_cancelled(ended: &Ended) -> Vec<String> {
    let request = |row: usize| &ended.rows[row][0].request;
    wrong_after_cancelling(&ended.before.world, request(0), request(1), &ended.after.world)
}
