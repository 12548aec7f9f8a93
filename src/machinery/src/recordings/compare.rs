//! Placeholders and views of recordings.

use serde_json::{Map, Value};
use std::collections::HashMap;

/// What placeholders stood for.
#[derive(Default)]
pub(super) struct Bindings(HashMap<String, String>);

impl Bindings {
    /// A request with the values seen before in place of its placeholders.
    pub(super) fn fill(&self, request: &Value) -> Value {
        let pattern = regex::Regex::new(r"\$[a-z]+[0-9]+").expect("a pattern");
        let text = request.to_string();
        let filled = pattern.replace_all(&text, |found: &regex::Captures<'_>| {
            self.0.get(&found[0]).cloned().unwrap_or_else(|| found[0].to_owned())
        });
        serde_json::from_str(&filled).expect("still JSON")
    }

    pub(super) fn capture(&mut self, captures: &Value, body: &Value) {
        for (name, pointer) in captures.as_object().into_iter().flatten() {
            let found = body.pointer(pointer.as_str().unwrap_or_default());
            if let Some(text) = found.and_then(Value::as_str) {
                self.0.insert(name.clone(), text.to_owned());
            }
        }
    }

    pub(super) fn compare(&mut self, recorded: &Value, found: &Value, at: &str, faults: &mut Vec<String>) {
        match (recorded, found) {
            (Value::Object(recorded), Value::Object(found)) => {
                for name in recorded.keys().chain(found.keys().filter(|name| !recorded.contains_key(*name))) {
                    // Field management is a later story.
                    if name == "managedFields" {
                        continue;
                    }
                    let at = format!("{at}/{name}");
                    match (recorded.get(name), found.get(name)) {
                        (Some(recorded), Some(found)) if name == "causes" => {
                            self.compare(&sorted(recorded), &sorted(found), &at, faults);
                        }
                        (Some(recorded), Some(found)) => self.compare(recorded, found, &at, faults),
                        (recorded, found) => faults.push(format!("{at}: {found:?}, recorded {recorded:?}")),
                    }
                }
            }
            (Value::Array(recorded), Value::Array(found)) if recorded.len() == found.len() => {
                for (index, (recorded, found)) in recorded.iter().zip(found).enumerate() {
                    self.compare(recorded, found, &format!("{at}/{index}"), faults);
                }
            }
            (Value::String(recorded), Value::String(found)) => {
                if !self.same(&parts(recorded), &parts(found)) {
                    faults.push(format!("{at}: {found:?}\n      recorded {recorded:?}"));
                }
            }
            (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
            (recorded, found) if recorded == found => {}
            (recorded, found) => faults.push(format!("{at}: {found}, recorded {recorded}")),
        }
    }

    fn same(&mut self, recorded: &str, found: &str) -> bool {
        let pattern = regex::Regex::new(r"\$[a-z]+[0-9]*").expect("a pattern");
        let mut text = String::from("^(?s)");
        let (mut end, mut names) = (0, Vec::new());
        for hit in pattern.find_iter(recorded) {
            text.push_str(&regex::escape(&recorded[end..hit.start()]));
            end = hit.end();
            match self.0.get(hit.as_str()) {
                Some(known) => text.push_str(&regex::escape(known)),
                None => {
                    text.push_str("(.*?)");
                    names.push(hit.as_str().to_owned());
                }
            }
        }
        text.push_str(&regex::escape(&recorded[end..]));
        text.push('$');
        let Some(values) = regex::Regex::new(&text).expect("a pattern").captures(found) else { return false };
        for (index, name) in names.into_iter().enumerate() {
            if name.ends_with(|c: char| c.is_ascii_digit()) && !name.starts_with("$lrv") {
                self.0.insert(name, values[index + 1].to_owned());
            }
        }
        true
    }
}

/// Where one text lists several faults, their order is free.
fn parts(text: &str) -> String {
    let Some((head, rest)) = text.split_once(" is invalid: [") else { return text.to_owned() };
    let Some(list) = rest.strip_suffix(']') else { return text.to_owned() };
    // Faults start with a field: a word, then a colon.
    let start = regex::Regex::new(
        r", ([A-Za-z<][\w.$\[\]<>/-]*: (?:Invalid|Required|Forbidden|Unsupported|Too|Duplicate))",
    )
    .expect("a pattern");
    let split = start.replace_all(list, "\u{1}$1");
    let mut parts: Vec<&str> = split.split('\u{1}').collect();
    parts.sort_unstable();
    format!("{head} is invalid: [{}]", parts.join(", "))
}

fn sorted(list: &Value) -> Value {
    let mut list = list.as_array().cloned().unwrap_or_default();
    list.sort_by_key(Value::to_string);
    Value::Array(list)
}

/// What a recording shows of an answer.
pub(super) fn view(mut body: Value, operations: Option<&Value>) -> Value {
    for operation in operations.and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default();
        let strings = |value: Option<&Value>| -> Vec<String> {
            value
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        if text("op") == "fields" {
            let of = operation["of"].as_object().cloned().unwrap_or_default();
            let field = |(name, pointer): (&String, &Value)| {
                let value = body.pointer(pointer.as_str().unwrap_or_default()).cloned();
                (name.clone(), value.unwrap_or_else(|| "(absent)".into()))
            };
            body = Value::Object(of.iter().map(field).collect());
            continue;
        }
        if text("op") == "drop" {
            drop_at(&mut body, text("at"));
            continue;
        }
        if text("op") == "get" {
            body = body.pointer(text("at")).cloned().unwrap_or_default();
            continue;
        }
        let Some(target) = body.pointer_mut(text("at")) else { continue };
        match (text("op"), target) {
            ("pick", Value::Object(map)) => {
                let keys = strings(operation.get("keys"));
                map.retain(|name, _| keys.contains(name));
            }
            ("prefix", Value::Object(map)) => map.retain(|name, _| name.starts_with(text("with"))),
            ("only", Value::Array(list)) => {
                let wanted = operation["in"].as_array().cloned().unwrap_or_default();
                list.retain(|entry| entry.pointer(text("by")).is_some_and(|value| wanted.contains(value)));
            }
            ("keys", target) => {
                let map = target.as_object().cloned().unwrap_or_default();
                *target = map.keys().cloned().map(Value::String).collect();
            }
            ("sort", Value::Array(list)) => {
                list.sort_by_key(|entry| entry.pointer(text("by")).unwrap_or(&Value::Null).to_string());
            }
            _ => {}
        }
    }
    body
}

fn drop_at(body: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    match body.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(Map::remove(map, &name)),
        Some(Value::Array(list)) => {
            if let Some(index) = name.parse().ok().filter(|index: &usize| *index < list.len()) {
                list.remove(index);
            }
        }
        _ => {}
    }
}
