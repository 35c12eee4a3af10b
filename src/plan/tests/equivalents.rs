//! What means the same is the same: policies in other words, tags in another order.

use proptest::prelude::*;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};

use super::alone::{ENDLESS, Scenery, left_to_do};
use super::cases;
use super::names::{owner, place};
use super::shape::shapes;
use super::stack::Ask;
use crate::plan::{self, History};
use crate::properties::Desired;

/// The same policy as the service or a person might word it.
fn reworded(document: &str, how: u8) -> String {
    let mut document: Value = serde_json::from_str(document).expect("JSON");
    let statement = &mut document["Statement"][0];
    if how & 1 != 0 {
        statement["Action"].as_array_mut().expect("actions").reverse();
    }
    if how & 2 != 0 {
        let root = statement["Principal"]["AWS"].as_str().expect("a principal").to_owned();
        let account = root.trim_start_matches("arn:aws:iam::").trim_end_matches(":root");
        statement["Principal"]["AWS"] = json!([account]);
    }
    if how & 4 != 0 {
        statement["Resource"] = json!(["*"]);
    }
    if how & 8 != 0 {
        document["Statement"] = document["Statement"][0].clone();
    }
    document.to_string()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_policy_in_other_words_is_left_as_it_is(shape in shapes(Just(0)), how in 0..16_u8) {
        let mut scenery = Scenery::new();
        let request = scenery.stacks[0].request(&Ask::Deploy(shape)).expect("a Create");
        let Some(answer) = scenery.answers(&request, 0, ENDLESS).filter(super::request::Answer::is_success) else {
            return Ok(());
        };
        for domain in scenery.world.domains.values_mut() {
            let repositories = domain.repositories.values_mut().filter_map(|it| it.policy.as_mut());
            for policy in domain.policy.iter_mut().chain(repositories) {
                policy.document = reworded(&policy.document, how);
            }
        }
        let plan = left_to_do(&scenery.world, &request, &answer.id);
        prop_assert!(plan.steps.is_empty(), "{plan:#?}");
    }

    #[test]
    fn tags_in_any_order_and_as_a_list_are_the_same(shape in shapes(Just(0)), reversed in any::<bool>()) {
        let read = shape.read();
        let mut pairs: Vec<Value> =
            read.desired.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        if reversed {
            pairs.reverse();
        }
        let mut properties: Map<String, Value> = read.json.as_object().expect("an object").clone();
        properties.insert("Tags".to_owned(), pairs.into());
        let desired = Desired::read(Some(&to_raw_value(&properties).expect("JSON")), place()).expect("it is right");
        let scenery = Scenery::new();
        let (history, owner) = (History::default(), owner(0));
        let observed = scenery.world.observe(&plan::to_converge(&desired, &history));
        let plan = |desired| plan::converge(desired, &history, &observed, &owner).map_err(|refused| refused.to_string());
        prop_assert_eq!(plan(&desired), plan(&read.desired));
    }
}
