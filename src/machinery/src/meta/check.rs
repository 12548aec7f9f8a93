//! Metadata against its rules.

use crate::{Cause, Object, Resource, deletion, names};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// All annotations of an object together, in bytes.
const ANNOTATIONS: usize = 256 * 1024;

/// What is wrong with `metadata`: names, labels, annotations, finalizers, owner references, and on update what may not change.
pub fn validate(resource: &Resource, old: Option<&Object>, new: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let empty = Map::new();
    let metadata = new.0.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
    match old {
        Some(old) => changes(old, new, &mut causes),
        None => name(resource, metadata, &mut causes),
    }
    common(metadata, "metadata", &mut causes);
    causes
}

/// What is wrong with the metadata of an object inside of an object.
pub fn validate_embedded(metadata: &Map<String, Value>, field: &str, causes: &mut Vec<Cause>) {
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default();
    let fault = match name {
        "." => "may not be '.'",
        ".." => "may not be '..'",
        _ if name.contains('/') => "may not contain '/'",
        _ if name.contains('%') => "may not contain '%'",
        _ => "",
    };
    if !fault.is_empty() {
        causes.push(Cause::invalid(format!("{field}.name"), &name.into(), fault));
    }
    common(metadata, field, causes);
}

fn name(resource: &Resource, metadata: &Map<String, Value>, causes: &mut Vec<Cause>) {
    let text = |member: &str| metadata.get(member).and_then(Value::as_str).unwrap_or_default();
    let rule = if resource.is("", "namespaces") { names::dns_label } else { names::dns_subdomain };
    let base = text("generateName");
    if !base.is_empty() {
        // What is appended is fine, so a dash at the end of the base is.
        let masked = base.strip_suffix('-').map(|head| format!("{head}a"));
        let faults = rule(masked.as_deref().unwrap_or(base));
        causes.extend(faults.iter().map(|why| Cause::invalid("metadata.generateName", &base.into(), why)));
    }
    let name = text("name");
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
        return;
    }
    causes.extend(rule(name).iter().map(|why| Cause::invalid("metadata.name", &name.into(), why)));
    if resource.is_namespaced() && text("namespace").is_empty() {
        causes.push(Cause::required("metadata.namespace", ""));
    }
}

/// What may not change, and what may not be added while the object goes.
fn changes(old: &Object, new: &Object, causes: &mut Vec<Cause>) {
    for member in ["name", "namespace", "uid"] {
        let (before, after) = (old.text(&["metadata", member]), new.text(&["metadata", member]));
        if before != after {
            let value = after.unwrap_or_default();
            // Kubernetes checks both the generic and the kind's own way, and says it twice.
            causes.extend(vec![Cause::immutable(format!("metadata.{member}"), &value.into()); 2]);
        }
    }
    if old.is_terminating()
        && let Some(added) = deletion::new_finalizers(old, new)
    {
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers {added}"
        );
        causes.extend(vec![Cause::forbidden("metadata.finalizers", &why); 2]);
    }
}

fn common(metadata: &Map<String, Value>, field: &str, causes: &mut Vec<Cause>) {
    let map = |member: &str| metadata.get(member).and_then(Value::as_object);
    let at = |member: &str| format!("{field}.{member}");
    let mut refuse = |member: &str, value: &str, faults: Vec<String>| {
        causes.extend(faults.iter().map(|why| Cause::invalid(at(member), &value.into(), why)));
    };
    for (key, value) in map("labels").into_iter().flatten() {
        refuse("labels", key, names::qualified(key));
        let value = value.as_str().unwrap_or_default();
        refuse("labels", value, names::label_value(value));
    }
    let mut size = 0;
    for (key, value) in map("annotations").into_iter().flatten() {
        // Keys of annotations may be in upper case where labels' prefixes may not.
        refuse("annotations", key, names::qualified(&key.to_lowercase()));
        size += key.len() + value.as_str().unwrap_or_default().len();
    }
    let finalizers: Vec<&str> = metadata
        .get("finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for finalizer in &finalizers {
        refuse("finalizers", finalizer, names::qualified(finalizer));
    }
    if size > ANNOTATIONS {
        causes.push(Cause::too_long(at("annotations"), ANNOTATIONS as u64));
    }
    if finalizers.contains(&"orphan") && finalizers.contains(&"foregroundDeletion") {
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        causes.push(Cause::invalid(at("finalizers"), &json!(finalizers), why));
    }
    owners(metadata, &at("ownerReferences"), causes);
}

fn owners(metadata: &Map<String, Value>, field: &str, causes: &mut Vec<Cause>) {
    let Some(owners) = metadata.get("ownerReferences").and_then(Value::as_array) else { return };
    let mut controller: Option<String> = None;
    for owner in owners {
        let text = |member: &str| owner.get(member).and_then(Value::as_str).unwrap_or_default();
        if text("apiVersion").is_empty() {
            let why = "version must not be empty";
            causes.push(Cause::invalid(format!("{field}.apiVersion"), &text("apiVersion").into(), why));
        }
        for member in ["kind", "name", "uid"] {
            if text(member).is_empty() {
                causes.push(Cause::invalid(format!("{field}.{member}"), &"".into(), "must not be empty"));
            }
        }
        if text("apiVersion") == "v1" && text("kind") == "Event" {
            let why = "/v1, Kind=Event is disallowed from being an owner";
            causes.push(Cause::invalid(field, &json!(owner), why));
        }
        if owner.get("controller") != Some(&Value::Bool(true)) {
            continue;
        }
        let this = format!("{}/{}", text("kind"), text("name"));
        match &controller {
            Some(first) => {
                let why = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                );
                let message = format!("Invalid value: {}: {why}", in_go_order(owners));
                causes.push(Cause::new("FieldValueInvalid", field, message));
            }
            None => controller = Some(this),
        }
    }
}

/// Owner references with their members in the order of the Go struct, as messages show them.
fn in_go_order(owners: &[Value]) -> String {
    let mut out = String::from("[");
    for (index, owner) in owners.iter().enumerate() {
        out.push_str(if index == 0 { "{" } else { ",{" });
        let members = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
        let present = members.iter().filter_map(|name| Some((name, owner.get(*name)?)));
        for (place, (name, value)) in present.enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(out, "{comma}\"{name}\":{value}").expect("a String takes every text");
        }
        out.push('}');
    }
    out.push(']');
    out
}
