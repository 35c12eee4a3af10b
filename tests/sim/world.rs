//! One test's world, without a socket: the service, the function and the place for answers.

use std::any::Any;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use codeartifact_emulator::{Emulator, LogEntry, Options, Saved, Settings};
use serde_json::Value;

use crate::answers::Answers;
use crate::function::InProcess;
use crate::interleave::Gate;
use crate::service;
use crate::shared::aws::{self, Aws};
use crate::shared::cloudformation::{Engine, Stack};
use crate::shared::lag;
use crate::shared::place::REGION;
use crate::shared::sample::{DOMAIN, KEY};
use crate::shared::sink::Sink;
use crate::shared::transport::Ended;

/// As much time as `template.yaml` gives an event.
pub(crate) const ALLOWED: Duration = Duration::from_mins(5);

pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) engine: Arc<Engine>,
    /// The calls that were forgotten since, where all of them are asked for.
    kept: RefCell<Option<Vec<LogEntry>>>,
}

/// A stranger's call may fail, and its panic is nothing to tell.
fn keep_quiet_about_strangers() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.location().is_some_and(|at| at.file().ends_with("shared/aws.rs")) {
                tell(panic);
            }
        }));
    });
}

/// A runtime whose clock moves only when everything waits for it, and all of whose chance is this seed's.
///
/// One for each world: its clock begins at nought.
pub(crate) fn runtime(seed: u64) -> tokio::runtime::Runtime {
    keep_quiet_about_strangers();
    fastrand::seed(seed);
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

fn emulator(settings: Settings) -> Emulator {
    Emulator::in_process(Options {
        settings,
        ..aws::options()
    })
}

/// The message of a test that failed.
pub(crate) fn what_a_panic_says(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_default()
}

impl World {
    /// Nothing is there, and the service has these settings.
    pub(crate) fn new(settings: Settings, gate: Option<&Arc<Gate>>) -> Self {
        Self::behind(gate, emulator(settings))
    }

    /// What was there when that was saved is there, before a process that knows nothing of it.
    pub(crate) fn restored(saved: &Saved, gate: Option<&Arc<Gate>>) -> Self {
        Self::behind(gate, Emulator::restore(saved))
    }

    fn behind(gate: Option<&Arc<Gate>>, emulator: Emulator) -> Self {
        let emulator = Arc::new(emulator);
        let client = service::client(&emulator, gate);
        Self::over(&emulator, service::client(&emulator, gate), client)
    }

    /// Nothing is there, and the service is at its best, or as late as the environment says.
    pub(crate) fn start() -> Self {
        fastrand::seed(1);
        let emulator = Arc::new(emulator(lag::late(Settings::default())));
        let strangers = lag::patient(service::client(&emulator, None));
        Self::over(&emulator, strangers, service::client(&emulator, None))
    }

    /// The same with a stack created in it.
    pub(crate) async fn with_stack(properties: Value) -> (Self, Stack) {
        let world = Self::start();
        let mut stack = world.stack("payments");
        stack.create(properties).await.succeeded();
        (world, stack)
    }

    /// The same before a domain that nobody's stack made, with these repositories in it.
    pub(crate) async fn with_repositories(names: &[&str]) -> Self {
        let world = Self::start();
        world.aws.create_domain(DOMAIN, KEY).await;
        for name in names {
            world.aws.create_repository(DOMAIN, name).await;
        }
        world
    }

    /// The same, where the function panics after so many calls, with a secret as the message.
    pub(crate) fn that_panics_after(calls: usize) -> Self {
        fastrand::seed(1);
        let emulator = Arc::new(emulator(lag::late(Settings::default())));
        let client = service::client_that_panics(&emulator, calls);
        Self::over(&emulator, service::client(&emulator, None), client)
    }

    fn over(emulator: &Arc<Emulator>, strangers: SharedHttpClient, functions: SharedHttpClient) -> Self {
        let answers = Answers::default();
        let function = InProcess::new(functions, answers.clone());
        let sink = Sink::new(80, answers.0, None);
        Self {
            aws: Aws::over(Arc::clone(emulator), REGION, strangers),
            engine: Engine::new(sink, Arc::new(function)),
            kept: RefCell::default(),
        }
    }

    /// Another process of the function before the same service.
    pub(crate) fn beside(&self, gate: &Arc<Gate>) -> Arc<Engine> {
        let answers = Answers::default();
        let function = InProcess::new(service::client(&self.aws.emulator, Some(gate)), answers.clone());
        Engine::new(Sink::new(80, answers.0, None), Arc::new(function))
    }

    /// A resource `Packages` in a CloudFormation stack of this name.
    pub(crate) fn stack(&self, name: &str) -> Stack {
        let mut stack = Stack::new(&self.engine, name);
        stack.allowed = ALLOWED;
        stack
    }

    /// Invokes as a pipeline does: with JSON, for a returned answer.
    pub(crate) async fn invoke(&self, event: &Value) -> Ended {
        lag::passes().await;
        self.engine.invoke(event.to_string(), ALLOWED).await
    }

    /// Ends what runs, at once.
    pub(crate) async fn kill(&self) {
        self.engine.kill().await;
    }

    /// Begins the list of calls anew.
    pub(crate) fn forget_calls(&self) {
        if let Some(kept) = &mut *self.kept.borrow_mut() {
            kept.extend(self.aws.emulator.log());
        }
        self.aws.forget_calls();
    }

    /// From here on no call is forgotten.
    pub(crate) fn keep_calls(&self) {
        self.kept.replace(Some(Vec::new()));
    }

    /// Every call since then, the strangers' too.
    pub(crate) fn kept_calls(&self) -> Vec<LogEntry> {
        self.forget_calls();
        self.kept.take().unwrap_or_default()
    }
}
