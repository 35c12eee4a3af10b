//! `docs/reference.md`: its tables say what the code says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::World;
use crate::support::sample::{full, with};

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
    let limits = literals(include_str!("../../src/properties/limits.rs"), "= read(\"");
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
