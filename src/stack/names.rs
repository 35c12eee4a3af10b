//! The names a template gives, as types that cannot be wrong.

use super::text_type;

text_type! {
    /// A CodeArtifact domain's name.
    pub(crate) DomainName,
    "^[a-z][a-z0-9-]{1,48}[a-z0-9]$",
    "must be 3 to 50 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen"
}

text_type! {
    /// A CodeArtifact repository's name, at most [`RepositoryName::MAX_LENGTH`] characters.
    pub(crate) RepositoryName,
    "^[A-Za-z0-9][A-Za-z0-9._-]{1,99}$",
    "must be 2 to 100 letters, digits and the characters . _ - and begin with a letter or digit"
}

impl RepositoryName {
    /// The service's limit, in characters.
    pub(crate) const MAX_LENGTH: usize = 100;
}

text_type! {
    /// An AWS account's id.
    pub(crate) AccountId,
    "^[0-9]{12}$",
    "must be an account id of 12 digits"
}

text_type! {
    /// The ARN of a KMS key, in any partition; never of an alias.
    pub(crate) KmsKeyArn,
    "^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
    "must be a KMS key ARN of the form arn:PARTITION:kms:REGION:ACCOUNT:key/ID, not of an alias: what an alias points \
     at can change, a domain's key cannot"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_name_is_3_to_50_lower_case_letters_digits_and_hyphens() {
        let longest = "a".repeat(50);
        for good in ["abc", "kloudvin-pkgs", "a-1", &longest] {
            assert!(good.parse::<DomainName>().is_ok(), "{good}");
        }
        let too_long = "a".repeat(51);
        for bad in ["", "ab", "1bc", "-bc", "abc-", "aBc", "a_c", "a.c", "äbc", &too_long] {
            assert!(bad.parse::<DomainName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_repository_name_is_2_to_100_characters_and_begins_with_a_letter_or_digit() {
        let longest = "a".repeat(100);
        for good in ["ab", "1b", "Team.Payments_npm-1", &longest] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        let too_long = "a".repeat(101);
        for bad in ["", "a", "-ab", ".ab", "a/b", "a b", "ab\n", &too_long] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_arn_is_taken_in_any_partition_and_an_alias_is_refused_with_the_reason() {
        for good in [
            "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1234abcd",
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/x",
        ] {
            assert!(good.parse::<KmsKeyArn>().is_ok(), "{good}");
        }
        for bad in [
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "alias/x",
            "arn:aws:kms:eu-central-1:111122223333:key/",
            "arn:aws:kms:eu-central-1:1111222233:key/x",
            "arn:aws:kms::111122223333:key/x",
            "arn:gcp:kms:eu-central-1:111122223333:key/x",
            "arn:aws:s3:eu-central-1:111122223333:key/x",
            "arn:aws:kms:eu-central-1:111122223333:key/x y",
        ] {
            assert!(bad.parse::<KmsKeyArn>().is_err(), "{bad}");
        }
        let rule = "arn:aws:kms:eu-central-1:111122223333:alias/x"
            .parse::<KmsKeyArn>()
            .expect_err("an alias");
        assert!(rule.contains("what an alias points at can change"));
    }
}
