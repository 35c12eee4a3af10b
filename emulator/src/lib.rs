//! A strict emulator of the AWS `CodeArtifact` wire protocol, for tests.
//!
//! It is meant to be harder to please than the real service: where the facts leave room, it takes the
//! stricter side, and a setting gives the other one. It binds to 127.0.0.1 only.
//!
//! The house, in the order in which a call walks through it:
//!
//! * `server` accepts connections, over `tls` if asked to (or [`Emulator::call`] hands a call in without one), `api` takes a call from its bytes to its answer,
//! * `model` holds the call to the service's published model, `caller` to its signature,
//! * `operations` asks for the call's rights and carries it out on `state`, under one lock, where `policy`,
//!   `pattern` and `arn` hold the service's own rules,
//! * `fault`, `rate` and `journal` are the test's hands and eyes, `control` and this file their two
//!   doors: HTTP under `/_emulator/`, and methods of [`Emulator`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use codeartifact_emulator::{Effect, Emulator, Fault, Options};
//!
//! let emulator = Emulator::start(Options::default()).await?;
//! emulator.inject(Fault::new(Effect::Throttle).on("CreateDomain").times(2));
//! // … point a client at `emulator.url()`, then look at `emulator.log()` and `emulator.state()` …
//! assert!(emulator.log().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! It shares no type with the function it is used to test, so that one bug cannot hide in both.

mod api;
mod arn;
mod caller;
mod control;
mod error;
mod fault;
mod journal;
mod model;
mod operations;
mod options;
mod pattern;
mod policy;
mod rate;
mod registry;
mod server;
mod shared;
mod state;
mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use fault::{Effect, Error, Fault};
pub use journal::{LogEntry, Need};
pub use model::Kind;
pub use options::{
    CreationResource, DeleteOfUpstream, Denial, Keys, Lag, LostError, LostLocks, Options, Principal,
    PutRepositoryPolicy, SameConnection, SecondConnection, Settings, StatusCase, TagCharacters, TagsOn, Unknown,
    UnnormalisedPatterns, Visibility,
};
pub use registry::{PackageRequest, Refusal, Seed, SeedPackage};
pub use tls::{Handshakes, Identity};

use shared::{Moment, Shared};
use tls::Acceptor;

/// When an emulator in process starts, unless its options say otherwise: 2026-11-23T12:00:00Z. The
/// same in every run, so that two runs can be compared byte for byte.
const IN_PROCESS_EPOCH_MS: u64 = 1_795_435_200_000;

/// A running emulator. Dropping it closes its port and its connections.
pub struct Emulator {
    shared: Arc<Shared>,
    listener: Option<Listener>,
}

/// What an emulator remembers at one moment, and its settings, its time of day and its chance: any number of others
/// can go on from it.
#[derive(Clone)]
pub struct Saved(Moment);

/// The port of an emulator that has one.
struct Listener {
    address: SocketAddr,
    task: JoinHandle<std::convert::Infallible>,
}

impl Emulator {
    /// Starts an emulator on 127.0.0.1 within the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the port can't be bound, or the identity is none.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let acceptor = options.tls.as_ref().map(Acceptor::new).transpose()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let epoch_ms = options.epoch_ms.unwrap_or_else(machine_time_ms);
        let shared = Arc::new(Shared::new(options, epoch_ms));
        let task = tokio::spawn(server::serve(listener, acceptor, Arc::clone(&shared)));
        let listener = Some(Listener { address, task });
        Ok(Self { shared, listener })
    }

    /// An emulator without a port, for [`call`](Self::call) alone.
    ///
    /// All its clocks are Tokio's and all its chance comes from the seed: under paused time the same
    /// calls in the same order give the same log and the same state, byte for byte.
    #[must_use]
    pub fn in_process(options: Options) -> Self {
        let epoch_ms = options.epoch_ms.unwrap_or(IN_PROCESS_EPOCH_MS);
        Self {
            shared: Arc::new(Shared::new(options, epoch_ms)),
            listener: None,
        }
    }

    /// What there is now, without faults, held calls and the log.
    #[must_use]
    pub fn save(&self) -> Saved {
        Saved(self.shared.moment())
    }

    /// An emulator without a port that goes on from there.
    #[must_use]
    pub fn restore(saved: &Saved) -> Self {
        Self {
            shared: Arc::new(Shared::from_moment(saved.0.clone())),
            listener: None,
        }
    }

    /// Answers one request, a service call or a control one, as it is answered over HTTP; nothing
    /// where the connection would be closed without an answer.
    ///
    /// A call that nothing delays (no latency, no fault) is carried out within the first poll and
    /// spawns no task, so the caller decides the order of calls. It counts as connection 0.
    pub async fn call(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        server::answer(Arc::clone(&self.shared), api::Call::new(request, 0))
            .await
            .ok()
    }

    /// The endpoint, `http://127.0.0.1:PORT`, over TLS `https://localhost:PORT`; a name that never resolves where there is
    /// no port.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.listener {
            Some(listener) if self.shared.options.tls.is_some() => {
                format!("https://localhost:{}", listener.address.port())
            }
            Some(listener) => format!("http://{}", listener.address),
            None => "http://codeartifact.invalid".into(),
        }
    }

    /// Every call since the start, the last reset or the last clearing.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.log()
    }

    /// Forgets the calls so far.
    pub fn clear_log(&self) {
        self.shared.clear_log();
    }

    /// How many connections were opened, control requests' included.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections()
    }

    /// How many TLS handshakes came to their end since the start.
    #[must_use]
    pub fn handshakes(&self) -> Handshakes {
        self.shared.handshakes()
    }

    /// Everything the emulated service remembers, in a stable order.
    #[must_use]
    pub fn state(&self) -> Value {
        self.shared.state()
    }

    /// Adds a fault; faults are tried in the order they were added.
    pub fn inject(&self, fault: Fault) {
        self.shared.inject(fault);
    }

    /// Removes all faults. Held calls stay held.
    pub fn clear_faults(&self) {
        self.shared.clear_faults();
    }

    /// Lets all held calls go on and returns how many there were.
    #[allow(clippy::must_use_candidate, reason = "the count is a by-product")]
    pub fn release(&self) -> usize {
        self.shared.release(None)
    }

    /// Lets the calls go on that were held first, at most so many.
    #[allow(clippy::must_use_candidate, reason = "the count is a by-product")]
    pub fn release_first(&self, count: usize) -> usize {
        self.shared.release(Some(count))
    }

    /// Waits until at least so many calls are held and returns their entries; nothing if the time
    /// runs out first.
    pub async fn wait_held(&self, count: usize, most: Duration) -> Option<Vec<LogEntry>> {
        self.shared.wait_held(count, most).await
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.shared.settings()
    }

    /// Replaces the settings.
    pub fn set(&self, settings: Settings) {
        self.shared.set(settings);
    }

    /// Back to the start: an empty service, no faults, no log, the settings of the start. Calls that
    /// are under way end without effect or answer.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Puts packages into a repository without asking for rights or origin controls.
    ///
    /// # Errors
    ///
    /// When domain or repository is missing, or a package's coordinates are against its format.
    pub fn seed_packages(&self, seed: &Seed) -> Result<(), Refusal> {
        self.shared.seed(seed)
    }

    /// Logs a caller, named by its access key id, in to a domain, as `aws codeartifact login` does: the token that
    /// `GetAuthorizationToken` gives it for twelve hours.
    ///
    /// # Errors
    ///
    /// As the service would: no such domain, or no right to a token for it.
    pub fn token(&self, caller: &str, owner: &str, domain: &str) -> Result<String, Refusal> {
        self.shared.token(caller, (owner.to_owned(), domain.to_owned()))
    }

    /// Publishes a package version of any format as a package manager does.
    ///
    /// # Errors
    ///
    /// As the service would: no right, origin controls, a version that is there already.
    pub fn publish(&self, request: &PackageRequest) -> Result<Value, Refusal> {
        self.shared.publish(request)
    }

    /// Requests a package version from a repository as a package manager does, which brings it in
    /// through linked upstreams and external connections where origin controls allow it.
    ///
    /// # Errors
    ///
    /// As the service would: no right, or the version is not available; the message says why.
    pub fn ingest(&self, request: &PackageRequest) -> Result<Value, Refusal> {
        self.shared.ingest(request)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.task.abort();
        }
    }
}

/// The machine's time of day. The only clock that is not Tokio's, and read only once.
fn machine_time_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}
