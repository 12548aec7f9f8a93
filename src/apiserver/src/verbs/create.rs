//! Making an object.

use super::{Cx, Subject};
use crate::content::{self, Media};
use crate::render;
use crate::respond;
use crate::write::{self, Draft, Proposal};
use axum::body::Body;
use http::{Response, StatusCode};
use rdd_machinery::{Failure, Resource, body};
use serde_json::Value;

/// Stores the object of the body, and answers it.
pub(crate) async fn run(cx: &Cx<'_>, subject: &Subject, body: Body) -> Result<Response<Body>, Failure> {
    let resource = &subject.kind.resource;
    let options = cx.query.write("CreateOptions")?;
    let draft = read(cx, resource, body).await?;
    // The name is in the body; one in the path is not looked at.
    let subject = Subject { name: String::new(), ..subject.clone() };
    let written =
        write::write(cx.shared, &subject, &options, |_| Ok(Proposal::Create(draft.clone()))).await?;
    let mut response = render::one(&cx.style, &subject.kind, &written.stored, StatusCode::CREATED)?;
    respond::warn(&mut response, written.warnings.iter().map(String::as_str));
    Ok(response)
}

/// The object of a body, JSON or YAML.
pub(super) async fn read(cx: &Cx<'_>, resource: &Resource, body: Body) -> Result<Draft, Failure> {
    let media = content::media(cx.headers);
    if !matches!(media, Media::Json | Media::Yaml) {
        return Err(Failure::UnsupportedMediaType {
            offered: crate::accept::OFFERED.map(str::to_owned).to_vec(),
        });
    }
    let text = cx.body(body).await?;
    if media == Media::Json {
        let decoded = body::decode(resource, &text)?;
        return Ok(Draft { object: decoded.object, duplicates: decoded.duplicates });
    }
    let options = serde_saphyr::options! { strict_booleans: true };
    let value: Value = serde_saphyr::from_slice_with_options(&text, options).map_err(|error| {
        Failure::BadRequest(format!(
            "the object provided is unrecognized (must be of type {}): yaml: {error}",
            resource.kind
        ))
    })?;
    let object = body::from_value(resource, value, &text)?;
    Ok(Draft { object, duplicates: Vec::new() })
}
