//! Removing an object, or marking it when something holds it.

use super::{Cx, Subject};
use crate::content::{self, Media};
use crate::query::Query;
use crate::render;
use crate::respond;
use crate::shared::Shared;
use crate::write::{self, Done, Proposal, Written};
use axum::body::Body;
use http::{Response, StatusCode};
use rdd_machinery::deletion::{self, Options};
use rdd_machinery::failure::success;
use rdd_machinery::object::parse;
use rdd_machinery::{Failure, Object, go, options};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Deletes the object. Answers a Status when it is gone, and the object when it stays for now.
pub(crate) async fn run(cx: &Cx<'_>, subject: &Subject, body: Body) -> Result<Response<Body>, Failure> {
    let resource = &subject.kind.resource;
    let options = read(cx, body).await?;
    let written = remove(cx.shared, subject, &options).await?;
    if written.done == Done::Removed {
        let status = success(resource, &written.stored.object(&subject.kind));
        return Ok(respond::object(StatusCode::OK, &status, cx.style.accepted.encoding));
    }
    render::one(&cx.style, &subject.kind, &written.stored, StatusCode::OK)
}

/// Deletes an object.
pub(crate) async fn remove(
    shared: &Arc<Shared>,
    subject: &Subject,
    asked: &Options,
) -> Result<Written, Failure> {
    let resource = &subject.kind.resource;
    let write = options::Write { dry_run: asked.dry_run, ..options::Write::default() };
    let now = shared.now();
    let change = |old: Option<&Object>| {
        let old = old.ok_or_else(|| Failure::not_found(resource, &subject.name))?;
        asked.check(resource, old, old.resource_version())?;
        Ok(Proposal::Delete(deletion::decide(resource, old, asked, &now)?))
    };
    write::write(shared, subject, &write, change).await
}

/// The options of a delete: those of the body, or, when there is none, those of the query.
pub(super) async fn read(cx: &Cx<'_>, body: Body) -> Result<Options, Failure> {
    let text = cx.body(body).await?;
    if text.is_empty() {
        return Options::read(&queried(&cx.query)?);
    }
    let value = match content::media(cx.headers) {
        Media::Json => {
            let refuse =
                |why| Failure::BadRequest(format!("couldn't get version/kind; json parse error: {why}"));
            parse(&text).map_err(refuse)?.value
        }
        Media::Yaml => {
            serde_saphyr::from_slice(&text).map_err(|error| Failure::BadRequest(error.to_string()))?
        }
        Media::MergePatch | Media::Other => {
            let offered = crate::accept::OFFERED.map(str::to_owned).to_vec();
            return Err(Failure::UnsupportedMediaType { offered });
        }
    };
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or("DeleteOptions");
    if kind != "DeleteOptions" {
        let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        return Err(Failure::BadRequest(format!(
            "no kind {} is registered for version {} in scheme \"pkg/runtime/scheme.go:111\"",
            go::quote(kind),
            go::quote(version)
        )));
    }
    let mut value = value;
    if value.get("dryRun").is_none()
        && let Value::Object(map) = &mut value
    {
        map.extend(dry_run(&cx.query));
    }
    Options::read(&value)
}

fn queried(query: &Query) -> Result<Value, Failure> {
    let mut map = Map::new();
    if !query.get("propagationPolicy").is_empty() {
        map.insert("propagationPolicy".into(), json!(query.get("propagationPolicy")));
    }
    if let Some(orphan) = query.flag("orphanDependents") {
        map.insert("orphanDependents".into(), json!(orphan));
    }
    options::integer(query.get("gracePeriodSeconds"))?;
    map.extend(dry_run(query));
    Ok(Value::Object(map))
}

fn dry_run(query: &Query) -> Option<(String, Value)> {
    let words = query.all("dryRun");
    (!words.is_empty()).then(|| ("dryRun".to_owned(), json!(words)))
}
