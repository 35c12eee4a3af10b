//! The plan under test, in memory: thousands of cases a second, no clock and no socket.
//!
//! * `world` is the service, with the rules of it that bite; `look` is what it shows; `stranger` is what others do in it by
//!   hand.
//! * `shape` makes properties from a few choices, `request` is what CloudFormation asks for with them, `stack` what it asks
//!   for next.
//! * `event` brings a request about as `reconcile` does, `carry_out` a plan as `codeartifact::apply` does, one call at a
//!   time; `turns` says whose call is next, `sound` holds every plan to what is true of all of them, `explained` asks the
//!   oracle that all tests share.
//! * `alone`, `cut_short`, `together` and `equivalents` are properties; `pairs` tries the races that matter in every order
//!   of few turns, and `known` keeps those that end wrong; `race` is what these have in common.
//! * `rules` are tables, a file for each thing, in the words of `scene`.

#[path = "../../../tests/oracle/mod.rs"]
mod oracle;

mod alone;
mod carry_out;
mod cut_short;
mod equivalents;
mod event;
mod explained;
mod known;
mod look;
mod names;
mod pairs;
mod race;
mod request;
mod rules;
mod scene;
mod shape;
mod sound;
mod stack;
mod stranger;
mod together;
mod turns;
mod world;

use proptest::test_runner::{Config, RngAlgorithm, RngSeed};

/// So many cases, always the same; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more and for others.
fn cases(most: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let others = std::env::var("PROPTEST_RNG_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    Config {
        cases: asked.unwrap_or(most),
        rng_seed: RngSeed::Fixed(others.unwrap_or(1)),
        // What fails is told in full; a test for it is written by hand.
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::XorShift,
        max_shrink_iters: 20_000,
        ..Config::default()
    }
}
