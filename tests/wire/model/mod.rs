//! The model test: random histories of several stacks, strangers and faults, held to the contract after each step.
//!
//! * `history` is what happens, as data; `properties` what its choices stand for.
//! * `contract` says what a request has to come to, as a function on what is `there`.
//! * `run` lives through a history with the in-process function, and `weigh`s what is there.
//!
//! `MODEL_HISTORIES` says how many histories, `MODEL_SEED` which. What one of them finds is shrunk and printed as JSON:
//! as a file in `histories/` it is lived through in every run.

mod contract;
mod history;
mod properties;
mod run;
mod stranger;
mod there;
mod weigh;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use codeartifact_stack::Patience;
use futures_util::FutureExt as _;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::history::{History, histories};
use self::run::{Count, live};
use crate::support::World;

/// The same histories in every run of `make test`; `make soak` lives through others.
const SEED: u64 = 20_261_124;

/// As many as `make test` has time for.
const HISTORIES: usize = 120;

/// Histories wait more than they work, so more are lived at a time than there are cores; `MODEL_WORKERS` says how many.
const WORKERS: usize = 10;

/// Generous where haste would be mistaken for a fault: what waits here takes no time of the processor.
const PATIENCE: Patience = Patience {
    lag: Duration::from_secs(10),
    absence: Duration::from_secs(1),
    races: Duration::from_secs(3),
    empty_domain: Duration::from_secs(10),
    cancelled_create: Duration::from_secs(8),
};

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is wrong: {text}")))
}

/// One worker's world; made anew where a history broke it.
struct Place {
    runtime: tokio::runtime::Runtime,
    world: Option<World>,
    count: Count,
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            runtime,
            world: None,
            count: Count::default(),
        }
    }

    fn live(&mut self, history: &History) -> Result<(), String> {
        let world = self.world.take();
        let lived = self.runtime.block_on(async {
            let world = match world {
                Some(world) => world,
                None => World::with_patience(PATIENCE).await,
            };
            let lived = AssertUnwindSafe(live(&world, history)).catch_unwind().await;
            (world, lived)
        });
        match lived {
            (world, Ok(Ok(count))) => {
                self.world = Some(world);
                self.count += count;
                Ok(())
            }
            (_, Ok(Err(found))) => Err(found),
            (_, Err(panic)) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Err(text.unwrap_or_default())
            }
        }
    }
}

/// A worker's share of the histories.
fn share(worker: usize, seed: u64, histories_due: usize) -> (Count, Option<String>) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8] = u8::try_from(worker).unwrap();
    let config = Config {
        cases: u32::try_from(histories_due).unwrap(),
        max_shrink_iters: 600,
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let place = Mutex::new(Place::new());
    let outcome = runner.run(&histories(), |history| {
        place.lock().unwrap().live(&history).map_err(TestCaseError::fail)
    });
    let found = match outcome {
        Ok(()) => None,
        Err(TestError::Fail(why, history)) => Some(format!("{why}\n{}", serde_json::to_string(&history).unwrap())),
        Err(TestError::Abort(why)) => Some(why.to_string()),
    };
    (place.into_inner().unwrap().count, found)
}

#[test]
fn whatever_happens_what_the_stacks_describe_is_there_and_nothing_else_is_touched() {
    let seed = from_environment("MODEL_SEED").unwrap_or(SEED);
    let due = from_environment("MODEL_HISTORIES").unwrap_or(HISTORIES);
    eprintln!("MODEL_SEED={seed} MODEL_HISTORIES={due}");
    let workers = from_environment("MODEL_WORKERS").unwrap_or(WORKERS).min(due);
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
    eprintln!("{count:?}");
    let is_rough = count.struck > due / 2 && count.failed > due / 10;
    assert!(
        due < 100 || is_rough,
        "too little goes wrong to show anything: {count:?}"
    );
    let found: Vec<String> = shares.into_iter().filter_map(|(_, found)| found).collect();
    assert!(
        found.is_empty(),
        "MODEL_SEED={seed}: {} counterexamples:\n\n{}",
        found.len(),
        found.join("\n\n")
    );
}

/// Every history that once found something, in `histories/`; `MODEL_HISTORY` is another one to look at alone.
#[test]
fn histories_that_once_found_something_hold() {
    let given = from_environment("MODEL_HISTORY").map(|path: PathBuf| vec![path]);
    let kept = || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/model/histories");
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    };
    let mut place = Place::new();
    for path in given.unwrap_or_else(kept) {
        let history: History = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if let Err(found) = place.live(&history) {
            panic!("{}: {found}", path.display());
        }
    }
}
