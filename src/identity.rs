//! Which CodeArtifact stack is meant, and where it is: names, accounts and ARNs.

use crate::properties::{AccountId, DeletionMode, DomainName, PackagePattern, RepositoryName, possible_proxy_names};

/// Where the function runs: ARNs are derived from it, not fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    region: String,
    account: AccountId,
}

impl Place {
    /// A region, and the account the function runs in.
    #[must_use]
    pub fn new(region: String, account: AccountId) -> Self {
        Self { region, account }
    }

    pub(crate) fn account(&self) -> &AccountId {
        &self.account
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// The partition, which follows from the region. Source: botocore's `partitions.json`.
    fn partition(&self) -> &'static str {
        const BY_PREFIX: [(&str, &str); 8] = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("us-isob-", "aws-iso-b"),
            ("us-isof-", "aws-iso-f"),
            ("us-iso-", "aws-iso"),
            ("eu-isoe-", "aws-iso-e"),
            ("eusc-", "aws-eusc"),
            ("", "aws"),
        ];
        let of_region = BY_PREFIX.iter().find(|(prefix, _)| self.region.starts_with(prefix));
        of_region.map_or("aws", |(_, partition)| partition)
    }

    fn arn(&self, owner: &AccountId, resource: &str) -> String {
        format!(
            "arn:{}:codeartifact:{}:{owner}:{resource}",
            self.partition(),
            self.region
        )
    }

    pub(crate) fn domain_arn(&self, domain: &Domain) -> String {
        self.arn(&domain.owner, &format!("domain/{}", domain.name))
    }

    pub(crate) fn repository_arn(&self, domain: &Domain, repository: &RepositoryName) -> String {
        self.arn(&domain.owner, &format!("repository/{}/{repository}", domain.name))
    }

    pub(crate) fn package_group_arn(&self, domain: &Domain, pattern: &PackagePattern) -> String {
        self.arn(
            &domain.owner,
            &format!("package-group/{}{}", domain.name, pattern.encoded()),
        )
    }

    /// The account to name as a domain's owner in a call: only another one, its own the service knows.
    pub(crate) fn foreign_owner(&self, domain: &Domain) -> Option<String> {
        (domain.owner != self.account).then(|| domain.owner.to_string())
    }

    /// The id to answer a failed attempt to make a stack with. Where a stack's Delete would keep its repositories, it
    /// tells that they were never handed over, so that the rollback's Delete takes them away.
    pub(crate) fn attempt_id(&self, identity: &Identity, mode: DeletionMode) -> String {
        let arn = self.repository_arn(&identity.domain, &identity.repository);
        match mode {
            DeletionMode::Retain => arn + UNFINISHED,
            DeletionMode::Delete | DeletionMode::RetainIfNotEmpty => arn,
        }
    }

    /// The identity that a `PhysicalResourceId` names, where it is a repository's ARN in this place.
    pub(crate) fn identity_of_id(&self, id: &str) -> Option<Identity> {
        let arn = id.strip_suffix(UNFINISHED).unwrap_or(id);
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, "codeartifact", region, account, resource] = parts[..] else {
            return None;
        };
        let (domain, repository) = resource.strip_prefix("repository/")?.split_once('/')?;
        let domain = Domain {
            name: domain.parse().ok()?,
            owner: account.parse().ok()?,
        };
        let identity = Identity {
            domain,
            repository: repository.parse().ok()?,
        };
        (partition == self.partition() && region == self.region).then_some(identity)
    }
}

/// What stands behind the ARN in the id of an attempt.
const UNFINISHED: &str = "#unfinished";

/// Whether an id is that of an attempt that failed.
pub(crate) fn is_unfinished(id: &str) -> bool {
    id.ends_with(UNFINISHED)
}

/// A domain: its name is unique in its owner's account and a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The domain's name.
    pub name: DomainName,
    /// The account that owns it.
    pub owner: AccountId,
}

/// What makes two descriptions speak of the same CodeArtifact stack: change it, and it is a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The domain the stack's repositories are in.
    pub domain: Domain,
    /// The primary repository.
    pub repository: RepositoryName,
}

impl Identity {
    /// Whether a repository of this name in the domain can be the stack's own: its primary, or one of its proxies.
    pub(crate) fn is_own(&self, name: &str) -> bool {
        self.repository.as_str() == name
            || possible_proxy_names(&self.repository)
                .iter()
                .any(|proxy| proxy.as_str() == name)
    }
}

/// The account in an ARN, such as the function's own or a CloudFormation stack's.
#[must_use]
pub(crate) fn account_in_arn(arn: &str) -> Option<AccountId> {
    let mut parts = arn.split(':');
    (parts.next() == Some("arn"))
        .then(|| parts.nth(3)?.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(region: &str) -> Place {
        Place::new(region.to_owned(), "111122223333".parse().expect("an account"))
    }

    #[test]
    fn an_arn_read_back_names_the_same_stack() {
        for (region, partition) in [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-isob-east-1", "aws-iso-b"),
            ("us-iso-east-1", "aws-iso"),
        ] {
            let place = place(region);
            let arn = format!("arn:{partition}:codeartifact:{region}:444455556666:repository/kloudvin-pkgs/team.npm");
            let identity = place.identity_of_id(&arn).expect("an ARN of ours");
            assert_eq!(identity.domain.owner.as_str(), "444455556666");
            assert_eq!(place.repository_arn(&identity.domain, &identity.repository), arn);
        }
    }

    #[test]
    fn what_is_no_repository_of_this_place_names_nothing() {
        for other in [
            "",
            "my-stack-registry-1ABCDEF",
            "arn:aws:codeartifact:us-east-1:444455556666:repository/domain/team",
            "arn:aws-cn:codeartifact:eu-central-1:444455556666:repository/domain/team",
            "arn:aws:codeartifact:eu-central-1:444455556666:domain/domain",
            "arn:aws:codeartifact:eu-central-1:444455556666:repository/domain",
            "arn:aws:codeartifact:eu-central-1:444455556666:repository/domain/a/b",
            "arn:aws:codeartifact:eu-central-1:4444:repository/domain/team",
        ] {
            assert_eq!(place("eu-central-1").identity_of_id(other), None, "{other}");
        }
    }

    #[test]
    fn an_account_is_read_from_an_arn_alone() {
        let function = "arn:aws:lambda:eu-central-1:111122223333:function:codeartifact-stack";
        assert_eq!(account_in_arn(function).expect("an account").as_str(), "111122223333");
        assert_eq!(account_in_arn("function-arn"), None);
    }
}
