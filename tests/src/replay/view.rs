//! What is looked at of an answer: operations on JSON, in order.

use serde_json::{Map, Value, json};

type Operation = Map<String, Value>;

/// Whether headers and body are compared at all.
pub(super) fn compared(view: &[Operation]) -> (bool, bool) {
    let has = |name: &str| view.iter().any(|op| op.get("op").and_then(Value::as_str) == Some(name));
    (!has("no-headers") && !has("status-only"), !has("no-body") && !has("status-only"))
}

/// What is left of a value.
pub(super) fn apply(view: &[Operation], value: Value) -> Value {
    view.iter().fold(value, |value, op| one(op, value))
}

fn one(op: &Operation, mut value: Value) -> Value {
    let at = op.get("at").and_then(Value::as_str).unwrap_or_default();
    let texts = |name: &str| -> Vec<String> {
        let list = op.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    match op.get("op").and_then(Value::as_str).unwrap_or_default() {
        "get" => return value.pointer(at).cloned().unwrap_or(Value::Null),
        "drop" => remove(&mut value, at),
        "pick" => {
            let keys = texts("keys");
            if let Some(Value::Object(map)) = value.pointer_mut(at) {
                map.retain(|name, _| keys.contains(name));
            }
        }
        "prefix" => {
            let start = op.get("with").and_then(Value::as_str).unwrap_or_default();
            if let Some(Value::Object(map)) = value.pointer_mut(at) {
                map.retain(|name, _| name.starts_with(start));
            }
        }
        "only" => {
            let by = op.get("by").and_then(Value::as_str).unwrap_or_default();
            let wanted = op.get("in").and_then(Value::as_array).cloned().unwrap_or_default();
            if let Some(Value::Array(list)) = value.pointer_mut(at) {
                list.retain(|entry| entry.pointer(by).is_some_and(|found| wanted.contains(found)));
            }
        }
        "keys" => {
            if let Some(found) = value.pointer_mut(at) {
                let names: Vec<String> = found.as_object().into_iter().flat_map(Map::keys).cloned().collect();
                *found = json!(names);
            }
        }
        "sort" => {
            let by = op.get("by").and_then(Value::as_str).unwrap_or_default();
            if let Some(Value::Array(list)) = value.pointer_mut(at) {
                list.sort_by_key(|entry| entry.pointer(by).map(Value::to_string).unwrap_or_default());
            }
        }
        "fields" => {
            let fields = op.get("of").and_then(Value::as_object).cloned().unwrap_or_default();
            let found = |pointer: Value| value.pointer(pointer.as_str().unwrap_or_default()).cloned();
            return fields
                .into_iter()
                .map(|(name, at)| (name, found(at).unwrap_or(json!("(absent)"))))
                .collect();
        }
        "lines" => {
            let with = texts("with");
            let text = value.as_str().unwrap_or_default().to_owned();
            let kept = text.lines().filter(|line| with.iter().any(|part| line.contains(part.as_str())));
            return kept.map(str::to_owned).collect::<Vec<_>>().into();
        }
        _ => {}
    }
    value
}

fn remove(value: &mut Value, at: &str) {
    let Some((parent, last)) = at.rsplit_once('/') else { return };
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(&last.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(list)) => {
            if let Ok(index) = last.parse::<usize>()
                && index < list.len()
            {
                list.remove(index);
            }
        }
        _ => {}
    }
}
