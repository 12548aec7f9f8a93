//! Stored bytes as answers: plain, as tables, as metadata.

use crate::accept::{Accepted, Encoding, Shape};
use crate::listing::Listed;
use crate::registry::{self, Kind};
use crate::respond;
use crate::splice;
use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use rdd_machinery::table::{self, Include};
use rdd_machinery::{Failure, Object, Resource};
use rdd_store::{Entry, Revision};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;

/// An object as it is stored, or would be.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) value: Bytes,
    /// `None`: it was never stored (a create that was only tried).
    pub(crate) revision: Option<Revision>,
}

/// How to answer.
#[derive(Clone, Debug)]
pub(crate) struct Style {
    pub(crate) accepted: Accepted,
    pub(crate) include: Include,
    /// The time, for ages in tables.
    pub(crate) now: String,
}

/// A list is sent in pieces of about this size, so that it is never whole in memory twice.
const PIECE: usize = 128 * 1024;

impl Stored {
    /// The JSON text to send.
    pub(crate) fn text(&self, kind: &Kind) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.value.len() + 64);
        match self.revision {
            Some(revision) => {
                let renewed = kind.renewed(&self.value, revision);
                let value = renewed.as_ref().unwrap_or(&self.value);
                splice::object(&mut out, value, revision, &kind.resource.api_version());
            }
            None => out.extend_from_slice(&self.value),
        }
        out
    }

    /// The object to send.
    pub(crate) fn object(&self, kind: &Kind) -> Object {
        registry::object(&self.text(kind)).unwrap_or_default()
    }

    fn metadata(&self, api: &str) -> Vec<u8> {
        let mut out = Vec::new();
        match self.revision {
            Some(revision) => splice::partial(&mut out, &self.value, revision, api),
            None => splice::partial(&mut out, &self.value, Revision(0), api),
        }
        out
    }
}

/// One object.
pub(crate) fn one(
    style: &Style,
    kind: &Kind,
    stored: &Stored,
    code: StatusCode,
) -> Result<Response<Body>, Failure> {
    match style.accepted.shape {
        Shape::Plain | Shape::Discovery(_) if style.accepted.encoding == Encoding::Json => {
            Ok(respond::json_bytes(code, stored.text(kind)))
        }
        Shape::Plain | Shape::Discovery(_) => Ok(respond::object(code, &stored.object(kind), Encoding::Yaml)),
        Shape::Partial(api) => Ok(sent(code, stored.metadata(api), style)),
        Shape::PartialList(_) => Err(Failure::Escaped("content is not a list".into())),
        Shape::Table(api) => {
            let version = stored.revision.map(|revision| json!({"resourceVersion": revision.to_string()}));
            let objects = [stored.object(kind)];
            let table = self::table(style, kind, &objects, version.unwrap_or_else(|| json!({})), api);
            Ok(respond::object(code, &table, style.accepted.encoding))
        }
    }
}

/// A list.
pub(crate) fn list(style: &Style, kind: &Arc<Kind>, listed: Listed) -> Result<Response<Body>, Failure> {
    let metadata = metadata(&listed, &kind.resource, style.accepted.shape);
    match style.accepted.shape {
        Shape::Plain | Shape::Discovery(_) => Ok(plain(style, kind, listed.entries, &metadata)),
        Shape::PartialList(api) => {
            let write = move |out: &mut Vec<u8>, entry: &Entry| {
                splice::partial(out, &entry.value, entry.modified, api)
            };
            let head = format!("{{\"apiVersion\":\"meta.k8s.io/{api}\",\"items\":[");
            let tail = format!("],\"kind\":\"PartialObjectMetadataList\",\"metadata\":{metadata}}}");
            Ok(encode(style, pieces(listed.entries, head, tail, write)))
        }
        Shape::Partial(_) => {
            let resource = &kind.resource;
            let found = if resource.builtin { &resource.list_kind } else { "unstructured.UnstructuredList" };
            Err(Failure::NotConvertible(format!(
                "you requested PartialObjectMetadata, but the requested object is a list (*{found})"
            )))
        }
        Shape::Table(api) => {
            let objects: Vec<Object> = listed
                .entries
                .iter()
                .map(|entry| {
                    Stored { value: entry.value.clone(), revision: Some(entry.modified) }.object(kind)
                })
                .collect();
            let table = self::table(style, kind, &objects, metadata, api);
            Ok(respond::object(StatusCode::OK, &table, style.accepted.encoding))
        }
    }
}

/// A table of objects.
pub(crate) fn table(style: &Style, kind: &Kind, objects: &[Object], metadata: Value, api: &str) -> Object {
    let mut table = table::render(&kind.resource, objects, metadata, style.include, &style.now);
    if api != "v1" {
        table.0.insert("apiVersion".into(), json!(format!("meta.k8s.io/{api}")));
    }
    table
}

fn plain(style: &Style, kind: &Arc<Kind>, entries: Vec<Entry>, metadata: &Value) -> Response<Body> {
    let version = kind.resource.api_version();
    let head = format!("{{\"apiVersion\":\"{version}\",\"items\":[");
    let tail = format!("],\"kind\":\"{}\",\"metadata\":{metadata}}}", kind.resource.list_kind);
    let kind = kind.clone();
    let write = move |out: &mut Vec<u8>, entry: &Entry| {
        let renewed = kind.renewed(&entry.value, entry.modified);
        splice::object(out, renewed.as_ref().unwrap_or(&entry.value), entry.modified, &version);
    };
    encode(style, pieces(entries, head, tail, write))
}

/// The text of a list, piece by piece.
fn pieces(
    entries: Vec<Entry>,
    head: String,
    tail: String,
    write: impl Fn(&mut Vec<u8>, &Entry) + Send + 'static,
) -> impl Iterator<Item = Bytes> + Send + 'static {
    let mut entries = entries.into_iter();
    let (mut head, mut tail, mut first) = (Some(head), Some(tail), true);
    std::iter::from_fn(move || {
        tail.as_ref()?;
        let mut out = head.take().unwrap_or_default().into_bytes();
        out.reserve(PIECE / 8);
        while out.len() < PIECE {
            let Some(entry) = entries.next() else {
                out.extend_from_slice(tail.take().unwrap_or_default().as_bytes());
                break;
            };
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            write(&mut out, &entry);
        }
        Some(Bytes::from(out))
    })
}

fn encode(style: &Style, mut pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Response<Body> {
    if style.accepted.encoding == Encoding::Yaml {
        let text: Vec<u8> = pieces.flatten().collect();
        return sent(StatusCode::OK, text, style);
    }
    let first = pieces.next().unwrap_or_default();
    // What fits one piece gets a length; the rest is streamed.
    let body = match pieces.next() {
        None => Body::from(first),
        Some(second) => {
            let all = [first, second].into_iter().chain(pieces).map(Ok::<_, Infallible>);
            Body::from_stream(futures::stream::iter(all))
        }
    };
    respond::json_bytes(StatusCode::OK, body)
}

/// JSON text, in the encoding asked for.
fn sent(code: StatusCode, text: Vec<u8>, style: &Style) -> Response<Body> {
    match style.accepted.encoding {
        Encoding::Json => respond::json_bytes(code, text),
        Encoding::Yaml => {
            let value = serde_json::from_slice(&text).unwrap_or(Value::Null);
            respond::value(code, &value, Encoding::Yaml)
        }
    }
}

/// The metadata of a list.
fn metadata(listed: &Listed, resource: &Resource, shape: Shape) -> Value {
    let mut metadata = json!({"resourceVersion": listed.revision.to_string()});
    match &listed.token {
        Some(token) => metadata["continue"] = json!(token),
        // A real server says so for custom resources alone.
        None if !resource.builtin && shape == Shape::Plain => metadata["continue"] = json!(""),
        None => {}
    }
    if let Some(remaining) = listed.remaining {
        metadata["remainingItemCount"] = json!(remaining);
    }
    metadata
}
