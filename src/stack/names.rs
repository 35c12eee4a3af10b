//! The names a template gives, as types that cannot be wrong.

use super::{Text, text_type};

text_type! {
    /// A CodeArtifact domain's name.
    pub(crate) DomainName,
    "^[a-z][a-z0-9-]{0,48}[a-z0-9]$" as is_domain_name,
    "must be 2 to 50 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen",
    domain_hint,
}

impl Text for DomainName {}

fn domain_hint(text: &str) -> Option<&'static str> {
    is_arn(text).then_some("an ARN is not a name: in a template, !GetAtt Shared.DomainName gives the name, !Ref an ARN")
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:")
}

fn is_domain_name(text: &str) -> bool {
    let is_of_a_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=50).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(is_of_a_name)
}

text_type! {
    /// A CodeArtifact repository's name, at most [`RepositoryName::MAX_LENGTH`] characters.
    pub(crate) RepositoryName,
    "^[A-Za-z0-9][A-Za-z0-9._-]{1,99}$" as is_repository_name,
    "must be 2 to 100 letters, digits and the characters . _ - and begin with a letter or digit",
    repository_hint,
}

impl Text for RepositoryName {
    const KIND: &'static str = "a name (a string)";
}

fn repository_hint(text: &str) -> Option<&'static str> {
    if is_arn(text) {
        return Some("an ARN is not a name: in a template, !GetAtt Shared.RepositoryName gives the name, !Ref the ARN");
    }
    if text.starts_with("public:") {
        return Some("a public registry goes into ExternalConnection");
    }
    text.contains('*')
        .then_some("no name has a wildcard in it; [\"*\"] alone, every repository in the domain, is for Downstreams")
}

fn is_repository_name(text: &str) -> bool {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (2..=RepositoryName::MAX_LENGTH).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(is_of_a_name)
}

impl RepositoryName {
    /// The service's limit, in characters.
    pub(crate) const MAX_LENGTH: usize = 100;
}

text_type! {
    /// An AWS account's id.
    pub(crate) AccountId,
    "^[0-9]{12}$" as is_account_id,
    "must be an account id of 12 digits",
    number_hint,
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Text for AccountId {}

/// What to do about an account's id that was a number once: YAML drops a leading zero or reads octal, and CloudFormation
/// may write what is left as `1.2345678901E10`.
pub(crate) fn number_hint(text: &str) -> Option<&'static str> {
    const LENGTH: usize = 12;
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_octal = text
        .strip_prefix("0o")
        .is_some_and(|digits| digits.parse::<u64>().is_ok());
    let is_number = text.starts_with(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok();
    (is_octal || is_number && !(is_digits && text.len() >= LENGTH))
        .then_some("quote it in YAML, which reads digits without quotes as a number")
}

text_type! {
    /// The ARN of a KMS key, in any partition; never of an alias.
    pub(crate) KmsKeyArn,
    "^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$" as is_key_arn,
    "must be a KMS key ARN of the form arn:PARTITION:kms:REGION:ACCOUNT:key/ID",
    key_hint,
}

impl Text for KmsKeyArn {}

impl KmsKeyArn {
    /// The region that the key is in.
    pub(crate) fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }
}

fn is_key_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "kms", region, account, key] = parts[..] else {
        return false;
    };
    let is_some_of = |text: &str, may_be: fn(u8) -> bool| !text.is_empty() && text.bytes().all(may_be);
    let is_of_an_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    partition.starts_with("aws")
        && is_some_of(partition, |byte| byte.is_ascii_lowercase() || byte == b'-')
        && is_some_of(region, |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
        })
        && is_account_id(account)
        && key.strip_prefix("key/").is_some_and(|id| is_some_of(id, is_of_an_id))
}

fn key_hint(text: &str) -> Option<&'static str> {
    if text.starts_with("alias/") || text.contains(":alias/") {
        return Some("an alias is refused: what it points at can change, a domain's key cannot");
    }
    let is_id = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_id.then_some(
        "a key's id alone does not say whose it is: in a template, !GetAtt Key.Arn gives the ARN, !Ref the id",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use schemars::{JsonSchema, SchemaGenerator};

    use super::*;

    /// What the schema says of a text.
    fn matches<T: JsonSchema>(text: &str) -> bool {
        let schema = T::json_schema(&mut SchemaGenerator::default());
        let pattern = schema.get("pattern").and_then(|it| it.as_str()).expect("a pattern");
        regex_lite::Regex::new(pattern).expect("a pattern").is_match(text)
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(1),
            failure_persistence: None,
            ..ProptestConfig::with_cases(2_000)
        })]
        #[test]
        fn a_name_is_taken_exactly_if_it_matches_the_schemas_pattern(
            text in prop_oneof!["[a-z0-9-]{0,4}", "[A-Za-z0-9._-]{0,4}", "[ab0-]{46,53}", "[aB1._-]{96,104}", ".{0,3}", "[a-z]{1,3}\\s"]
        ) {
            prop_assert_eq!(text.parse::<DomainName>().is_ok(), matches::<DomainName>(&text));
            prop_assert_eq!(text.parse::<RepositoryName>().is_ok(), matches::<RepositoryName>(&text));
        }

        #[test]
        fn an_account_id_or_a_keys_arn_is_taken_exactly_if_it_matches_the_schemas_pattern(
            account in prop_oneof!["[0-9]{11,13}", "[0-9a]{12}", ".{0,2}"],
            arn in "arn:(aws|aws-[a-z]{0,2}|a|awS|)(:kms|:s3):[a-z0-9A-]{0,2}:[0-9]{11,12}:(key/|alias/|key)[A-Za-z0-9-]{0,3}[:/ \n]?"
        ) {
            prop_assert_eq!(account.parse::<AccountId>().is_ok(), matches::<AccountId>(&account));
            prop_assert_eq!(arn.parse::<KmsKeyArn>().is_ok(), matches::<KmsKeyArn>(&arn));
        }
    }

    #[test]
    fn a_domain_name_is_2_to_50_lower_case_letters_digits_and_hyphens() {
        let longest = "a".repeat(50);
        for good in ["qa", "abc", "kloudvin-pkgs", "a-1", &longest] {
            assert!(good.parse::<DomainName>().is_ok(), "{good}");
        }
        let too_long = "a".repeat(51);
        for bad in [
            "", "a", "1", "a-", "1bc", "-bc", "abc-", "aBc", "a_c", "a.c", "äbc", &too_long,
        ] {
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
    fn an_arn_in_place_of_a_name_is_told_where_the_name_is() {
        let arn = "arn:aws:codeartifact:eu-central-1:111122223333:repository/pkgs/shared";
        let rule = arn.parse::<RepositoryName>().expect_err("an ARN");
        assert!(
            rule.ends_with("!GetAtt Shared.RepositoryName gives the name, !Ref the ARN"),
            "{rule}"
        );
        let rule = arn.parse::<DomainName>().expect_err("an ARN");
        assert!(
            rule.contains("; an ARN is not a name") && rule.contains("!GetAtt Shared.DomainName"),
            "{rule}"
        );
        for other in ["no spaces", "-arn:"] {
            assert!(
                !other.parse::<RepositoryName>().expect_err("no name").contains(';'),
                "{other}"
            );
        }
    }

    #[test]
    fn what_is_no_repository_at_all_is_told_where_it_goes() {
        for (other, told) in [
            ("public:npmjs", "; a public registry goes into ExternalConnection"),
            (
                "team-*",
                "; no name has a wildcard in it; [\"*\"] alone, every repository in the domain, is for Downstreams",
            ),
        ] {
            let rule = other.parse::<RepositoryName>().expect_err("no name");
            assert!(rule.ends_with(told), "{rule}");
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
        let rule = |text: &str| text.parse::<KmsKeyArn>().expect_err("no key's ARN");
        for alias in ["arn:aws:kms:eu-central-1:111122223333:alias/x", "alias/x"] {
            assert!(rule(alias).contains("what it points at can change"), "{alias}");
        }
        for id in [
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234abcd12ab34cd56ef1234567890ab",
        ] {
            assert!(rule(id).contains("!GetAtt Key.Arn"), "{id}");
        }
        assert!(!rule("arn:aws:s3:::bucket").contains(';'));
    }

    #[test]
    fn an_account_id_that_yaml_read_as_a_number_is_to_be_quoted() {
        for number in [
            "1.2345678901E10",
            "1.2345678901e+10",
            "12345678901",
            "12345678901.0",
            "1402433619",
            "0o12345670123",
        ] {
            let rule = number.parse::<AccountId>().expect_err("no account");
            assert!(
                rule.contains("12 digits") && rule.contains("quote it in YAML"),
                "{number}: {rule}"
            );
        }
        for other in ["", "12345678901x", "1234567890123", "nan", "account"] {
            let rule = other.parse::<AccountId>().expect_err("no account");
            assert!(!rule.contains("YAML"), "{other}: {rule}");
        }
    }
}
