//! The lines of a watch.

use crate::accept::Shape;
use crate::registry::Kind;
use crate::render::{self, Stored, Style};
use crate::splice;
use rdd_machinery::Object;
use rdd_store::Revision;
use serde_json::{Value, json};

/// Marks the bookmark that ends the initial events.
const END: &str = "k8s.io/initial-events-end";

/// Writes one line.
pub(super) fn line(out: &mut Vec<u8>, happened: &str, object: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(happened.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    object(out);
    out.extend_from_slice(b"}\n");
}

/// Writes a stored object in the shape asked for. `columns`: whether a table has to say what its columns are; the first one has.
pub(super) fn object(
    out: &mut Vec<u8>,
    style: &Style,
    kind: &Kind,
    stored: (&bytes::Bytes, Revision),
    columns: &mut bool,
) {
    let (value, revision) = stored;
    match style.accepted.shape {
        Shape::Plain | Shape::Discovery(_) => {
            let renewed = kind.renewed(value, revision);
            splice::object(out, renewed.as_ref().unwrap_or(value), revision, &kind.resource.api_version());
        }
        Shape::Partial(api) | Shape::PartialList(api) => splice::partial(out, value, revision, api),
        Shape::Table(api) => {
            let object = Stored { value: value.clone(), revision: Some(revision) }.object(kind);
            table(out, style, kind, object, (revision, api), columns);
        }
    }
}

/// Writes a bookmark: nothing but a version; `end`: the initial events are over.
pub(super) fn bookmark(
    out: &mut Vec<u8>,
    style: &Style,
    kind: &Kind,
    revision: Revision,
    end: bool,
    columns: &mut bool,
) {
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if end {
        metadata["annotations"] = json!({END: "true"});
    }
    let named =
        |version: String, name: &str| json!({"apiVersion": version, "kind": name, "metadata": metadata});
    let value = match style.accepted.shape {
        Shape::Partial(api) | Shape::PartialList(api) => {
            named(format!("meta.k8s.io/{api}"), "PartialObjectMetadata")
        }
        _ => named(kind.resource.api_version(), &kind.resource.kind),
    };
    match (style.accepted.shape, value) {
        (Shape::Table(api), Value::Object(map)) => {
            table(out, style, kind, Object(map), (revision, api), columns);
        }
        (_, value) => out.extend_from_slice(value.to_string().as_bytes()),
    }
}

fn table(
    out: &mut Vec<u8>,
    style: &Style,
    kind: &Kind,
    object: Object,
    (revision, api): (Revision, &str),
    columns: &mut bool,
) {
    let metadata = json!({"resourceVersion": revision.to_string()});
    let mut table = render::table(style, kind, &[object], metadata, api);
    if !std::mem::take(columns) {
        table.0.insert("columnDefinitions".into(), Value::Null);
    }
    out.extend_from_slice(&crate::respond::bytes(&table));
}
