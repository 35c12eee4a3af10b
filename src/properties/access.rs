//! `Access`: who may publish and who may read, written out as a repository policy.

use serde_json::{Map, Value, json};

use crate::stack::{Policy, text_type};

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
    "must be an account id of 12 digits or the ARN of an IAM user, role or root, without a wildcard"
}

text_type! {
    /// An AWS organization's id.
    pub(super) OrganizationId,
    "^o-[a-z0-9]{10,32}$",
    "must be an organization's id: o- and 10 to 32 lower-case letters or digits"
}

/// Who may read.
#[derive(Debug)]
pub(super) enum Readers {
    Named(Vec<Principal>),
    /// Everyone in the organization.
    Organization(OrganizationId),
}

/// Writes the policy: a statement a kind of right, each limited to the organization where one is given.
pub(super) fn policy(publishers: &[Principal], readers: &Readers, organization: Option<&OrganizationId>) -> Policy {
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
        ("Publish", names(publishers), &PUBLISH[..]),
        ("Read", reading, &READ[..]),
    ]
    .into_iter()
    .filter(|(_, principals, _)| !principals.is_empty())
    .map(|(sid, principals, actions)| statement(sid, principals, actions))
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
}
