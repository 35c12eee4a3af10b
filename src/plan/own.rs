//! Making sure that a repository that is there is ours.

use super::builder::{Builder, tagged};
use super::context::Converging;
use super::observed::ObservedRepository;
use super::reasons::Refusal;
use super::step::StepId;
use crate::stack::{RepositoryName, Standing};

/// Gives the step that claims a repository, if one is needed.
///
/// `had` says that it was ours: then someone took its tags, or recreated it by hand.
pub(super) fn own(
    to: &Converging,
    plan: &mut Builder,
    name: &RepositoryName,
    repository: &ObservedRepository,
    had: bool,
    after: Option<StepId>,
) -> Option<StepId> {
    let mut wanted = to.desired.tags.clone();
    match to.owner.standing(&repository.tags) {
        Standing::Created | Standing::Adopted => {}
        Standing::Unowned if had || to.desired.adopt_existing => wanted.extend(to.owner.tags_of_adopted()),
        Standing::Unowned => {
            plan.refuse(Refusal::UnownedRepository(name.clone()));
            return None;
        }
        Standing::OwnedBy(owner) => {
            let name = name.clone();
            plan.refuse(Refusal::OwnedRepository { name, owner });
            return None;
        }
    }
    let before = to.previous.map(|previous| &previous.tags);
    let after: Vec<StepId> = after.into_iter().collect();
    plan.tag(
        to.owner,
        tagged(name, repository),
        &repository.tags,
        &wanted,
        before,
        &after,
    )
}
