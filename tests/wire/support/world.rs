//! One test's world: the service, the place for answers, and the function between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use codeartifact_emulator::Options;
use serde_json::Value;

use super::aws::{self, Aws};
use super::cloudformation::{Answer, Delivered, Engine, Event, Stack, deliver, patience};
use super::lag;
use super::lambda::{Lambda, environment};
use super::sample::{DOMAIN, KEY};
use super::sink::Sink;
use super::sink_server;
use super::transport::{Ended, Transport};

/// Everything a test needs.
pub(crate) struct World {
    pub(crate) aws: Aws,
    function: Arc<Lambda>,
    engine: Arc<Engine>,
}

/// A service that shows late what was written, where the environment says so.
fn late(options: Options) -> Options {
    Options {
        settings: lag::late(options.settings),
        ..options
    }
}

impl World {
    /// The built function with the environment that a deployment gives it.
    pub(crate) async fn start() -> Self {
        Self::with_environment(&[]).await
    }

    /// The same with a stack created in it.
    pub(crate) async fn with_stack(properties: Value) -> (Self, Stack) {
        let world = Self::start().await;
        let mut stack = world.stack("payments");
        stack.create(properties).await.succeeded();
        (world, stack)
    }

    /// The same, with the calls for that forgotten.
    pub(crate) async fn with_new_stack(properties: Value) -> (Self, Stack) {
        let (world, stack) = Self::with_stack(properties).await;
        world.aws.forget_calls();
        (world, stack)
    }

    /// The same before a domain that nobody's stack made, with these repositories in it.
    pub(crate) async fn with_repositories(names: &[&str]) -> Self {
        let world = Self::start().await;
        world.aws.create_domain(DOMAIN, KEY).await;
        for name in names {
            world.aws.create_repository(DOMAIN, name).await;
        }
        world
    }

    /// The same with some variables set otherwise.
    pub(crate) async fn with_environment(variables: &[(&str, &str)]) -> Self {
        Self::with(aws::options(), variables).await
    }

    /// The same in another region.
    pub(crate) async fn in_region(region: &str) -> Self {
        let options = Options {
            region: region.to_owned(),
            ..aws::options()
        };
        Self::with(options, &[("AWS_REGION", region), ("AWS_DEFAULT_REGION", region)]).await
    }

    /// The same without a variable.
    pub(crate) async fn without_variable(name: &str) -> Self {
        Self::built(aws::options(), |environment| {
            environment.remove(name);
        })
        .await
    }

    pub(crate) async fn with(options: Options, variables: &[(&str, &str)]) -> Self {
        Self::built(options, |environment| {
            for (name, value) in variables {
                environment.insert((*name).to_owned(), (*value).to_owned());
            }
        })
        .await
    }

    async fn built(options: Options, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Self {
        let aws = Aws::start(late(options)).await;
        let mut environment = environment(&aws.url());
        change(&mut environment);
        let function = Arc::new(Lambda::new(environment));
        let transport = Arc::clone(&function) as Arc<dyn Transport>;
        Self {
            aws,
            function,
            engine: Engine::new(sink_server::start().await, transport),
        }
    }

    pub(crate) fn sink(&self) -> &Sink {
        &self.engine.sink
    }

    /// A resource `Packages` in a CloudFormation stack of this name.
    pub(crate) fn stack(&self, name: &str) -> Stack {
        Stack::new(&self.engine, name)
    }

    /// Invokes with this text, as it is.
    pub(crate) async fn invoke_text(&self, event: &str) -> Ended {
        lag::passes().await;
        self.engine.invoke(event.to_owned(), patience()).await
    }

    /// Invokes as a pipeline does: with JSON, for a returned answer.
    pub(crate) async fn invoke(&self, event: &Value) -> Ended {
        self.invoke_text(&event.to_string()).await
    }

    /// Invokes with this text and so much time until the deadline.
    pub(crate) async fn invoke_within(&self, event: &str, allowed: Duration) -> Ended {
        self.engine.invoke(event.to_owned(), allowed).await
    }

    /// Ends what runs, at once.
    pub(crate) async fn kill(&self) {
        self.engine.kill().await;
    }

    /// Starts a process without an event: what it said where it ended at once.
    pub(crate) async fn start_up(&self) -> Result<(), String> {
        self.function.init().await
    }

    /// Deploys the function again, with these variables.
    pub(crate) async fn redeploy(&self, variables: &[(&str, &str)]) {
        self.function.redeploy(variables).await;
    }

    /// What an Update of this stack would do now.
    pub(crate) async fn plan_update(&self, stack: &Stack, properties: &Value) -> Value {
        stack.planned_update(properties).await
    }

    /// The same delivery to several processes at the same time; exactly one PUT for each.
    pub(crate) async fn deliver_at_once(&self, stack: &Stack, event: &Event, count: usize) -> Vec<Answer> {
        let before = self.sink().puts(&event.url).len();
        let deliveries = (0..count).map(|_| deliver(&self.engine, event, stack.allowed));
        let ended: Vec<Ended> = futures_util::future::join_all(deliveries)
            .await
            .into_iter()
            .map(|delivered| delivered.ended)
            .collect();
        let puts = self.sink().puts(&event.url).split_off(before);
        assert_eq!(puts.len(), count, "one PUT per delivery");
        puts.into_iter()
            .zip(ended)
            .map(|(put, ended)| {
                let delivered = Delivered {
                    event: event.clone(),
                    ended,
                    puts: vec![put],
                };
                delivered.answer()
            })
            .collect()
    }

    /// All that the function wrote.
    pub(crate) async fn function_log(&self) -> String {
        self.function.written().await
    }

    /// The JSON lines among them; a line that is none is a failure.
    pub(crate) async fn log_lines(&self) -> Vec<Value> {
        self.function.log_lines().await
    }
}
