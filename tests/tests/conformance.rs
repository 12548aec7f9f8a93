//! Replays what a real Kubernetes API server answered (`tests/conformance/`), one test a suite.
//!
//! `tests/conformance/differing.json` names the steps that still differ, suite by suite. A step that differs and is not named fails its
//! suite, and so does a named one that no longer differs: the list can only be true. `UPDATE_DIFFERING=1` writes it anew.

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;
use rdd_apiserver::Api;
use rdd_store::{Location, Store};
use rdd_tests::harness::{self, Test};
use rdd_tests::replay::{Suite, Tolerance, replay};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Suites about what this server does not do yet (apply, CEL, policies, protobuf, more built-in kinds, several versions, webhooks, users other
/// than the administrator), or what is mounted from outside of it (health): nothing in them would be told apart from the lack.
const LATER: [&str; 22] = [
    "apply-basic",
    "apply-conflicts",
    "apply-lists",
    "apply-migrate",
    "apply-status",
    "authentication",
    "authentication-no-anonymous",
    "crd-cel",
    "crd-cel-compile",
    "crd-scale",
    "crd-versions",
    "events",
    "garbage-collection",
    "leases",
    "non-resource-urls",
    "openapi",
    "patch-json",
    "patch-strategic",
    "policy-deny",
    "policy-params",
    "protobuf-bodies",
    "webhook-unreachable",
];

/// Names of the steps that differ, by suite.
type Differing = BTreeMap<String, BTreeSet<String>>;

/// What was found with `UPDATE_DIFFERING=1`.
static FOUND: Mutex<Differing> = Mutex::new(Differing::new());

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn main() -> ExitCode {
    let mut suites: Vec<String> = std::fs::read_dir(directory().join("cases"))
        .expect("the recordings are part of the project")
        .filter_map(|entry| {
            entry.ok()?.file_name().into_string().ok()?.strip_suffix(".json").map(str::to_owned)
        })
        .collect();
    suites.retain(|suite| !LATER.contains(&suite.as_str()));
    suites.sort();
    let test = |suite: String| {
        let name = format!("replay_{}", suite.replace('-', "_"));
        Test::new(&name, move || Box::pin(run(suite))).seconds(120)
    };
    let code = harness::main(suites.into_iter().map(test));
    let found = FOUND.lock();
    if std::env::var_os("UPDATE_DIFFERING").is_some() {
        let text = serde_json::to_string_pretty(&*found).expect("maps of strings are JSON");
        std::fs::write(directory().join("differing.json"), text + "\n").expect("the list is written");
    }
    code
}

async fn run(name: String) -> Result<()> {
    let text = std::fs::read_to_string(directory().join("cases").join(format!("{name}.json")))?;
    let suite: Suite = serde_json::from_str(&text).with_context(|| name.clone())?;
    let (store, _) = Store::open(rdd_store::Config::new(Location::Inline))?;
    let api = Api::open(store, rdd_apiserver::Config::default()).await?;
    // Other users than the administrator need authentication, which the in-process client does without.
    let users = |user: &str| (user == "admin").then(|| api.client("admin"));
    let report = replay(&suite, &users, Tolerance { no_managed_fields: true }).await;
    let differing: BTreeMap<&str, &str> = report.differences().collect();
    if std::env::var_os("UPDATE_DIFFERING").is_some() {
        let names: BTreeSet<String> = differing.keys().map(|step| (*step).to_owned()).collect();
        if !names.is_empty() {
            FOUND.lock().insert(name, names);
        }
        return Ok(());
    }
    let known: Differing =
        serde_json::from_str(&std::fs::read_to_string(directory().join("differing.json"))?)?;
    let known = known.get(&name).cloned().unwrap_or_default();
    let news: Vec<String> = differing
        .iter()
        .filter(|(step, _)| !known.contains(**step))
        .map(|(step, how)| format!("{step}: {how}"))
        .collect();
    let healed: Vec<&String> = known.iter().filter(|step| !differing.contains_key(step.as_str())).collect();
    ensure!(news.is_empty(), "steps that are not answered as recorded:\n{}", news.join("\n"));
    ensure!(
        healed.is_empty(),
        "steps that are answered as recorded now; take them out of differing.json: {healed:?}"
    );
    Ok(())
}
