//! Discovery in one document (`apidiscovery.k8s.io`).

use crate::connect::Connections;
use crate::registry::{Kind, Registry, Version};
use rdd_machinery::Scope;
use serde_json::{Value, json};

/// What can be done with a connecting sub-resource.
pub(super) const CONNECTING: &[&str] = &["create", "get"];

/// What can be done with a sub-resource.
pub(super) fn verbs(sub: &str) -> &'static [&'static str] {
    if sub == "finalize" { &["update"] } else { &["get", "patch", "update"] }
}

/// `/api`.
pub(super) fn core(registry: &Registry, connections: &Connections, api: &str) -> Value {
    let versions = registry.versions("").unwrap_or_default();
    let entry = json!({"metadata": {}, "versions": listed(versions, connections)});
    list(api, vec![entry])
}

/// `/apis`.
pub(super) fn groups(registry: &Registry, connections: &Connections, api: &str) -> Value {
    let groups = registry.groups().into_iter();
    let entry =
        |(name, versions)| json!({"metadata": {"name": name}, "versions": listed(versions, connections)});
    list(api, groups.map(entry).collect())
}

fn list(api: &str, items: Vec<Value>) -> Value {
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{api}"),
        "metadata": {},
        "items": items,
    })
}

fn listed(versions: &[Version], connections: &Connections) -> Vec<Value> {
    let resources = |version: &Version| -> Vec<Value> {
        version.kinds.values().map(|kind| entry(kind, connections)).collect()
    };
    versions
        .iter()
        .map(|version| json!({"version": version.name, "resources": resources(version), "freshness": "Current"}))
        .collect()
}

fn entry(kind: &Kind, connections: &Connections) -> Value {
    let resource = &kind.resource;
    // A real server leaves group and version of its own kinds empty here; clients put in those of the list.
    let (group, version) =
        if resource.builtin { ("", "") } else { (resource.group.as_str(), resource.version.as_str()) };
    let response = json!({"group": group, "version": version, "kind": resource.kind});
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": response,
        "scope": if resource.scope == Scope::Namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    let part =
        |name: &str, verbs: &[&str]| json!({"subresource": name, "responseKind": response, "verbs": verbs});
    let mut parts: Vec<Value> =
        resource.subresources().into_iter().map(|name| part(name, verbs(name))).collect();
    let connecting = connections.of(&resource.group, &resource.plural);
    parts.extend(connecting.iter().map(|name| part(name, CONNECTING)));
    if !parts.is_empty() {
        entry["subresources"] = json!(parts);
    }
    entry
}
