//! The list of guarantees and the tests that prove them are the same list.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Names of the test functions of this crate.
fn tests() -> BTreeSet<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&here.join("src"), &mut files);
    sources(&here.join("tests"), &mut files);
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if !(line == "#[test]" || line.starts_with("#[tokio::test")) {
                continue;
            }
            let function = lines.next().unwrap();
            let name = function.trim_start_matches("async ").strip_prefix("fn ");
            names.insert(name.unwrap().split('(').next().unwrap().to_owned());
        }
    }
    names
}

/// The last word of each bullet before the caveats.
fn named() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runtime-semantics.md");
    let text = fs::read_to_string(path).unwrap();
    let guarantees = text.split("## Caveats").next().unwrap();
    let bullets = guarantees.lines().filter(|line| line.starts_with("- "));
    bullets
        .map(|bullet| {
            let name = bullet.strip_suffix('`').and_then(|rest| rest.rsplit('`').next());
            name.unwrap_or_else(|| panic!("no test at the end of: {bullet}")).to_owned()
        })
        .collect()
}

#[test]
fn every_guarantee_names_a_test_that_exists_and_every_test_is_named_once() {
    let named = named();
    let unique: BTreeSet<String> = named.iter().cloned().collect();
    assert_eq!(named.len(), unique.len(), "a test is named twice");
    let mut tests = tests();
    tests.remove("every_guarantee_names_a_test_that_exists_and_every_test_is_named_once");
    let missing: Vec<_> = unique.difference(&tests).collect();
    let unnamed: Vec<_> = tests.difference(&unique).collect();
    assert!(
        missing.is_empty() && unnamed.is_empty(),
        "no such test: {missing:#?}; not in the list: {unnamed:#?}"
    );
}
