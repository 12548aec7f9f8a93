//! Server-side printing.

use crate::{Object, Resource};
use serde_json::Value;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean`, `date`.
    pub kind: String,
    /// `name` for the first one, else as the CRD says.
    pub format: String,
    /// Description.
    pub description: String,
    /// 0: always shown; more: with `-o wide`.
    pub priority: i32,
    /// Where the value is: a JSON path such as `.status.name`, or a rule of our own for built-in kinds.
    pub source: String,
}

/// `includeObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// A PartialObjectMetadata (the default).
    Metadata,
    /// The whole object.
    Object,
}

/// `meta.k8s.io/v1` Table of some objects; `metadata` is the list's (resourceVersion, continue, remainingItemCount).
pub fn render(
    _resource: &Resource,
    _objects: &[Object],
    _metadata: Value,
    _include: Include,
    _now: &str,
) -> Object {
    unimplemented!()
}
