//! The name that was meant.

/// What others call a property of ours: the native `AWS::CodeArtifact` types, and the resources and modules of Terraform.
/// Written as [`folded`] does it.
pub(super) const ELSEWHERE: [(&str, &str); 24] = [
    ("connection", "ExternalConnection"),
    ("connections", "ExternalConnection"),
    ("deletionpolicy", "DeletionMode"),
    ("description", "RepositoryDescription"),
    ("domain", "DomainName"),
    ("encryptionkey", "KmsKeyArn"),
    ("externalconnectionname", "ExternalConnection"),
    ("externalconnections", "ExternalConnection"),
    ("kmskey", "KmsKeyArn"),
    ("kmskeyid", "KmsKeyArn"),
    ("name", "RepositoryName"),
    ("originconfiguration", "InternalPackages"),
    ("owner", "DomainOwner"),
    ("packagegroup", "InternalPackages"),
    ("packagegroups", "InternalPackages"),
    ("pattern", "InternalPackages"),
    ("permissionspolicy", POLICIES),
    ("permissionspolicydocument", POLICIES),
    ("policy", POLICIES),
    ("policydocument", POLICIES),
    ("repository", "RepositoryName"),
    ("retain", "DeletionMode"),
    ("upstream", "Upstreams"),
    ("upstreamrepositories", "Upstreams"),
];

/// What CloudFormation reads beside a resource's properties, and a wrong indentation puts among them. The rule of cfn-lint has
/// the same list.
const BESIDE: [&str; 7] = [
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

/// Both the domain and the repository have a policy, which there is one name for elsewhere.
const POLICIES: &str = "RepositoryPolicyDocument (on a domain: DomainPolicyDocument)";

/// The property that is meant by a name of another tool's, or the nearest of the names, if one is near.
pub(super) fn which_property(got: &str, names: &[&str]) -> String {
    if got.len() > LONGEST {
        return String::new();
    }
    let folded_name = folded(got);
    let elsewhere = ELSEWHERE.iter().find(|(name, _)| *name == folded_name);
    if BESIDE.contains(&got) {
        let hint = elsewhere.map_or(String::new(), |(_, ours)| asked(ours));
        return format!("; the attribute {got} of a resource is beside its Properties{hint}");
    }
    elsewhere.map_or_else(|| did_you_mean(got, names), |(_, ours)| asked(ours))
}

/// Similarity costs time by the product of the lengths: nobody mistypes a name into one longer than this.
const LONGEST: usize = 64;

/// The nearest of the names, if one is near.
pub(super) fn did_you_mean(got: &str, names: &[&str]) -> String {
    nearest(got, names).map_or(String::new(), asked)
}

/// The nearest of the names, the first of several, if one is near.
pub(super) fn nearest<'a>(got: &str, names: &[&'a str]) -> Option<&'a str> {
    if got.len() > LONGEST {
        return None;
    }
    let got = folded(got);
    let likeness = |name: &str| strsim::jaro_winkler(&folded(name), &got);
    let nearest = names.iter().rev().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.copied().filter(|name| likeness(name) > 0.8)
}

fn asked(name: &str) -> String {
    format!(", did you mean {name}?")
}

/// A name without what sets `snake_case`, `kebab-case` and `CamelCase` apart, and without what all connections have.
fn folded(name: &str) -> String {
    name.to_lowercase().replace("public:", "").replace(['_', '-'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::Limits;
    use crate::properties::draft::Draft;
    use crate::stack::{ExternalConnection, Text};

    fn hint(got: &str) -> String {
        let draft = Draft::read(None, &Limits::default());
        let names: Vec<&str> = draft.names().collect();
        which_property(got, &names)
    }

    /// Source: the CloudFormation reference of `AWS::CodeArtifact::Domain`, `Repository` and `PackageGroup`, and the
    /// registry's pages on `aws_codeartifact_*`.
    #[test]
    fn the_names_of_the_native_types_and_of_terraform_are_answered_with_ours() {
        for (theirs, ours) in [
            ("EncryptionKey", "KmsKeyArn"),
            ("PermissionsPolicyDocument", POLICIES),
            ("Description", "RepositoryDescription"),
            ("ExternalConnections", "ExternalConnection"),
            ("Pattern", "InternalPackages"),
            ("OriginConfiguration", "InternalPackages"),
            ("Domain", "DomainName"),
            ("Repository", "RepositoryName"),
            ("domain", "DomainName"),
            ("domain_name", "DomainName"),
            ("domain_owner", "DomainOwner"),
            ("encryption_key", "KmsKeyArn"),
            ("kms_key_arn", "KmsKeyArn"),
            ("repository", "RepositoryName"),
            ("repository_name", "RepositoryName"),
            ("repository_description", "RepositoryDescription"),
            ("description", "RepositoryDescription"),
            ("external_connection", "ExternalConnection"),
            ("external_connections", "ExternalConnection"),
            ("external_connection_name", "ExternalConnection"),
            ("upstream", "Upstreams"),
            ("upstreams", "Upstreams"),
            ("policy_document", POLICIES),
            ("domain_policy_document", "DomainPolicyDocument"),
            ("repository_policy_document", "RepositoryPolicyDocument"),
            ("tags", "Tags"),
            ("Connections", "ExternalConnection"),
            ("Name", "RepositoryName"),
            ("Policy", POLICIES),
            ("permissions_policy", POLICIES),
            ("deletion_policy", "DeletionMode"),
            ("Retain", "DeletionMode"),
        ] {
            assert_eq!(hint(theirs), format!(", did you mean {ours}?"), "{theirs}");
        }
    }

    #[test]
    fn a_name_of_anothers_is_written_as_it_is_compared_and_leads_to_one_of_ours() {
        let draft = Draft::read(None, &Limits::default());
        for (theirs, ours) in ELSEWHERE {
            assert_eq!(folded(theirs), theirs);
            let ours = ours.split(' ').next().expect("a name");
            assert!(draft.names().any(|name| name == ours), "{ours}");
        }
    }

    #[test]
    fn a_connection_is_found_by_what_sets_it_apart() {
        let meant = |got: &str| nearest(got, ExternalConnection::CHOICES);
        for (got, ours) in [
            ("public:npm", "public:npmjs"),
            ("public:maven", "public:maven-central"),
            ("npmjs", "public:npmjs"),
            ("public:crates.io", "public:crates-io"),
            ("rubygems", "public:ruby-gems-org"),
        ] {
            assert_eq!(meant(got), Some(ours), "{got}");
        }
        for other in ["public:nope", "public:", "public:docker"] {
            assert_eq!(meant(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_beside_the_properties_is_told_where_it_belongs() {
        for (attribute, meant) in [("DependsOn", ""), ("DeletionPolicy", ", did you mean DeletionMode?")] {
            let told = format!("; the attribute {attribute} of a resource is beside its Properties{meant}");
            assert_eq!(hint(attribute), told);
        }
    }

    #[test]
    fn what_is_near_nothing_gets_no_hint() {
        for other in ["Zzyzx", "ContactInfo", "", &"Upstreams".repeat(8)] {
            assert_eq!(hint(other), "", "{other}");
        }
    }
}
