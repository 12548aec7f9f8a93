//! Answers: headers, encodings, failures.

use crate::accept::Encoding;
use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use rdd_machinery::{Failure, Object, status};
use serde_json::Value;

/// A response that holds bytes in one of our encodings.
pub(crate) fn encoded(code: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A response that holds JSON bytes.
pub(crate) fn json_bytes(code: StatusCode, body: impl Into<Body>) -> Response<Body> {
    encoded(code, "application/json", body)
}

/// A response that holds a value.
pub(crate) fn value(code: StatusCode, value: &Value, encoding: Encoding) -> Response<Body> {
    match encoding {
        Encoding::Json => json_bytes(code, value.to_string()),
        // A JSON value has nothing that YAML could not say.
        Encoding::Yaml => {
            encoded(code, "application/yaml", serde_saphyr::to_string(value).unwrap_or_default())
        }
    }
}

/// A response that holds an object.
pub(crate) fn object(code: StatusCode, object: &Object, encoding: Encoding) -> Response<Body> {
    match encoding {
        Encoding::Json => json_bytes(code, bytes(object)),
        Encoding::Yaml => value(code, &Value::Object(object.0.clone()), encoding),
    }
}

/// The JSON text of an object.
pub(crate) fn bytes(object: &Object) -> Bytes {
    // Maps with text keys always serialise.
    let mut text = serde_json::to_vec(&object.0).unwrap_or_default();
    // It may be kept, by the store and for watchers: not with the room that it grew into, which is up to as much again.
    text.shrink_to_fit();
    Bytes::from(text)
}

/// The Status that answers a failure.
pub(crate) fn failure(failure: &Failure, encoding: Encoding) -> Response<Body> {
    let code = StatusCode::from_u16(failure.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = object(code, &status(failure), encoding);
    if let Some(seconds) = failure.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The plain 404 of paths that belong to nobody.
pub(crate) fn page_not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// A plain text.
pub(crate) fn plain(code: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = encoded(code, "text/plain; charset=utf-8", text);
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Adds `Warning` headers (`299 - "text"`).
pub(crate) fn warn<'a>(response: &mut Response<Body>, warnings: impl IntoIterator<Item = &'a str>) {
    for text in warnings {
        let quoted: String = text.chars().filter(|c| !c.is_control()).flat_map(escaped).collect();
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(WARNING, value);
        }
    }
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    matches!(c, '"' | '\\').then_some('\\').into_iter().chain(Some(c))
}
