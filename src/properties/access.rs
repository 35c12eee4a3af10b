//! `Access`: who may publish and who may read, written out as a repository policy.

use serde_json::{Map, Value, json};

use crate::json::shortened;
use crate::stack::{Policy, number_hint, text_type};

use super::hints::did_you_mean;
use super::policy::within_length;
use super::reader::{Reader, is_given};

/// The rights to publish. Source: the CodeArtifact user guide, "Repository policies".
const PUBLISH: [&str; 2] = ["codeartifact:PublishPackageVersion", "codeartifact:PutPackageMetadata"];

/// The rights to read. Source: the CodeArtifact user guide, "Repository policies", its read-only example.
const READ: [&str; 9] = [
    "codeartifact:DescribePackageVersion",
    "codeartifact:DescribeRepository",
    "codeartifact:GetPackageVersionReadme",
    "codeartifact:GetRepositoryEndpoint",
    "codeartifact:ListPackageVersionAssets",
    "codeartifact:ListPackageVersionDependencies",
    "codeartifact:ListPackageVersions",
    "codeartifact:ListPackages",
    "codeartifact:ReadFromRepository",
];

text_type! {
    /// Someone who may be named in a policy: an account, or the ARN of a user, a role or a root.
    pub(super) Principal,
    "^([0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[A-Za-z0-9_+=,.@-]([A-Za-z0-9/_+=,.@-]*[A-Za-z0-9_+=,.@-])?))$",
    "must be an account id of 12 digits or the ARN of an IAM user, role or root, without a wildcard",
    number_hint,
}

text_type! {
    /// An AWS organization's id.
    pub(super) OrganizationId,
    "^o-[a-z0-9]{10,32}$",
    "must be an organization's id: o- and 10 to 32 lower-case letters or digits"
}

/// Who may read.
#[derive(Debug)]
enum Readers {
    Named(Vec<Principal>),
    /// Everyone in the organization.
    Organization(OrganizationId),
}

/// A policy that is written from a property.
#[derive(Default)]
pub(super) struct Written {
    /// The policy, if it lets in anyone.
    pub(super) policy: Option<Policy>,
    /// The organization that the property itself names.
    organization: Option<OrganizationId>,
}

impl Written {
    pub(super) fn organization(&self, path: &'static str) -> Option<Organization<'_>> {
        Some(Organization {
            path,
            id: self.organization.as_ref()?,
            policy: self.policy.as_ref(),
        })
    }
}

/// An organization that a property names, and what it is let into.
#[derive(PartialEq)]
pub(super) struct Organization<'a> {
    /// What the organization is called in what is wrong with it.
    pub(super) path: &'static str,
    pub(super) id: &'a OrganizationId,
    policy: Option<&'a Policy>,
}

/// Reads who may publish and who may read, as the policy that says so, for members of an `organization` alone if the
/// property names none itself. Nobody at all counts as not given.
pub(super) fn read(reader: &mut Reader, name: &'static str, organization: Option<&OrganizationId>) -> Written {
    let Some(mut members) = members(reader, name) else {
        return Written::default();
    };
    let named: Option<OrganizationId> =
        take(&mut members, "OrganizationId").and_then(|value| reader.parsed("Access.OrganizationId", &value));
    let mut list = |member| take(&mut members, member).unwrap_or(Value::Array(Vec::new()));
    let (publishers, readers) = (list("Publishers"), list("Readers"));
    let publishers: Vec<Principal> = reader.items(name, "Access.Publishers", publishers);
    let readers = match (is_everyone(&readers), named.clone()) {
        (true, Some(organization)) => Readers::Organization(organization),
        (true, None) => {
            reader.problem(
                "Access.Readers",
                "may be [\"*\"] only with an OrganizationId: it lets in everyone else too",
            );
            Readers::Named(Vec::new())
        }
        (false, _) => Readers::Named(reader.items(name, "Access.Readers", readers)),
    };
    let names_nobody = publishers.is_empty() && matches!(&readers, Readers::Named(readers) if readers.is_empty());
    reader.set_given(name, !names_nobody);
    if names_nobody {
        return Written::default();
    }
    let written = policy(&publishers, &readers, named.as_ref().or(organization));
    Written {
        policy: within_length(written)
            .map_err(|message| reader.problem(name, message))
            .ok(),
        organization: named,
    }
}

/// The members of the object, unknown ones refused.
fn members(reader: &mut Reader, name: &'static str) -> Option<Map<String, Value>> {
    const MEMBERS: [&str; 3] = ["Publishers", "Readers", "OrganizationId"];
    let members = match reader.value(name)? {
        Value::Object(members) => members,
        other => {
            let got = shortened(&other.to_string());
            let message = format!("must be an object with Publishers, Readers and OrganizationId, got {got}");
            reader.problem(name, message);
            return None;
        }
    };
    for member in members.keys().filter(|member| !MEMBERS.contains(&member.as_str())) {
        let (shown, hint) = (shortened(member), did_you_mean(member, &MEMBERS));
        reader.problem(name, format!("there is no {shown} in it{hint}"));
    }
    Some(members)
}

/// A member that is given.
fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    members.remove(name).filter(is_given)
}

/// Whether `*` is all that the list names.
fn is_everyone(readers: &Value) -> bool {
    readers.as_array().is_some_and(|readers| {
        let mut named = readers.iter().filter(|reader| is_given(reader));
        named.next().and_then(Value::as_str) == Some("*") && named.next().is_none()
    })
}

/// Writes the policy: a statement for those who publish, one for those who read only, each limited to the organization if one is given.
fn policy(publishers: &[Principal], readers: &Readers, organization: Option<&OrganizationId>) -> Policy {
    let names = |principals: &[Principal]| {
        principals
            .iter()
            .map(|name| name.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    let (reading, organization) = match readers {
        Readers::Named(principals) => (names(principals), organization),
        Readers::Organization(id) => (vec!["*".to_owned()], Some(id)),
    };
    let statement = |sid: &str, principals: Vec<String>, actions: &[&str]| {
        let mut statement = json!({
            "Sid": sid, "Effect": "Allow", "Principal": {"AWS": principals}, "Action": actions, "Resource": "*",
        });
        if let Some(id) = organization {
            statement["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": id.as_str()}});
        }
        statement
    };
    let statements: Vec<Value> = [
        // NuGet reads before it publishes, and `aws codeartifact login` looks the endpoint up.
        ("Publish", names(publishers), [&PUBLISH[..], &READ].concat()),
        ("Read", reading, READ.to_vec()),
    ]
    .into_iter()
    .filter(|(_, principals, _)| !principals.is_empty())
    .map(|(sid, principals, actions)| statement(sid, principals, &actions))
    .collect();
    Policy::new(&Map::from_iter([
        ("Version".to_owned(), json!("2012-10-17")),
        ("Statement".to_owned(), Value::Array(statements)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_an_account_or_an_iam_arn_without_a_wildcard() {
        for good in [
            "111122223333",
            "arn:aws:iam::111122223333:root",
            "arn:aws-cn:iam::111122223333:role/path/ci",
            "arn:aws:iam::111122223333:user/jo@example.com",
        ] {
            assert!(good.parse::<Principal>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "11112222333",
            "arn:aws:iam::111122223333:role/*",
            "arn:aws:iam::*:root",
            "arn:aws*:iam::111122223333:root",
            "arn:aws:iam::111122223333:role/ci?",
            "arn:aws:iam::111122223333:*",
            "arn:aws:iam::111122223333:group/ci",
            "arn:aws:sts::111122223333:assumed-role/ci/x",
            "arn:aws:iam:eu-central-1:111122223333:root",
        ] {
            assert!(bad.parse::<Principal>().is_err(), "{bad}");
        }
    }

    #[test]
    fn publishers_may_read_too() {
        let publishers = ["111122223333".parse().expect("an account")];
        let policy = policy(&publishers, &Readers::Named(Vec::new()), None);
        for action in PUBLISH.into_iter().chain(READ) {
            assert!(policy.document().contains(&format!("\"{action}\"")), "{action}");
        }
    }
}
