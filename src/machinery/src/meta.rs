//! `metadata`: what a client may say, what the server says.

mod check;
mod shape;

pub use check::{validate, validate_embedded};
pub(crate) use shape::refuse;
pub use shape::{coerce, unknown};

use crate::{Cause, Failure, Object, Resource, builtin};
use serde_json::{Value, json};

/// What the server puts into a new object.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Creation time, RFC 3339 in seconds.
    pub now: String,
    /// A fresh UUID.
    pub uid: String,
    /// Five random characters for `generateName`.
    pub suffix: String,
}

/// The longest base of a generated name: five more characters keep it below a label's 63.
const LONGEST_BASE: usize = 58;

/// Makes a client's object the first stored version: generateName, uid, creationTimestamp, generation 1; system fields the client
/// sent are dropped, resourceVersion must be empty; status is dropped when the kind has the sub-resource. Then what the kind itself
/// fills in ([`builtin::default`]).
///
/// # Errors
/// [`Failure::BadRequest`] for another namespace than the path's, [`Failure::Escaped`] for a resourceVersion.
pub fn prepare_create(
    resource: &Resource,
    object: &mut Object,
    namespace: &str,
    stamp: &Stamp,
) -> Result<(), Failure> {
    // What is not in a namespace may claim one: it is dropped.
    if resource.is_namespaced() && !matches!(object.namespace(), "") && object.namespace() != namespace {
        let words = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::BadRequest(words.into()));
    }
    if !object.resource_version().is_empty() {
        return Err(Failure::Escaped("resourceVersion should not be set on objects to be created".into()));
    }
    if resource.status {
        object.0.remove("status");
    }
    let metadata = object.metadata_mut();
    // Who owns which field is not kept yet: what a client claims of it would be stale at once.
    for system in
        ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "managedFields", "resourceVersion"]
    {
        metadata.remove(system);
    }
    let named = metadata.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    let base = metadata.get("generateName").and_then(Value::as_str).unwrap_or_default();
    if !named && !base.is_empty() {
        let end = (0..=base.len().min(LONGEST_BASE)).rev().find(|at| base.is_char_boundary(*at)).unwrap_or(0);
        let name = format!("{}{}", &base[..end], stamp.suffix);
        metadata.insert("name".to_owned(), name.into());
    }
    metadata.insert("uid".to_owned(), stamp.uid.as_str().into());
    metadata.insert("creationTimestamp".to_owned(), stamp.now.as_str().into());
    match resource.is_namespaced() {
        true => drop(metadata.insert("namespace".to_owned(), namespace.into())),
        false => drop(metadata.remove("namespace")),
    }
    match has_generation(resource) {
        true => drop(metadata.insert("generation".to_owned(), json!(1))),
        false => drop(metadata.remove("generation")),
    }
    builtin::default(resource, object);
    Ok(())
}

/// Core kinds of the server have no generation.
fn has_generation(resource: &Resource) -> bool {
    !(resource.builtin && resource.group.is_empty())
}

/// Makes a client's object the next version of a stored one: what the server said is carried over, generation raised when anything but
/// metadata and status changed, status kept (or, for `status = true`, everything but status kept). A resourceVersion in the new object
/// stays there, for who compares it.
///
/// # Errors
/// [`Failure::BadRequest`] for another namespace than the old one's.
pub fn prepare_update(
    resource: &Resource,
    old: &Object,
    new: &mut Object,
    status: bool,
) -> Result<(), Failure> {
    if !resource.is_namespaced() {
        new.metadata_mut().remove("namespace");
    }
    if !matches!(new.namespace(), "") && new.namespace() != old.namespace() {
        let words = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::BadRequest(words.into()));
    }
    if status {
        keep_all_but_status(old, new);
    } else if resource.status {
        keep(old, new, "status");
    }
    let asked = new.resource_version().to_owned();
    let metadata = new.metadata_mut();
    // These can not be written; a client that sends others is not refused, but not heard.
    for system in [
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "managedFields",
        "selfLink",
    ] {
        metadata.remove(system);
        if let Some(value) = old.at(&["metadata", system]) {
            metadata.insert(system.to_owned(), value.clone());
        }
    }
    for own in ["uid", "name", "namespace"] {
        let absent = metadata.get(own).and_then(Value::as_str).is_none_or(str::is_empty);
        match old.at(&["metadata", own]) {
            Some(value) if absent => drop(metadata.insert(own.to_owned(), value.clone())),
            _ => {}
        }
    }
    if asked.is_empty() {
        metadata.remove("resourceVersion");
    }
    builtin::carry_over(resource, old, new, status);
    if has_generation(resource) && !status && differs(resource, old, new) {
        let generation = old.generation() + 1;
        new.metadata_mut().insert("generation".to_owned(), json!(generation));
    }
    Ok(())
}

/// Whether anything changed that raises the generation.
fn differs(resource: &Resource, old: &Object, new: &Object) -> bool {
    let counts = |name: &str| match name {
        "metadata" | "apiVersion" | "kind" => false,
        "status" => !resource.status,
        _ => true,
    };
    let names = old.0.keys().chain(new.0.keys()).filter(|name| counts(name));
    names.into_iter().any(|name| old.0.get(name) != new.0.get(name))
}

fn keep(old: &Object, new: &mut Object, name: &str) {
    match old.0.get(name) {
        Some(value) => drop(new.0.insert(name.to_owned(), value.clone())),
        None => drop(new.0.remove(name)),
    }
}

/// A status write: of the new object only its status, its claims about itself, and who wrote it count.
fn keep_all_but_status(old: &Object, new: &mut Object) {
    let status = new.0.remove("status");
    let claims: Vec<(String, Value)> = ["uid", "resourceVersion", "name"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), new.at(&["metadata", name])?.clone())))
        .collect();
    let head: Vec<(String, Value)> = ["apiVersion", "kind"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), new.0.get(*name)?.clone())))
        .collect();
    new.0 = old.0.clone();
    new.0.remove("status");
    new.metadata_mut().remove("resourceVersion");
    new.metadata_mut().extend(claims);
    new.0.extend(head);
    if let Some(status) = status {
        new.0.insert("status".to_owned(), status);
    }
}

/// A resourceVersion that an update must give, and gives not. Kubernetes names the resource there, not the kind.
pub fn resource_version_required(resource: &Resource, name: &str) -> Failure {
    let cause = Cause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
    let (group, kind) = (resource.group.clone(), resource.plural.clone());
    Failure::Invalid { group, kind, name: name.to_owned(), causes: vec![cause] }
}

/// Whether an update may leave the resourceVersion out and write whatever is there: the core kinds allow it.
pub fn allows_unconditional_update(resource: &Resource) -> bool {
    resource.builtin && resource.group.is_empty()
}

/// An update of an object that was deleted and made anew: the uid in the body is another one's.
pub fn uid_mismatch(resource: &Resource, old: &Object, asked: &str) -> Failure {
    let group = if resource.group.is_empty() { String::new() } else { format!("{}/", resource.group) };
    let space = if resource.is_namespaced() { format!("{}/", old.namespace()) } else { String::new() };
    let key = format!("/registry/{group}{}/{space}{}", resource.plural, old.name());
    let found = old.uid();
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
         UID in precondition: {asked}, UID in object meta: {found}"
    );
    Failure::Conflict { resource: resource.qualified(), name: old.name().to_owned(), why }
}
