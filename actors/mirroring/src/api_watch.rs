//! Watches of the API, one per kind: supervised tasks of one sort that route changes to the actors. They are not actors.
//!
//! ## Listing => (Watching | Backoff)
//! The whole kind is told at once. A kind that does not exist is an empty one that is asked for again soon.
//! ## Watching => (Watching | Listing | Backoff)
//! A stream that ends is opened again where it ended; one whose version is no longer kept is listed again.

use crate::api::{Failure, Stored};
use crate::attachment::KINDS;
use crate::board::{Board, Pending, because};
use crate::ledger::{Entry, Seen};
use crate::messages::{Act, Asked, Look, Reconsider};
use crate::mirror::{self, Mirrored};
use crate::mirror_writer::key_of;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ListParams, WatchParams};
use kube::core::WatchEvent;
use rdd_actors_runtime::backoff::{Backoff, Delays, seed_for};
use rdd_actors_runtime::{Policy, TaskBirth};
use rdd_engine::Kind;
use rdd_resources::container::ActionState;
use rdd_resources::names::{annotation, finalizer};
use rdd_resources::{App, Container, ContainerNamespace};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// A server is asked to end a watch after so many seconds.
const ASKED: u32 = 290;
/// Servers send a bookmark about once a minute: a stream that is silent for longer than this is opened again.
const SILENT: Duration = Duration::from_secs(90);
/// A watch shows this often that it is not hung.
const BEAT: Duration = Duration::from_secs(5);
/// One that does not for this long is.
const HUNG: Duration = Duration::from_secs(20);

/// What a watch tells.
enum Told<K> {
    /// All there are, at a version.
    All(Vec<K>, String),
    /// One is new or changed.
    Here(K),
    /// One is gone.
    Gone(K),
}

/// What a watch is allowed.
pub(crate) fn policy() -> Policy {
    Policy { deadline: HUNG, ..Policy::default() }
}

/// Watches the App.
pub(crate) async fn app(board: Arc<Board>, birth: TaskBirth) -> Result<(), rdd_actors_runtime::Error> {
    let to = board.clone();
    follow::<App>("apps", board, birth, move |_| because("App changed", || to.wires.app.note(Reconsider)))
        .await
}

/// Watches namespaces, for the guardian.
pub(crate) async fn namespaces(board: Arc<Board>, birth: TaskBirth) -> Result<(), rdd_actors_runtime::Error> {
    let to = board.clone();
    follow::<Namespace>("namespaces", board, birth, move |told| {
        guard(&to, &told, |namespace, n| n.metadata.name.as_deref() == Some(namespace));
    })
    .await
}

/// Watches definitions, for the guardian.
pub(crate) async fn definitions(
    board: Arc<Board>,
    birth: TaskBirth,
) -> Result<(), rdd_actors_runtime::Error> {
    let to = board.clone();
    follow::<CustomResourceDefinition>("customresourcedefinitions", board, birth, move |told| {
        guard(&to, &told, |_, crd| {
            let name = crd.metadata.name.as_deref().unwrap_or_default();
            rdd_resources::crds::MIRRORED.contains(&name)
        });
    })
    .await
}

/// Watches `ContainerNamespace` objects, for the guardian.
pub(crate) async fn engine_namespaces(
    board: Arc<Board>,
    birth: TaskBirth,
) -> Result<(), rdd_actors_runtime::Error> {
    let to = board.clone();
    follow::<ContainerNamespace>("containernamespaces", board, birth, move |told| {
        guard(&to, &told, |namespace, n| n.metadata.namespace.as_deref() == Some(namespace));
    })
    .await
}

/// Watches Containers, for the finalizer processor, the action dispatcher and the writer.
pub(crate) async fn containers(board: Arc<Board>, birth: TaskBirth) -> Result<(), rdd_actors_runtime::Error> {
    let to = board.clone();
    follow::<Container>("containers", board, birth, move |told| match told {
        Told::Here(object) => because("mirror changed", || container_here(&to, &object)),
        Told::Gone(object) => because("mirror gone", || container_gone(&to, &object)),
        Told::All(objects, version) => {
            because("mirrors listed", || containers_listed(&to, &objects, &version))
        }
    })
    .await
}

fn guard<K: Stored>(board: &Board, told: &Told<K>, concerns: impl Fn(&str, &K) -> bool) {
    let Some(live) = board.live() else { return };
    let namespace = &live.attachment.namespace;
    let look = match told {
        Told::All(..) => true,
        Told::Here(object) | Told::Gone(object) => concerns(namespace, object),
    };
    if look {
        because("ground changed", || live.guardian.note(Reconsider));
    }
}

fn names(object: &Container) -> (String, String) {
    let meta = &object.metadata;
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn container_here(board: &Board, object: &Container) {
    let (namespace, name) = names(object);
    note_pending(board, object);
    let Some(live) = board.live().filter(|live| live.attachment.namespace == namespace) else { return };
    let entry = Entry::of(object, &live.attachment.mark);
    if live.attachment.ledger.observe(&name, entry) == Seen::Ours
        && let Some(key) = key_of(&name)
    {
        live.writer.note(Look::one(key));
    }
}

/// Remembers what a mirror waits for, and tells whoever does it.
fn note_pending(board: &Board, object: &Container) {
    let (namespace, name) = names(object);
    let meta = &object.metadata;
    let deleting = mirror::deleting(meta) && mirror::has_finalizer(meta, finalizer::MIRROR);
    let last = object.status.as_ref().and_then(|s| s.last_action.as_ref());
    let begun = last.is_some_and(|l| l.state == ActionState::InProgress);
    // An action that was begun and has no request any more is ended by the dispatcher.
    let action = mirror::annotation_of(meta, annotation::ACTION).map(str::to_owned);
    let action = action.or_else(|| begun.then(String::new));
    let at = (namespace, name);
    if !deleting && (action.is_none() || mirror::deleting(meta)) {
        board.pending.remove(&at);
        return;
    }
    let pending = Pending { kind: Container::KIND, deleting, action };
    board.pending.insert(at.clone(), pending.clone());
    tell_pending(board, &at, &pending);
}

/// Tells whoever does what a mirror waits for.
pub(crate) fn tell_pending(board: &Board, (namespace, name): &(String, String), pending: &Pending) {
    if pending.deleting {
        board.release(pending.kind, namespace, name);
        return;
    }
    let Some(live) = board.live().filter(|live| live.attachment.namespace == *namespace) else { return };
    if let (Some(id), Some(value)) = (rdd_engine::ContainerId::parse(name), &pending.action) {
        let request = Asked { value: value.clone(), seen: board.clock.now() };
        live.actions.note(Act { id, request });
    }
}

fn container_gone(board: &Board, object: &Container) {
    let (namespace, name) = names(object);
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    board.pending.remove(&(namespace.clone(), name.clone()));
    if let Some(id) = rdd_engine::ContainerId::parse(&name) {
        board.acted.remove(&id);
    }
    let Some(live) = board.live().filter(|live| live.attachment.namespace == namespace) else { return };
    let version = object.metadata.resource_version.as_deref().unwrap_or_default();
    if live.attachment.ledger.gone(&name, uid, version)
        && let Some(key) = key_of(&name)
    {
        live.writer.note(Look::one(key));
    }
}

fn containers_listed(board: &Board, objects: &[Container], version: &str) {
    let there: std::collections::HashSet<(String, String)> = objects.iter().map(names).collect();
    board.pending.retain(|at, pending| pending.kind != Kind::Container || there.contains(at));
    for object in objects {
        note_pending(board, object);
    }
    let Some(live) = board.live() else { return };
    let attachment = &live.attachment;
    let mine = objects.iter().filter(|o| o.metadata.namespace.as_deref() == Some(&*attachment.namespace));
    let entries = mine.map(|o| (names(o).1, Entry::of(o, &attachment.mark))).collect();
    // What somebody changed or removed while nobody watched is found by comparing everything, which is rare and cheap.
    attachment.ledger.refresh(version, entries);
    for kind in KINDS {
        live.writer.note(Look::all(kind));
    }
}

async fn follow<K: Stored>(
    name: &'static str,
    board: Arc<Board>,
    birth: TaskBirth,
    tell: impl FnMut(Told<K>) + Send,
) -> Result<(), rdd_actors_runtime::Error> {
    // Nothing happens for hours, and then it must: that the task is alive can be told from its beat alone.
    birth.heart.busy();
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
    let work = list_and_watch(name, board, &birth, tell);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            _ = beat.tick() => birth.heart.beat(),
        }
    }
}

async fn list_and_watch<K: Stored>(
    name: &'static str,
    board: Arc<Board>,
    birth: &TaskBirth,
    mut tell: impl FnMut(Told<K>) + Send,
) -> Result<(), rdd_actors_runtime::Error> {
    let (first, longest) = board.config.timings.retry;
    let seed = seed_for(board.config.seed ^ birth.incarnation, name);
    let mut backoff = Backoff::new(Delays::new(first, longest.min(Duration::from_secs(1))), seed);
    let api = Api::<K>::all(board.config.client.clone());
    let limit = board.config.timings.call;
    loop {
        let listed = timeout(limit, api.list(&ListParams::default())).await;
        let failure = match listed.map_err(|_| Failure::Away(format!("no answer within {limit:?}"))) {
            Ok(Ok(list)) => {
                let version = list.metadata.resource_version.clone().unwrap_or_default();
                told(birth, &board, name);
                tell(Told::All(list.items, version.clone()));
                watch(&api, birth, version, limit, &mut backoff, &mut tell).await
            }
            Ok(Err(e)) => Failure::from(e),
            Err(e) => e,
        };
        match &failure {
            Failure::Expired => tracing::debug!(watch.kind = name, "watch expired"),
            Failure::NotFound => {
                told(birth, &board, name);
                tell(Told::All(Vec::new(), String::new()));
            }
            other => tracing::warn!(watch.kind = name, error = %other, "watch failed"),
        }
        let wait = backoff.next_delay();
        tokio::select! {
            biased;
            () = board.relist.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// A whole list has been seen.
fn told(birth: &TaskBirth, board: &Board, name: &'static str) {
    birth.heart.beat();
    board.watching.send_if_modified(|all| {
        let new = !all.contains(&name);
        if new {
            all.push(name);
        }
        new
    });
}

/// Reads streams, one after the other, until something is wrong.
async fn watch<K: Stored>(
    api: &Api<K>,
    birth: &TaskBirth,
    mut version: String,
    limit: Duration,
    backoff: &mut Backoff,
    tell: &mut (impl FnMut(Told<K>) + Send),
) -> Failure {
    let parameters = WatchParams::default().timeout(ASKED);
    loop {
        let opened = tokio::time::Instant::now();
        let stream = match timeout(limit, api.watch(&parameters, &version)).await {
            Err(_) => return Failure::Away(format!("no answer within {limit:?}")),
            Ok(Err(e)) => return e.into(),
            Ok(Ok(stream)) => stream,
        };
        let mut stream = stream.boxed();
        loop {
            let next = match timeout(SILENT, stream.try_next()).await {
                Err(_) => break,
                Ok(Err(e)) => return e.into(),
                Ok(Ok(None)) => break,
                Ok(Ok(Some(event))) => event,
            };
            birth.heart.beat();
            match next {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    moved(&mut version, object.meta());
                    tell(Told::Here(object));
                }
                WatchEvent::Deleted(object) => {
                    moved(&mut version, object.meta());
                    tell(Told::Gone(object));
                }
                WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                WatchEvent::Error(status) => return kube::Error::Api(status).into(),
            }
            backoff.reset();
        }
        if opened.elapsed() < Duration::from_secs(1) {
            // A server that ends streams as soon as they are opened is not to be hurried.
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }
}

fn moved(version: &mut String, meta: &kube::core::ObjectMeta) {
    if let Some(newer) = &meta.resource_version {
        version.clone_from(newer);
    }
}
