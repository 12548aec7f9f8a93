//! Namespaces that are being deleted: their content goes, and then they do.

use super::definitions::{empty, list};
use super::own;
use crate::keys;
use crate::listing;
use crate::registry;
use crate::shared::Shared;
use crate::verbs::{Part, Subject};
use crate::write::{self, Draft, Proposal};
use rdd_machinery::namespace::{self, FINALIZER, Remaining};
use rdd_machinery::{Failure, Object, options};
use std::sync::Arc;

/// Deletes what is in a namespace that is being deleted. When nothing is left the namespace is released, else its conditions say what is.
pub(super) async fn finish(shared: &Arc<Shared>, name: &str) -> Result<(), Failure> {
    let entry = shared.store.get(&keys::namespace(name)).await.map_err(listing::failed)?;
    let Some(object) = entry.and_then(|entry| registry::object(&entry.value)) else { return Ok(()) };
    if !object.is_terminating() || !object.texts(&["spec", "finalizers"]).contains(&FINALIZER) {
        return Ok(());
    }
    let remaining = clear(shared, name).await?;
    if remaining.is_empty() {
        change(shared, name, Part::Finalize, namespace::emptied).await
    } else {
        let now = shared.now();
        change(shared, name, Part::Status, |old| namespace::with_conditions(old, &remaining, &now)).await
    }
}

async fn clear(shared: &Arc<Shared>, name: &str) -> Result<Remaining, Failure> {
    let mut remaining = Remaining::default();
    for place in shared.registry.current().namespaced() {
        if empty(shared, &place, Some(name), || None).await? == 0 {
            continue;
        }
        let qualified =
            shared.registry.current().at(&place).map(|kind| kind.resource.qualified()).unwrap_or_default();
        for entry in list(shared, &keys::prefix(&place.group, &place.plural, Some(name))).await? {
            if let Some(object) = registry::object(&entry.value) {
                remaining.add(&qualified, &object);
            }
        }
    }
    Ok(remaining)
}

async fn change(
    shared: &Arc<Shared>,
    name: &str,
    part: Part,
    next: impl Fn(&Object) -> Object + Send + Sync,
) -> Result<(), Failure> {
    let subject = Subject { part, ..own(shared, "", "namespaces", name)? };
    let change = |old: Option<&Object>| {
        let old = old.ok_or_else(|| Failure::not_found(&subject.kind.resource, name))?;
        Ok(Proposal::Update(Draft { object: next(old), duplicates: Vec::new() }))
    };
    match write::write(shared, &subject, &options::Write::default(), change).await {
        Ok(_) | Err(Failure::NotFound { .. }) => Ok(()),
        Err(failure) => Err(failure),
    }
}
