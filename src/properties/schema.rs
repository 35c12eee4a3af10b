//! The JSON Schema of the properties, for editors and whoever derives types from it: `schema/properties.json`.
//!
//! Patterns, choices and limits are the ones that the function itself reads with. It is compiled for the tests alone,
//! which hold the file to it; `make schema` writes the file. What is good and bad for both, and in what they differ,
//! is in `tests/fixtures/properties.json`.

use std::borrow::Cow;
use std::fmt::Write;
use std::marker::PhantomData;

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::access::{OrganizationId, Principal};
use super::hints::ELSEWHERE;
use super::rules::MOST_UPSTREAMS;
use super::{MOST_PATTERNS, tags};
use crate::stack::{
    AccountId, DeletionMode, Description, DomainName, EndpointType, ExternalConnection, Format, KmsKeyArn,
    LONGEST_DESCRIPTION, LONGEST_KEY, LONGEST_PATTERN, LONGEST_VALUE, Namespace, PackagePattern, Policy,
    RESERVED_PREFIX, RepositoryName, first_unreadable, namespace_of,
};

/// One CodeArtifact stack: a domain, a public proxy for each external connection, and the repository builds log in to.
#[derive(JsonSchema)]
#[schemars(rename_all = "PascalCase", deny_unknown_fields, transform = across_properties)]
#[schemars(title = "Properties of Custom::CodeArtifactStack")]
#[allow(dead_code, reason = "only its schema is of use")]
struct Properties {
    /// ARN of the function, in a template. The function itself ignores it.
    service_token: Option<Value>,
    /// How many seconds CloudFormation waits for the answer. The function itself ignores it.
    service_timeout: Option<Value>,
    /// The domain. Part of the identity: another one is a replacement.
    #[schemars(example = &"kloudvin-pkgs")]
    domain_name: DomainName,
    /// The key that the domain is encrypted with: its ARN, not an alias. It cannot change. Required, unless `DomainOwner`
    /// names another account.
    #[schemars(example = &"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab")]
    kms_key_arn: Option<KmsKeyArn>,
    /// The account that the domain belongs to; without it the function's own. Another account's domain is used, never
    /// created, changed or deleted: `KmsKeyArn`, `DomainPolicyDocument`, `DomainAccess`, `InternalPackages` and
    /// `BlockedPackages` are then refused. Part of the identity.
    #[schemars(example = &"111122223333")]
    domain_owner: Option<AccountId>,
    /// The repository that builds log in to. Each proxy's name must fit in 100 characters too. Part of the identity. The
    /// function's `RepositoryNamePattern` may allow fewer names.
    #[schemars(example = &"team-payments")]
    repository_name: RepositoryName,
    /// What the repository is for.
    #[schemars(extend("default" = Description::default().as_str()))]
    repository_description: Option<Description>,
    /// The public registries to fetch from. A string makes the proxy `RepositoryName-upstream`, a list makes
    /// `RepositoryName-upstream-NAME` for each. The function's `AllowedConnections` may allow fewer.
    #[schemars(extend("uniqueItems" = true))]
    external_connection: Option<Connections>,
    /// Repositories of the same domain, in order of priority; the proxies come after them. At most 10, proxies counted.
    #[schemars(extend("uniqueItems" = true, "maxItems" = MOST_UPSTREAMS))]
    upstreams: Option<List<RepositoryName>>,
    /// The repositories of neighbours that may have this one as an upstream, or `["*"]` for every one in the domain. At
    /// most 256 characters together; without it nobody may.
    downstreams: Option<Neighbours>,
    /// The domain's policy. Not managed when absent, removed when it is taken out. Cannot be combined with `DomainAccess`.
    /// The function's `PlatformRepositories` may keep it to others' stacks, and its `OrganizationId` asks each Allow for it.
    domain_policy_document: Option<Policy>,
    /// Who may get a token for the domain, written out as the domain's policy. Cannot be combined with
    /// `DomainPolicyDocument`. The function's `PlatformRepositories` may keep it to others' stacks.
    domain_access: Option<DomainAccess>,
    /// The repository's policy. Not managed when absent, removed when it is taken out. Cannot be combined with `Access`. The
    /// function's `OrganizationId` asks each Allow for it.
    repository_policy_document: Option<Policy>,
    /// Tags on the repositories, the package groups, and the domain if this stack created it. The function's `RequiredTags`
    /// must be among them.
    tags: Option<Tags>,
    /// The formats to look up endpoints for; without it those of the external connections and of `InternalPackages`, or
    /// all if there is no external connection.
    endpoint_formats: Option<List<Format>>,
    /// Which kind of endpoint the outputs give.
    #[schemars(extend("default" = EndpointType::default().as_str()))]
    endpoint_type: Option<EndpointType>,
    /// Take over repositories, package groups and a domain policy that exist and have no owner. The function's
    /// `PlatformRepositories` may keep it to others' stacks.
    #[schemars(extend("default" = false))]
    adopt_existing: Option<Flag>,
    /// What happens to the repositories this stack created. `RetainIfNotEmpty` looks at the primary; the proxies share
    /// its fate. Without it the function's `DefaultDeletionMode` says it.
    #[schemars(extend("default" = DeletionMode::default().as_str()))]
    deletion_mode: Option<DeletionMode>,
    /// Packages that may come from this repository's publishers only: never from a public registry.
    #[schemars(extend("uniqueItems" = true), example = ["/npm/payments/*"])]
    internal_packages: Option<List<PackagePattern>>,
    /// Who may publish and who may read, written out as the repository's policy. Cannot be combined with
    /// `RepositoryPolicyDocument`.
    access: Option<Access>,
    /// Packages that no repository of the domain takes in any more, from wherever: new versions are neither published nor
    /// fetched. At most 60 patterns, those of `InternalPackages` counted. The function's `PlatformRepositories` may keep it to
    /// others' stacks.
    #[schemars(extend("uniqueItems" = true, "maxItems" = MOST_PATTERNS), example = ["/npm//event-stream$"])]
    blocked_packages: Option<List<PackagePattern>>,
    /// Means nothing. A new value makes CloudFormation send an Update, which repairs drift.
    refresh: Option<Scalar>,
}

/// What must hold between properties.
fn across_properties(schema: &mut Schema) {
    let names_someone = |member: &str| json!({"required": [member], "properties": {member: {"type": "array", "contains": {"not": {"const": ""}}}}});
    let domain_access_is_given = names_someone("Principals");
    let access_is_given = json!({"anyOf": [names_someone("Publishers"), names_someone("Readers")]});
    schema.insert(
        "allOf".to_owned(),
        json!([
            {
                "if": {"properties": {"DomainOwner": {"const": ""}}},
                "then": {"required": ["KmsKeyArn"], "properties": {"KmsKeyArn": {"not": {"const": ""}}}},
            },
            {
                "if": {"required": ["Access"], "properties": {"Access": access_is_given}},
                "then": {"properties": {"RepositoryPolicyDocument": {"const": ""}}},
            },
            {
                "if": {"required": ["DomainAccess"], "properties": {"DomainAccess": domain_access_is_given}},
                "then": {"properties": {"DomainPolicyDocument": {"const": ""}}},
            },
        ]),
    );
}

/// Who may publish and who may read.
#[derive(JsonSchema)]
#[schemars(rename_all = "PascalCase", deny_unknown_fields, transform = everyone_as("Readers"))]
#[allow(dead_code, reason = "only its schema is of use")]
struct Access {
    /// Who may publish: account ids, or ARNs of IAM users, roles or roots.
    publishers: Option<List<Principal>>,
    /// Who may read: account ids, or ARNs of IAM users, roles or roots; or `["*"]`, everyone in the organization.
    readers: Option<Readers>,
    /// The organization that everyone named must be in.
    organization_id: Option<OrganizationId>,
}

/// Who may get a token for the domain.
#[derive(JsonSchema)]
#[schemars(rename_all = "PascalCase", deny_unknown_fields, transform = everyone_as("Principals"))]
#[allow(dead_code, reason = "only its schema is of use")]
struct DomainAccess {
    /// Who may get a token: account ids, or ARNs of IAM users, roles or roots; or `["*"]`, everyone in the organization.
    principals: Option<Readers>,
    /// The organization that everyone named must be in.
    organization_id: Option<OrganizationId>,
}

/// Everyone may be named only as those of an organization.
fn everyone_as(member: &'static str) -> impl Transform {
    move |schema: &mut Schema| {
        schema.insert(
            "if".to_owned(),
            json!({"required": [member], "properties": {member: {"const": ["*"]}}}),
        );
        schema.insert(
            "then".to_owned(),
            json!({"required": ["OrganizationId"], "properties": {"OrganizationId": {"not": {"const": ""}}}}),
        );
    }
}

/// Names of repositories, or everyone.
struct Neighbours;

impl JsonSchema for Neighbours {
    fn schema_name() -> Cow<'static, str> {
        "Neighbours".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names = generator.subschema_for::<List<RepositoryName>>();
        json_schema!({"anyOf": [{"const": ["*"]}, names]})
    }
}

/// A list in which empty strings count for nothing.
struct List<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for List<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": generator.subschema_for::<Option<T>>()})
    }
}

/// Implements `JsonSchema` for a type of this crate, by an expression in which the generator can be named.
macro_rules! schema_of {
    ($name:ident, |$generator:pat_param| $schema:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

struct Scalar;
schema_of!(Scalar, |_| json_schema!({"type": ["string", "number", "boolean"]}));

struct Flag;
schema_of!(Flag, |_| json_schema!({"enum": [true, false, "true", "false"]}));

struct Connections;
schema_of!(Connections, |generator| json_schema!({
    "anyOf": [
        generator.subschema_for::<ExternalConnection>(),
        generator.subschema_for::<List<ExternalConnection>>(),
    ],
}));

struct Readers;
schema_of!(Readers, |generator| json_schema!({
    "anyOf": [{"const": ["*"]}, generator.subschema_for::<List<Principal>>()],
}));

schema_of!(Policy, |_| json_schema!({
    "description": "must be a JSON object with a Statement, or a string that holds one",
    "anyOf": [
        {
            "type": "object",
            "required": ["Statement"],
            "properties": {
                "Statement": {"anyOf": [{"type": "object"}, {"type": "array", "contains": {"type": "object"}}]},
            },
        },
        {"type": "string", "pattern": r"^[ \t\r\n]*\{[\s\S]*\}[ \t\r\n]*$", "contentMediaType": "application/json"},
    ],
}));

struct Tags;
schema_of!(Tags, |generator| json_schema!({
    "anyOf": [
        {
            "type": "object",
            "propertyNames": generator.subschema_for::<TagKey>(),
            "additionalProperties": generator.subschema_for::<TagValue>(),
            "maxProperties": tags::MOST,
        },
        {
            "type": "array",
            "items": generator.subschema_for::<Option<Tag>>(),
            "maxItems": tags::MOST,
        },
    ],
}));

/// A tag, as CloudFormation's own resources write it.
#[derive(JsonSchema)]
#[schemars(rename_all = "PascalCase", deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is of use")]
struct Tag {
    key: TagKey,
    value: TagValue,
}

/// A text without what is invisible or of private use in Unicode's basic plane, which holds nearly all of it. No pattern
/// that JSON Schema's implementations share can say more: `\P{C}` is unknown to some of them.
fn readable() -> String {
    let is_refused = |code: u32| {
        char::from_u32(code).is_some_and(|c| {
            let category = CodePointMapData::<GeneralCategory>::new().get(c);
            category != GeneralCategory::Unassigned && first_unreadable(c.encode_utf8(&mut [0; 4])).is_some()
        })
    };
    let mut ranges = String::new();
    let mut code = 0;
    while code <= 0xffff {
        let end = (code..=0x1_0000)
            .find(|code| *code > 0xffff || !is_refused(*code))
            .unwrap_or(0x1_0000);
        if end > code {
            let _ = write!(ranges, "\\u{code:04x}");
            if end - code > 1 {
                let _ = write!(ranges, "-\\u{:04x}", end - 1);
            }
        }
        code = end + 1;
    }
    format!("^[^{ranges}]*$")
}

schema_of!(Description, |_| json_schema!({
    "description": "must have no control, invisible, private-use or unassigned character",
    "type": "string",
    "maxLength": LONGEST_DESCRIPTION,
    "pattern": readable(),
}));

/// A pattern for these characters in whatever case.
fn in_any_case(text: &str) -> String {
    let one = |letter: char| {
        if letter.is_ascii_alphabetic() {
            format!("[{}{}]", letter.to_ascii_lowercase(), letter.to_ascii_uppercase())
        } else {
            letter.to_string()
        }
    };
    text.chars().map(one).collect()
}

struct TagKey;
schema_of!(TagKey, |_| json_schema!({
    "description": format!(
        "must be 1 to {LONGEST_KEY} characters, none of them a control, invisible, private-use or unassigned one, and \
         must not begin with aws: or {RESERVED_PREFIX}, which are reserved"
    ),
    "type": "string",
    "minLength": 1,
    "maxLength": LONGEST_KEY,
    "pattern": readable(),
    "not": {"pattern": format!("^({}|{})", in_any_case("aws:"), in_any_case(RESERVED_PREFIX))},
}));

struct TagValue;
schema_of!(TagValue, |_| json_schema!({
    "description": "must have no control, invisible, private-use or unassigned character",
    "type": ["string", "number", "boolean"],
    "maxLength": LONGEST_VALUE,
    "pattern": readable(),
}));

schema_of!(PackagePattern, |_| json_schema!({
    "description": "must be a path of format, namespace and name that ends with * (whatever follows a / or another \
                    character that ends no word), ~ (after a letter or a digit: a prefix that ends a word) or $ (exactly \
                    this name)",
    "type": "string",
    "maxLength": LONGEST_PATTERN,
    "pattern": package_pattern(),
    // A format alone, or a scope of npm with its @.
    "not": {"pattern": r"^/[a-z]+//?\*$|^/npm/([^/]*/)?@"},
}));

fn package_pattern() -> String {
    // What a namespace or a name is made of; what of it ends a word, and what does not.
    const PART: &str = r"[^*~$#/\s\x00-\x1f\x7f-\x9f]";
    const WORD: &str = r"[^\s\x00-/:-@\[-`{-\x9f]";
    const GAP: &str = r#"[!"%&'()+,.:;<=>?@\[\\\]^_`{|}-]"#;
    let formats = |namespace: Namespace| {
        let those = Format::ALL
            .into_iter()
            .filter(|format| namespace_of(*format) == namespace);
        those.map(Format::as_str).collect::<Vec<_>>().join("|")
    };
    let (always, sometimes, never) = (
        formats(Namespace::Always),
        formats(Namespace::Sometimes),
        formats(Namespace::Never),
    );
    let prefix = format!(r"\*|{PART}*{GAP}\*|{PART}*{WORD}~");
    let name = format!(r"({prefix}|{PART}+\$)");
    format!(r"^/(({always})/({prefix}|{PART}+/{name})|({sometimes})/({prefix}|{PART}*/{name})|({never})/(\*|/{name}))$")
}

/// What is not given is `""` for a template and none for Rust, and a description is one line.
#[derive(Clone)]
struct AsTemplatesSayIt;

impl Transform for AsTemplatesSayIt {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.as_value() == &json!({"type": "null"}) {
            *schema = json_schema!({"$ref": "#/$defs/NotGiven"});
        }
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = description.replace('\n', " ");
        }
        transform_subschemas(self, schema);
    }
}

fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(AsTemplatesSayIt);
    let mut generator = settings.into_generator();
    generator.definitions_mut().insert(
        "NotGiven".to_owned(),
        json!({"const": "", "description": "Not given: what an empty parameter of a template delivers"}),
    );
    let mut schema = generator.into_root_schema_for::<Properties>();
    // For the rule of cfn-lint, which asks "did you mean" as the function does.
    schema.insert("x-elsewhere".to_owned(), ELSEWHERE.into_iter().collect());
    schema.to_value()
}

mod tests {
    use std::{env, fs};

    use serde_json::value::to_raw_value;

    use super::super::draft::Draft;
    use super::super::reader::IGNORED;
    use super::*;
    use crate::properties::{Desired, Limits};
    use crate::stack::Place;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/properties.json");
    const TABLE: &str = include_str!("../../tests/fixtures/properties.json");

    #[test]
    fn the_file_says_what_the_types_say() {
        let generated = format!("{:#}\n", schema());
        if env::var_os("WRITE_SCHEMA").is_some() {
            fs::write(FILE, &generated).expect("the file is written");
        }
        let file = fs::read_to_string(FILE).unwrap_or_default();
        assert!(
            file == generated,
            "schema/properties.json is not current: run make schema"
        );
    }

    #[test]
    fn every_property_is_in_the_schema_and_no_other() {
        let schema = schema();
        let described = schema["properties"].as_object().expect("properties").keys();
        let draft = Draft::read(None, &Limits::default());
        let mut known: Vec<&str> = draft.names().chain(IGNORED).collect();
        known.sort_unstable();
        assert_eq!(described.collect::<Vec<_>>(), known);
    }

    /// The other half of this test, with a validator of JSON Schema, is `tests/schema/test_schema.py`.
    #[test]
    fn the_function_takes_and_refuses_what_the_table_says() {
        let table: Value = serde_json::from_str(TABLE).expect("JSON");
        let place = Place::new("eu-central-1".to_owned(), "111122223333".parse().expect("an account"));
        let list = |name: &str| table[name].as_array().expect("a list").clone();
        let named = |name: &str| {
            table[name]
                .as_object()
                .expect("a map")
                .values()
                .cloned()
                .collect::<Vec<_>>()
        };
        let flat = |lists: Vec<Value>| {
            lists
                .into_iter()
                .flat_map(|list| list.as_array().expect("a list").clone())
        };
        let good = list("good")
            .into_iter()
            .chain(flat(named("good, but refused by the schema")));
        let bad = list("bad")
            .into_iter()
            .chain(flat(named("bad, but taken by the schema")));
        for (changes, is_good) in good.map(|case| (case, true)).chain(bad.map(|case| (case, false))) {
            let mut properties = table["base"].as_object().expect("a map").clone();
            properties.extend(changes.as_object().expect("a map").clone());
            let raw = to_raw_value(&properties).expect("JSON");
            let read = Desired::read(Some(&raw), &place);
            assert_eq!(read.is_ok(), is_good, "{changes}: {:?}", read.err());
        }
    }
}
