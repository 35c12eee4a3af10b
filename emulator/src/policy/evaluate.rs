//! Whom a policy lets do what: IAM's rules as far as CodeArtifact's policies use them.

use serde_json::Value;

use super::{listed, statements, texts, wildcard};
use crate::caller::Caller;
use crate::state::Tags;

/// What one policy says of one request; of two policies the greater verdict counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// What a policy is asked about: an action on a resource, with what conditions look at.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) region: &'a str,
    /// With its service's prefix: `codeartifact:CreateDomain`.
    pub(crate) action: &'a str,
    /// An ARN, or `*` for an action without a resource.
    pub(crate) resource: &'a str,
    /// The tags in the request.
    pub(crate) request_tags: &'a Tags,
    /// The keys of the tags in the request, set or removed.
    pub(crate) tag_keys: &'a [String],
    /// The tags of the resource, if it exists.
    pub(crate) resource_tags: Option<&'a Tags>,
}

/// Which kind of policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A principal's own: it names no principals. Several documents may be given as a list.
    Identity,
    /// A resource's: it says whom it means.
    Resource,
}

/// Asks a policy.
pub(crate) fn evaluate(policy: &Value, question: &Question<'_>, kind: Kind) -> Verdict {
    let mut verdict = Verdict::Silent;
    for statement in listed(policy).into_iter().flat_map(statements) {
        let denies = statement.get("Effect").and_then(Value::as_str) == Some("Deny");
        let who = match kind {
            Kind::Identity => Some(Verdict::Allowed),
            Kind::Resource => principal(statement, question.caller),
        };
        let Some(who) = who else {
            continue;
        };
        let applies = names(statement, "Action", "NotAction", question.action, true)
            && names(statement, "Resource", "NotResource", question.resource, false)
            // What is not understood allows nothing, and denies.
            && conditions_hold(statement, question).unwrap_or(denies);
        if !applies {
            continue;
        }
        if denies {
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

/// Whether a statement's conditions hold; nothing if that depends on a key or an operator that the
/// emulator does not know.
fn conditions_hold(statement: &Value, question: &Question<'_>) -> Option<bool> {
    let operators = statement.get("Condition").and_then(Value::as_object);
    let mut understood = true;
    for (operator, keys) in operators.into_iter().flatten() {
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            let wanted: Vec<String> = listed(wanted).into_iter().map(plain).collect();
            let holds = actual(key, question).and_then(|actual| operator_holds(operator, &actual, &wanted));
            match holds {
                Some(true) => {}
                Some(false) => return Some(false),
                None => understood = false,
            }
        }
    }
    understood.then_some(true)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The values of a condition key, none where the request has no such key; nothing for a key that the
/// emulator does not know.
fn actual(key: &str, question: &Question<'_>) -> Option<Vec<String>> {
    let caller = question.caller;
    let (name, tag) = key.split_once('/').map_or((key, None), |(name, tag)| (name, Some(tag)));
    let one = |value: &str| Some(vec![value.to_owned()]);
    let of = |tags: Option<&Tags>| tags.and_then(|tags| tags.get(tag?)).into_iter().cloned().collect();
    let in_name_of = |service: &str| question.action.starts_with(service);
    match name.to_lowercase().as_str() {
        "aws:principalorgid" => Some(caller.principal.organization.iter().cloned().collect()),
        "aws:principalaccount" => one(&caller.account),
        "aws:principalarn" => one(&caller.principal.arn),
        "aws:requesttag" => Some(of(Some(question.request_tags))),
        "aws:resourcetag" => Some(of(question.resource_tags)),
        "aws:tagkeys" => Some(question.tag_keys.to_vec()),
        "aws:requestedregion" => one(question.region),
        "aws:resourceaccount" => one(question.resource.split(':').nth(4).unwrap_or_default()),
        "aws:securetransport" => one("true"),
        // CodeArtifact calls KMS in the caller's name, and asks for a token that is for itself.
        "kms:viaservice" if in_name_of("kms:") => one(&format!("codeartifact.{}.amazonaws.com", question.region)),
        "sts:awsservicename" if in_name_of("sts:") => one("codeartifact.amazonaws.com"),
        "kms:viaservice" | "sts:awsservicename" => Some(Vec::new()),
        _ => None,
    }
}

fn operator_holds(operator: &str, actual: &[String], wanted: &[String]) -> Option<bool> {
    let (set, operator) = match operator.split_once(':') {
        Some((set, operator)) => (Some(set), operator),
        None => (None, operator),
    };
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    if operator == "Null" {
        return Some(wanted.iter().any(|wanted| (wanted == "true") == actual.is_empty()));
    }
    if wanted.iter().any(|wanted| wanted.contains("${")) {
        return None;
    }
    let (operator, negated) = match operator {
        "StringNotEquals" => ("StringEquals", true),
        "StringNotEqualsIgnoreCase" => ("StringEqualsIgnoreCase", true),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => ("StringLike", true),
        "ArnLike" | "ArnEquals" => ("StringLike", false),
        "Bool" => ("StringEqualsIgnoreCase", false),
        other => (other, false),
    };
    let same: fn(&str, &str) -> bool = match operator {
        "StringEquals" => |wanted, actual| wanted == actual,
        "StringEqualsIgnoreCase" => str::eq_ignore_ascii_case,
        "StringLike" => wildcard,
        _ => return None,
    };
    let satisfies = |actual: &String| wanted.iter().any(|wanted| same(wanted, actual)) != negated;
    match set {
        _ if actual.is_empty() && if_exists => Some(true),
        Some("ForAllValues") => Some(actual.iter().all(satisfies)),
        Some("ForAnyValue") => Some(actual.iter().any(satisfies)),
        Some(_) => None,
        None if actual.is_empty() => Some(negated),
        // A key that is not there satisfies every negation, one with several values none but by all.
        None => Some(actual.iter().all(satisfies)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Kind, Question, Verdict, evaluate};
    use crate::caller::Caller;
    use crate::options::Principal;
    use crate::state::Tags;

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
        ask(&document, arn, &Tags::new(), None, Kind::Resource)
    }

    fn ask(policy: &Value, arn: &str, request_tags: &Tags, resource_tags: Option<&Tags>, kind: Kind) -> Verdict {
        let tag_keys: Vec<String> = request_tags.keys().cloned().collect();
        let question = Question {
            caller: &caller(arn),
            region: "us-east-1",
            action: "codeartifact:ReadFromRepository",
            resource: "arn:r",
            request_tags,
            tag_keys: &tag_keys,
            resource_tags,
        };
        evaluate(policy, &question, kind)
    }

    /// What an identity policy with this condition says of a request that sets `team` on a resource of `team`.
    fn under(effect: &str, condition: &Value) -> Verdict {
        let tags = |team: &str| Tags::from([("team".to_owned(), team.to_owned())]);
        let policy = json!({"Statement": {"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}});
        let role = "arn:aws:iam::111122223333:role/ci";
        ask(&policy, role, &tags("web"), Some(&tags("app")), Kind::Identity)
    }

    #[test]
    fn conditions_look_at_the_tags_of_the_request_and_of_the_resource() {
        let holding = [
            json!({"Null": {"aws:RequestTag/team": "false"}}),
            json!({"Null": {"aws:RequestTag/other": "true"}}),
            json!({"StringEquals": {"aws:RequestTag/team": ["app", "web"]}}),
            json!({"StringLike": {"aws:ResourceTag/team": "a?p"}}),
            json!({"StringNotEquals": {"aws:ResourceTag/team": "web"}}),
            json!({"StringNotLike": {"aws:RequestTag/other": "*"}}),
            json!({"StringEqualsIfExists": {"aws:ResourceTag/other": "x"}}),
            json!({"ForAnyValue:StringEquals": {"aws:TagKeys": ["team", "x"]}}),
            json!({"ForAllValues:StringLike": {"aws:TagKeys": "te*"}}),
            json!({"ForAllValues:StringEquals": {"aws:RequestTag/other": "x"}}),
            json!({"Bool": {"aws:SecureTransport": true}}),
        ];
        for condition in holding {
            assert_eq!(under("Allow", &condition), Verdict::Allowed, "{condition}");
            assert_eq!(under("Deny", &condition), Verdict::Denied, "{condition}");
        }
        let failing = [
            json!({"Null": {"aws:RequestTag/other": "false"}}),
            json!({"Null": {"aws:ResourceTag/team": "true"}}),
            json!({"StringEquals": {"aws:RequestTag/other": "web"}}),
            json!({"StringEquals": {"aws:RequestTag/team": "web", "aws:ResourceTag/team": "web"}}),
            json!({"StringEqualsIfExists": {"aws:ResourceTag/team": "x"}}),
            json!({"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}}),
            json!({"ForAnyValue:StringEquals": {"aws:RequestTag/other": "x"}}),
            json!({"ForAllValues:StringNotLike": {"aws:TagKeys": "te*"}}),
        ];
        for condition in failing {
            assert_eq!(under("Allow", &condition), Verdict::Silent, "{condition}");
            assert_eq!(under("Deny", &condition), Verdict::Silent, "{condition}");
        }
    }

    #[test]
    fn what_is_not_understood_allows_nothing_and_denies() {
        let unknown = [
            json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}}),
            json!({"NumericLessThan": {"aws:RequestTag/team": "1"}}),
            json!({"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}}),
        ];
        for condition in unknown {
            assert_eq!(under("Allow", &condition), Verdict::Silent, "{condition}");
            assert_eq!(under("Deny", &condition), Verdict::Denied, "{condition}");
        }
    }

    #[test]
    fn not_action_and_not_resource_mean_all_others() {
        let role = "arn:aws:iam::111122223333:role/ci";
        let verdict = |action: &str, resource: &str| {
            let policy = json!({"Statement": {"Effect": "Allow", "NotAction": action, "NotResource": resource}});
            ask(&policy, role, &Tags::new(), None, Kind::Identity)
        };
        assert_eq!(verdict("codeartifact:Delete*", "arn:s"), Verdict::Allowed);
        assert_eq!(verdict("codeartifact:Read*", "arn:s"), Verdict::Silent);
        assert_eq!(verdict("codeartifact:Delete*", "arn:*"), Verdict::Silent);
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
