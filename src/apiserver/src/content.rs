//! The body of a request: how it is written, and its bytes.

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rdd_machinery::Failure;

/// What a `Content-Type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/json`, or nothing.
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/merge-patch+json`.
    MergePatch,
    /// Anything else.
    Other,
}

/// The `Content-Type` of a request, parameters apart.
pub(crate) fn media(headers: &HeaderMap) -> Media {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Media::Json };
    let text = value.to_str().unwrap_or("?");
    match text.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" => Media::Json,
        "application/yaml" => Media::Yaml,
        "application/merge-patch+json" => Media::MergePatch,
        _ => Media::Other,
    }
}

/// All bytes of a body, if they are not too many.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || Failure::TooLarge { limit };
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(Failure::BadRequest(format!("the body of the request could not be read: {error}"))),
    }
}
