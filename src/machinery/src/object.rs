//! An object as it is stored and sent.

use serde_json::{Map, Value};

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
    /// `metadata`, made when absent.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        let metadata = self.0.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if !metadata.is_object() {
            *metadata = Value::Object(Map::new());
        }
        metadata.as_object_mut().expect("made an object just above")
    }
    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> Vec<&str> {
        let list = self.at(&["metadata", "finalizers"]).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
    /// Whether `metadata.deletionTimestamp` is set.
    pub fn is_terminating(&self) -> bool {
        self.at(&["metadata", "deletionTimestamp"]).is_some_and(|value| !value.is_null())
    }
}
