//! What a delete does to an object.

use crate::{Cause, Failure, Object, Resource, go};
use serde_json::{Value, json};

/// The options of a delete, from its body or its query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `propagationPolicy`; with the long outdated `orphanDependents` folded into it. Default: background.
    pub propagation: Option<Propagation>,
    /// `preconditions.uid`.
    pub uid: Option<String>,
    /// `preconditions.resourceVersion`.
    pub resource_version: Option<String>,
    /// `dryRun`.
    pub dry_run: bool,
}

/// What becomes of the objects that an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They are deleted first: the object stays, held by a finalizer.
    Foreground,
    /// They lose their owner: the object stays until that is done, held by a finalizer.
    Orphan,
}

/// What a delete does.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing holds it: it goes now.
    Remove,
    /// It is marked, and goes with its last finalizer. This is the marked object, to be stored.
    Mark(Object),
    /// It is marked already.
    Unchanged,
}

/// Holds a custom resource definition until all its objects are gone.
pub const CRD_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";
const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

impl Options {
    /// Reads `DeleteOptions`, the members of its body (query parameters given as members).
    ///
    /// # Errors
    /// [`Failure::Invalid`] of `DeleteOptions`.
    pub fn read(body: &Value) -> Result<Options, Failure> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let preconditions = body.get("preconditions");
        let orphan = body.get("orphanDependents").and_then(Value::as_bool);
        let policy = body.get("propagationPolicy").and_then(Value::as_str);
        let mut causes = Vec::new();
        if let (Some(word), Some(_)) = (policy, orphan) {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            causes.push(Cause::invalid("propagationPolicy", &word.into(), why));
        }
        let propagation = match (policy, orphan) {
            (Some("Background"), _) => Some(Propagation::Background),
            (Some("Foreground"), _) => Some(Propagation::Foreground),
            (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
            (None, Some(false)) => Some(Propagation::Background),
            (None, None) => None,
            (Some(other), _) => {
                let offered = ["Foreground", "Background", "Orphan", "nil"];
                causes.push(Cause::not_supported("propagationPolicy", &other.into(), &offered));
                None
            }
        };
        let dry_run: Vec<&str> = body
            .get("dryRun")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        causes.extend(crate::options::dry_run(&dry_run));
        if !causes.is_empty() {
            return Err(Failure::invalid_options("DeleteOptions", causes));
        }
        Ok(Options {
            propagation,
            uid: text(preconditions.and_then(|p| p.get("uid"))),
            resource_version: text(preconditions.and_then(|p| p.get("resourceVersion"))),
            dry_run: !dry_run.is_empty(),
        })
    }

    /// Whether the preconditions hold; `revision` is the object's resourceVersion.
    ///
    /// # Errors
    /// [`Failure::Conflict`], of `Kind.group`.
    pub fn check(&self, resource: &Resource, object: &Object, revision: &str) -> Result<(), Failure> {
        let conflict = |what: &str, asked: &str, found: &str, tail: &str| Failure::Conflict {
            resource: resource.qualified_kind(),
            name: object.name().to_owned(),
            why: format!(
                "the {what} in the precondition ({asked}) does not match the {what} in record ({found}). The object might have been {tail}"
            ),
        };
        match (&self.uid, &self.resource_version) {
            (Some(uid), _) if uid != object.uid() => {
                Err(conflict("UID", uid, object.uid(), "deleted and then recreated"))
            }
            (_, Some(version)) if version != revision => {
                Err(conflict("ResourceVersion", version, revision, "modified"))
            }
            _ => Ok(()),
        }
    }
}

/// What a delete of `object` does at `now` (RFC 3339, seconds). A namespace and a CRD get what holds them until their content is gone.
///
/// # Errors
/// [`Failure::Forbidden`] for the namespaces that always exist.
pub fn decide(
    resource: &Resource,
    object: &Object,
    options: &Options,
    now: &str,
) -> Result<Decision, Failure> {
    if resource.is("", "namespaces") && matches!(object.name(), "default" | "kube-system" | "kube-public") {
        return Err(Failure::forbidden(resource, object.name(), "this namespace may not be deleted"));
    }
    let mut finalizers: Vec<&str> = object.finalizers();
    match options.propagation {
        Some(Propagation::Foreground) => {
            finalizers.retain(|f| *f != ORPHAN);
            add(&mut finalizers, FOREGROUND);
        }
        Some(Propagation::Orphan) => {
            finalizers.retain(|f| *f != FOREGROUND);
            add(&mut finalizers, ORPHAN);
        }
        Some(Propagation::Background) => finalizers.retain(|f| !matches!(*f, ORPHAN | FOREGROUND)),
        None => {}
    }
    let crd = resource.is("apiextensions.k8s.io", "customresourcedefinitions");
    if crd && !object.is_terminating() {
        add(&mut finalizers, CRD_FINALIZER);
    }
    let held = resource.is("", "namespaces") && !object.texts(&["spec", "finalizers"]).is_empty();
    if finalizers.is_empty() && !held {
        return Ok(Decision::Remove);
    }
    let mut marked = object.clone();
    let names: Value = finalizers.iter().copied().collect();
    set_finalizers(&mut marked, names);
    if !object.is_terminating() {
        mark(resource, &mut marked, now);
    }
    Ok(if marked == *object { Decision::Unchanged } else { Decision::Mark(marked) })
}

/// Whether a written object that is being deleted goes with this write: nothing holds it any more.
pub fn is_released(resource: &Resource, object: &Object) -> bool {
    let held = resource.is("", "namespaces") && !object.texts(&["spec", "finalizers"]).is_empty();
    object.is_terminating() && object.finalizers().is_empty() && !held
}

fn add<'a>(finalizers: &mut Vec<&'a str>, name: &'a str) {
    if !finalizers.contains(&name) {
        finalizers.push(name);
    }
}

fn set_finalizers(object: &mut Object, names: Value) {
    let metadata = object.metadata_mut();
    match names.as_array().is_some_and(|list| !list.is_empty()) {
        true => drop(metadata.insert("finalizers".to_owned(), names)),
        false => drop(metadata.remove("finalizers")),
    }
}

fn mark(resource: &Resource, object: &mut Object, now: &str) {
    let generation = object.generation();
    let metadata = object.metadata_mut();
    metadata.insert("deletionTimestamp".to_owned(), now.into());
    if resource.is("", "namespaces") {
        object.member_mut("status").insert("phase".to_owned(), "Terminating".into());
        return;
    }
    if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
        crate::crd::set_condition(object, now, crate::crd::terminating_condition());
        return;
    }
    metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(0));
    if generation > 0 {
        metadata.insert("generation".to_owned(), json!(generation + 1));
    }
}

/// The finalizers of `after` that `before` has not, as `%#v` of a Go slice prints them.
pub(crate) fn new_finalizers(before: &Object, after: &Object) -> Option<String> {
    let known = before.finalizers();
    let mut new: Vec<String> =
        after.finalizers().iter().filter(|f| !known.contains(f)).map(|f| go::quote(f)).collect();
    new.sort();
    (!new.is_empty()).then(|| format!("[]string{{{}}}", new.join(", ")))
}
