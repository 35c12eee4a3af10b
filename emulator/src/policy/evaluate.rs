//! Whom a policy lets do what: IAM's rules as far as CodeArtifact's policies use them.

use serde_json::Value;

use super::{listed, statements, texts, wildcard};
use crate::caller::Caller;

/// What one policy says of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No statement applies.
    Silent,
    /// Allowed by naming the caller's account: within that account an identity policy must
    /// allow it too.
    AllowedForAccount,
    /// Allowed by naming the caller, or everyone.
    Allowed,
    /// Denied, whatever else allows it.
    Denied,
}

/// Evaluates a policy for one request. Identity policies have no principals: pass `identity`.
pub(crate) fn evaluate(document: &Value, caller: &Caller, action: &str, resource: &str, identity: bool) -> Verdict {
    let mut verdict = Verdict::Silent;
    for statement in statements(document) {
        let Some(who) = (if identity {
            Some(Verdict::Allowed)
        } else {
            principal(statement, caller)
        }) else {
            continue;
        };
        let applies = names(
            statement,
            "Action",
            "NotAction",
            &format!("codeartifact:{action}"),
            true,
        ) && names(statement, "Resource", "NotResource", resource, false)
            && conditions_hold(statement, caller);
        if !applies {
            continue;
        }
        if statement.get("Effect").and_then(Value::as_str) == Some("Deny") {
            return Verdict::Denied;
        }
        if verdict != Verdict::Allowed {
            verdict = who;
        }
    }
    verdict
}

fn names(statement: &Value, name: &str, not: &str, text: &str, any_case: bool) -> bool {
    // IAM's action names ignore case, resources do not.
    let fold = |text: &str| if any_case { text.to_lowercase() } else { text.to_owned() };
    let matched = |field: &str| {
        let words = texts(statement.get(field));
        words.into_iter().any(|word| wildcard(&fold(word), &fold(text)))
    };
    if statement.get(not).is_some() {
        !matched(not)
    } else {
        matched(name)
    }
}

fn principal(statement: &Value, caller: &Caller) -> Option<Verdict> {
    if let Some(excluded) = statement.get("NotPrincipal") {
        return principal_in(excluded, caller).is_none().then_some(Verdict::Allowed);
    }
    principal_in(statement.get("Principal")?, caller)
}

fn principal_in(principal: &Value, caller: &Caller) -> Option<Verdict> {
    if principal == "*" {
        return Some(Verdict::Allowed);
    }
    let words = texts(principal.get("AWS"));
    if words.iter().any(|word| *word == "*" || is_caller(word, caller)) {
        return Some(Verdict::Allowed);
    }
    let is_account = |word: &&str| *word == caller.account || word.ends_with(&format!(":iam::{}:root", caller.account));
    words.iter().any(is_account).then_some(Verdict::AllowedForAccount)
}

/// A principal's ARN names the caller itself, or the role whose session the caller is.
fn is_caller(arn: &str, caller: &Caller) -> bool {
    if arn == caller.principal.arn && !arn.ends_with(":root") {
        return true;
    }
    let session_of = |text: &str| {
        let role = text.split(":assumed-role/").nth(1)?;
        Some(role.split('/').next()?.to_owned())
    };
    let role = arn
        .split_once(":role/")
        .map(|(_, path)| path.rsplit('/').next().unwrap_or(path));
    let same_account = arn.split(':').nth(4) == Some(caller.account.as_str());
    same_account && role.is_some() && role.map(str::to_owned) == session_of(&caller.principal.arn)
}

/// Conditions on keys the emulator knows are evaluated; an unknown key or operator counts as not
/// satisfied, so that nothing is allowed by a rule that was not understood.
fn conditions_hold(statement: &Value, caller: &Caller) -> bool {
    let operators = statement.get("Condition").and_then(Value::as_object);
    operators.into_iter().flatten().all(|(operator, keys)| {
        keys.as_object().into_iter().flatten().all(|(key, values)| {
            known_value(key, caller).is_some_and(|actual| operator_holds(operator, &actual, values))
        })
    })
}

fn known_value(key: &str, caller: &Caller) -> Option<String> {
    match key.to_lowercase().as_str() {
        "aws:principalorgid" => caller.principal.organization.clone(),
        "aws:principalaccount" => Some(caller.account.clone()),
        "aws:principalarn" => Some(caller.principal.arn.clone()),
        _ => None,
    }
}

fn operator_holds(operator: &str, actual: &str, values: &Value) -> bool {
    let values: Vec<&str> = listed(values).into_iter().filter_map(Value::as_str).collect();
    match operator {
        "StringEquals" => values.contains(&actual),
        "StringNotEquals" => !values.contains(&actual),
        "StringEqualsIgnoreCase" => values.iter().any(|value| value.eq_ignore_ascii_case(actual)),
        "StringLike" | "ArnLike" | "ArnEquals" => values.iter().any(|value| wildcard(value, actual)),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => !values.iter().any(|value| wildcard(value, actual)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Verdict, evaluate};
    use crate::caller::Caller;
    use crate::options::Principal;

    fn caller(arn: &str) -> Caller {
        Caller {
            account: arn.split(':').nth(4).unwrap().into(),
            principal: Principal {
                arn: arn.into(),
                policy: None,
                organization: Some("o-1".into()),
            },
        }
    }

    fn verdict(statements: &Value, arn: &str) -> Verdict {
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        evaluate(&document, &caller(arn), "ReadFromRepository", "arn:r", false)
    }

    fn allow(principal: &Value) -> Value {
        json!({"Effect": "Allow", "Principal": principal, "Action": "codeartifact:read*", "Resource": "*"})
    }

    #[test]
    fn a_root_arn_stands_for_the_account_only() {
        let role = "arn:aws:iam::111122223333:role/ci";
        assert_eq!(
            verdict(&allow(&json!({"AWS": "111122223333"})), role),
            Verdict::AllowedForAccount
        );
        assert_eq!(verdict(&allow(&json!({"AWS": role})), role), Verdict::Allowed);
        assert_eq!(verdict(&allow(&json!({"AWS": "444455556666"})), role), Verdict::Silent);
    }

    #[test]
    fn a_role_s_session_is_the_role() {
        let session = "arn:aws:sts::111122223333:assumed-role/ci/build-7";
        assert_eq!(
            verdict(
                &allow(&json!({"AWS": "arn:aws:iam::111122223333:role/team/ci"})),
                session
            ),
            Verdict::Allowed
        );
        assert_eq!(
            verdict(&allow(&json!({"AWS": "arn:aws:iam::111122223333:role/cd"})), session),
            Verdict::Silent
        );
    }

    #[test]
    fn a_denial_wins() {
        let mut deny = allow(&json!("*"));
        deny["Effect"] = json!("Deny");
        let role = "arn:aws:iam::111122223333:role/ci";
        assert_eq!(verdict(&json!([allow(&json!("*")), deny]), role), Verdict::Denied);
    }

    #[test]
    fn an_unknown_condition_is_not_satisfied() {
        let role = "arn:aws:iam::111122223333:role/ci";
        let mut statement = allow(&json!("*"));
        statement["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": ["o-1"]}});
        assert_eq!(verdict(&statement, role), Verdict::Allowed);
        statement["Condition"] = json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}});
        assert_eq!(verdict(&statement, role), Verdict::Silent);
    }
}
