//! What a template gets back: every name is always there, `""` where there is nothing to say.

use std::collections::BTreeMap;

use crate::cloudformation::Data;
use crate::properties::{Desired, DomainSource};
use crate::stack::Format;
use crate::stack::Place;

/// What only the service can say of a converged stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) domain_arn: String,
    pub(crate) domain_key: String,
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
            let host = format!(
                "{}-{}.d.codeartifact.{}.amazonaws.com",
                domain.name,
                domain.owner,
                place.region()
            );
            (*format, format!("https://{host}/{}/{repository}/", format.as_str()))
        };
        let groups = desired.internal_packages.iter();
        Self {
            domain_arn: place.domain_arn(domain),
            domain_key: match &desired.domain {
                DomainSource::Own { key, .. } => key.to_string(),
                DomainSource::Foreign => String::new(),
            },
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
