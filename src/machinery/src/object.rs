//! An object as it is stored and sent.

mod parse;

pub use parse::{Parsed, parse};

use serde_json::{Map, Value};

/// How deep values may be nested; what JSON readers of clients can still take.
pub const MAX_DEPTH: usize = 100;

/// A Kubernetes object: a JSON object whose keys are sorted (serde_json's `preserve_order` must stay off).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(pub Map<String, Value>);

impl Object {
    /// An object from a JSON value; anything but a JSON object is given back.
    pub fn from_value(value: Value) -> Result<Object, Value> {
        match value {
            Value::Object(map) => Ok(Object(map)),
            other => Err(other),
        }
    }
    /// The value at a path of member names.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(*first)?, |value, name| value.get(name))
    }
    /// The text at a path; `None` when absent or not a string.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }
    /// `apiVersion`, or the empty string.
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"]).unwrap_or_default()
    }
    /// `kind`, or the empty string.
    pub fn kind(&self) -> &str {
        self.text(&["kind"]).unwrap_or_default()
    }
    /// `metadata.name`, or the empty string.
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"]).unwrap_or_default()
    }
    /// `metadata.namespace`, or the empty string.
    pub fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"]).unwrap_or_default()
    }
    /// `metadata.uid`, or the empty string.
    pub fn uid(&self) -> &str {
        self.text(&["metadata", "uid"]).unwrap_or_default()
    }
    /// `metadata.resourceVersion`, or the empty string.
    pub fn resource_version(&self) -> &str {
        self.text(&["metadata", "resourceVersion"]).unwrap_or_default()
    }
    /// `metadata.generation`, or 0.
    pub fn generation(&self) -> i64 {
        self.at(&["metadata", "generation"]).and_then(Value::as_i64).unwrap_or_default()
    }
    /// `metadata`, made when absent.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        self.member_mut("metadata")
    }
    /// A member that is a JSON object, made when absent or something else.
    pub fn member_mut(&mut self, name: &str) -> &mut Map<String, Value> {
        let member = self.0.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if !member.is_object() {
            *member = Value::Object(Map::new());
        }
        member.as_object_mut().expect("made an object just above")
    }
    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> Vec<&str> {
        self.texts(&["metadata", "finalizers"])
    }
    /// The texts of the list at a path; empty when there is none.
    pub fn texts(&self, path: &[&str]) -> Vec<&str> {
        let list = self.at(path).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
    /// Whether `metadata.deletionTimestamp` is set.
    pub fn is_terminating(&self) -> bool {
        self.at(&["metadata", "deletionTimestamp"]).is_some_and(|value| !value.is_null())
    }
}

/// Whether a value is nested at most [`MAX_DEPTH`] deep.
pub fn check_depth(value: &Value) -> bool {
    fn fits(value: &Value, left: usize) -> bool {
        match value {
            Value::Array(list) => left > 0 && list.iter().all(|inner| fits(inner, left - 1)),
            Value::Object(map) => left > 0 && map.values().all(|inner| fits(inner, left - 1)),
            _ => true,
        }
    }
    fits(value, MAX_DEPTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        assert!(check_depth(&nested(MAX_DEPTH)));
        assert!(!check_depth(&nested(MAX_DEPTH + 1)));
    }
}
