//! A new object: what must be there, and what must not.

use super::{Attempt, Done, Draft, Ready, Written, bytes, commit, current, default, prune, read};
use crate::keys;
use crate::registry::{self, Kind};
use crate::render::Stored;
use crate::shared::Shared;
use crate::verbs::Subject;
use rdd_machinery::{Failure, meta, options, validate};
use rdd_store::{Expect, Key};
use std::sync::Arc;

/// A new object. Whether its name is free is left to the commit, which looks anyway.
pub(super) async fn create(
    shared: &Arc<Shared>,
    kind: &Arc<Kind>,
    subject: &Subject,
    options: &options::Write,
    draft: Draft,
) -> Result<Attempt, Failure> {
    let resource = &kind.resource;
    let Draft { mut object, duplicates } = draft;
    let made_up = object.name().is_empty();
    let warnings = prune(kind, &mut object, options, &duplicates)?;
    default(kind, &mut object);
    meta::prepare_create(resource, &mut object, &subject.namespace, &shared.stamp())?;
    let mut guards = Vec::with_capacity(3);
    if resource.is_namespaced() {
        guards.push(guard_namespace(shared, kind, &subject.namespace, object.name()).await?);
    }
    if resource.terminating {
        return Err(Failure::kind_terminating(resource, object.name()));
    }
    if let Some(definition) = &kind.definition {
        guards.push((definition.key.clone(), Expect::At(definition.revision)));
    }
    validate(resource, None, &object, false)?;
    let key = keys::object(resource, &subject.namespace, object.name());
    guards.push((key.clone(), Expect::Absent));
    let value = bytes(kind, object);
    let stored = Stored { value: value.clone(), revision: None };
    let written = Written { stored, done: Done::Created, warnings };
    let attempt = if options.dry_run {
        match read(shared, key.clone()).await? {
            None => Attempt::Done(written),
            current => Attempt::Lost { key: key.clone(), current },
        }
    } else {
        commit(shared, Ready { key: key.clone(), guards, value: Some(value), written }).await?
    };
    match attempt {
        // A name that was made up is made up anew.
        Attempt::Lost { key: lost, current: Some(entry) } if lost == key && !made_up => {
            Err(Failure::already_exists(resource, &current(kind, &entry)))
        }
        attempt => Ok(attempt),
    }
}

/// The namespace must be there, and stay as it is until the commit.
pub(super) async fn guard_namespace(
    shared: &Arc<Shared>,
    kind: &Arc<Kind>,
    namespace: &str,
    name: &str,
) -> Result<(Key, Expect), Failure> {
    let key = keys::namespace(namespace);
    let entry = read(shared, key.clone()).await?;
    let missing = || Failure::NotFound { resource: "namespaces".into(), name: namespace.into() };
    let entry = entry.ok_or_else(missing)?;
    let object = registry::object(&entry.value).ok_or_else(missing)?;
    if object.is_terminating() || object.text(&["status", "phase"]) == Some("Terminating") {
        return Err(Failure::namespace_terminating(&kind.resource, name, namespace));
    }
    Ok((key, Expect::At(entry.modified)))
}
