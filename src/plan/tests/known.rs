//! What is known to end wrong, or was once: each with its shortest case. What still does is ignored, and kept out of the
//! properties.

use super::alone::Deed;
use super::oracle::explain::Closeness;
use super::race::{Ended, Part, after, cancelled, create, deployed, never, shape, wrong_cancelled};
use super::request::Failure;
use super::shape::{Connection, Shape};
use super::stack::{Ask, Heard};
use super::stranger::Foreign;
use crate::stack::DeletionMode;

impl Ended {
    /// Whether this is one of the ends that are known to be wrong.
    pub(super) fn is_known(&self) -> bool {
        self.gave_up_policy
            || self.is_content_with_a_policy_that_goes()
            || self.leaves_traces()
            || self.sends_upstreams_late()
    }

    /// Whether one may be content with a policy of another, which goes or changes at the same time: the contract has it so.
    fn is_content_with_a_policy_that_goes(&self) -> bool {
        let states = |shape: &Shape| (shape.domain, shape.domain_policy);
        let before = self
            .before
            .stacks
            .iter()
            .filter_map(|stack| Some((stack.team, states(&stack.record.as_ref()?.1))));
        let asked = self
            .rows
            .iter()
            .flatten()
            .map(|heard| (heard.request.team, states(&heard.request.shape)));
        let all: Vec<_> = before.chain(asked).filter(|(_, (_, policy))| *policy > 0).collect();
        all.iter()
            .any(|(team, one)| all.iter().any(|(other, same)| team != other && one == same))
    }

    /// Whether what failed may leave traces that its rollback cannot tell from what was handed over: a repository that was
    /// adopted keeps what was written to it, and a proxy that an Update made is retained where the properties before it
    /// say so.
    fn leaves_traces(&self) -> bool {
        self.rows.iter().flatten().any(|Heard { request, answer, .. }| {
            let old = request.old.as_ref().map(|old| old.read().desired.deletion_mode);
            !answer.is_success() && (request.shape.adopts || old == Some(DeletionMode::Retain))
        })
    }

    /// Upstreams that were sent to a proxy after another delivery had connected it.
    fn sends_upstreams_late(&self) -> bool {
        let mut failures = self
            .rows
            .iter()
            .flatten()
            .filter_map(|heard| heard.answer.failure.as_ref());
        failures.any(|failure| matches!(failure, Failure::Broken(why) if why.contains("and is given upstreams")))
    }
}

#[test]
fn a_policy_that_is_put_while_it_is_released_goes() {
    let shape = Shape {
        domain_policy: 1,
        ..shape(0)
    };
    never(3, &[deployed(1, self::shape(1))], &cancelled(&shape), wrong_cancelled);
}

#[test]
#[ignore = "a claim that comes late takes the tag of the other, who has put its policy, and then gives it up to nobody"]
fn a_claim_of_a_policy_that_comes_late_leaves_it_to_whoever_put_it() {
    let stating = |repository, domain_policy| Shape {
        domain_policy,
        ..shape(repository)
    };
    let parts = [create(0, stating(0, 1)), create(1, stating(1, 2))];
    never(3, &[deployed(2, shape(2))], &parts, |ended| {
        ended.unexplained(Closeness::Exact)
    });
}

#[test]
fn a_cancelled_adoption_of_packages_leaves_no_proxy() {
    let history = [
        Deed::Foreign(Foreign::MakeRepository {
            domain: 0,
            name: 2,
            connected: false,
        }),
        Deed::Foreign(Foreign::Publish(0)),
    ];
    let adopting = Shape {
        connection: Connection::One(0),
        adopts: true,
        mode: 1,
        ..shape(0)
    };
    never(3, &history, &cancelled(&adopting), wrong_cancelled);
}

#[test]
fn a_proxy_that_is_released_while_it_is_adopted_is_as_it_was() {
    let history = [Deed::Foreign(Foreign::MakeRepository {
        domain: 0,
        name: 4,
        connected: false,
    })];
    let adopting = Shape {
        connection: Connection::One(0),
        adopts: true,
        ..shape(0)
    };
    never(3, &history, &cancelled(&adopting), wrong_cancelled);
}

#[test]
#[ignore = "the service refuses upstreams, even none, to a repository that another delivery has just connected"]
fn a_proxy_that_is_adopted_twice_at_once_is_adopted() {
    let history = [
        Deed::Foreign(Foreign::MakeRepository {
            domain: 0,
            name: 0,
            connected: false,
        }),
        Deed::Foreign(Foreign::MakeRepository {
            domain: 0,
            name: 4,
            connected: false,
        }),
        Deed::Foreign(Foreign::Link { of: 0, to: "tools" }),
    ];
    let adopting = Shape {
        connection: Connection::One(0),
        adopts: true,
        ..shape(0)
    };
    let Part::Ask(_, request) = create(0, adopting) else {
        unreachable!()
    };
    let parts = [Part::Delivery(request.clone()), Part::Delivery(request)];
    never(3, &history, &parts, |ended| {
        let rows = ended.rows.iter().flatten();
        rows.filter_map(|heard| heard.answer.failure.as_ref().map(|failure| format!("{failure:?}")))
            .collect()
    });
}

#[test]
#[ignore = "the rollback of an Update under Retain cannot tell a proxy that the Update made from one that was handed over"]
fn an_update_that_is_rolled_back_leaves_no_proxy_behind() {
    let retained = Shape { mode: 2, ..shape(1) };
    let update = Shape {
        connection: Connection::One(0),
        domain_policy: 2,
        mode: 0,
        ..retained.clone()
    };
    let history = [deployed(1, retained)];
    let stack = after(&history).stacks[1].clone();
    let stating = Shape {
        domain_policy: 1,
        ..shape(0)
    };
    let parts = [
        create(0, stating),
        Part::Ask(1, stack.request(&Ask::Deploy(update)).expect("an Update")),
    ];
    never(3, &history, &parts, |ended| ended.unexplained(Closeness::Gradual));
}
