//! Several requests at the same time: some order of them explains the answers, and what is there in the end.

use proptest::prelude::*;

use super::alone::{asks, deeds};
use super::cases;
use super::explained::wrong_after_cancelling;
use super::oracle::explain::Closeness;
use super::race::{Part, after, ended, told};
use super::shape::shapes;
use super::stack::Ask;
use super::turns::schedules;

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
        let ended = ended(before, &parts, &schedule);
        if !ended.is_stuck() && !ended.is_known() {
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
        if ended.is_known() {
            return Ok(());
        }
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
        if stack.record.is_some() {
            return Ok(());
        }
        let create = stack.request(&Ask::Deploy(shape.clone())).expect("a Create");
        let delete = stack.cancellation(&shape);
        let parts = [Part::Delivery(create.clone()), Part::Delivery(delete.clone())];
        let ended = ended(before, &parts, &schedule);
        if ended.is_known() {
            return Ok(());
        }
        prop_assert!(ended.rows[1][0].answer.is_success(), "{}", told(&ended, &parts, &schedule));
        let wrong = wrong_after_cancelling(&ended.before.world, &create, &delete, &ended.after.world);
        prop_assert!(wrong.is_empty(), "{wrong:#?}\n{}", told(&ended, &parts, &schedule));
    }
}
