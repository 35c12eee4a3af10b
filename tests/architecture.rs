//! The borders that ARCHITECTURE.md draws, held against what the files of `src/` name.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What each room may name. Files at the top, `fuzzing/` and tests may name everything.
const ROOMS: [(&str, &[&str]); 5] = [
    ("stack", &["json"]),
    ("properties", &["stack", "json"]),
    ("plan", &["properties", "stack"]),
    ("codeartifact", &["plan", "stack", "backoff", "causes"]),
    ("cloudformation", &["stack", "json", "backoff", "causes"]),
];

/// Who may name what comes from outside.
const OUTSIDERS: [(&str, &[&str]); 2] = [
    ("aws_sdk_codeartifact", &["codeartifact/"]),
    ("reqwest", &["http.rs", "http/"]),
];

/// The files of `src/` by path, without their tests.
fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
            found.insert(name, code);
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    walk(&root, &root, &mut found);
    // Tests stand outside the rooms: those in files of their own as those within a file.
    found.retain(|name, _| !name.starts_with("fuzzing/") && !name.contains("/tests/"));
    found
}

/// The code lines of a file: no comment.
fn lines(code: &str) -> impl Iterator<Item = &str> {
    code.lines().map(str::trim).filter(|line| !line.starts_with("//"))
}

/// The word that follows each `prefix`.
fn named_after<'a>(code: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = lines(code).flat_map(move |line| line.split(prefix).skip(1));
    parts.map(|rest| {
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn a_room_names_only_the_rooms_below_it() {
    let mut broken = Vec::new();
    for (file, code) in sources() {
        let Some((room, may)) = ROOMS.iter().find(|(room, _)| file.starts_with(&format!("{room}/"))) else {
            continue;
        };
        let named = named_after(&code, "crate::").filter(|name| name != room && !may.contains(name));
        broken.extend(named.map(|name| format!("{file} names {name}")));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_sdk_and_the_http_client_are_known_to_one_room_each() {
    let mut broken = Vec::new();
    for (file, code) in sources() {
        for (name, may) in OUTSIDERS {
            let is_named = lines(&code).any(|line| line.contains(&format!("{name}::")));
            if is_named && !may.iter().any(|place| file.starts_with(place)) {
                broken.push(format!("{file} names {name}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_two_files_of_the_plan_import_each_other_in_a_circle() {
    let sources = sources();
    let files: BTreeMap<&str, &String> = sources
        .iter()
        .filter_map(|(file, code)| Some((file.strip_prefix("plan/")?.strip_suffix(".rs")?, code)))
        .collect();
    let imports = |file: &str| -> BTreeSet<&str> {
        let named = named_after(files[file], "super::").chain(names_in_braces(files[file]));
        named
            .filter(|name| files.contains_key(name) && *name != "mod")
            .collect()
    };
    for start in files.keys().filter(|file| **file != "mod") {
        let (mut seen, mut next) = (BTreeSet::new(), imports(start));
        while let Some(file) = next.pop_first() {
            assert!(file != *start, "{start} imports itself through {seen:?}");
            if seen.insert(file) {
                next.extend(imports(file));
            }
        }
    }
}

/// The names in `use super::{…};`.
fn names_in_braces(code: &str) -> impl Iterator<Item = &str> {
    let groups = code.split("use super::{").skip(1);
    groups.flat_map(|rest| rest.split('}').next().unwrap_or_default().split(',').map(str::trim))
}
