//! Discovery in many small documents.

use crate::connect::Connections;
use crate::registry::{Kind, Registry, Version};
use crate::route::Place;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rdd_machinery::Scope;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// `/api`.
pub(super) fn versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// `/apis`.
pub(super) fn groups(registry: &Registry) -> Value {
    let groups: Vec<Value> =
        registry.groups().into_iter().map(|(name, list)| group(name, list, false)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/{group}`.
pub(super) fn group(group: &str, versions: &[Version], alone: bool) -> Value {
    let entry = |version: &Version| json!({"groupVersion": format!("{group}/{}", version.name), "version": version.name});
    let list: Vec<Value> = versions.iter().map(entry).collect();
    let mut document = json!({"name": group, "versions": list, "preferredVersion": list.first()});
    if alone {
        document["kind"] = json!("APIGroup");
        document["apiVersion"] = json!("v1");
    }
    document
}

/// `/apis/{group}/{version}`.
pub(super) fn kinds(place: &Place, version: &Version, connections: &Connections) -> Value {
    let mut resources = Vec::new();
    for kind in version.kinds.values() {
        resources.push(entry(kind));
        resources.extend(parts(kind, connections));
    }
    let mut document =
        json!({"kind": "APIResourceList", "groupVersion": version.name, "resources": resources});
    if !place.group.is_empty() {
        document["apiVersion"] = json!("v1");
        document["groupVersion"] = json!(format!("{}/{}", place.group, version.name));
    }
    document
}

fn entry(kind: &Kind) -> Value {
    let resource = &kind.resource;
    let mut entry = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.scope == Scope::Namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
        "storageVersionHash": storage_hash(kind),
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    entry
}

fn parts(kind: &Kind, connections: &Connections) -> Vec<Value> {
    let resource = &kind.resource;
    let part = |name: &str, verbs: &[&str]| {
        json!({
            "name": format!("{}/{name}", resource.plural),
            "singularName": "",
            "namespaced": resource.scope == Scope::Namespaced,
            "kind": resource.kind,
            "verbs": verbs,
        })
    };
    let own = resource.subresources().into_iter().map(|name| part(name, super::aggregated::verbs(name)));
    let connecting = connections.of(&resource.group, &resource.plural);
    own.chain(connecting.iter().map(|name| part(name, super::aggregated::CONNECTING))).collect()
}

/// Clients compare it to see that a kind moved to another storage version: the start of a SHA-256 in base64.
fn storage_hash(kind: &Kind) -> String {
    let stored = kind.storage.as_ref().unwrap_or(&kind.resource);
    let text = format!("{}/{}/{}", stored.group, stored.version, stored.kind);
    STANDARD.encode(&Sha256::digest(text.as_bytes())[..8])
}
