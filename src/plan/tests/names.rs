//! The names that the tests use.

use std::sync::LazyLock;

use crate::stack::{Domain, Owner, Place, RepositoryName};

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub(super) const OTHER_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/99999999-12ab-34cd-56ef-1234567890ab";

pub(super) const STACK_ID: &str = "codeartifact-stack:stack-id";
pub(super) const LOGICAL_ID: &str = "codeartifact-stack:logical-id";
pub(super) const ADOPTED: &str = "codeartifact-stack:adopted";
pub(super) const POLICY_REPOSITORY: &str = "codeartifact-stack:policy-repository";
pub(super) const FORMER_RESTRICTIONS: &str = "codeartifact-stack:former-restrictions";

static PLACE: LazyLock<Place> = LazyLock::new(|| Place::new("eu-central-1".to_owned(), parsed(ACCOUNT)));

/// Where everything is.
pub(super) fn place() -> &'static Place {
    &PLACE
}

/// A name, or whatever else is read from a text.
#[track_caller]
pub(super) fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

pub(super) fn repository(name: &str) -> RepositoryName {
    parsed(name)
}

/// A domain of the function's own account.
pub(super) fn own_domain(name: &str) -> Domain {
    Domain {
        name: parsed(name),
        owner: place().account().clone(),
    }
}

pub(super) const LOGICAL_NAME: &str = "Packages";

/// The id of the CloudFormation stack of a team.
pub(super) fn stack_id(team: usize) -> String {
    format!("arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/team-{team}/51af3dc0")
}

/// The owner that the events of a team name.
pub(super) fn owner(team: usize) -> Owner {
    Owner::new(stack_id(team), LOGICAL_NAME.to_owned()).expect("an owner")
}
