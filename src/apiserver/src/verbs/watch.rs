//! Following changes.

mod event;
mod feed;

use super::{Cx, Subject};
use crate::accept::{self, Encoding};
use crate::keys;
use crate::listing;
use crate::query::Selection;
use crate::respond;
use axum::body::Body;
use feed::Feed;
use http::{Response, StatusCode};
use rdd_machinery::{Failure, status};
use rdd_store::{Entry, Key, Prefix, ReadError, Revision};
use std::convert::Infallible;
use tokio::time::Instant;

/// What a watch begins with.
struct Start {
    /// Objects that are there already, sent as ADDED.
    initial: Vec<Entry>,
    /// Changes after this one follow.
    after: Revision,
}

/// Answers a stream of events, one JSON text a line: what is there (unless a version was given), then every change, until the time is over, the
/// server or the kind goes, or the reader is too slow.
pub(crate) async fn run(cx: &Cx<'_>, subject: &Subject) -> Result<Response<Body>, Failure> {
    let resource = &subject.kind.resource;
    if cx.style.accepted.encoding == Encoding::Yaml {
        return Err(accept::not_acceptable());
    }
    let mut selection = cx.query.selection(resource, true)?;
    // Lists have pages, watches have none.
    selection.limit = None;
    let start = start(cx, subject, &selection).await?;
    let (only, prefix) = scope(subject, &selection);
    let (watch, skip) = match cx.shared.store.watch(&prefix, start.after) {
        Ok(watch) => (watch, Revision(0)),
        Err(ReadError::Future { current }) => {
            // A version that has not happened yet: open, and silent until it has.
            (cx.shared.store.watch(&prefix, current).map_err(listing::failed)?, start.after)
        }
        Err(ReadError::Compacted { oldest }) => return Ok(too_old(start.after, oldest)),
        Err(error) => return Err(listing::failed(error)),
    };
    let timeout = cx.query.timeout()?;
    let now = Instant::now();
    let feed = Feed {
        shared: cx.shared.clone(),
        registry: cx.shared.registry.changes(),
        kind: subject.kind.clone(),
        selection,
        only,
        watch,
        skip,
        style: cx.style.clone(),
        columns: true,
        initial: start.initial.into_iter(),
        closing: cx.query.initial() == Some(true),
        listed: start.after,
        bookmarks: cx.query.flag("allowWatchBookmarks") == Some(true),
        next_bookmark: now + cx.shared.limits.bookmarks,
        last_bookmark: timeout
            .and_then(|timeout| timeout.checked_sub(feed::BEFORE_END))
            .map(|left| now + left),
        deadline: now + timeout.unwrap_or_else(|| cx.shared.watch_length()),
        ending: cx.ending.clone(),
    };
    let events = futures::stream::unfold(feed, |mut feed| async move {
        let bytes = feed.next().await?;
        Some((Ok::<_, Infallible>(bytes), feed))
    });
    Ok(respond::json_bytes(StatusCode::OK, Body::from_stream(events)))
}

async fn start(cx: &Cx<'_>, subject: &Subject, selection: &Selection) -> Result<Start, Failure> {
    let initial = cx.query.initial().unwrap_or(matches!(selection.version, None | Some(0)));
    if initial {
        let listed =
            listing::read(&cx.shared.store, &subject.kind.resource, subject.scope(), selection).await?;
        return Ok(Start { initial: listed.entries, after: listed.revision });
    }
    let after = match selection.version {
        Some(version) if version != 0 => Revision(version),
        _ => cx.shared.store.revision(),
    };
    Ok(Start { initial: Vec::new(), after })
}

/// What to watch: everything of a kind or a namespace, or the one object that a field selector leaves.
fn scope(subject: &Subject, selection: &Selection) -> (Option<Key>, Prefix) {
    let resource = &subject.kind.resource;
    let name = selection.fields.name().filter(|_| !subject.namespace.is_empty() || !resource.is_namespaced());
    match name {
        Some(name) => {
            let key = keys::object(resource, &subject.namespace, name);
            (Some(key.clone()), Prefix::new(key.as_str()))
        }
        None => (None, keys::prefix(&resource.group, &resource.plural, subject.scope())),
    }
}

fn too_old(asked: Revision, oldest: Revision) -> Response<Body> {
    let message = format!("too old resource version: {asked} ({oldest})");
    let status = status(&Failure::Expired { message, fresh: None });
    let mut line = Vec::new();
    event::line(&mut line, "ERROR", |out| out.extend_from_slice(&respond::bytes(&status)));
    respond::json_bytes(StatusCode::OK, line)
}
