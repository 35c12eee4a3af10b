//! Whom a policy lets in, as far as that can be told without knowing who asks.
//!
//! What is in doubt counts as allowed: a condition other than on the organization, a `?` in a pattern, a principal of an
//! account that is let in, and whatever a Deny says.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use super::{AccountId, Policy, Wildcard, account_in_arn};

/// A right to use the service, by the name of its action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Right(pub(crate) &'static str);

/// Someone whom a statement lets in, of the organization alone if it says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grantee {
    principal: String,
    organization: Option<String>,
}

impl Policy {
    /// Those whom it lets do one of these.
    pub(crate) fn grantees(&self, rights: &[Right]) -> BTreeSet<Grantee> {
        let allows = self
            .allows()
            .filter(|it| rights.iter().any(|right| it.is_about(*right)));
        allows.flat_map(|allow| allow.grantees()).collect()
    }

    /// Whether it may let someone do this on a resource.
    pub(crate) fn may_allow(&self, grantee: &Grantee, right: Right, resource: &str) -> bool {
        let mut allows = self.allows();
        allows.any(|allow| allow.is_about(right) && allow.is_on(resource) && allow.may_name(grantee))
    }

    fn allows(&self) -> impl Iterator<Item = Allow<'_>> {
        let statements = self.statements().iter();
        let allows = statements.filter(|statement| statement.get("Effect") == Some(&json!("Allow")));
        allows.map(Allow)
    }
}

/// A statement that allows, in the form of its meaning.
struct Allow<'a>(&'a Value);

impl Allow<'_> {
    fn is_about(&self, right: Right) -> bool {
        let action = right.0.to_ascii_lowercase();
        self.0.get("Action").map_or_else(
            || !self.texts("NotAction").any(|it| it == "*"),
            |_| self.texts("Action").any(|pattern| may_match(pattern, &action)),
        )
    }

    fn is_on(&self, resource: &str) -> bool {
        self.0.get("Resource").is_none() || self.texts("Resource").any(|pattern| may_match(pattern, resource))
    }

    fn grantees(&self) -> Vec<Grantee> {
        let organization = self.organization().map(str::to_owned);
        let grantee = |principal: &str| Grantee {
            principal: principal.to_owned(),
            organization: organization.clone(),
        };
        self.principals().map(grantee).collect()
    }

    fn may_name(&self, grantee: &Grantee) -> bool {
        if let (Some(ours), Some(theirs)) = (self.organization(), &grantee.organization)
            && ours != theirs
        {
            return false;
        }
        let is_named = |principal: &str| principal == "*" || grantee.may_be(principal);
        self.0.get("Principal").is_none() || self.principals().any(is_named)
    }

    fn principals(&self) -> impl Iterator<Item = &str> {
        texts_of(self.0.get("Principal").and_then(|principal| principal.get("AWS")))
    }

    /// The one organization that it is limited to, if it says so.
    fn organization(&self) -> Option<&str> {
        let keys = self.0.get("Condition")?.get("StringEquals")?.as_array()?;
        let key = keys.iter().find(|key| key[0] == "aws:principalorgid")?;
        match key[1].as_array()?.as_slice() {
            [organization] => organization.as_str(),
            _ => None,
        }
    }

    fn texts(&self, member: &str) -> impl Iterator<Item = &str> {
        texts_of(self.0.get(member))
    }
}

fn texts_of(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn may_match(pattern: &str, text: &str) -> bool {
    pattern.contains('?') || Wildcard::new(pattern).matches(text)
}

impl Grantee {
    /// Whether some of those whom it means are not of this account.
    pub(crate) fn is_outside(&self, account: &AccountId) -> bool {
        self.principal == "*" || account_of(&self.principal).is_some_and(|of| of != *account)
    }

    /// Whether it is a principal that a policy names, is of that account, or the other way round.
    fn may_be(&self, named: &str) -> bool {
        let within = |principal: &str, account: &str| account_of(principal).is_some_and(|of| of.as_str() == account);
        self.principal == named || within(&self.principal, named) || within(named, &self.principal)
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match (self.principal.as_str(), &self.organization) {
            ("*", Some(organization)) => write!(formatter, "everyone in {organization}"),
            ("*", None) => formatter.write_str("everyone"),
            (principal, _) => formatter.write_str(principal),
        }
    }
}

/// The account that a principal is, or is of: none of the id of a principal that is gone.
fn account_of(principal: &str) -> Option<AccountId> {
    principal.parse().ok().or_else(|| account_in_arn(principal))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Right = Right("codeartifact:ReadFromRepository");
    const TOKEN: Right = Right("codeartifact:GetAuthorizationToken");
    const DOMAIN: &str = "arn:aws:codeartifact:eu-west-1:111122223333:domain/pkgs";
    const ROLE: &str = "arn:aws:iam::444455556666:role/ci";

    fn allow(principals: &Value, action: &str, rest: &Value) -> Policy {
        let mut statement = json!({
            "Effect": "Allow", "Principal": {"AWS": principals}, "Action": action, "Resource": "*",
        });
        for (name, value) in rest.as_object().expect("an object") {
            statement[name] = value.clone();
        }
        Policy::new(json!({"Statement": statement}).as_object().expect("an object").clone())
    }

    fn of_organization(id: &str) -> Value {
        json!({"Condition": {"StringEquals": {"aws:PrincipalOrgID": id}}})
    }

    fn reader(principal: &str, rest: &Value) -> Grantee {
        let policy = allow(&json!([principal]), READ.0, rest);
        policy.grantees(&[READ]).into_iter().next().expect("someone")
    }

    #[test]
    fn someone_is_let_in_by_name_by_account_or_with_everyone() {
        let nothing = json!({});
        for (named, asks, may) in [
            ("444455556666", "444455556666", true),
            ("arn:aws:iam::444455556666:root", "444455556666", true),
            ("444455556666", ROLE, true),
            (ROLE, "444455556666", true),
            ("*", ROLE, true),
            ("arn:aws:iam::444455556666:role/other", ROLE, false),
            ("777788889999", ROLE, false),
            (ROLE, "*", false),
        ] {
            let policy = allow(&json!(named), TOKEN.0, &nothing);
            assert_eq!(
                policy.may_allow(&reader(asks, &nothing), TOKEN, DOMAIN),
                may,
                "{named} {asks}"
            );
        }
    }

    #[test]
    fn organizations_that_differ_do_not_meet() {
        let everyone = json!("*");
        for (theirs, asks, may) in [("o-a", "o-a", true), ("o-a", "o-b", false)] {
            let policy = allow(&everyone, TOKEN.0, &of_organization(theirs));
            let reader = reader("*", &of_organization(asks));
            assert_eq!(policy.may_allow(&reader, TOKEN, DOMAIN), may, "{theirs} {asks}");
        }
    }

    #[test]
    fn a_statement_counts_by_its_action_and_its_resource() {
        let nothing = json!({});
        let account = json!("444455556666");
        let repository = "arn:aws:codeartifact:eu-west-1:111122223333:repository/pkgs/*";
        for (action, rest, may) in [
            ("*", nothing.clone(), true),
            ("codeartifact:getAuthorization*", nothing.clone(), true),
            ("codeartifact:?etAuthorizationToken", nothing.clone(), true),
            (READ.0, nothing.clone(), false),
            (TOKEN.0, json!({"Resource": [repository, DOMAIN]}), true),
            (TOKEN.0, json!({"Resource": repository}), false),
            (TOKEN.0, json!({"Effect": "Deny"}), false),
        ] {
            let policy = allow(&account, action, &rest);
            let may_allow = policy.may_allow(&reader("444455556666", &nothing), TOKEN, DOMAIN);
            assert_eq!(may_allow, may, "{action} {rest}");
        }
    }

    #[test]
    fn those_of_the_account_itself_and_those_who_are_gone_are_not_outside() {
        let account: AccountId = "111122223333".parse().expect("an account");
        for (principal, is_outside) in [
            ("444455556666", true),
            (ROLE, true),
            ("*", true),
            ("111122223333", false),
            ("arn:aws:iam::111122223333:role/ci", false),
            ("AROAEXAMPLE", false),
        ] {
            assert_eq!(
                reader(principal, &json!({})).is_outside(&account),
                is_outside,
                "{principal}"
            );
        }
    }
}
