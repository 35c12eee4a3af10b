//! `Access` and `DomainAccess`: who may publish, read and get a token, written out as policies.

use serde_json::{Map, Value, json};

use crate::stack::{Policy, Text, number_hint, shortened, text_type};

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

/// The right to get a token for a domain; what it is good for, each repository's policy says. Source: the CodeArtifact user
/// guide, "Domain policies".
const TOKENS: [&str; 1] = ["codeartifact:GetAuthorizationToken"];

text_type! {
    /// Someone who may be named in a policy: an account, or the ARN of a user, a role or a root.
    pub(super) Principal,
    "^([0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[A-Za-z0-9_+=,.@-]([A-Za-z0-9/_+=,.@-]*[A-Za-z0-9_+=,.@-])?))$",
    "must be an account id of 12 digits or the ARN of an IAM user, role or root, without a wildcard",
    number_hint,
}

impl Text for Principal {}

text_type! {
    /// An AWS organization's id.
    pub(super) OrganizationId,
    "^o-[a-z0-9]{10,32}$",
    "must be an organization's id: o- and 10 to 32 lower-case letters or digits"
}

impl Text for OrganizationId {}

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
    let Some(mut members) = Members::read(reader, name, &["Publishers", "Readers", "OrganizationId"]) else {
        return Written::default();
    };
    let named = members.organization(reader, "Access.OrganizationId");
    let publishers = members.take("Publishers");
    let publishers: Vec<Principal> = reader.items(name, "Access.Publishers", publishers);
    let publishers = publishers.iter().map(|name| name.as_str().to_owned()).collect();
    let readers = members.principals(reader, "Readers", "Access.Readers", named.as_ref());
    // NuGet reads before it publishes, and `aws codeartifact login` looks the endpoint up.
    let publish = [&PUBLISH[..], &READ].concat();
    let statements = [("Publish", publishers, &publish[..]), ("Read", readers, &READ)];
    written(reader, name, statements, named, organization)
}

/// Reads who may get a token for the domain, as the policy that says so, in the same way.
pub(super) fn read_domain(reader: &mut Reader, name: &'static str, organization: Option<&OrganizationId>) -> Written {
    let Some(mut members) = Members::read(reader, name, &["Principals", "OrganizationId"]) else {
        return Written::default();
    };
    let named = members.organization(reader, "DomainAccess.OrganizationId");
    let principals = members.principals(reader, "Principals", "DomainAccess.Principals", named.as_ref());
    written(reader, name, [("Tokens", principals, &TOKENS[..])], named, organization)
}

/// The members of the object that a property is.
struct Members {
    property: &'static str,
    members: Map<String, Value>,
}

impl Members {
    /// Reads the object; unknown members are refused.
    fn read(reader: &mut Reader, property: &'static str, known: &[&str]) -> Option<Self> {
        let members = match reader.value(property)? {
            Value::Object(members) => members,
            other => {
                let (known, got) = (known.join(", "), shortened(&other.to_string()));
                reader.problem(
                    property,
                    format!("must be an object with the members {known}, got {got}"),
                );
                return None;
            }
        };
        for member in members.keys().filter(|member| !known.contains(&member.as_str())) {
            let hint = match did_you_mean(member, known) {
                none if none.is_empty() => format!("; it may have {}", known.join(", ")),
                hint => hint,
            };
            reader.problem(property, format!("there is no {} in it{hint}", shortened(member)));
        }
        Some(Self { property, members })
    }

    /// A member's list, empty if it is not given.
    fn take(&mut self, name: &str) -> Value {
        let given = self.members.remove(name).filter(is_given);
        given.unwrap_or(Value::Array(Vec::new()))
    }

    fn organization(&mut self, reader: &mut Reader, path: &str) -> Option<OrganizationId> {
        let value = self.members.remove("OrganizationId").filter(is_given)?;
        reader.parsed(path, &value)
    }

    /// Who is named, or `*`, everyone in the organization that the property names.
    fn principals(
        &mut self,
        reader: &mut Reader,
        name: &str,
        path: &str,
        organization: Option<&OrganizationId>,
    ) -> Vec<String> {
        let list = self.take(name);
        if !is_everyone(&list) {
            let principals: Vec<Principal> = reader.items(self.property, path, list);
            return principals.iter().map(|name| name.as_str().to_owned()).collect();
        }
        if organization.is_none() {
            let message = "may be [\"*\"] only with an OrganizationId: it lets in everyone else too";
            reader.problem(path, message);
            return Vec::new();
        }
        vec!["*".to_owned()]
    }
}

/// Whether `*` is all that the list names.
fn is_everyone(principals: &Value) -> bool {
    principals.as_array().is_some_and(|principals| {
        let mut named = principals.iter().filter(|principal| is_given(principal));
        named.next().and_then(Value::as_str) == Some("*") && named.next().is_none()
    })
}

/// Writes the policy: a statement for each list of principals that names any, each limited to the organization if there
/// is one.
fn written<const N: usize>(
    reader: &mut Reader,
    name: &'static str,
    statements: [(&str, Vec<String>, &[&str]); N],
    named: Option<OrganizationId>,
    organization: Option<&OrganizationId>,
) -> Written {
    let organization = named.as_ref().or(organization);
    let statements = statements
        .into_iter()
        .filter(|(_, principals, _)| !principals.is_empty());
    let statements: Vec<Value> = statements
        .map(|(sid, principals, actions)| {
            let mut statement = json!({
                "Sid": sid, "Effect": "Allow", "Principal": {"AWS": principals}, "Action": actions, "Resource": "*",
            });
            if let Some(id) = organization {
                statement["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": id.as_str()}});
            }
            statement
        })
        .collect();
    reader.set_given(name, !statements.is_empty());
    if statements.is_empty() {
        return Written::default();
    }
    let policy = Policy::new(Map::from_iter([
        ("Version".to_owned(), json!("2012-10-17")),
        ("Statement".to_owned(), Value::Array(statements)),
    ]));
    Written {
        policy: within_length(policy)
            .map_err(|message| reader.problem(name, message))
            .ok(),
        organization: named,
    }
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

    fn read_of(value: &Value) -> Written {
        let raw = serde_json::value::to_raw_value(&json!({"Access": value})).expect("JSON");
        read(&mut Reader::new(Some(&raw)), "Access", None)
    }

    #[test]
    fn publishers_may_read_too() {
        let policy = read_of(&json!({"Publishers": ["111122223333"]}))
            .policy
            .expect("a policy");
        for action in PUBLISH.into_iter().chain(READ) {
            assert!(policy.document().contains(&format!("\"{action}\"")), "{action}");
        }
    }
}
