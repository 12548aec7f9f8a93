//! Objects reduced to their metadata.

use crate::Object;
use serde_json::{Value, json};

/// The `PartialObjectMetadata` of an object.
pub fn metadata(object: &Object) -> Object {
    let metadata = object.0.get("metadata").cloned().unwrap_or_else(|| json!({}));
    wrap("PartialObjectMetadata", [("metadata", metadata)])
}

/// The `PartialObjectMetadataList` of a list; `metadata` is the list's own.
pub fn list<'a>(objects: impl IntoIterator<Item = &'a Object>, metadata: Value) -> Object {
    let items = objects.into_iter().map(|object| Value::Object(self::metadata(object).0)).collect();
    wrap("PartialObjectMetadataList", [("metadata", metadata), ("items", items)])
}

fn wrap<const N: usize>(kind: &str, members: [(&str, Value); N]) -> Object {
    let head = [("kind", kind.into()), ("apiVersion", "meta.k8s.io/v1".into())];
    Object(head.into_iter().chain(members).map(|(name, value)| (name.to_owned(), value)).collect())
}
