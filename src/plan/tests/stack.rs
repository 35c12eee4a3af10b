//! A stack, as CloudFormation sees it through: what it asks for, and what follows from an answer.

use std::cell::RefCell;

use super::event::Event;
use super::request::{Answer, Kind, Request};
use super::shape::{Change, Shape};
use super::turns::Turns;
use super::world::World;

/// What is on record of a team's one resource.
#[derive(Clone, Debug)]
pub(super) struct Stack {
    pub(super) team: usize,
    pub(super) record: Option<(String, Shape)>,
    /// A rollback or a clean-up of it failed: what is on record is not all there may be from then on.
    pub(super) is_stuck: bool,
}

/// What a user asks for.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// A Create, or an Update if the stack is there.
    Deploy(Shape),
    /// An Update with one thing changed.
    Change(Change),
    Delete,
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) request: Request,
    pub(super) answer: Answer,
    /// What was there right after it.
    pub(super) after: World,
}

impl Stack {
    pub(super) fn new(team: usize) -> Self {
        Self {
            team,
            record: None,
            is_stuck: false,
        }
    }

    /// The first request that an ask leads to, if it leads to any.
    pub(super) fn request(&self, ask: &Ask) -> Option<Request> {
        match (ask, &self.record) {
            (Ask::Deploy(shape), None) => Some(self.create(shape.clone())),
            (Ask::Deploy(shape), Some(_)) => Some(self.update(shape.clone())),
            (Ask::Change(change), Some((_, shape))) => Some(self.update(change.on(shape))),
            (Ask::Delete, Some((id, shape))) => Some(self.delete(id, shape)),
            (Ask::Change(_) | Ask::Delete, None) => None,
        }
    }

    fn create(&self, shape: Shape) -> Request {
        Request {
            team: self.team,
            kind: Kind::Create,
            id: None,
            shape,
            old: None,
        }
    }

    fn update(&self, shape: Shape) -> Request {
        let (id, old) = self.record.clone().expect("it is there");
        Request {
            team: self.team,
            kind: Kind::Update,
            id: Some(id),
            shape,
            old: Some(old),
        }
    }

    fn delete(&self, id: &str, shape: &Shape) -> Request {
        Request {
            team: self.team,
            kind: Kind::Delete,
            id: Some(id.to_owned()),
            shape: shape.clone(),
            old: None,
        }
    }

    /// The Delete of a Create that was cancelled before it answered: its id is made up.
    pub(super) fn cancellation(&self, shape: &Shape) -> Request {
        self.delete("team-Packages-1RKQ2VHGN0P5Z", shape)
    }

    /// Sees a request through, its rollback and clean-up included.
    pub(super) async fn carry_out(
        &mut self,
        first: Request,
        world: &RefCell<World>,
        turns: &Turns,
        heard: &RefCell<Vec<Heard>>,
    ) {
        let ask = async |request: Request| {
            let answer = Event::new(world, turns, &request).run().await;
            heard.borrow_mut().push(Heard {
                request,
                answer: answer.clone(),
                after: world.borrow().clone(),
            });
            answer
        };
        let (kind, shape) = (first.kind, first.shape.clone());
        let answer = ask(first).await;
        let mut superseded = Vec::new();
        match (kind, answer.is_success()) {
            (Kind::Delete, true) => self.record = None,
            (Kind::Delete, false) => self.is_stuck = true,
            (Kind::Create, true) => self.record = Some((answer.id, shape)),
            (Kind::Create, false) => {
                if ask(self.delete(&answer.id, &shape)).await.is_success() {
                    self.record = None;
                } else {
                    self.record = Some((answer.id, shape));
                    self.is_stuck = true;
                }
            }
            (Kind::Update, true) => {
                let old = self.record.replace((answer.id.clone(), shape));
                superseded.extend(old.filter(|(id, _)| *id != answer.id));
            }
            (Kind::Update, false) => {
                // The FAILED answer's id is the resource's id from here on.
                let (_, old) = self
                    .record
                    .replace((answer.id.clone(), shape.clone()))
                    .expect("it is there");
                let back = ask(self.update(old.clone())).await;
                if back.is_success() {
                    superseded.extend((back.id != answer.id).then_some((answer.id, shape)));
                    self.record = Some((back.id, old));
                } else {
                    self.is_stuck = true;
                }
            }
        }
        for (id, shape) in superseded {
            self.is_stuck |= !ask(self.delete(&id, &shape)).await.is_success();
        }
    }
}
