//! AWS Lambda around the built binary: the Runtime API on a socket, the process, what it wrote.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::env;
use std::ffi::OsString;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, oneshot};

use super::http::Connection;
pub(crate) use super::place::{FUNCTION_ARN, LOG_GROUP, LOG_STREAM, REGION};
use super::transport::{Ended, Invoke, Killed, Transport};

pub(crate) const SECRET_KEY: &str = "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEYsecret";
pub(crate) const SESSION_TOKEN: &str = "IQoJb3JpZ2luSESSIONTOKENexample";
pub(crate) const KEY_ID: &str = "AKIAEXAMPLE000000001";

struct Waiting {
    id: String,
    event: String,
    deadline: SystemTime,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    running: HashMap<String, oneshot::Sender<Ended>>,
    init_error: Option<String>,
    issued: usize,
    /// Which process is the current one: a poll by an earlier one must not take an event.
    generation: usize,
    polled: bool,
}

struct Shared {
    state: Mutex<State>,
    arrived: Notify,
    written: Mutex<Vec<u8>>,
}

/// One execution environment: a process of the function and the Runtime API it polls.
pub(crate) struct RuntimeApi {
    shared: Arc<Shared>,
    environment: BTreeMap<String, String>,
    child: tokio::sync::Mutex<Option<Child>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The environment that Lambda and the deployment give to the function.
pub(crate) fn environment(codeartifact: &str) -> BTreeMap<String, String> {
    [
        ("PATH", "/usr/bin:/bin"),
        ("LANG", "en_US.UTF-8"),
        ("AWS_LAMBDA_FUNCTION_NAME", "codeartifact-stack"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", LOG_GROUP),
        ("AWS_LAMBDA_LOG_STREAM_NAME", LOG_STREAM),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_SESSION_TOKEN", SESSION_TOKEN),
        ("AWS_ENDPOINT_URL_CODEARTIFACT", codeartifact),
        ("RESPONSE_URL_ALLOWED_HOSTS", "http://127.0.0.1:*"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

impl RuntimeApi {
    /// A function with this environment; its process starts with the first invocation.
    pub(crate) async fn start(mut environment: BTreeMap<String, String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        environment.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), address);
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            arrived: Notify::new(),
            written: Mutex::new(Vec::new()),
        });
        let serving = Arc::clone(&shared);
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self {
            shared,
            environment,
            child: tokio::sync::Mutex::new(None),
            server,
        }
    }

    /// Ends the process as a crash or Lambda itself would: at once.
    pub(crate) async fn kill(&self) {
        if let Some(mut child) = self.child.lock().await.take() {
            let _ = child.kill().await;
        }
        let mut state = self.shared.state.lock().unwrap();
        state.waiting.clear();
        for (_, running) in state.running.drain() {
            let _ = running.send(Ended::Died);
        }
    }

    /// Everything that the process wrote to its standard streams.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.shared.written.lock().unwrap()).into_owned()
    }

    /// Starts the process without an event and waits until it has ended or polls for one:
    /// what it reported or wrote where it ended.
    pub(crate) async fn init(&self) -> Result<(), String> {
        self.ensure_running().await;
        let give_up = tokio::time::Instant::now() + Duration::from_secs(20);
        while tokio::time::Instant::now() < give_up {
            if let Some(error) = self.shared.state.lock().unwrap().init_error.clone() {
                return Err(error);
            }
            if self.shared.state.lock().unwrap().polled {
                return Ok(());
            }
            let ended = {
                let mut child = self.child.lock().await;
                child
                    .as_mut()
                    .is_none_or(|child| child.try_wait().is_ok_and(|status| status.is_some()))
            };
            if ended {
                tokio::time::sleep(Duration::from_millis(50)).await;
                return Err(self.written());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err("neither ready nor ended in 20 s".to_owned())
    }

    async fn ensure_running(&self) {
        let mut child = self.child.lock().await;
        let running = child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if running {
            return;
        }
        {
            let mut state = self.shared.state.lock().unwrap();
            state.generation += 1;
            state.polled = false;
        }
        self.shared.arrived.notify_waiters();
        let mut started = Command::new(binary())
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the function's binary starts");
        tokio::spawn(copy(started.stdout.take().unwrap(), Arc::clone(&self.shared)));
        tokio::spawn(copy(started.stderr.take().unwrap(), Arc::clone(&self.shared)));
        *child = Some(started);
    }

    async fn died(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut child = self.child.lock().await;
            let gone = child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            if gone {
                return;
            }
        }
    }
}

impl RuntimeApi {
    /// Runs the function on this text; a process that is not there is started first.
    pub(crate) fn invoke(&self, event: String, allowed: Duration) -> Invoke<'_> {
        Box::pin(async move {
            self.ensure_running().await;
            let (done, ended) = oneshot::channel();
            {
                let mut state = self.shared.state.lock().unwrap();
                state.issued += 1;
                let id = format!("00000000-0000-4000-8000-{:012}", state.issued);
                state.running.insert(id.clone(), done);
                state.waiting.push_back(Waiting {
                    id,
                    event,
                    deadline: SystemTime::now() + allowed,
                });
            }
            self.shared.arrived.notify_waiters();
            tokio::select! {
                ended = ended => ended.unwrap_or(Ended::Died),
                () = self.died() => Ended::Died,
                // Lambda's own end of a function that ignores its deadline.
                () = tokio::time::sleep(allowed) => {
                    self.kill().await;
                    Ended::TimedOut
                }
            }
        })
    }
}

/// The function as Lambda runs it: an idle process takes the next event, and where none is idle
/// another one is started beside it.
pub(crate) struct Lambda {
    environment: Mutex<BTreeMap<String, String>>,
    instances: tokio::sync::Mutex<Vec<Arc<Instance>>>,
}

struct Instance {
    runtime: RuntimeApi,
    busy: AtomicBool,
}

impl Lambda {
    pub(crate) fn new(environment: BTreeMap<String, String>) -> Self {
        Self {
            environment: Mutex::new(environment),
            instances: tokio::sync::Mutex::new(Vec::new()),
        }
    }

    /// Sets variables, as a deployment with other parameters does: what is idle ends, and what starts has them.
    pub(crate) async fn redeploy(&self, variables: &[(&str, &str)]) {
        let set = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.environment.lock().unwrap().extend(set);
        self.instances.lock().await.clear();
    }

    async fn idle(&self) -> Arc<Instance> {
        let mut instances = self.instances.lock().await;
        let free = |instance: &&Arc<Instance>| !instance.busy.swap(true, Ordering::SeqCst);
        if let Some(instance) = instances.iter().find(free) {
            return Arc::clone(instance);
        }
        let environment = self.environment.lock().unwrap().clone();
        let instance = Arc::new(Instance {
            runtime: RuntimeApi::start(environment).await,
            busy: AtomicBool::new(true),
        });
        instances.push(Arc::clone(&instance));
        instance
    }

    /// Starts a process before there is an event.
    pub(crate) async fn init(&self) -> Result<(), String> {
        let instance = self.idle().await;
        let outcome = instance.runtime.init().await;
        instance.busy.store(false, Ordering::SeqCst);
        outcome
    }

    /// Everything that all processes wrote.
    pub(crate) async fn written(&self) -> String {
        // The pipe may lag a moment behind the answer to the Runtime API.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let instances = self.instances.lock().await;
        instances.iter().map(|instance| instance.runtime.written()).collect()
    }

    /// The JSON log lines of all processes.
    pub(crate) async fn log_lines(&self) -> Vec<Value> {
        self.written()
            .await
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("a log line is no JSON: {line}")))
            .collect()
    }
}

impl Transport for Lambda {
    fn invoke(&self, event: String, allowed: Duration) -> Invoke<'_> {
        Box::pin(async move {
            let instance = self.idle().await;
            let ended = instance.runtime.invoke(event, allowed).await;
            instance.busy.store(false, Ordering::SeqCst);
            ended
        })
    }

    fn kill(&self) -> Killed<'_> {
        Box::pin(async move {
            for instance in self.instances.lock().await.iter() {
                instance.runtime.kill().await;
            }
        })
    }
}

/// The function: what was built with the tests, or another build of it, such as the zip that is released.
fn binary() -> OsString {
    env::var_os("FUNCTION_UNDER_TEST").unwrap_or_else(|| env!("CARGO_BIN_EXE_codeartifact-stack").into())
}

async fn copy(mut stream: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        shared.written.lock().unwrap().extend_from_slice(&buffer[..count]);
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let generation = shared.state.lock().unwrap().generation;
    let mut connection = Connection::new(stream);
    while let Ok(Some(request)) = connection.read().await {
        let path = request.target.clone();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let done = match parts.as_slice() {
            ["2018-06-01", "runtime", "invocation", "next"] => {
                let Some(next) = next(&shared, generation).await else {
                    return;
                };
                let deadline = next
                    .deadline
                    .duration_since(UNIX_EPOCH)
                    .unwrap()
                    .as_millis()
                    .to_string();
                let headers = [
                    ("Content-Type", "application/json"),
                    ("Lambda-Runtime-Aws-Request-Id", next.id.as_str()),
                    ("Lambda-Runtime-Deadline-Ms", deadline.as_str()),
                    ("Lambda-Runtime-Invoked-Function-Arn", FUNCTION_ARN),
                    (
                        "Lambda-Runtime-Trace-Id",
                        "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
                    ),
                ];
                connection.answer(200, &headers, next.event.as_bytes()).await
            }
            ["2018-06-01", "runtime", "invocation", id, how @ ("response" | "error")] => {
                let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
                let ended = if *how == "response" {
                    Ended::Returned(body)
                } else {
                    let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
                    Ended::Failed {
                        error_type: word("errorType"),
                        message: word("errorMessage"),
                    }
                };
                let running = shared.state.lock().unwrap().running.remove(*id);
                if let Some(running) = running {
                    let _ = running.send(ended);
                }
                connection.answer(202, &[], b"{\"status\":\"OK\"}").await
            }
            ["2018-06-01", "runtime", "init", "error"] => {
                let text = String::from_utf8_lossy(&request.body).into_owned();
                shared.state.lock().unwrap().init_error = Some(text);
                connection.answer(202, &[], b"{\"status\":\"OK\"}").await
            }
            _ => connection.answer(404, &[], b"{}").await,
        };
        if done.is_err() {
            return;
        }
    }
}

async fn next(shared: &Shared, generation: usize) -> Option<Waiting> {
    loop {
        let arrived = shared.arrived.notified();
        {
            let mut state = shared.state.lock().unwrap();
            if state.generation != generation {
                return None;
            }
            state.polled = true;
            if let Some(waiting) = state.waiting.pop_front() {
                return Some(waiting);
            }
        }
        arrived.await;
    }
}
