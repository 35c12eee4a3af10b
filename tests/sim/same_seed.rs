//! One seed is one history: lived through twice, it makes the same calls at the same times, byte for byte.

use crate::model::calls_of;

#[test]
fn a_history_lived_through_twice_makes_the_same_calls_byte_for_byte() {
    let once = serde_json::to_string(&calls_of(7, 20)).unwrap();
    let again = serde_json::to_string(&calls_of(7, 20)).unwrap();

    assert!(once.len() > 100_000, "there is something to compare");
    assert!(once == again, "two runs of one seed differ");
}

#[test]
fn another_seed_is_another_history() {
    let one = serde_json::to_string(&calls_of(7, 2)).unwrap();
    let other = serde_json::to_string(&calls_of(8, 2)).unwrap();

    assert!(one != other);
}
