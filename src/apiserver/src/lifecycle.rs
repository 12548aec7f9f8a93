//! What is finished beside requests: CRDs become served, and what is being deleted goes when its content is gone.
//!
//! One task follows every change of the store and keeps sets of what to look at. It is level-triggered: a change only says where to look,
//! the look itself reads the truth, and a look that failed is repeated. After a start, and when the task was too slow for the store's
//! buffer, everything is looked at.

pub(crate) mod definitions;
mod held;
mod namespaces;
mod work;

use crate::error::Error;
use crate::keys;
use crate::listing;
use crate::shared::Shared;
use crate::verbs::{Part, Subject};
use crate::write::{self, Draft, Proposal};
use rdd_machinery::{Failure, Object, options};
use rdd_store::{At, Page, Prefix, Revision};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use work::Work;

/// The namespaces that are always there.
const NAMESPACES: [&str; 2] = ["default", "kube-system"];
/// How many objects are looked at in one read after a start.
const PAGE: usize = 500;
/// How long to wait after a failure, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Makes what an empty store must have, and finishes what a crash left half-way with the kinds.
pub(crate) async fn bootstrap(shared: &Arc<Shared>) -> Result<(), Error> {
    for name in NAMESPACES {
        match ensure_namespace(shared, name).await {
            Ok(()) | Err(Failure::AlreadyExists { .. } | Failure::BeingDeleted { .. }) => {}
            Err(failure) => return Err(refused(format!("namespace {name}"), &failure)),
        }
    }
    definitions::settle(shared)
        .await
        .map_err(|failure| refused("the conditions of the kinds".into(), &failure))
}

fn refused(what: String, failure: &Failure) -> Error {
    let status = rdd_machinery::status(failure);
    let why = status.text(&["message"]).unwrap_or_default().to_owned();
    Error::Bootstrap { what, why }
}

async fn ensure_namespace(shared: &Arc<Shared>, name: &str) -> Result<(), Failure> {
    if shared.store.get(&keys::namespace(name)).await.map_err(listing::failed)?.is_some() {
        return Ok(());
    }
    let subject = own(shared, "", "namespaces", "")?;
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let object = Object::from_value(object).unwrap_or_default();
    let draft = Draft { object, duplicates: Vec::new() };
    let options = options::Write::default();
    write::apply(shared, &subject, &options, |_| Ok(Proposal::Create(draft.clone()))).await.map(drop)
}

/// An object of one of the server's own kinds.
fn own(shared: &Shared, group: &str, plural: &str, name: &str) -> Result<Subject, Failure> {
    let registry = shared.registry.current();
    let kind = registry.own(group, plural).ok_or(Failure::NoSuchPath)?.clone();
    Ok(Subject { kind, namespace: String::new(), name: name.to_owned(), part: Part::Main })
}

/// Works until it is stopped, or the API is drained.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut pause = PAUSE.0;
    loop {
        let failure = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = shared.draining.cancelled() => return,
            Err(failure) = follow(&shared, &mut pause) => failure,
        };
        tracing::warn!(failure = ?failure, lifecycle.pause = ?pause, "what is finished beside requests starts again");
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = shared.draining.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Looks at everything, then at every change.
async fn follow(shared: &Arc<Shared>, pause: &mut Duration) -> Result<Infallible, Failure> {
    let mut work = Work::default();
    let start = scan(shared, &mut work).await?;
    let mut watch = shared.store.watch(&Prefix::new(""), start).map_err(listing::failed)?;
    loop {
        let retry = work.advance(shared).await;
        *pause = PAUSE.0;
        let changes = tokio::select! {
            biased;
            changes = watch.next() => changes,
            () = sleep(retry) => continue,
        };
        let changes = changes.map_err(|ended| Failure::Unavailable(format!("the watch ended: {ended:?}")))?;
        for change in changes {
            work.note(&change.key, change.next.as_ref());
        }
    }
}

async fn sleep(retry: Option<tokio::time::Instant>) {
    match retry {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn scan(shared: &Arc<Shared>, work: &mut Work) -> Result<Revision, Failure> {
    let (mut at, mut after) = (At::Latest, None);
    loop {
        let page = Page { after, limit: Some(PAGE) };
        let listing = shared.store.list(&Prefix::new(""), at, page).await.map_err(listing::failed)?;
        for entry in &listing.entries {
            work.note(&entry.key, Some(&entry.value));
        }
        after = listing.entries.last().map(|entry| entry.key.clone());
        if listing.remaining == 0 || after.is_none() {
            return Ok(listing.revision);
        }
        at = At::Exact(listing.revision);
    }
}
