//! What would be done, and what to know before: nothing is written.

use super::Reconciler;
use crate::failure::Failure;
use crate::plan::{self, History, Plan};
use crate::properties::{Desired, Item};

impl Reconciler<'_> {
    /// What a Create or an Update would do now.
    pub(crate) async fn plan(&self, desired: &Desired, history: &History) -> Result<Plan, Failure> {
        let scope = plan::to_converge(desired, history);
        let observed = Box::pin(self.observer(&scope).look(&scope)).await?;
        Ok(plan::converge(desired, history, &observed, self.owner)?)
    }

    /// Whether the stack has all of these already.
    pub(crate) async fn has_all(&self, desired: &Desired, history: &History, items: &[Item]) -> Result<bool, Failure> {
        let scope = plan::to_converge(desired, history);
        let observed = Box::pin(self.observer(&scope).look(&scope)).await?;
        Ok(plan::has_all(desired, history, &observed, self.owner, items))
    }

    /// What to know before a plan is carried out that no step needs to know.
    pub(crate) async fn notes(
        &self,
        desired: &Desired,
        history: &History,
        plan: &Plan,
    ) -> Result<Vec<String>, Failure> {
        let scope = plan::to_converge(desired, history);
        let observer = self.observer(&scope);
        let inner = Box::pin(observer.inner_groups(desired.patterns())).await?;
        let copies = Box::pin(observer.copies(&desired.blocked_packages)).await?;
        let mut notes = plan::note_inner(self.owner, inner);
        notes.extend(plan::note_copies(copies));
        if plan::lets_in_outsiders(desired) {
            let policy = observer.domain_policy().await?;
            notes.extend(plan::note_without_token(desired, self.place, plan, &policy));
        }
        Ok(notes.iter().map(ToString::to_string).collect())
    }
}
