//! What Create, Update, Delete and Plan mean.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::OnceLock;

use futures_util::FutureExt as _;
use serde_json::Value;
use serde_json::json;
use tracing::{Span, info};

use crate::cloudformation::{Answer, Data, PhysicalId, Request, RequestType, Status};
use crate::codeartifact::{Client, Progress};
use crate::failure::{Failure, FailureKind};
use crate::outputs::{self, Facts};
use crate::plan::{self, History, Plan};
use crate::properties::{Asked, Desired, Item, Limits, Previous, Problems};
use crate::reconcile::{Patience, Reconciler};
use crate::stack::{Evidence, Identity, Owner, Place, UnfitOwner};

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// To CloudFormation, by PUT.
    Put,
    /// To whoever invoked the function, as the value it returns.
    Return,
}

/// What an event came to.
pub(crate) struct Outcome {
    pub(crate) physical_id: PhysicalId,
    pub(crate) result: Result<Success, Failure>,
}

pub(crate) enum Success {
    /// The outputs; none of a Delete.
    Done(Data),
    /// What a Create or an Update would do, and what to know before.
    Planned { steps: Vec<String>, notes: Vec<String> },
}

impl Success {
    /// The outputs, as CloudFormation gets them.
    pub(crate) fn data(&self) -> Option<&Data> {
        match self {
            Self::Done(data) => Some(data),
            Self::Planned { .. } => None,
        }
    }

    /// What a direct call gets.
    pub(crate) fn returned(&self, physical_id: &PhysicalId) -> Value {
        match self {
            Self::Done(data) => json!({ "PhysicalResourceId": physical_id.as_str(), "Data": data }),
            Self::Planned { steps, notes } => {
                json!({ "Converged": steps.is_empty(), "Steps": steps, "Notes": notes })
            }
        }
    }
}

/// The work on one request.
pub(crate) struct Lifecycle<'a> {
    pub(crate) client: &'a Client,
    pub(crate) place: &'a Place,
    pub(crate) limits: &'a Limits,
    pub(crate) patience: Patience,
    pub(crate) request: &'a Request,
    pub(crate) channel: Channel,
    pub(crate) progress: &'a Progress,
    /// The id of the stack that the work makes, set before it touches anything of it.
    pub(crate) new_id: &'a OnceLock<PhysicalId>,
}

impl Lifecycle<'_> {
    /// Does what the request asks for.
    pub(crate) async fn run(&self) -> Result<Outcome, Failure> {
        match self.request.request_type()? {
            RequestType::Delete => self.delete().await,
            RequestType::Create => self.create_or_update(self.creation()?).await,
            RequestType::Update => {
                if self.channel == Channel::Put && self.request.physical_id.is_none() {
                    return Err(Failure::new(
                        FailureKind::InvalidRequest,
                        "an Update must name its PhysicalResourceId, as a string that is not empty",
                    ));
                }
                self.create_or_update(self.update()?).await
            }
            RequestType::Plan if self.channel == Channel::Put => Err(Failure::new(
                FailureKind::InvalidRequest,
                "Plan is for direct calls: it has no resource to answer for. Leave ResponseURL out",
            )),
            RequestType::Plan => self.plan().await,
        }
    }

    fn reconciler<'b>(&'b self, owner: &'b Owner) -> Reconciler<'b> {
        Reconciler {
            client: self.client,
            place: self.place,
            patience: self.patience,
            owner,
            progress: self.progress,
        }
    }

    fn given_id(&self) -> Option<PhysicalId> {
        let text = self.request.physical_id.as_deref()?;
        Some(PhysicalId::parse(text, self.place))
    }

    /// Whose the work is; a direct call need not say.
    fn owner(&self, identity: &Identity) -> Result<Owner, UnfitOwner> {
        let stack_id = self.request.stack_id.clone().unwrap_or_else(|| "direct".to_owned());
        let logical_id = self
            .request
            .logical_id
            .clone()
            .unwrap_or_else(|| identity.repository.to_string());
        let owner = Owner::new(stack_id.clone(), logical_id.clone())?;
        // Only now: what cannot be an owner may be of any length.
        let span = Span::current();
        span.record("stack_id", stack_id.as_str());
        span.record("logical_id", logical_id.as_str());
        Ok(owner)
    }

    /// What a plan says if it had to take an owner for granted: to that owner, what a stack has made is another's.
    fn assumed(&self, owner: &Owner) -> Option<String> {
        let is_named = self.request.stack_id.is_some() && self.request.logical_id.is_some();
        (!is_named).then(|| {
            format!(
                "the event does not name both StackId and LogicalResourceId: this is a plan for {owner}; for a resource of a \
                 stack, give its ids"
            )
        })
    }

    async fn create_or_update(&self, (asked, history): (Asked, History)) -> Result<Outcome, Failure> {
        let desired = &asked.desired;
        let owner = self.owner(&desired.identity)?;
        let reconciler = self.reconciler(&owner);
        let history = Box::pin(self.weighed(&reconciler, &asked, history)).await?;
        Box::pin(self.permit(&reconciler, &asked, &history)).await?;
        let in_place = history.is_in_place(desired);
        if !in_place {
            self.new_id.get_or_init(|| self.id_of_attempt(desired));
        }
        self.check_room(desired)?;
        let mut facts = match converged(&reconciler, desired, &history).await {
            Ok(facts) => facts,
            Err(failure) => {
                if failure.kind != FailureKind::Cancelled && self.progress.may_have_written() {
                    let seen = Box::pin(reconciler.settle(desired, &history)).await;
                    if seen.is_some_and(|seen| seen.is_partial()) {
                        self.progress.saw_in_part();
                    }
                }
                return Err(explained(failure, &asked));
            }
        };
        if let Some(abandoned) = history.abandoned(desired) {
            info!(repository = %abandoned.repository, "cleaning up after a replacement that was rolled back");
            let attempt = history.previous.clone().unfinished();
            reconciler.delete(abandoned, Evidence::None, &attempt).await?;
            // A claim by the attempt may have taken effect only now, and the domain's policy was then deleted as its own.
            if desired.domain.policy().is_some() {
                facts = reconciler.converge(desired, &history).await?;
            }
        }
        let physical_id = self
            .given_id()
            .filter(|id| in_place && !id.is_not_created())
            .unwrap_or_else(|| PhysicalId::of_stack(&desired.identity, facts.repository_arn.clone()));
        Ok(Outcome {
            physical_id,
            result: Ok(Success::Done(outputs::data(desired, &facts))),
        })
    }

    /// The id of what a failure leaves to the rollback, which tells an attempt if that makes a difference.
    fn id_of_attempt(&self, desired: &Desired) -> PhysicalId {
        let identity = &desired.identity;
        let arn = self.place.repository_arn(&identity.domain, &identity.repository);
        let id = PhysicalId::of_stack(identity, arn);
        if plan::rolls_back_otherwise(desired) {
            id.unfinished()
        } else {
            id
        }
    }

    /// What a Create asks for; nothing came before it.
    fn creation(&self) -> Result<(Asked, History), Failure> {
        self.request.check_form()?;
        let asked = Asked::anew(self.request.properties(), self.place, self.limits)?;
        Ok((asked, History::default()))
    }

    /// What an Update asks for, and what came before it.
    fn update(&self) -> Result<(Asked, History), Failure> {
        self.request.check_form()?;
        let (properties, old) = (self.request.properties(), self.request.old_properties());
        let named = self.given_id().and_then(|id| id.identity().cloned());
        let (asked, previous) = Asked::of_update(properties, old, named.as_ref(), self.place, self.limits)?;
        let previous = old.map(|_| previous).unwrap_or_default();
        let history = self.history(named, previous, &asked.desired);
        Ok((asked, history))
    }

    /// What the event says of the stack as it was, which its id may name.
    fn history(&self, named: Option<Identity>, mut previous: Previous, desired: &Desired) -> History {
        let existing = named.or_else(|| previous.identity.clone()).or_else(|| {
            // A direct call that names no other stack means this one.
            (self.channel == Channel::Return).then(|| desired.identity.clone())
        });
        if previous.identity.is_none() {
            previous.identity.clone_from(&existing);
        }
        History { existing, previous }
    }

    /// The history, with a doubt about the properties before if that matters: they may be of an Update that failed before it
    /// did anything, and that is rolled back now.
    async fn weighed(
        &self,
        reconciler: &Reconciler<'_>,
        asked: &Asked,
        mut history: History,
    ) -> Result<History, Failure> {
        if !history.takes_out_policy(&asked.desired) {
            return Ok(history);
        }
        let came_about = match &self.before() {
            None => false,
            Some(before) => match reconciler.plan(before, &self.forth(&history)).await {
                Ok(_) => true,
                Err(failure) if failure.kind.is_of_a_plan() => false,
                Err(failure) => return Err(failure),
            },
        };
        history.previous.is_doubtful = !came_about;
        Ok(history)
    }

    /// What the properties before describe, if they keep the rules.
    fn before(&self) -> Option<Desired> {
        Desired::before(self.request.old_properties(), self.place, self.limits)
    }

    /// What an Update from what is asked for now to the properties before would come from.
    fn forth(&self, history: &History) -> History {
        History {
            existing: history.existing.clone(),
            previous: Previous::read(self.request.properties(), self.place, self.limits),
        }
    }

    /// Refuses what is beyond a limit, unless the stack has it already, or it is what a failed Update is rolled back to.
    async fn permit(&self, reconciler: &Reconciler<'_>, asked: &Asked, history: &History) -> Result<(), Failure> {
        let Some(excess) = &asked.excess else {
            return Ok(());
        };
        let is_there = |plan: Result<Plan, Failure>| plan.is_ok_and(|plan| plan.steps.is_empty());
        let before = self.before();
        let came_about = match &before {
            Some(before) => is_there(reconciler.plan(before, &self.forth(history)).await),
            None => false,
        };
        // What was described before is not there, and what is described now is: the Update before could do nothing.
        if !came_about && is_there(reconciler.plan(&asked.desired, history).await) {
            return Ok(());
        }
        // The Update before was cut short: what only it changed is not asked for anew by its rollback.
        let is_rollback = before.is_some() && !came_about;
        let is_new = |item: &&Item| !(is_rollback && matches!(item, Item::Adoption | Item::MissingTags));
        let items: Vec<Item> = excess.items.iter().filter(is_new).cloned().collect();
        if reconciler.has_all(&asked.desired, history, &items).await? {
            return Ok(());
        }
        Err(excess.problems.clone().into())
    }

    /// An answer too long for CloudFormation fails the resource after all the work: better before it.
    fn check_room(&self, desired: &Desired) -> Result<(), Failure> {
        let facts = Facts::expected(desired, self.place);
        let data = outputs::data(desired, &facts);
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        let answer = Answer {
            status: Status::Success,
            reason: String::new(),
            physical_resource_id: &facts.repository_arn,
            stack_id: &text(&self.request.stack_id),
            request_id: &text(&self.request.request_id),
            logical_resource_id: &text(&self.request.logical_id),
            data: Some(&data),
        };
        let property = if desired.internal_packages.is_empty() {
            "EndpointFormats"
        } else {
            "InternalPackages"
        };
        answer.encode("").map(|_| ()).map_err(|too_long| {
            Problems::one(property, format!("the outputs would not fit: {too_long}; name fewer")).into()
        })
    }

    async fn plan(&self) -> Result<Outcome, Failure> {
        let (asked, history) = match self.request.physical_id {
            Some(_) => self.update()?,
            None => self.creation()?,
        };
        let desired = &asked.desired;
        let owner = self.owner(&desired.identity)?;
        self.check_room(desired)?;
        let assumed = self.assumed(&owner);
        let reconciler = self.reconciler(&owner);
        let history = self.weighed(&reconciler, &asked, history).await?;
        Box::pin(self.permit(&reconciler, &asked, &history)).await?;
        let plan = reconciler.plan(desired, &history).await;
        let plan = plan.map_err(|failure| explained(failure, &asked));
        let plan = plan.map_err(|failure| match &assumed {
            Some(assumed) if failure.kind == FailureKind::OwnershipConflict => {
                Failure::new(failure.kind, format!("{assumed}. Else: {}", failure.reason))
            }
            _ => failure,
        })?;
        let mut notes: Vec<String> = plan.notes.iter().map(ToString::to_string).collect();
        notes.extend(Box::pin(reconciler.notes(desired, &history, &plan)).await?);
        notes.extend(assumed);
        let planned = Success::Planned {
            steps: plan.steps.iter().map(|step| step.action.to_string()).collect(),
            notes,
        };
        Ok(Outcome {
            physical_id: PhysicalId::not_created(),
            result: Ok(planned),
        })
    }

    /// Deletes what the id names; if it is no id of ours, what the properties do, as far as they can be read.
    async fn delete(&self) -> Result<Outcome, Failure> {
        let given_id = self.given_id();
        let mut last = Previous::read(self.request.properties(), self.place, self.limits);
        let by_id = given_id.as_ref().and_then(|id| id.identity().cloned());
        let evidence = if by_id.is_some() {
            Evidence::WasOurs
        } else {
            Evidence::None
        };
        let deleted = Outcome {
            physical_id: given_id.clone().unwrap_or_else(PhysicalId::not_created),
            result: Ok(Success::Done(Data::new())),
        };
        if given_id.as_ref().is_some_and(PhysicalId::is_not_created) {
            info!("the Create of this resource touched nothing: there is nothing to delete");
            return Ok(deleted);
        }
        let Some(identity) = by_id.or_else(|| last.identity.clone()) else {
            info!("neither the id nor the properties name a repository: there is nothing to delete");
            return Ok(deleted);
        };
        let owner = match self.owner(&identity) {
            Ok(owner) => owner,
            Err(unfit) if self.channel == Channel::Put => {
                info!(%unfit, "nothing can be marked as this owner's: there is nothing to delete");
                return Ok(deleted);
            }
            Err(unfit) => return Err(unfit.into()),
        };
        // An id that CloudFormation made up: the Create was cancelled, and may still be at work.
        let is_made_up = given_id.is_some() || self.channel == Channel::Put;
        let was_cancelled = evidence == Evidence::None && is_made_up;
        if was_cancelled || given_id.is_some_and(|id| id.is_unfinished()) {
            last = last.unfinished();
        }
        let reconciler = self.reconciler(&owner);
        if was_cancelled {
            reconciler.delete_cancelled(&identity, &last).await?;
        } else {
            reconciler.delete(&identity, evidence, &last).await?;
        }
        Ok(deleted)
    }
}

/// Brings about what is desired. A panic goes on when what was written has had its time to show: its answer is followed by
/// a rollback at once.
async fn converged(reconciler: &Reconciler<'_>, desired: &Desired, history: &History) -> Result<Facts, Failure> {
    let converged = AssertUnwindSafe(reconciler.converge(desired, history))
        .catch_unwind()
        .await;
    match converged {
        Ok(converged) => converged,
        Err(panic) => {
            reconciler.wait_blindly().await;
            resume_unwind(panic)
        }
    }
}

/// What is owned by another, or by nobody, may be refused although the template says to adopt it.
fn explained(failure: Failure, asked: &Asked) -> Failure {
    match asked.note {
        Some(note) if failure.kind == FailureKind::OwnershipConflict => failure.and("; ").and(note),
        _ => failure,
    }
}
