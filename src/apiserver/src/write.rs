//! The one way to change anything.
//!
//! Every verb is a function from the object as it is to a [`Proposal`]; everything else is the same for all:
//!
//! read → change → prune → default → prepare → validate → no-op? → commit, and again when somebody else was faster.
//!
//! (Server-side apply's bookkeeping belongs between default and prepare, admission policies between validate and no-op.)
//!
//! # Guarantees
//! * A write that changes nothing is not stored and gets no new version.
//! * Nothing is created in a namespace that is being deleted, nor of a kind that is: the rows of both are guarded by the commit.
//! * What lost a race is done again on what is there then; a client that named a version gets 409.

mod create;
#[cfg(test)]
mod tests;

use crate::keys;
use crate::lifecycle;
use crate::listing;
use crate::registry::{Kind, Registry};
use crate::render::Stored;
use crate::shared::Shared;
use crate::verbs::{Part, Subject};
use bytes::Bytes;
use create::create;
use rdd_machinery::deletion::{self, Decision};
use rdd_machinery::{Failure, Object, body, meta, namespace, options, validate};
use rdd_store::{CommitError, Entry, Expect, Key, Op, Revision, Txn};
use std::sync::Arc;

/// An object that somebody wants to store.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) object: Object,
    /// Members that stood twice in the text that it came from.
    pub(crate) duplicates: Vec<String>,
}

/// What a verb wants.
#[derive(Clone, Debug)]
pub(crate) enum Proposal {
    /// There is to be a new object.
    Create(Draft),
    /// The object is to become this.
    Update(Draft),
    /// The object is to go.
    Delete(Decision),
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) stored: Stored,
    pub(crate) done: Done,
    /// Texts for `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

/// How the store changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// There is a new object.
    Created,
    /// The object is another one.
    Changed,
    /// Nothing was to be changed.
    Unchanged,
    /// The object is gone.
    Removed,
}

/// A change that passed all rules.
struct Ready {
    key: Key,
    guards: Vec<(Key, Expect)>,
    /// What to store; `None`: remove.
    value: Option<Bytes>,
    /// What to answer.
    written: Written,
}

/// How an attempt ended.
enum Attempt {
    Done(Written),
    /// Somebody was faster.
    Lost {
        /// What is not as it was.
        key: Key,
        /// What is there now.
        current: Option<Entry>,
    },
}

/// Changes an object, and brings the registry up to date when it was a CRD.
pub(crate) async fn write(
    shared: &Arc<Shared>,
    subject: &Subject,
    options: &options::Write,
    change: impl Fn(Option<&Object>) -> Result<Proposal, Failure> + Send + Sync,
) -> Result<Written, Failure> {
    let written = apply(shared, subject, options, change).await?;
    let definition = subject.kind.resource.is("apiextensions.k8s.io", "customresourcedefinitions");
    if definition && !options.dry_run && written.done != Done::Unchanged {
        // The answer to a CRD is sent when its kind is served. Should it fail, the task beside requests does it again.
        if let Err(failure) = lifecycle::definitions::settle(shared).await {
            tracing::warn!(failure = ?failure, "the kinds could not be brought up to date");
        }
    }
    Ok(written)
}

/// Changes an object.
pub(crate) async fn apply(
    shared: &Arc<Shared>,
    subject: &Subject,
    options: &options::Write,
    change: impl Fn(Option<&Object>) -> Result<Proposal, Failure> + Send + Sync,
) -> Result<Written, Failure> {
    let mut kind = subject.kind.clone();
    for _ in 0..shared.limits.attempts {
        match attempt(shared, &kind, subject, options, &change).await? {
            Attempt::Done(written) => return Ok(written),
            Attempt::Lost { key, current } => {
                kind = again(shared, subject, kind, &key, current.map(|entry| entry.modified)).await?;
            }
        }
    }
    Err(Failure::modified(&subject.kind.resource, &subject.name))
}

/// The kind to try again with. Reading all kinds anew is dear, and of use only when it was the CRD that somebody wrote.
async fn again(
    shared: &Arc<Shared>,
    subject: &Subject,
    kind: Arc<Kind>,
    lost: &Key,
    at: Option<Revision>,
) -> Result<Arc<Kind>, Failure> {
    if kind.definition.as_ref().is_none_or(|definition| definition.key != *lost) {
        return Ok(kind);
    }
    let resource = &subject.kind.resource;
    let find =
        |registry: &Registry| registry.find(&resource.group, &resource.version, &resource.plural).cloned();
    // Many may have lost at once: the first of them reads for all.
    let older = |registry: &Registry| {
        find(registry).and_then(|kind| Some(kind.definition.as_ref()?.revision))
            < at.or(Some(Revision(u64::MAX)))
    };
    shared.registry.renew(&shared.store, older).await.map_err(listing::failed)?;
    find(&shared.registry.current()).ok_or_else(|| Failure::not_found(resource, &subject.name))
}

async fn attempt(
    shared: &Arc<Shared>,
    kind: &Arc<Kind>,
    subject: &Subject,
    options: &options::Write,
    change: &(impl Fn(Option<&Object>) -> Result<Proposal, Failure> + Send + Sync),
) -> Result<Attempt, Failure> {
    let resource = &kind.resource;
    let entry = match subject.name.as_str() {
        "" => None,
        name => read(shared, keys::object(resource, &subject.namespace, name)).await?,
    };
    let old = entry.as_ref().map(|entry| current(kind, entry));
    let ready = match (change(old.as_ref())?, entry.as_ref().zip(old.as_ref())) {
        (Proposal::Create(draft), _) => return create(shared, kind, subject, options, draft).await,
        (Proposal::Update(draft), Some((entry, old))) => update(kind, subject, options, draft, entry, old)?,
        (Proposal::Delete(decision), Some((entry, _))) => delete(kind, decision, entry),
        (Proposal::Update(_) | Proposal::Delete(_), None) => {
            return Err(Failure::not_found(resource, &subject.name));
        }
    };
    if options.dry_run || ready.written.done == Done::Unchanged {
        return Ok(Attempt::Done(ready.written));
    }
    commit(shared, ready).await
}

/// The next version of an object, or its end when it was only waiting for this.
fn update(
    kind: &Arc<Kind>,
    subject: &Subject,
    options: &options::Write,
    draft: Draft,
    entry: &Entry,
    old: &Object,
) -> Result<Ready, Failure> {
    let resource = &kind.resource;
    let status = subject.part == Part::Status;
    let Draft { mut object, duplicates } = draft;
    let warnings = prune(kind, &mut object, options, &duplicates)?;
    default(kind, &mut object);
    if subject.part == Part::Finalize {
        object = finalized(old, &object);
    }
    unchanged_since(kind, &object, old)?;
    if subject.part != Part::Finalize {
        meta::prepare_update(resource, old, &mut object, status)?;
    }
    validate(resource, Some(old), &object, status)?;
    let released = deletion::is_released(resource, &object);
    let value = bytes(kind, object);
    let done = match (released, value == entry.value) {
        (true, _) => Done::Removed,
        (false, true) => Done::Unchanged,
        (false, false) => Done::Changed,
    };
    let stored = Stored { value: value.clone(), revision: Some(entry.modified) };
    let written = Written { stored, done, warnings };
    Ok(Ready { key: entry.key.clone(), guards: guards(entry), value: (!released).then_some(value), written })
}

/// Only the finalizers of a namespace's spec are written, and the version that was asked for is kept to be compared.
fn finalized(old: &Object, asked: &Object) -> Object {
    let mut object = namespace::finalized(old, asked);
    object.metadata_mut().insert("resourceVersion".into(), asked.resource_version().into());
    object
}

/// A version in what is to be stored is a promise that nobody wrote since.
fn unchanged_since(kind: &Kind, new: &Object, old: &Object) -> Result<(), Failure> {
    let asked = new.resource_version();
    if asked.is_empty() || asked == old.resource_version() {
        return Ok(());
    }
    match asked.parse::<u64>() {
        Ok(0) => Ok(()),
        Ok(_) => Err(Failure::modified(&kind.resource, old.name())),
        Err(_) => Err(Failure::Escaped(options::parse_uint(asked))),
    }
}

fn delete(kind: &Arc<Kind>, decision: Decision, entry: &Entry) -> Ready {
    let (value, done, shown) = match decision {
        Decision::Remove => (None, Done::Removed, entry.value.clone()),
        Decision::Unchanged => (Some(entry.value.clone()), Done::Unchanged, entry.value.clone()),
        Decision::Mark(object) => {
            let value = bytes(kind, object);
            (Some(value.clone()), Done::Changed, value)
        }
    };
    let stored = Stored { value: shown, revision: Some(entry.modified) };
    let written = Written { stored, done, warnings: Vec::new() };
    Ready { key: entry.key.clone(), guards: guards(entry), value, written }
}

fn guards(entry: &Entry) -> Vec<(Key, Expect)> {
    vec![(entry.key.clone(), Expect::At(entry.modified))]
}

fn prune(
    kind: &Kind,
    object: &mut Object,
    options: &options::Write,
    duplicates: &[String],
) -> Result<Vec<String>, Failure> {
    let unknown = body::admit(&kind.resource, object)?;
    body::settle(&kind.resource, options.validation, &unknown, duplicates)
}

fn default(kind: &Kind, object: &mut Object) {
    if let Some(schema) = &kind.resource.schema {
        schema.default(object);
    }
}

async fn commit(shared: &Arc<Shared>, ready: Ready) -> Result<Attempt, Failure> {
    let Ready { key, guards, value, mut written } = ready;
    let op = match value {
        Some(value) => Op::Put { key, value },
        None => Op::Delete { key },
    };
    match shared.store.commit(Txn { guards, ops: vec![op] }).await {
        Ok(revision) => {
            if written.done != Done::Removed {
                written.stored.revision = Some(revision);
            }
            Ok(Attempt::Done(written))
        }
        Err(CommitError::Lost { key, current }) => Ok(Attempt::Lost { key, current }),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: CommitError) -> Failure {
    tracing::error!(error = %error, "the store can not be written");
    match error {
        CommitError::Full => Failure::Full(error.to_string()),
        CommitError::ReadOnly | CommitError::Closed => Failure::Unavailable(error.to_string()),
        CommitError::Lost { .. } | CommitError::Io(_) => Failure::Internal(error.to_string()),
    }
}

async fn read(shared: &Arc<Shared>, key: Key) -> Result<Option<Entry>, Failure> {
    shared.store.get(&key).await.map_err(listing::failed)
}

/// A stored object as the version of a request shows it, with its resource version.
pub(crate) fn current(kind: &Kind, entry: &Entry) -> Object {
    Stored { value: entry.value.clone(), revision: Some(entry.modified) }.object(kind)
}

/// The bytes to store: in the storage version, without a resource version.
fn bytes(kind: &Kind, mut object: Object) -> Bytes {
    object.metadata_mut().remove("resourceVersion");
    if let Some(storage) = &kind.storage {
        object.0.insert("apiVersion".into(), storage.api_version().into());
        if let Some(schema) = &storage.schema {
            schema.prune(&mut object);
        }
    }
    crate::respond::bytes(&object)
}
