//! What a template gets back: every name is always there, `""` if there is nothing to say.

use std::collections::BTreeMap;

use crate::cloudformation::Data;
use crate::properties::{Desired, DomainSource};
use crate::stack::{Domain, EndpointType, Format, Place};

/// What only the service can say of a converged stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) domain_arn: String,
    pub(crate) domain_key: String,
    pub(crate) domain_bucket: String,
    pub(crate) repository_arn: String,
    pub(crate) endpoints: BTreeMap<Format, String>,
    /// In the order of the patterns.
    pub(crate) package_group_arns: Vec<String>,
}

impl Facts {
    /// What the service will most likely say: enough to tell whether an answer will have room for it.
    pub(crate) fn expected(desired: &Desired, place: &Place) -> Self {
        let (domain, repository) = (&desired.identity.domain, &desired.identity.repository);
        let endpoint = |format: &Format| {
            let (Domain { name, owner }, region) = (domain, place.region());
            let host = match desired.endpoint_type {
                EndpointType::Ipv4 => format!("{name}-{owner}.d.codeartifact.{region}.amazonaws.com"),
                EndpointType::DualStack => format!("{name}-{owner}.codeartifact.{region}.on.aws"),
            };
            (*format, format!("https://{host}/{}/{repository}/", format.as_str()))
        };
        let groups = desired.internal_packages.iter();
        Self {
            domain_arn: place.domain_arn(domain),
            domain_key: match &desired.domain {
                DomainSource::Own { key, .. } => key.to_string(),
                DomainSource::Foreign => String::new(),
            },
            domain_bucket: place.bucket_arn_to_expect(),
            repository_arn: place.repository_arn(domain, repository),
            endpoints: desired.endpoint_formats.iter().map(endpoint).collect(),
            package_group_arns: groups.map(|pattern| place.package_group_arn(domain, pattern)).collect(),
        }
    }
}

const fn endpoint_name(format: Format) -> &'static str {
    match format {
        Format::Npm => "NpmEndpoint",
        Format::Pypi => "PypiEndpoint",
        Format::Maven => "MavenEndpoint",
        Format::Nuget => "NugetEndpoint",
        Format::Generic => "GenericEndpoint",
        Format::Ruby => "RubyEndpoint",
        Format::Swift => "SwiftEndpoint",
        Format::Cargo => "CargoEndpoint",
    }
}

/// The outputs of a converged stack.
pub(crate) fn data(desired: &Desired, facts: &Facts) -> Data {
    let proxies: Vec<&str> = desired.proxies.iter().map(|proxy| proxy.name.as_str()).collect();
    let mut data = Data::from([
        ("DomainName", desired.identity.domain.name.to_string()),
        ("DomainArn", facts.domain_arn.clone()),
        ("DomainOwner", desired.identity.domain.owner.to_string()),
        ("DomainEncryptionKey", facts.domain_key.clone()),
        ("DomainS3BucketArn", facts.domain_bucket.clone()),
        ("RepositoryName", desired.identity.repository.to_string()),
        ("RepositoryArn", facts.repository_arn.clone()),
        ("UpstreamRepositoryName", proxies.join(",")),
        ("InternalPackageGroups", facts.package_group_arns.join(",")),
    ]);
    for format in Format::ALL {
        data.insert(
            endpoint_name(format),
            facts.endpoints.get(&format).cloned().unwrap_or_default(),
        );
    }
    data
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;
    use serde_json::{Value, json};

    use super::*;
    use crate::cloudformation::{Answer, Status};
    use crate::properties::MOST_PATTERNS;
    use crate::stack::ExternalConnection;

    /// How long the answer to a Create of these properties is, with the longest ids that come with an event.
    fn fits(properties: &Value, region: &str, ids: [&str; 3]) -> bool {
        let place = Place::new(region.to_owned(), "111122223333".parse().expect("an account"));
        let desired = Desired::read(Some(&to_raw_value(properties).expect("JSON")), &place).expect("right properties");
        let facts = Facts::expected(&desired, &place);
        let data = data(&desired, &facts);
        let [stack_id, request_id, logical_resource_id] = ids;
        let answer = Answer {
            status: Status::Success,
            reason: String::new(),
            physical_resource_id: &facts.repository_arn,
            stack_id,
            request_id,
            logical_resource_id,
            data: Some(&data),
        };
        answer.encode("").is_ok()
    }

    fn properties(domain: &str, region: &str, changes: Value) -> Value {
        let key = format!("arn:aws:kms:{region}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab");
        let mut properties = json!({"DomainName": domain, "KmsKeyArn": key});
        let Value::Object(changes) = changes else {
            panic!("a map")
        };
        properties.as_object_mut().expect("a map").extend(changes);
        properties
    }

    #[test]
    fn the_longest_legal_names_leave_room_for_every_endpoint() {
        const REGION: &str = "ap-southeast-1";
        let uuid = "1234abcd-12ab-34cd-56ef-1234567890ab";
        // A stack's name has 128 characters at most, a logical id 255.
        let stack_id = format!(
            "arn:aws:cloudformation:{REGION}:111122223333:stack/{}/{uuid}",
            "s".repeat(128)
        );
        let ids = [stack_id.as_str(), uuid, &"L".repeat(255)];
        let domain = "d".repeat(50);
        let all_connections: Vec<&str> = ExternalConnection::ALL.map(ExternalConnection::as_str).into();
        let every_format: Vec<&str> = Format::ALL.map(Format::as_str).into();
        let names = [
            json!({"RepositoryName": "r".repeat(100)}),
            json!({"RepositoryName": "r".repeat(91), "ExternalConnection": "public:npmjs", "EndpointFormats": every_format}),
            json!({"RepositoryName": "r".repeat(71), "ExternalConnection": all_connections}),
        ];
        let kinds = ["ipv4", "dualstack"];
        for (mut names, kind) in names
            .into_iter()
            .flat_map(|names| kinds.map(|kind| (names.clone(), kind)))
        {
            names["EndpointType"] = json!(kind);
            assert!(
                fits(&properties(&domain, REGION, names.clone()), REGION, ids),
                "{names}"
            );
        }
    }

    #[test]
    fn no_stack_has_more_patterns_than_a_delete_looks_at() {
        const REGION: &str = "us-east-1";
        let initials = ('a'..='z').chain('A'..='Z').chain('0'..='9');
        let shortest: Vec<String> = initials.map(|c| format!("/npm/{c}~")).collect();
        let fits_with = |count: &usize| {
            let changes = json!({
                "RepositoryName": "ab", "EndpointFormats": ["npm"], "InternalPackages": shortest[..*count],
            });
            fits(&properties("qa", REGION, changes), REGION, ["", "", ""])
        };
        let most = (1..shortest.len()).take_while(fits_with).last().expect("one fits");
        assert!((40..=MOST_PATTERNS).contains(&most), "{most}");
    }
}
