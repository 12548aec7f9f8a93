//! Changing parts of an object.

use super::{Cx, Subject};
use crate::content::{self, Media};
use crate::render;
use crate::respond;
use crate::write::{self, Draft, Proposal};
use axum::body::Body;
use http::{Response, StatusCode};
use rdd_machinery::object::{Parsed, parse};
use rdd_machinery::options::{self, FieldValidation};
use rdd_machinery::{Cause, Failure, Object, Resource, body, go, patch};
use serde_json::Value;

/// What can be patched with.
const OFFERED: [&str; 1] = ["application/merge-patch+json"];

/// Applies the patch of the body, and answers what came of it.
pub(crate) async fn run(cx: &Cx<'_>, subject: &Subject, body: Body) -> Result<Response<Body>, Failure> {
    let options = cx.query.write("PatchOptions")?;
    if content::media(cx.headers) != Media::MergePatch {
        return Err(Failure::UnsupportedMediaType { offered: OFFERED.map(str::to_owned).to_vec() });
    }
    let patch = read(&cx.body(body).await?)?;
    let written =
        write::write(cx.shared, subject, &options, |old| change(subject, &patch, &options, old)).await?;
    let mut response = render::one(&cx.style, &subject.kind, &written.stored, StatusCode::OK)?;
    respond::warn(&mut response, written.warnings.iter().map(String::as_str));
    Ok(response)
}

fn change(
    subject: &Subject,
    patch: &Parsed,
    options: &options::Write,
    old: Option<&Object>,
) -> Result<Proposal, Failure> {
    let resource = &subject.kind.resource;
    let Some(old) = old else { return Err(Failure::not_found(resource, &subject.name)) };
    let mut value = Value::Object(old.0.clone());
    patch::merge(&mut value, &patch.value);
    let object =
        Object::from_value(value).map_err(|_| Failure::BadRequest("the patch leaves no object".into()))?;
    body::check_name(&object, &subject.name)?;
    if options.validation == FieldValidation::Strict {
        strict(resource, &object, &patch.duplicates)?;
    }
    Ok(Proposal::Update(Draft { object, duplicates: patch.duplicates.clone() }))
}

/// A strict patch is refused in other words than a strict update: it is the patch that is invalid.
fn strict(resource: &Resource, object: &Object, duplicates: &[String]) -> Result<(), Failure> {
    let unknown = body::admit(resource, &mut object.clone())?;
    let texts = body::settle(resource, FieldValidation::Warn, &unknown, duplicates)?;
    if texts.is_empty() {
        return Ok(());
    }
    let shown = Value::String(Value::Object(object.0.clone()).to_string());
    let cause = Cause::invalid("patch", &shown, &format!("strict decoding error: {}", texts.join(", ")));
    let (group, kind, name) = (String::new(), String::new(), String::new());
    Err(Failure::Invalid { group, kind, name, causes: vec![cause] })
}

fn read(text: &[u8]) -> Result<Parsed, Failure> {
    let refuse = |why: String| Failure::BadRequest(format!("error decoding patch: {why}"));
    let parsed = parse(text).map_err(refuse)?;
    if !parsed.value.is_object() {
        let found = go::json_type(&parsed.value);
        return Err(refuse(format!(
            "json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        )));
    }
    Ok(parsed)
}
