//! The model test: random histories of several stacks, strangers and faults, held to the contract after each step.
//!
//! * `history` is what happens, as data; `properties` what its choices stand for.
//! * `run` lives through a history, and holds what is there to the oracle; `member` is a stack in it, `heard` what is
//!   true of every answer, `trouble` what goes wrong.
//!
//! `MODEL_HISTORIES` says how many histories, `MODEL_SEED` which. What one of them finds is shrunk and printed as JSON:
//! as a file in `histories/` it is lived through in every run.

mod heard;
mod history;
mod member;
mod properties;
mod run;
mod stranger;
mod trouble;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use codeartifact_emulator::LogEntry;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::history::{History, histories};
use self::run::{Count, live};
use self::trouble::settings;
use crate::world::{World, runtime, what_a_panic_says};

/// The same histories in every run of `make test`; `make soak` lives through others.
const SEED: u64 = 20_261_124;

/// As many as `make test` has time for.
const HISTORIES: usize = 40;

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is wrong: {text}")))
}

/// Lives through a history in a world of its own.
fn lived(history: &History) -> Result<Count, String> {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        runtime(SEED).block_on(async {
            let world = World::new(settings(&history.habits), None);
            if std::env::var_os("MODEL_HISTORY").is_some() {
                world.keep_calls();
            }
            let lived = live(&world, history).await;
            for call in world.kept_calls() {
                println!("{}", told(&call));
            }
            lived
        })
    }));
    lived.unwrap_or_else(|panic| Err(what_a_panic_says(&*panic)))
}

/// A call in a line: when, what, on what, and how it was answered.
fn told(call: &LogEntry) -> String {
    let operation = call.operation.as_deref().unwrap_or_default();
    let on = [&call.repository, &call.package_group, &call.resource_arn, &call.domain];
    let on = on.into_iter().flatten().next().map_or("", String::as_str);
    let answer = call.error.clone().or(call.status.map(|status| status.to_string()));
    format!("{:>9} {operation} {on}: {}", call.start_ms, answer.unwrap_or_default())
}

/// The generator of a worker's histories.
fn generator(seed: u64, worker: usize) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&(worker as u64).to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// A worker's share of the histories.
fn share(worker: usize, seed: u64, due: usize) -> (Count, Option<String>) {
    let config = Config {
        cases: u32::try_from(due).unwrap(),
        max_shrink_iters: 2_000,
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..Config::default()
    };
    let count = RefCell::new(Count::default());
    let outcome = TestRunner::new_with_rng(config, generator(seed, worker)).run(&histories(), |history| {
        *count.borrow_mut() += lived(&history).map_err(TestCaseError::fail)?;
        Ok(())
    });
    let found = match outcome {
        Ok(()) => None,
        Err(TestError::Fail(why, history)) => Some(format!("{why}\n{}", serde_json::to_string(&history).unwrap())),
        Err(TestError::Abort(why)) => Some(why.to_string()),
    };
    (count.into_inner(), found)
}

#[test]
fn whatever_happens_what_the_stacks_describe_is_there_and_nothing_else_is_touched() {
    let seed = from_environment("MODEL_SEED").unwrap_or(SEED);
    let due = from_environment("MODEL_HISTORIES").unwrap_or(HISTORIES);
    eprintln!("MODEL_SEED={seed} MODEL_HISTORIES={due}");
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(due);
    let begun = std::time::Instant::now();
    let shares: Vec<(Count, Option<String>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(move || share(worker, seed, due / workers + usize::from(worker < due % workers))))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut count = Count::default();
    for (of_one, _) in &shares {
        count += *of_one;
    }
    eprintln!("{count:?} in {:?}", begun.elapsed());
    let found: Vec<String> = shares.into_iter().filter_map(|(_, found)| found).collect();
    assert!(
        found.is_empty(),
        "MODEL_SEED={seed}: {} counterexamples:\n\n{}",
        found.len(),
        found.join("\n\n")
    );
    let is_rough = count.struck > due / 2 && count.failed > due / 10;
    assert!(
        due < HISTORIES || is_rough,
        "too little goes wrong to show anything: {count:?}"
    );
}

/// Every history that once found something, in `histories/`; `MODEL_HISTORY` is another one to look at alone, call by call.
#[test]
fn histories_that_once_found_something_hold() {
    let given = from_environment("MODEL_HISTORY").map(|path: PathBuf| vec![path]);
    let kept = || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sim/model/histories");
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    };
    for path in given.unwrap_or_else(kept) {
        let history: History = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if let Err(found) = lived(&history) {
            panic!("{}: {found}", path.display());
        }
    }
}

/// The calls of the first histories of a seed, as they were made.
pub(crate) fn calls_of(seed: u64, histories_due: usize) -> Vec<LogEntry> {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    let mut runner = TestRunner::new_with_rng(Config::default(), generator(seed, 0));
    let histories: Vec<History> = (0..histories_due)
        .map(|_| histories().new_tree(&mut runner).unwrap().current())
        .collect();
    let of_one = |history: &History| {
        runtime(seed).block_on(async {
            let world = World::new(settings(&history.habits), None);
            world.keep_calls();
            // Whatever was found.
            let _ = live(&world, history).await;
            world.kept_calls()
        })
    };
    histories.iter().flat_map(of_one).collect()
}
