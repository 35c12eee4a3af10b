//! Where the emulator stands (region, partition) and the ARNs that follow from it.

use crate::error::ServiceError;

/// The region that is served, with what follows from it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) region: String,
}

impl Place {
    /// The partition a region belongs to.
    pub(crate) fn partition(&self) -> &'static str {
        const BY_PREFIX: &[(&str, &str)] = &[
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("us-isob-", "aws-iso-b"),
            ("us-isof-", "aws-iso-f"),
            ("eu-isoe-", "aws-iso-e"),
            ("us-iso-", "aws-iso"),
            ("eusc-", "aws-eusc"),
        ];
        BY_PREFIX
            .iter()
            .find(|(prefix, _)| self.region.starts_with(prefix))
            .map_or("aws", |(_, partition)| partition)
    }

    /// The DNS suffix of the partition's service endpoints.
    pub(crate) fn dns_suffix(&self) -> &'static str {
        match self.partition() {
            "aws-cn" => "amazonaws.com.cn",
            "aws-iso" => "c2s.ic.gov",
            "aws-iso-b" => "sc2s.sgov.gov",
            "aws-iso-e" => "cloud.adc-e.uk",
            "aws-iso-f" => "csp.hci.ic.gov",
            "aws-eusc" => "amazonaws.eu",
            _ => "amazonaws.com",
        }
    }

    fn arn(&self, account: &str, resource: &str) -> String {
        format!(
            "arn:{}:codeartifact:{}:{account}:{resource}",
            self.partition(),
            self.region
        )
    }

    pub(crate) fn domain(&self, owner: &str, domain: &str) -> String {
        self.arn(owner, &format!("domain/{domain}"))
    }

    pub(crate) fn repository(&self, owner: &str, domain: &str, repository: &str) -> String {
        self.arn(owner, &format!("repository/{domain}/{repository}"))
    }

    /// A group's ARN holds its pattern percent-encoded in small letters, with `/` and `~` left as
    /// they are: `package-group/D/npm/%2a` (test data of the official CloudFormation handler for
    /// `AWS::CodeArtifact::PackageGroup`; the service authorization reference has no `/` of its own
    /// between domain and pattern, as the pattern begins with one).
    pub(crate) fn group(&self, owner: &str, domain: &str, pattern: &str) -> String {
        self.arn(owner, &format!("package-group/{domain}{}", encode_pattern(pattern)))
    }

    pub(crate) fn package(&self, owner: &str, domain: &str, repository: &str, path: &str) -> String {
        self.arn(owner, &format!("package/{domain}/{repository}{path}"))
    }
}

fn encode_pattern(pattern: &str) -> String {
    pattern
        .bytes()
        .map(|byte| match byte {
            b'/' | b'~' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        })
        .collect()
}

/// A resource that can carry tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taggable {
    Domain,
    Repository(String),
    Group(String),
}

/// A taggable resource's ARN, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct ResourceArn {
    pub(crate) owner: String,
    pub(crate) domain: String,
    pub(crate) resource: Taggable,
}

impl ResourceArn {
    /// Reads an ARN of this service in this place.
    pub(crate) fn read(text: &str, place: &Place) -> Result<Self, ServiceError> {
        let refuse = || ServiceError::invalid(format!("Invalid ARN: '{text}' is not a CodeArtifact resource here"));
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, owner, resource] = parts[..] else {
            return Err(refuse());
        };
        let ours = arn == "arn" && partition == place.partition() && service == "codeartifact";
        let owner_ok = owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit());
        if !ours || region != place.region || !owner_ok {
            return Err(refuse());
        }
        let (domain, resource) = read_resource(resource).ok_or_else(refuse)?;
        Ok(Self {
            owner: owner.into(),
            domain,
            resource,
        })
    }
}

fn read_resource(text: &str) -> Option<(String, Taggable)> {
    let (kind, rest) = text.split_once('/')?;
    match kind {
        "domain" if !rest.contains('/') => Some((rest.into(), Taggable::Domain)),
        "repository" => {
            let (domain, repository) = rest.split_once('/')?;
            (!repository.contains('/')).then(|| (domain.into(), Taggable::Repository(repository.into())))
        }
        "package-group" => {
            let slash = rest.find('/')?;
            let pattern = percent_encoding::percent_decode_str(&rest[slash..])
                .decode_utf8()
                .ok()?;
            Some((rest[..slash].into(), Taggable::Group(pattern.into_owned())))
        }
        _ => None,
    }
}
