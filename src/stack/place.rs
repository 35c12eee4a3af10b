//! Where things are: the region, the accounts, and the ARNs that follow from them.

use super::{AccountId, Domain, Identity, PackagePattern, RepositoryName};

/// Where the function runs: ARNs are derived from it, not fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    region: String,
    account: AccountId,
}

impl Place {
    /// A region, and the account the function runs in.
    #[must_use]
    pub(crate) fn new(region: String, account: AccountId) -> Self {
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

    /// An ARN as long as that of a domain's bucket, whose name the service makes up. Source: the user guide's example of
    /// `DescribeDomain`, `arn:aws:s3:::assets-111122223333-us-west-2`.
    pub(crate) fn bucket_arn_to_expect(&self) -> String {
        format!("arn:{}:s3:::assets-{}-{}", self.partition(), self.account, self.region)
    }

    /// The account to name as a domain's owner in a call: only another one, its own the service knows.
    pub(crate) fn foreign_owner(&self, domain: &Domain) -> Option<String> {
        (domain.owner != self.account).then(|| domain.owner.as_str().to_owned())
    }

    /// The stack whose primary repository has this ARN, if it is one in this place.
    pub(crate) fn identity_in_arn(&self, arn: &str) -> Option<Identity> {
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
            let identity = place.identity_in_arn(&arn).expect("an ARN of ours");
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
            assert_eq!(place("eu-central-1").identity_in_arn(other), None, "{other}");
        }
    }

    #[test]
    fn an_account_is_read_from_an_arn_alone() {
        let function = "arn:aws:lambda:eu-central-1:111122223333:function:codeartifact-stack";
        assert_eq!(account_in_arn(function).expect("an account").as_str(), "111122223333");
        assert_eq!(account_in_arn("function-arn"), None);
    }
}
