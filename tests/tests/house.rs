//! The house keeps its shape: what may depend on what, and what no manifest may switch on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What each room may use of the other rooms (docs/architecture.md).
const ARROWS: [(&str, &[&str]); 9] = [
    ("src/resources", &[]),
    ("src/machinery", &[]),
    ("src/store", &[]),
    ("src/apiserver", &["rdd-machinery", "rdd-store"]),
    ("src/engine", &[]),
    ("src/machine", &["rdd-engine"]),
    ("actors/runtime", &[]),
    ("actors/mirroring", &["rdd-actors-runtime", "rdd-engine", "rdd-machine", "rdd-resources"]),
    (
        "src/daemon",
        &[
            "rdd-actors",
            "rdd-actors-runtime",
            "rdd-apiserver",
            "rdd-engine",
            "rdd-machine",
            "rdd-machinery",
            "rdd-resources",
            "rdd-store",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_path_buf()
}

fn manifest(room: &str) -> String {
    let path = root().join(room).join("Cargo.toml");
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The lines of one section of a manifest.
fn section<'a>(manifest: &'a str, name: &str) -> Vec<&'a str> {
    let header = format!("[{name}]");
    let lines = manifest.lines().skip_while(|line| line.trim() != header).skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .collect()
}

#[test]
fn arrows_point_down_only() {
    for (room, allowed) in ARROWS {
        let text = manifest(room);
        let used = section(&text, "dependencies").into_iter().filter(|line| line.starts_with("rdd"));
        for line in used {
            let name = line.split(['.', ' ', '=']).next().expect("a line has a first word");
            assert!(allowed.contains(&name), "{room} must not depend on {name}");
        }
    }
}

#[test]
fn rooms_without_io_have_no_crate_that_does_it() {
    for room in ["src/resources", "src/machinery"] {
        let text = manifest(room);
        for line in section(&text, "dependencies") {
            let name = line.split(['.', ' ', '=']).next().expect("a line has a first word");
            assert!(
                !["tokio", "hyper", "axum", "bollard", "rusqlite"].contains(&name),
                "{room} must not use {name}"
            );
        }
    }
}

#[test]
fn no_profile_aborts_on_panic() {
    let text = manifest(".");
    let offending =
        text.lines().find(|line| line.trim_start().starts_with("panic") && line.contains("abort"));
    assert_eq!(offending, None, "supervision stands on unwinding");
}

#[test]
fn json_keys_come_out_sorted_as_kubernetes_prints_them() {
    let value: serde_json::Value = serde_json::from_str(r#"{"b":1,"a":{"d":2,"c":3}}"#).unwrap();
    assert_eq!(value.to_string(), r#"{"a":{"c":3,"d":2},"b":1}"#, "serde_json/preserve_order is on");
}

#[test]
fn every_crate_takes_versions_and_lints_from_the_root() {
    let text = manifest(".");
    let members = section_of_members(&text);
    for (member, text) in members {
        assert!(text.contains("[lints]\nworkspace = true"), "{member} has lints of its own");
        for part in ["dependencies", "dev-dependencies"] {
            for line in section(&text, part) {
                assert!(
                    line.contains("workspace = true"),
                    "{member}: {line}: versions live in the root manifest"
                );
            }
        }
    }
}

fn section_of_members(root_manifest: &str) -> BTreeMap<String, String> {
    let list =
        root_manifest.split("members = [").nth(1).and_then(|rest| rest.split(']').next()).expect("members");
    let names = list.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next());
    names.map(|name| (name.to_string(), manifest(name))).collect()
}
