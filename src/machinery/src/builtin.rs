//! The server's own kinds: namespaces, configmaps, customresourcedefinitions, validatingadmissionpolicies and their bindings.

mod kinds;
mod shape;
mod types;

pub use kinds::resources;

use crate::{Cause, Object, Resource, crd, names, namespace};
use serde_json::{Value, json};

/// A ConfigMap's data, in bytes.
const LARGEST_DATA: usize = 1024 * 1024;

/// The kinds, each with rules of its own.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Namespace,
    ConfigMap,
    Crd,
    /// Policies and bindings: kept as they are.
    Other,
}

fn kind(resource: &Resource) -> Kind {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => Kind::Namespace,
        ("", "configmaps") => Kind::ConfigMap,
        ("apiextensions.k8s.io", "customresourcedefinitions") => Kind::Crd,
        _ => Kind::Other,
    }
}

/// Holds an object to the types of its kind. Returns the paths of unknown fields, which go.
///
/// # Errors
/// The first field of a wrong type, in the words of `encoding/json`.
pub fn admit(resource: &Resource, object: &mut Object) -> Result<Vec<String>, String> {
    let mut dropped = Vec::new();
    if let Some(shape) = types::of(&resource.kind) {
        shape::coerce(shape, &mut object.0, &mut dropped)?;
    }
    Ok(dropped)
}

/// What is wrong with an object of one of them, metadata apart.
pub fn validate(resource: &Resource, old: Option<&Object>, new: &Object) -> Vec<Cause> {
    match kind(resource) {
        Kind::Namespace => validate_namespace(new),
        Kind::ConfigMap => validate_configmap(old, new),
        Kind::Crd => crd::validate(old, new),
        Kind::Other => Vec::new(),
    }
}

/// What the server fills in on a create (a namespace's `spec.finalizers`, `status.phase` and name label; a CRD's names).
pub fn default(resource: &Resource, object: &mut Object) {
    match kind(resource) {
        Kind::Namespace => {
            label(object);
            object.member_mut("spec").insert("finalizers".to_owned(), json!([namespace::FINALIZER]));
            object.0.insert("status".to_owned(), json!({"phase": "Active"}));
        }
        Kind::Crd => crd::default(object, true),
        Kind::ConfigMap | Kind::Other => {}
    }
}

/// What the server fills in and keeps on an update.
pub(crate) fn carry_over(resource: &Resource, old: &Object, new: &mut Object, status: bool) {
    match kind(resource) {
        Kind::Namespace => {
            label(new);
            // The sub-resource `finalize` alone may change them.
            let finalizers = old.at(&["spec", "finalizers"]).cloned();
            let spec = new.member_mut("spec");
            match finalizers {
                Some(finalizers) => drop(spec.insert("finalizers".to_owned(), finalizers)),
                None => drop(spec.remove("finalizers")),
            }
        }
        Kind::Crd if !status => {
            crd::default(new, false);
            crd::keep_stored(new);
        }
        _ => {}
    }
}

fn label(object: &mut Object) {
    let name: Value = object.name().into();
    let metadata = object.metadata_mut();
    let labels = metadata.entry("labels").or_insert_with(|| json!({}));
    if let (Some(labels), false) = (labels.as_object_mut(), name == "") {
        labels.insert(namespace::NAME_LABEL.to_owned(), name);
    }
}

fn validate_namespace(new: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    for finalizer in new.texts(&["spec", "finalizers"]) {
        let mut faults = names::qualified(finalizer);
        if faults.is_empty() && !finalizer.contains('/') && finalizer != namespace::FINALIZER {
            faults.push("name is neither a standard finalizer name nor is it fully qualified".to_owned());
        }
        causes.extend(faults.iter().map(|why| Cause::invalid("spec.finalizers", &finalizer.into(), why)));
    }
    causes
}

fn validate_configmap(old: Option<&Object>, new: &Object) -> Vec<Cause> {
    let mut causes = Vec::new();
    let map = |member: &str| new.0.get(member).and_then(Value::as_object);
    let mut size = 0;
    for member in ["data", "binaryData"] {
        for (key, value) in map(member).into_iter().flatten() {
            let field = format!("{member}[{key}]");
            let faults = names::config_key(key);
            causes.extend(faults.iter().map(|why| Cause::invalid(&field, &key.as_str().into(), why)));
            if member == "data" && map("binaryData").is_some_and(|binary| binary.contains_key(key)) {
                causes.push(Cause::invalid(
                    &field,
                    &key.as_str().into(),
                    "duplicate of key present in binaryData",
                ));
            }
            let length = value.as_str().unwrap_or_default().len();
            // Base64 takes four characters for three bytes.
            size += if member == "data" { length } else { length / 4 * 3 };
        }
    }
    if size > LARGEST_DATA {
        causes.push(Cause::too_long("[]", LARGEST_DATA as u64));
    }
    let fixed = |object: &Object| object.0.get("immutable") == Some(&Value::Bool(true));
    if let Some(old) = old.filter(|old| fixed(old)) {
        let why = "field is immutable when `immutable` is set";
        if !fixed(new) {
            causes.push(Cause::forbidden("immutable", why));
        }
        let changed =
            ["data", "binaryData"].into_iter().filter(|member| old.0.get(*member) != new.0.get(*member));
        causes.extend(changed.map(|member| Cause::forbidden(member, why)));
    }
    causes
}
