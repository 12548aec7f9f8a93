//! CRDs: their conditions, and the objects of those that are being deleted.

use super::own;
use crate::keys;
use crate::listing;
use crate::registry::{self, Definition, Kind, Place};
use crate::shared::Shared;
use crate::verbs::{Part, Subject, delete, delete_collection::PARALLEL};
use crate::write::{self, Draft, Proposal};
use futures::TryStreamExt;
use rdd_machinery::deletion::{self, CRD_FINALIZER};
use rdd_machinery::{Failure, Object, crd, options};
use rdd_store::{At, Entry, Page, Prefix};
use serde_json::{Value, json};
use std::sync::Arc;

const GROUP: &str = "apiextensions.k8s.io";
const PLURAL: &str = "customresourcedefinitions";

/// Gives every CRD the status that it should have, and serves the kinds accordingly.
pub(crate) async fn settle(shared: &Arc<Shared>) -> Result<(), Failure> {
    // One status can change what another should be (names that become free), so each step starts from what is there. Every step
    // makes one CRD right; the bound only keeps a fault in the rules from turning for ever.
    for _ in 0..1000 {
        let definitions = read(shared).await?;
        let now = shared.now();
        let next = definitions.iter().enumerate().find_map(|(index, definition)| {
            let others: Vec<Object> = definitions
                .iter()
                .enumerate()
                .filter(|(i, _)| *i != index)
                .map(|(_, other)| other.clone())
                .collect();
            Some((definition.name().to_owned(), crd::next_status(definition, &others, &now)?))
        });
        let Some((name, status)) = next else { break };
        write_status(shared, &name, &status).await?;
    }
    shared.registry.rebuild(&shared.store).await.map_err(listing::failed)
}

async fn read(shared: &Arc<Shared>) -> Result<Vec<Object>, Failure> {
    let listing = shared.store.list(&keys::definitions(), At::Latest, Page::default()).await;
    let listing = listing.map_err(listing::failed)?;
    Ok(listing.entries.iter().filter_map(|entry| registry::object(&entry.value)).collect())
}

async fn write_status(shared: &Arc<Shared>, name: &str, status: &Value) -> Result<(), Failure> {
    let subject = Subject { part: Part::Status, ..own(shared, GROUP, PLURAL, name)? };
    let change = |old: Option<&Object>| {
        let mut object = old.cloned().ok_or_else(|| Failure::not_found(&subject.kind.resource, name))?;
        object.0.insert("status".into(), status.clone());
        Ok(Proposal::Update(Draft { object, duplicates: Vec::new() }))
    };
    match write::apply(shared, &subject, &options::Write::default(), change).await {
        Ok(_) | Err(Failure::NotFound { .. }) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Deletes the objects of a CRD that is being deleted, and lets it go when none is left.
pub(super) async fn finish(shared: &Arc<Shared>, name: &str) -> Result<(), Failure> {
    let entry = shared.store.get(&keys::definition(name)).await.map_err(listing::failed)?;
    let Some(entry) = entry else { return Ok(()) };
    let definition = registry::object(&entry.value).unwrap_or_default();
    if !definition.is_terminating() || !definition.finalizers().contains(&CRD_FINALIZER) {
        return Ok(());
    }
    let text = |path: &[&str]| definition.text(path).unwrap_or_default().to_owned();
    let place = Place { group: text(&["spec", "group"]), plural: text(&["spec", "names", "plural"]) };
    let left = empty(shared, &place, None, || kind(&entry, &definition)).await?;
    if left > 0 {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let mut deleting = definition.clone();
        crd::set_condition(&mut deleting, &shared.now(), crd::deleting_condition(left));
        let status = deleting.0.remove("status").unwrap_or_default();
        return write_status(shared, name, &status).await;
    }
    let subject = own(shared, GROUP, PLURAL, name)?;
    let change = |old: Option<&Object>| {
        let old = old.ok_or_else(|| Failure::not_found(&subject.kind.resource, name))?;
        let mut object = old.clone();
        let kept: Vec<&str> = old.finalizers().into_iter().filter(|name| *name != CRD_FINALIZER).collect();
        object.metadata_mut().insert("finalizers".into(), json!(kept));
        Ok(Proposal::Update(Draft { object, duplicates: Vec::new() }))
    };
    match write::write(shared, &subject, &options::Write::default(), change).await {
        Ok(_) | Err(Failure::NotFound { .. }) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// A kind to delete the objects of a CRD with, also when it serves none.
fn kind(entry: &Entry, definition: &Object) -> Option<Arc<Kind>> {
    let mut served = definition.clone();
    let versions = served.member_mut("spec").get_mut("versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        version["served"] = json!(true);
    }
    crd::set_condition(&mut served, "", json!({"type": "Established", "status": "True"}));
    let resources = crd::resources(&served);
    let resource = resources.iter().find(|resource| resource.storage).or(resources.first())?.clone();
    let definition = Some(Definition::of(entry, definition, None));
    Some(Arc::new(Kind { resource, storage: None, definition }))
}

/// Deletes all objects of a place, in one namespace or in all, and returns how many are still there: held by finalizers.
pub(super) async fn empty(
    shared: &Arc<Shared>,
    place: &Place,
    namespace: Option<&str>,
    kind: impl FnOnce() -> Option<Arc<Kind>>,
) -> Result<u64, Failure> {
    let prefix = keys::prefix(&place.group, &place.plural, namespace);
    let entries = list(shared, &prefix).await?;
    if entries.is_empty() {
        return Ok(0);
    }
    let served = shared.registry.current().at(place).cloned();
    let Some(kind) = served.or_else(kind) else { return Ok(entries.len() as u64) };
    let free =
        entries.iter().filter(|entry| registry::object(&entry.value).is_some_and(|o| !o.is_terminating()));
    let subjects: Vec<Subject> = free
        .filter_map(|entry| keys::parts(&entry.key))
        .map(|parts| Subject {
            kind: kind.clone(),
            namespace: parts.namespace.to_owned(),
            name: parts.name.to_owned(),
            part: Part::Main,
        })
        .collect();
    let options = deletion::Options::default();
    futures::stream::iter(subjects.iter().map(Ok))
        .try_for_each_concurrent(PARALLEL, |subject| {
            let options = &options;
            async move {
                match delete::remove(shared, subject, options).await {
                    Ok(_) | Err(Failure::NotFound { .. }) => Ok(()),
                    Err(failure) => Err(failure),
                }
            }
        })
        .await?;
    Ok(list(shared, &prefix).await?.len() as u64)
}

/// All entries below a prefix.
pub(super) async fn list(shared: &Arc<Shared>, prefix: &Prefix) -> Result<Vec<Entry>, Failure> {
    let listing = shared.store.list(prefix, At::Latest, Page::default()).await;
    Ok(listing.map_err(listing::failed)?.entries)
}
