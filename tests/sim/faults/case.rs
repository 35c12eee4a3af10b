//! An operation on a stack, the next thing to happen in a world of its own, and what follows from it.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use codeartifact_emulator::{Saved, Settings};
use serde_json::Value;

use crate::shared::sample::{DOMAIN, KEY, REPOSITORY, domain_policy, repository_policy, with};
use crate::shared::{Answer, Deployment, Effect, Event, Fault, Stack};
use crate::world::World;

/// An operation on a stack, the next thing to happen in a world of its own.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// The stack as the operation finds it, where it does.
    before: Option<Value>,
    asked: Asked,
    /// Whether what is asked for is there already, and belongs to nobody.
    pub(super) is_furnished: bool,
    /// What makes the operation fail, where its rollback is looked at.
    pub(super) spoilt: Option<Fault>,
    /// Only calls about package groups are struck.
    about_groups: bool,
}

#[derive(Clone)]
enum Asked {
    Deploy(Value),
    Delete,
}

impl Case {
    fn new(name: &'static str, before: Option<Value>, asked: Asked) -> Self {
        Self {
            name,
            before,
            asked,
            is_furnished: false,
            spoilt: None,
            about_groups: false,
        }
    }

    pub(super) fn create(name: &'static str, properties: Value) -> Self {
        Self::new(name, None, Asked::Deploy(properties))
    }

    pub(super) fn update(name: &'static str, before: Value, changes: &Value) -> Self {
        let asked = Asked::Deploy(with(before.clone(), changes));
        Self::new(name, Some(before), asked)
    }

    pub(super) fn delete(name: &'static str, properties: Value) -> Self {
        Self::new(name, Some(properties), Asked::Delete)
    }

    pub(super) fn in_a_furnished_domain(self) -> Self {
        Self {
            is_furnished: true,
            ..self
        }
    }

    /// The same where this operation is refused once, so that all is rolled back.
    pub(super) fn spoilt_by(self, operation: &str) -> Self {
        Self {
            spoilt: Some(Fault::new(Effect::AccessDenied).on(operation).times(1)),
            ..self
        }
    }

    pub(super) fn about_groups(self) -> Self {
        Self {
            about_groups: true,
            ..self
        }
    }

    pub(super) fn is_struck(&self, call: &str) -> bool {
        !self.about_groups || call.contains("PackageGroup") || call.contains("package-group")
    }

    async fn scene(&self) -> Scene {
        let world = World::new(Settings::default(), None);
        let mut stack = world.stack("payments");
        if self.is_furnished {
            furnish(&world).await;
        }
        if let Some(before) = &self.before {
            stack.create(before.clone()).await.succeeded();
        }
        Scene {
            saved: world.aws.emulator.save(),
            stack,
        }
    }

    pub(super) async fn run(&self, stack: &mut Stack) -> Deployment {
        match &self.asked {
            Asked::Delete => stack.delete().await,
            Asked::Deploy(properties) if stack.record.is_some() => stack.update(properties.clone()).await,
            Asked::Deploy(properties) => stack.create(properties.clone()).await,
        }
    }

    /// What happens on a good day, or on one that is spoilt as it is to be and in no other way.
    pub(super) async fn on_a_good_day(&self) -> Day {
        let scene = self.scene().await;
        let (world, mut stack) = scene.set();
        let phases = Phases::watch(&world, &mut stack, None);
        if let Some(spoilt) = &self.spoilt {
            world.aws.inject(spoilt.clone());
        }
        let deployment = self.run(&mut stack).await;
        match self.spoilt {
            None => drop(deployment.succeeded()),
            Some(_) => drop(deployment.failed()),
        }
        let calls = world.aws.calls();
        let ends = phases.ends();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let everything = world.aws.everything();
        Day {
            scene,
            phases: starts.zip(ends.iter().copied()).map(|(from, to)| from..to).collect(),
            calls,
            everything,
        }
    }
}

/// Others in the domain, and what the stack is to take over.
async fn furnish(world: &World) {
    let aws = &world.aws;
    aws.create_domain(DOMAIN, KEY).await;
    aws.put_domain_policy(DOMAIN, &domain_policy("999999999999")).await;
    aws.create_repository(DOMAIN, "strangers").await;
    aws.create_repository(DOMAIN, REPOSITORY).await;
    aws.link(DOMAIN, REPOSITORY, &["strangers"]).await;
    aws.put_repository_policy(DOMAIN, REPOSITORY, &repository_policy("999999999999"))
        .await;
    aws.create_group(DOMAIN, "/npm/payments/*").await;
}

/// What an operation finds, as often as it is tried.
pub(super) struct Scene {
    saved: Saved,
    stack: Stack,
}

impl Scene {
    pub(super) fn set(&self) -> (World, Stack) {
        let world = World::restored(&self.saved, None);
        let stack = self.stack.through(&world.engine);
        (world, stack)
    }
}

/// The calls of an operation and of what follows from it.
pub(super) struct Day {
    pub(super) scene: Scene,
    pub(super) calls: Vec<String>,
    /// Those up to each answer.
    pub(super) phases: Vec<Range<usize>>,
    pub(super) everything: Value,
}

/// Tells where one request's calls end and the next one's begin, and lets a fault strike one of them only.
#[derive(Clone, Default)]
pub(super) struct Phases(Arc<Mutex<Vec<(usize, Answer)>>>);

impl Phases {
    pub(super) fn watch(world: &World, stack: &mut Stack, fault: Option<(usize, Fault)>) -> Self {
        let phases = Self::default();
        let ended = phases.clone();
        let emulator = Arc::clone(&world.aws.emulator);
        let inject = move |at: usize| {
            let due = fault.iter().filter(|(phase, _)| *phase == at);
            due.for_each(|(_, fault)| emulator.inject(fault.clone()));
        };
        inject(0);
        let emulator = Arc::clone(&world.aws.emulator);
        stack.witness = Some(Arc::new(move |_: &Event, answer: &Answer| {
            emulator.clear_faults();
            let mut ended = ended.0.lock().unwrap();
            ended.push((emulator.log().len(), answer.clone()));
            inject(ended.len());
        }));
        phases
    }

    fn ends(&self) -> Vec<usize> {
        self.0.lock().unwrap().iter().map(|(end, _)| *end).collect()
    }

    pub(super) fn answer(&self, phase: usize) -> Answer {
        self.0.lock().unwrap()[phase].1.clone()
    }
}
