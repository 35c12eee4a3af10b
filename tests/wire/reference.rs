//! `docs/reference.md`: its tables say what the code says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::World;
use crate::support::sample::{KEY, full, with};

const REFERENCE: &str = include_str!("../../docs/reference.md");
const SCHEMA: &str = include_str!("../../schema/properties.json");

/// The cells of the table under a heading, row by row, without its own heading.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, section) = REFERENCE.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// What is between backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Every string literal that follows `marker` in a source.
fn literals<'a>(source: &'a str, marker: &'a str) -> BTreeSet<&'a str> {
    let after = source.split(marker).skip(1);
    after.filter_map(|rest| rest.split('"').next()).collect()
}

/// Every text that is a choice of a schema.
fn choices<'a>(schema: &'a Value, root: &'a Value) -> Vec<&'a str> {
    let reference = schema["$ref"]
        .as_str()
        .map(|reference| &root["$defs"][&reference["#/$defs/".len()..]]);
    let parts = schema["anyOf"].as_array().into_iter().flatten();
    let inner = reference.into_iter().chain(parts).chain(schema.get("items"));
    let own = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    own.chain(inner.flat_map(|schema| choices(schema, root))).collect()
}

#[test]
fn the_table_of_properties_has_each_with_its_default_its_limits_and_its_choices() {
    let root: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut described = root["properties"].as_object().unwrap().clone();
    let required_without_owner = &root["allOf"][0]["then"]["required"];
    for cells in table("Properties") {
        let [name, kind, default, rule] = cells[..] else {
            panic!("a row of another form: {cells:?}");
        };
        let name = name.trim_matches('`');
        let schema = described
            .remove(name)
            .unwrap_or_else(|| panic!("{name} is no property"));

        let is_required = |names: &Value| names.as_array().unwrap().contains(&json!(name));
        match default {
            "required" => assert!(is_required(&root["required"]), "{name}"),
            _ if default.starts_with("required, unless") => assert!(is_required(required_without_owner), "{name}"),
            _ if default.starts_with('`') => {
                let stated = schema["default"].to_string();
                assert_eq!(default.trim_matches('`'), stated.trim_matches('"'), "{name}");
            }
            _ => assert!(schema["default"].is_null() && !is_required(&root["required"]), "{name}"),
        }
        for choice in choices(&schema, &root) {
            // The registries are CodeArtifact's, and a boolean's two values are in its name.
            let is_told = choice.starts_with("public:") || kind == "boolean";
            assert!(
                is_told || kind.contains(choice) || rule.contains(choice),
                "{name}: {choice}"
            );
        }
        for pattern in quoted(rule).into_iter().filter(|text| text.starts_with('^')) {
            assert_eq!(root["$defs"][name]["pattern"], pattern, "{name}");
        }
        let tags = &root["$defs"]["Tags"]["anyOf"][0]["maxProperties"];
        for limit in [&schema["maxItems"], if name == "Tags" { tags } else { &Value::Null }] {
            assert!(
                limit.is_null() || rule.contains(&format!("At most {limit}")),
                "{name}: {limit}"
            );
        }
    }
    assert!(described.is_empty(), "not in the table: {described:?}");
}

#[tokio::test]
async fn about_thirty_internal_packages_of_usual_length_fit_in_an_answer() {
    let world = World::start().await;
    let ask = |count: usize| {
        let patterns: Vec<String> = (0..count).map(|nth| format!("/npm/payments-{nth}/*")).collect();
        let properties = json!({
            "DomainName": "kloudvin-pkgs", "KmsKeyArn": KEY, "RepositoryName": "team-payments",
            "ExternalConnection": "public:npmjs", "InternalPackages": patterns,
        });
        json!({"RequestType": "Plan", "ResourceProperties": properties})
    };

    world.invoke(&ask(30)).await.returned();
    let (_, reason) = world.invoke(&ask(35)).await.failed();

    assert!(reason.contains("the outputs would not fit"), "{reason}");
}

#[test]
fn the_table_of_reserved_tags_has_each() {
    let source = include_str!("../../src/stack/owner.rs");
    let prefix = "codeartifact-stack:";
    let keys: BTreeSet<String> = literals(source, &format!("= \"{prefix}"))
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(|name| format!("{prefix}{name}"))
        .collect();
    let (_, section) = REFERENCE.split_once("\n### Reserved tags\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let stated: BTreeSet<String> = rows
        .flat_map(|row| quoted(row.split(" | ").next().unwrap()))
        .map(str::to_owned)
        .collect();
    assert_eq!(stated, keys);
}

#[test]
fn the_tables_of_parameters_have_each() {
    let template = include_str!("../../template.yaml");
    let (_, parameters) = template.split_once("\nParameters:\n").unwrap();
    let parameters = parameters.split("\nConditions:\n").next().unwrap();
    let names: BTreeSet<&str> = parameters
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with(' '))
        .collect();
    let rows = table("Parameters of template.yaml");
    let stated: BTreeSet<&str> = rows.iter().flat_map(|cells| quoted(cells[0])).collect();
    assert_eq!(stated, names);
}

#[test]
fn the_table_of_waits_has_each_as_long_as_it_is() {
    let patience = codeartifact_stack::Patience::default();
    let rows = table("Waiting and reading");
    for (what, time) in [
        ("what this event has created to be visible", patience.lag),
        ("a key that is not found", patience.lag),
        ("a repository of `Upstreams` that does not exist", patience.lag),
        ("an emptied domain", patience.empty_domain),
        ("what was there and is not seen any more", patience.absence),
        ("a Create that was cancelled in flight", patience.cancelled_create),
        ("others who change the same things", patience.races),
    ] {
        let row = rows.iter().find(|cells| cells[0].starts_with(what)).unwrap();
        assert_eq!(row[1], format!("{} s", time.as_secs()), "{what}");
    }
}

#[test]
fn the_front_page_names_each_type_of_error() {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("\n## When it fails\n").unwrap();
    let rows = section
        .split("\n## ")
        .next()
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| `"));
    let stated: BTreeSet<&str> = rows.flat_map(|row| quoted(row.split(" | ").next().unwrap())).collect();
    assert_eq!(stated, literals(include_str!("../../src/failure.rs"), " => \""));
}

#[tokio::test]
async fn the_table_of_outputs_has_each() {
    let world = World::start().await;
    let answer = world
        .stack("payments")
        .create(with(full(), &json!({})))
        .await
        .succeeded();
    let names: BTreeSet<&str> = answer.data.keys().map(String::as_str).collect();
    let rows = table("Outputs");
    let stated: BTreeSet<&str> = rows.iter().flat_map(|cells| quoted(cells[0])).collect();
    assert_eq!(stated, names);
}

#[test]
fn the_table_of_errors_has_each_type() {
    let source = include_str!("../../src/failure.rs");
    let rows = table("Errors");
    let stated: BTreeSet<&str> = rows.iter().flat_map(|cells| quoted(cells[0])).collect();
    assert_eq!(stated, literals(source, " => \""));
}

#[test]
fn the_table_of_environment_variables_has_each_that_is_not_the_sdks() {
    let source = include_str!("../../src/main.rs");
    let limits = literals(include_str!("../../src/properties/limits.rs"), "read(\"");
    let read = literals(source, "variable(\"")
        .into_iter()
        .chain(literals(source, "env::var(\""))
        .chain(limits);
    let own: BTreeSet<&str> = read.filter(|name| !name.starts_with("AWS_")).collect();
    let rows = table("Environment variables");
    let stated: BTreeSet<&str> = rows.iter().flat_map(|cells| quoted(cells[0])).collect();
    assert_eq!(stated, &own | &BTreeSet::from(["AWS_ENDPOINT_URL_CODEARTIFACT"]));
    let hosts = rows.iter().find(|cells| cells[0].contains("HOSTS")).unwrap();
    assert_eq!(hosts[1].trim_matches('`'), codeartifact_stack::DEFAULT_PATTERNS);
}
