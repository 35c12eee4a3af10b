//! A request that is cut short at any call and delivered again comes to the same end.

use proptest::prelude::*;

use super::alone::{ENDLESS, Scenery, asks, deeds, left_to_do};
use super::cases;
use super::explained::wrong_alone;

proptest! {
    #![proptest_config(cases(256))]

    /// The steps come in any order that the plan allows; the process dies after any call, also between a write and the
    /// look after it, twice if it likes.
    #[test]
    fn a_plan_carried_out_up_to_any_step_and_planned_again_comes_to_the_same_end(
        history in prop::collection::vec(deeds(), 0..5),
        ask in asks(0),
        orders in any::<[u64; 3]>(),
        cuts in prop::collection::vec(0..12_usize, 1..3),
    ) {
        let mut scenery = Scenery::new();
        for deed in history {
            scenery.happens(&deed, 0);
        }
        let Some(request) = scenery.stacks[0].request(&ask) else {
            return Ok(());
        };
        let mut after = scenery.clone();
        let mut answer = None;
        for (order, cut) in orders.into_iter().zip(cuts) {
            answer = after.answers(&request, order, cut);
        }
        let answer = match answer {
            Some(answer) => answer,
            None => after.answers(&request, orders[2], ENDLESS).expect("it ends"),
        };
        let wrong = wrong_alone(&scenery.world, &request, &answer, &after.world);
        prop_assert!(wrong.is_empty(), "{request:#?}\n{answer:#?}\n{wrong:#?}");
        if answer.is_success() {
            let plan = left_to_do(&after.world, &request, &answer.id);
            prop_assert!(plan.steps.is_empty(), "{request:#?}\nstill to do: {plan:#?}");
        }
    }

    /// CloudFormation takes away what a failed Create named, however far it came: then all is as it was.
    #[test]
    fn a_create_that_is_cut_short_and_rolled_back_leaves_what_was_there_before(
        history in prop::collection::vec(deeds(), 0..5),
        shape in super::shape::shapes(Just(0)),
        order in any::<u64>(),
        cut in 0..16_usize,
    ) {
        let mut scenery = Scenery::new();
        for deed in history {
            scenery.happens(&deed, 0);
        }
        let stack = &scenery.stacks[0];
        if stack.record.is_some() {
            return Ok(());
        }
        let create = stack.request(&super::stack::Ask::Deploy(shape.clone())).expect("a Create");
        let delete = stack.cancellation(&shape);
        let mut after = scenery.clone();
        if after.answers(&create, order, cut).is_some() {
            return Ok(());
        }
        let answer = after.answers(&delete, order, ENDLESS).expect("it ends");
        let wrong = super::explained::wrong_after_cancelling(&scenery.world, &create, &delete, &after.world);
        prop_assert!(answer.is_success() && wrong.is_empty(), "{create:#?}\n{delete:#?}\n{answer:#?}\n{wrong:#?}");
    }
}
