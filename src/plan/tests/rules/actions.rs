//! Steps by the names that a user reads, and what a user reads of refusals.

use crate::plan::Action;
use crate::plan::tests::names::{own_domain, parsed, repository};
use crate::plan::tests::scene::{anothers, created, domain, stack, us};

#[test]
fn a_steps_first_word_is_the_operation_and_its_second_the_thing() {
    let name = repository("alpha-upstream");
    let connection = "public:npmjs".to_owned();
    for (action, text) in [
        (
            Action::DeleteDomain {
                name: own_domain("pkgs").name,
            },
            "DeleteDomain pkgs",
        ),
        (
            Action::DeleteRepository { name: name.clone() },
            "DeleteRepository alpha-upstream",
        ),
        (
            Action::AssociateExternalConnection {
                name: name.clone(),
                connection,
            },
            "AssociateExternalConnection alpha-upstream public:npmjs",
        ),
        (
            Action::DisassociateExternalConnection {
                name,
                connection: "public:pypi".to_owned(),
            },
            "DisassociateExternalConnection alpha-upstream public:pypi",
        ),
        (
            Action::DeletePackageGroup {
                pattern: parsed("/npm/payments/*"),
            },
            "DeletePackageGroup /npm/payments/*",
        ),
    ] {
        assert_eq!(action.to_string(), text);
    }
}

#[test]
fn refusals_are_told_together_in_one_sentence() {
    let asked = stack().with("ExternalConnection", "public:npmjs");
    let scene = domain(created())
        .repository("alpha", anothers())
        .repository("alpha-upstream", anothers());
    let refused = crate::plan::converge(&asked.desired(), &asked.history(), &asked.observed(&scene), &us());
    let text = refused.expect_err("refused").to_string();
    assert_eq!(
        text.matches("; the repository alpha").count() + text.matches("the repository alpha-upstream is").count(),
        2,
        "{text}"
    );
}
