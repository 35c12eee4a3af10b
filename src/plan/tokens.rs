//! Who is let into the primary repository, and could not get a token for its domain: only `Plan` asks.

use super::action::Action;
use super::observed::{ObservedPolicy, Read};
use super::reasons::Note;
use super::step::Plan;
use crate::properties::{Desired, DomainSource};
use crate::stack::{Place, Policy, Right};

/// What a package manager does in a repository, for which it needs a token of the domain.
const PACKAGES: [Right; 2] = [
    Right("codeartifact:ReadFromRepository"),
    Right("codeartifact:PublishPackageVersion"),
];

const TOKEN: Right = Right("codeartifact:GetAuthorizationToken");

/// Whether the domain's policy has to be looked at to tell: it is one that may be read, and others are let in.
pub(crate) fn lets_in_outsiders(desired: &Desired) -> bool {
    let owner = &desired.identity.domain.owner;
    let policy = desired.repository_policy.as_ref();
    let mut grantees = policy.map(|it| it.grantees(&PACKAGES)).unwrap_or_default().into_iter();
    matches!(desired.domain, DomainSource::Own { .. }) && grantees.any(|grantee| grantee.is_outside(owner))
}

/// Notes the principals of other accounts to whom the domain's policy, as it will be, gives no token. A policy that cannot be
/// read tells nothing.
pub(crate) fn note_without_token(
    desired: &Desired,
    place: &Place,
    plan: &Plan,
    observed: &Read<ObservedPolicy>,
) -> Option<Note> {
    let goes = plan
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::DeleteDomainPolicy { .. }));
    let there = match observed {
        Read::Hidden(_) => return None,
        Read::Found(observed) if !goes => Some(Policy::read(&observed.document)?),
        Read::Found(_) | Read::Absent => None,
    };
    let of_domain = desired.domain.policy().or(there.as_ref());
    let domain = &desired.identity.domain;
    let arn = place.domain_arn(domain);
    let gets_one = |grantee: &_| of_domain.is_some_and(|policy| policy.may_allow(grantee, TOKEN, &arn));
    let let_in = desired.repository_policy.as_ref()?.grantees(&PACKAGES).into_iter();
    let outside = let_in.filter(|grantee| grantee.is_outside(&domain.owner));
    let without: Vec<_> = outside.filter(|grantee| !gets_one(grantee)).collect();
    (!without.is_empty()).then(|| Note::WithoutToken {
        domain: domain.name.clone(),
        grantees: without,
    })
}
