//! Who does what at the same time, as data.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use codeartifact_emulator::{Saved, Settings};
use serde_json::Value;

use super::execution::{Death, Execution, Guide};
use super::gate::Gate;
use super::judge::{Heard, Judged, Record, Verdict};
use super::stranger::Touch;
use crate::shared::cloudformation::{Engine, Event, Stack};
use crate::shared::{Effect, Fault, lag};
use crate::world::{World, runtime};

/// What is done.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// A Create and, where it fails, the Delete that CloudFormation sends.
    Create(&'static str, Value),
    /// An Update with all that CloudFormation does after it.
    Update(&'static str, Value),
    Delete(&'static str),
    /// A request delivered once, whatever is answered; of two such of one stack, one is another delivery of the other.
    Deliver(&'static str, Kind),
    /// What someone does by hand, one call after the other.
    Meddle(&'static [Touch]),
}

/// A request of a stack.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Create(Value),
    Update(Value),
    Delete,
    /// The Delete of a Create that has not answered yet.
    Cancel(Value),
}

/// What was there before, who does what at the same time, and whose process dies.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) before: Vec<Deed>,
    pub(crate) actors: Vec<(&'static str, Deed)>,
    pub(crate) death: Option<Death>,
    pub(crate) trouble: Trouble,
}

/// What the service is not at its best in, while it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What happens shows so many seconds late.
    pub(crate) late: u64,
    /// An operation that is denied once, after so many calls of it.
    pub(crate) denied: Option<(&'static str, u32)>,
}

/// What may be denied.
const OPERATIONS: [&str; 16] = [
    "CreateDomain",
    "CreateRepository",
    "AssociateExternalConnection",
    "UpdateRepository",
    "PutDomainPermissionsPolicy",
    "TagResource",
    "UntagResource",
    "DeleteRepository",
    "DeleteDomainPermissionsPolicy",
    "DeleteDomain",
    "DescribeDomain",
    "DescribeRepository",
    "ListTagsForResource",
    "ListRepositoriesInDomain",
    "GetDomainPermissionsPolicy",
    "GetRepositoryEndpoint",
];

impl Trouble {
    /// How long what happens is shown late.
    const LATE: u64 = 2;

    /// One of many: every third is of lag alone.
    pub(crate) fn of(seed: usize) -> Self {
        let denied = (seed % 3).checked_sub(1).map(|more| {
            let nth = seed / 3 * 2 + more;
            let after = u32::try_from(nth / OPERATIONS.len() % 4).unwrap_or_default();
            (OPERATIONS[nth % OPERATIONS.len()], after)
        });
        Self {
            late: Self::LATE,
            denied,
        }
    }

    fn begins(self, world: &World) {
        let visibility = lag::all(lag::ms(self.late * 1000));
        world.aws.set(|settings| settings.visibility = visibility);
        if let Some((operation, after)) = self.denied {
            let denied = Fault::new(Effect::AccessDenied).on(operation).after(after);
            world.aws.inject(denied.times(1));
        }
    }

    /// Nothing is denied any more, and all is seen that was done.
    async fn ends(self, world: &World) {
        world.aws.clear_faults();
        tokio::time::advance(Duration::from_secs(self.late)).await;
    }
}

/// What every order of a scenario begins with.
pub(crate) struct Beginning {
    saved: Saved,
    stacks: BTreeMap<&'static str, Stack>,
}

/// One execution's parts.
struct Arena {
    world: World,
    engines: Vec<Arc<Engine>>,
    record: Rc<Record>,
}

impl Scenario {
    /// The same in trouble. Nothing is denied to strangers, nor to one delivery of several: nobody tries again what failed.
    pub(crate) fn in_trouble(&self, trouble: Trouble) -> Self {
        let is_alone = |deed: &Deed| !matches!(deed, Deed::Meddle(_) | Deed::Deliver(..));
        let may_fail = self.actors.iter().all(|(_, deed)| is_alone(deed));
        let denied = trouble.denied.filter(|_| may_fail);
        Self {
            trouble: Trouble { denied, ..trouble },
            ..self.clone()
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.actors.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    /// Does what comes before anything happens at the same time.
    pub(crate) fn begin(&self) -> Beginning {
        runtime(1).block_on(async {
            let world = World::new(Settings::default(), None);
            let mut stacks = BTreeMap::new();
            for deed in &self.before {
                furnish(&world, &mut stacks, deed).await;
            }
            tokio::time::advance(Duration::from_secs(1)).await;
            Beginning {
                saved: world.aws.emulator.save(),
                stacks,
            }
        })
    }

    /// Runs it once as the guide says; nothing where the guide ended it before all was done. An end that was judged
    /// before is not judged again.
    pub(crate) fn run(&self, from: &Beginning, guide: &mut impl Guide, judged: &mut Judged) -> Option<Verdict> {
        runtime(1).block_on(async {
            let gate = Arc::new(Gate::default());
            let world = World::restored(&from.saved, Some(&gate));
            let stacks = from.stacks.iter();
            let mut stacks = stacks
                .map(|(name, stack)| (*name, stack.through(&world.engine)))
                .collect();
            let engines = self.actors.iter().map(|_| world.beside(&gate)).collect();
            let record = Rc::new(Record::new(self, &world.aws.emulator.state()));
            let arena = Arena { world, engines, record };
            let mut events = BTreeMap::new();
            let mut execution = Execution::new(&gate);
            for (number, (_, deed)) in self.actors.iter().enumerate() {
                let part = arena.part(number, deed, &mut stacks, &mut events);
                execution.add(part);
            }
            if let Some(death) = self.death {
                let engine = Arc::clone(&arena.engines[death.actor]);
                execution.kill_at(death, move || {
                    let killed = futures_util::FutureExt::now_or_never(engine.kill());
                    killed.expect("a process dies at once");
                });
            }
            self.trouble.begins(&arena.world);
            if !execution.run(guide).await {
                return None;
            }
            self.trouble.ends(&arena.world).await;
            Some(arena.record.judge(self, &arena.world, judged).await)
        })
    }
}

/// Does something before anything happens at the same time.
async fn furnish(world: &World, stacks: &mut BTreeMap<&'static str, Stack>, deed: &Deed) {
    match deed {
        Deed::Create(name, properties) => {
            let mut stack = world.stack(name);
            stack.create(properties.clone()).await.succeeded();
            stacks.insert(name, stack);
        }
        Deed::Meddle(touches) => {
            for touch in *touches {
                touch.act(&world.aws).await;
            }
        }
        _ => panic!("nothing else is there before"),
    }
}

impl Arena {
    /// What an actor does.
    fn part<'a>(
        &'a self,
        row: usize,
        deed: &'a Deed,
        stacks: &mut BTreeMap<&'static str, Stack>,
        events: &mut BTreeMap<&'static str, Event>,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        let mut stack_of = |name: &'static str| {
            let stack = stacks.entry(name).or_insert_with(|| self.world.stack(name));
            let mut stack = stack.through(&self.engines[row]);
            let record = Rc::clone(&self.record);
            stack.witness = Some(Record::witness(&record, row));
            stack
        };
        match deed {
            Deed::Create(name, properties) => {
                let mut stack = stack_of(name);
                Box::pin(async move {
                    let created = stack.create(properties.clone()).await;
                    if created.rollback.is_some_and(|rollback| !rollback.success) {
                        stack.delete().await;
                    }
                    self.record.leaves(row, stack);
                })
            }
            Deed::Update(name, properties) => {
                let mut stack = stack_of(name);
                Box::pin(async move {
                    stack.update(properties.clone()).await;
                    self.record.leaves(row, stack);
                })
            }
            Deed::Delete(name) => {
                let mut stack = stack_of(name);
                Box::pin(async move {
                    if !stack.delete().await.answer.success {
                        stack.delete().await;
                    }
                    self.record.leaves(row, stack);
                })
            }
            Deed::Deliver(name, kind) => {
                let mut stack = stack_of(name);
                let event = match kind {
                    Kind::Cancel(properties) => stack.cancellation(properties),
                    kind => events.entry(name).or_insert_with(|| event(&stack, kind)).clone(),
                };
                let properties = match kind {
                    Kind::Create(properties) | Kind::Update(properties) => Some(properties.clone()),
                    Kind::Delete | Kind::Cancel(_) => None,
                };
                Box::pin(async move {
                    let answer = stack.request(&event).await;
                    stack.record = properties.map(|properties| (answer.physical_id, properties));
                    self.record.leaves(row, stack);
                })
            }
            Deed::Meddle(touches) => Box::pin(async move {
                for touch in *touches {
                    touch.act(&self.world.aws).await;
                }
            }),
        }
    }
}

fn event(stack: &Stack, kind: &Kind) -> Event {
    match kind {
        Kind::Create(properties) => stack.create_event(properties),
        Kind::Update(properties) => stack.update_event(properties),
        Kind::Delete => stack.delete_event(),
        Kind::Cancel(properties) => stack.cancellation(properties),
    }
}

impl Heard {
    pub(crate) fn is_of_cancelled(&self, actors: &[(&'static str, Deed)]) -> bool {
        let own = &actors[self.row].1;
        let is_create = matches!(own, Deed::Deliver(_, Kind::Create(_)));
        is_create
            && actors
                .iter()
                .any(|(_, deed)| matches!(deed, Deed::Deliver(_, Kind::Cancel(_))))
    }
}
