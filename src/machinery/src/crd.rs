//! Custom resource definitions.

mod check;
mod names;
mod versions;

pub use check::validate;
pub use names::next_status;
pub use versions::resources;

use crate::Object;
use serde_json::{Value, json};

/// What the server fills in: names that follow from others, how versions are converted, and on `create` the empty status.
pub fn default(object: &mut Object, create: bool) {
    let spec = object.member_mut("spec");
    if let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) {
        let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let absent = |names: &serde_json::Map<String, Value>, name: &str| {
            names.get(name).and_then(Value::as_str).is_none_or(str::is_empty)
        };
        if !kind.is_empty() && absent(names, "singular") {
            names.insert("singular".to_owned(), kind.to_lowercase().into());
        }
        if !kind.is_empty() && absent(names, "listKind") {
            names.insert("listKind".to_owned(), format!("{kind}List").into());
        }
    }
    let conversion = spec.entry("conversion").or_insert_with(|| json!({"strategy": "None"}));
    if let Some(service) =
        conversion.pointer_mut("/webhook/clientConfig/service").and_then(Value::as_object_mut)
    {
        service.entry("port").or_insert_with(|| json!(443));
    }
    if spec.get("preserveUnknownFields") == Some(&Value::Bool(false)) {
        spec.remove("preserveUnknownFields");
    }
    let versions = spec.get_mut("versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten().filter_map(Value::as_object_mut) {
        for flag in ["served", "storage"] {
            version.entry(flag).or_insert(Value::Bool(false));
        }
        for column in
            version.get_mut("additionalPrinterColumns").and_then(Value::as_array_mut).into_iter().flatten()
        {
            // Zero is left out, as Go leaves it out.
            if let Some(column) =
                column.as_object_mut().filter(|column| column.get("priority") == Some(&json!(0)))
            {
                column.remove("priority");
            }
        }
    }
    if create {
        let stored: Vec<&str> = storage_version(object).into_iter().collect();
        let status = json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored});
        object.0.insert("status".to_owned(), status);
    }
}

/// The name of the version in which objects are stored: the first one marked so.
pub fn storage_version(object: &Object) -> Option<&str> {
    let versions = object.at(&["spec", "versions"]).and_then(Value::as_array);
    let storage = |version: &&Value| version.get("storage") == Some(&Value::Bool(true));
    versions.into_iter().flatten().find(storage)?.get("name")?.as_str()
}

/// Once stored in, a version stays in `status.storedVersions`; the current one comes to it.
pub(crate) fn keep_stored(object: &mut Object) {
    let Some(current) = storage_version(object).map(str::to_owned) else { return };
    let status = object.member_mut("status");
    let stored = status.entry("storedVersions").or_insert_with(|| json!([]));
    if let Some(list) = stored.as_array_mut().filter(|list| !list.iter().any(|name| *name == *current)) {
        list.push(current.into());
    }
}

/// Whether a condition of an object is true.
pub fn is_true(object: &Object, kind: &str) -> bool {
    condition(object, kind)
        .is_some_and(|condition| condition.get("status").and_then(Value::as_str) == Some("True"))
}

fn condition<'a>(object: &'a Object, kind: &str) -> Option<&'a Value> {
    let list = object.at(&["status", "conditions"])?.as_array()?;
    list.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some(kind))
}

/// Sets a condition (type, status, reason, message) in `status.conditions`. Its `lastTransitionTime` is `now`, or stays when the status
/// does.
pub fn set_condition(object: &mut Object, now: &str, condition: Value) {
    let kind = condition.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let before = self::condition(object, &kind);
    let same = before.filter(|before| before.get("status") == condition.get("status"));
    let time =
        same.and_then(|before| before.get("lastTransitionTime")).cloned().unwrap_or_else(|| now.into());
    let mut condition = condition;
    if let Some(members) = condition.as_object_mut() {
        members.insert("lastTransitionTime".to_owned(), time);
    }
    let status = object.member_mut("status");
    let list = status.entry("conditions").or_insert(Value::Null);
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return };
    match list.iter_mut().find(|found| found.get("type").and_then(Value::as_str) == Some(&kind)) {
        Some(found) => *found = condition,
        None => list.push(condition),
    }
}

/// The condition of a CRD that was just marked for deletion.
pub fn terminating_condition() -> Value {
    let message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    json!({"type": "Terminating", "status": "True", "reason": "InstanceDeletionPending", "message": message})
}

/// The condition of a CRD whose objects are being deleted; `left`: so many are still there.
pub fn deleting_condition(left: usize) -> Value {
    let message = match left {
        0 => "CustomResource deletion is in progress".to_owned(),
        left => format!("could not remove all instances, {left} remaining"),
    };
    json!({"type": "Terminating", "status": "True", "reason": "InstanceDeletionInProgress", "message": message})
}
