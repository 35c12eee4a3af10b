//! The pairs that matter, in every order of calls with at most two changes of whose turn it is: the same every time.

use super::alone::Deed;
use super::oracle::explain::Closeness;
use super::race::{Ended, Part, after, cancelled, create, deployed, never, shape, wrong_cancelled};
use super::shape::{Change, Connection, Shape};
use super::stack::Ask;
use super::stranger::Foreign;

const CHANGES: usize = 2;

fn unexplained(ended: &Ended) -> Vec<String> {
    ended.unexplained(Closeness::Exact)
}

fn stating(repository: u8, domain_policy: u8) -> Shape {
    Shape {
        domain_policy,
        ..shape(repository)
    }
}

fn with_proxy(repository: u8) -> Shape {
    Shape {
        connection: Connection::One(0),
        ..shape(repository)
    }
}

fn adopting(repository: u8) -> Shape {
    Shape {
        adopts: true,
        ..shape(repository)
    }
}

/// What a team that is there by now asks for.
fn ask(history: &[Deed], team: usize, ask: &Ask) -> Part {
    Part::Ask(team, after(history).stacks[team].request(ask).expect("a request"))
}

/// The same request twice.
fn twice(part: &Part) -> [Part; 2] {
    [
        Part::Delivery(part.request().clone()),
        Part::Delivery(part.request().clone()),
    ]
}

#[test]
fn two_creates_in_a_new_domain() {
    never(
        CHANGES,
        &[],
        &[create(0, with_proxy(0)), create(1, with_proxy(1))],
        unexplained,
    );
}

#[test]
fn two_creates_in_a_new_domain_with_different_policies() {
    never(
        CHANGES,
        &[],
        &[create(0, stating(0, 1)), create(1, stating(1, 2))],
        unexplained,
    );
}

#[test]
fn two_creates_of_one_repository_in_a_domain_that_is_there() {
    never(
        CHANGES,
        &[deployed(2, shape(2))],
        &[create(0, with_proxy(0)), create(1, with_proxy(0))],
        unexplained,
    );
}

#[test]
fn a_create_delivered_twice_at_once() {
    never(CHANGES, &[], &twice(&create(0, with_proxy(0))), unexplained);
}

#[test]
fn an_update_delivered_twice_at_once() {
    let history = [deployed(0, with_proxy(0))];
    let update = Ask::Change(Change::Connection(Connection::List(vec![0, 1])));
    never(CHANGES, &history, &twice(&ask(&history, 0, &update)), unexplained);
}

#[test]
fn a_delete_delivered_twice_at_once() {
    let history = [deployed(0, with_proxy(0))];
    never(CHANGES, &history, &twice(&ask(&history, 0, &Ask::Delete)), unexplained);
}

#[test]
fn the_deletes_of_the_last_two_stacks() {
    let history = [deployed(0, shape(0)), deployed(1, shape(1))];
    let parts = [ask(&history, 0, &Ask::Delete), ask(&history, 1, &Ask::Delete)];
    never(CHANGES, &history, &parts, unexplained);
}

#[test]
fn a_create_beside_the_last_stacks_delete() {
    let history = [deployed(0, shape(0))];
    never(
        CHANGES,
        &history,
        &[ask(&history, 0, &Ask::Delete), create(1, shape(1))],
        unexplained,
    );
}

#[test]
fn an_update_that_takes_its_policy_out_beside_a_create_that_states_one() {
    let history = [deployed(0, stating(0, 1))];
    let parts = [
        ask(&history, 0, &Ask::Change(Change::DomainPolicy(0))),
        create(1, stating(1, 2)),
    ];
    never(CHANGES, &history, &parts, unexplained);
}

#[test]
fn two_adoptions_of_one_repository() {
    let described = |description| Shape {
        description,
        ..adopting(0)
    };
    let history = [Deed::Foreign(Foreign::MakeRepository {
        domain: 0,
        name: 2,
        connected: false,
    })];
    never(
        3,
        &history,
        &[create(0, described(1)), create(1, described(2))],
        unexplained,
    );
}

#[test]
fn a_replacement_beside_a_neighbours_delete() {
    let guarding = Shape {
        internal: vec![0],
        ..with_proxy(0)
    };
    let history = [deployed(0, guarding), deployed(1, shape(1))];
    let parts = [
        ask(&history, 0, &Ask::Change(Change::Repository(2))),
        ask(&history, 1, &Ask::Delete),
    ];
    never(CHANGES, &history, &parts, unexplained);
}

#[test]
fn the_deletes_of_the_last_two_stacks_in_a_domain_that_was_made_by_hand() {
    let by_hand = Deed::Foreign(Foreign::MakeRepository {
        domain: 0,
        name: 0,
        connected: false,
    });
    let history = [
        by_hand,
        deployed(0, shape(0)),
        deployed(1, shape(1)),
        Deed::Foreign(Foreign::DeleteRepository(2)),
    ];
    let parts = [ask(&history, 0, &Ask::Delete), ask(&history, 1, &Ask::Delete)];
    never(CHANGES, &history, &parts, unexplained);
}

#[test]
fn a_create_and_the_delete_that_cancels_it() {
    never(CHANGES, &[], &cancelled(&with_proxy(0)), wrong_cancelled);
}

#[test]
fn a_create_with_a_policy_and_the_delete_that_cancels_it_beside_a_neighbour() {
    let wrong = |ended: &Ended| {
        if ended.is_known() {
            Vec::new()
        } else {
            wrong_cancelled(ended)
        }
    };
    never(CHANGES, &[deployed(1, shape(1))], &cancelled(&stating(0, 1)), wrong);
}

#[test]
fn two_stacks_of_one_name_in_a_new_domain_leave_no_policy_owner() {
    let stating = Shape {
        domain_policy: 1,
        ..shape(0)
    };
    never(3, &[], &[create(0, stating), create(1, shape(0))], |ended| {
        ended.unexplained(Closeness::Gradual)
    });
}

#[test]
fn a_repository_is_created_in_the_domain_that_was_created_for_it() {
    let other_key = Shape {
        has_other_key: true,
        ..shape(0)
    };
    never(
        3,
        &[],
        &[create(0, other_key), create(1, shape(1)), create(2, shape(2))],
        |ended| ended.unexplained(Closeness::Gradual),
    );
}
