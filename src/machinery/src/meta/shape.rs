//! Metadata as a typed struct would hold it.

use crate::{Failure, go};
use serde_json::{Map, Value};

/// The types that fields of metadata have.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Integer,
    Time,
    /// Texts by name.
    Texts,
    /// A list of texts.
    List,
    Owners,
    Managers,
}

fn shape(name: &str) -> Option<Shape> {
    Some(match name {
        "name" | "generateName" | "namespace" | "selfLink" | "uid" | "resourceVersion" => Shape::Text,
        "generation" | "deletionGracePeriodSeconds" => Shape::Integer,
        "creationTimestamp" | "deletionTimestamp" => Shape::Time,
        "labels" | "annotations" => Shape::Texts,
        "finalizers" => Shape::List,
        "ownerReferences" => Shape::Owners,
        "managedFields" => Shape::Managers,
        _ => return None,
    })
}

/// The names of members that are no fields of metadata.
pub fn unknown(metadata: &Map<String, Value>) -> Vec<String> {
    metadata.keys().filter(|name| shape(name).is_none()).cloned().collect()
}

/// Makes metadata what a typed struct would give back: unknown members, nulls and empty values go. Returns the paths of the unknown ones,
/// below `metadata`.
///
/// # Errors
/// The first member of a wrong type, in the words of `encoding/json`; `path` is `ObjectMeta` and, in core kinds, `.metadata`.
pub fn coerce(metadata: &mut Map<String, Value>, path: &str) -> Result<Vec<String>, String> {
    let mut dropped = Vec::new();
    for (name, value) in metadata.iter_mut() {
        match shape(name) {
            None => dropped.push(format!("metadata.{name}")),
            Some(shape) => fits(shape, name, value, path, &mut dropped)?,
        }
    }
    metadata.retain(|name, value| shape(name).is_some() && !is_empty(value));
    Ok(dropped)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn mismatch(value: &Value, path: &str, name: &str, wanted: &str) -> String {
    let found = match value {
        Value::Number(number) if wanted == "int64" => format!("number {}", go::number(number)),
        other => go::json_type(other).to_owned(),
    };
    format!("json: cannot unmarshal {found} into Go struct field {path}.{name} of type {wanted}")
}

fn fits(
    shape: Shape,
    name: &str,
    value: &mut Value,
    path: &str,
    dropped: &mut Vec<String>,
) -> Result<(), String> {
    match (shape, &mut *value) {
        (_, Value::Null) => Ok(()),
        (Shape::Text, Value::String(_)) => Ok(()),
        (Shape::Text, _) => {
            let wanted = if name == "uid" { "types.UID" } else { "string" };
            Err(mismatch(value, path, name, wanted))
        }
        (Shape::Integer, Value::Number(number)) if number.is_i64() => Ok(()),
        (Shape::Integer, _) => Err(mismatch(value, path, name, "int64")),
        (Shape::Time, Value::String(text)) => time(text),
        (Shape::Time, _) => Err(mismatch(value, path, name, "v1.Time")),
        (Shape::Texts, Value::Object(map)) => {
            for inner in map.values_mut() {
                match inner {
                    Value::String(_) => {}
                    // A null becomes the empty text of Go.
                    Value::Null => *inner = "".into(),
                    other => return Err(mismatch(other, path, name, "string")),
                }
            }
            Ok(())
        }
        (Shape::Texts, _) => Err(mismatch(value, path, name, "map[string]string")),
        (Shape::List, Value::Array(list)) => match list.iter().find(|entry| !entry.is_string()) {
            Some(entry) => Err(mismatch(entry, path, name, "string")),
            None => Ok(()),
        },
        (Shape::List, _) => Err(mismatch(value, path, name, "[]string")),
        (Shape::Owners, Value::Array(list)) => owners(list, path, dropped),
        (Shape::Owners, _) => Err(mismatch(value, path, name, "[]v1.OwnerReference")),
        (Shape::Managers, Value::Array(_)) => Ok(()),
        (Shape::Managers, _) => Err(mismatch(value, path, name, "[]v1.ManagedFieldsEntry")),
    }
}

fn owners(list: &mut [Value], path: &str, dropped: &mut Vec<String>) -> Result<(), String> {
    for (index, owner) in list.iter_mut().enumerate() {
        let Value::Object(owner) = owner else {
            return Err(mismatch(owner, path, "ownerReferences", "v1.OwnerReference"));
        };
        owner.retain(|_, value| !value.is_null());
        for (name, value) in owner.iter() {
            let wanted = match name.as_str() {
                "apiVersion" | "kind" | "name" if !value.is_string() => "string",
                "uid" if !value.is_string() => "types.UID",
                "controller" | "blockOwnerDeletion" if !value.is_boolean() => "bool",
                _ => continue,
            };
            return Err(mismatch(value, path, &format!("ownerReferences.{name}"), wanted));
        }
        let known = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
        let is_known = |name: &String| known.contains(&name.as_str());
        let names = owner.keys().filter(|name| !is_known(name));
        dropped.extend(names.map(|name| format!("metadata.ownerReferences[{index}].{name}")));
        owner.retain(|name, _| is_known(name));
        for name in ["apiVersion", "kind", "name", "uid"] {
            owner.entry(name).or_insert_with(|| "".into());
        }
    }
    Ok(())
}

fn time(text: &str) -> Result<(), String> {
    match text.parse::<jiff::Timestamp>() {
        Ok(_) => Ok(()),
        Err(_) => {
            let quoted = go::quote(text);
            Err(format!(
                "parsing time {quoted} as \"2006-01-02T15:04:05Z07:00\": cannot parse {quoted} as \"2006\""
            ))
        }
    }
}

/// What an object with a wrong metadata is refused with.
pub(crate) fn refuse(version: &str, kind: &str, why: &str) -> Failure {
    Failure::BadRequest(format!(
        "{kind} in version {} cannot be handled as a {kind}: {why}",
        go::quote(version)
    ))
}
