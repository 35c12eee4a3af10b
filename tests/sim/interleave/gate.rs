//! Where the calls of scheduled events wait: before they take effect, and before they are answered.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::Bytes;

use super::access::Access;

/// A call, by whose it is and its number among those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallId {
    pub(crate) actor: usize,
    pub(crate) number: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whose work goes on just now; nobody's calls wait.
    at_work: Option<usize>,
    issued: BTreeMap<usize, usize>,
    calls: BTreeMap<CallId, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    access: Access,
    stage: Stage,
    was_refused: bool,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Arrived,
    MayTakeEffect,
    TookEffect,
    MayBeAnswered,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on calls are this actor's, or pass at once.
    pub(crate) fn set_at_work(&self, actor: Option<usize>) {
        self.state().at_work = actor;
    }

    /// A call that comes in, if it has to wait.
    pub(crate) fn arrival(self: &Arc<Self>, request: &http::Request<Bytes>) -> Option<Call> {
        let mut state = self.state();
        let actor = state.at_work?;
        let issued = state.issued.entry(actor).or_default();
        *issued += 1;
        let id = CallId { actor, number: *issued };
        let waiting = Waiting {
            access: Access::of(request),
            stage: Stage::Arrived,
            was_refused: false,
            waker: None,
        };
        state.calls.insert(id, waiting);
        Some(Call {
            gate: Arc::clone(self),
            id,
        })
    }

    /// The calls that wait to take effect.
    pub(crate) fn arrived(&self) -> Vec<(CallId, Access)> {
        let state = self.state();
        let arrived = state.calls.iter().filter(|(_, call)| call.stage == Stage::Arrived);
        arrived.map(|(id, call)| (*id, call.access.clone())).collect()
    }

    /// Whether any call of this actor waits, for its effect or its answer.
    pub(crate) fn has_calls_of(&self, actor: usize) -> bool {
        self.state().calls.keys().any(|id| id.actor == actor)
    }

    pub(crate) fn let_take_effect(&self, id: CallId) {
        self.go_on(id, Stage::MayTakeEffect);
    }

    /// Lets the answer go, and tells whether it is a refusal.
    pub(crate) fn let_be_answered(&self, id: CallId) -> bool {
        let was_refused = self.state().calls.get(&id).is_some_and(|call| call.was_refused);
        self.go_on(id, Stage::MayBeAnswered);
        was_refused
    }

    fn go_on(&self, id: CallId, to: Stage) {
        let mut state = self.state();
        let call = state.calls.get_mut(&id).expect("the call waits");
        call.stage = to;
        let waker = call.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A call on its way. Dropped, it no longer waits.
pub(crate) struct Call {
    gate: Arc<Gate>,
    id: CallId,
}

impl Call {
    pub(crate) async fn takes_effect(&self) {
        self.until(Stage::MayTakeEffect).await;
    }

    /// It has taken effect, and this is the answer.
    pub(crate) async fn is_answered(&self, answer: Option<&http::Response<Bytes>>) {
        if let Some(call) = self.gate.state().calls.get_mut(&self.id) {
            call.stage = Stage::TookEffect;
            call.was_refused = answer.is_none_or(|answer| !answer.status().is_success());
        }
        self.until(Stage::MayBeAnswered).await;
    }

    async fn until(&self, due: Stage) {
        poll_fn(|context| {
            let mut state = self.gate.state();
            let call = state.calls.get_mut(&self.id).expect("the call waits");
            if call.stage >= due {
                return Poll::Ready(());
            }
            call.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.gate.state().calls.remove(&self.id);
    }
}
