//! The life of a namespace: finalizers, phase, and what its conditions say while it goes.

use crate::{Object, crd};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Holds a namespace until its content is gone; every new one has it in `spec.finalizers`.
pub const FINALIZER: &str = "kubernetes";
/// The label by which a namespace can be selected by name.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// What is left in a namespace that is being deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remaining {
    /// How many objects of each kind ([`crate::Resource::qualified`]).
    pub objects: BTreeMap<String, usize>,
    /// How many of them each finalizer holds.
    pub finalizers: BTreeMap<String, usize>,
}

impl Remaining {
    /// Counts one object.
    pub fn add(&mut self, resource: &str, object: &Object) {
        *self.objects.entry(resource.to_owned()).or_default() += 1;
        for finalizer in object.finalizers() {
            *self.finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// The namespace with the conditions that tell what is left in it; times of conditions that stay are kept.
pub fn with_conditions(namespace: &Object, remaining: &Remaining, now: &str) -> Object {
    let mut next = namespace.clone();
    for (kind, yes, reason, message) in conditions(remaining) {
        let status = if yes { "True" } else { "False" };
        crd::set_condition(
            &mut next,
            now,
            json!({"type": kind, "status": status, "reason": reason, "message": message}),
        );
    }
    next
}

fn conditions(remaining: &Remaining) -> [(&'static str, bool, &'static str, String); 5] {
    let objects: Vec<String> = remaining
        .objects
        .iter()
        .map(|(kind, count)| format!("{kind} has {count} resource instances"))
        .collect();
    let finalizers: Vec<String> = remaining
        .finalizers
        .iter()
        .map(|(name, count)| format!("{name} in {count} resource instances"))
        .collect();
    let discovered = "All resources successfully discovered".to_owned();
    let parsed = "All legacy kube types successfully parsed".to_owned();
    let deleted = "All content successfully deleted, may be waiting on finalization".to_owned();
    let content = match objects.is_empty() {
        true => (
            "NamespaceContentRemaining",
            false,
            "ContentRemoved",
            "All content successfully removed".to_owned(),
        ),
        false => {
            let text = format!("Some resources are remaining: {}", objects.join(", "));
            ("NamespaceContentRemaining", true, "SomeResourcesRemain", text)
        }
    };
    let holding = match finalizers.is_empty() {
        true => {
            let text = "All content-preserving finalizers finished".to_owned();
            ("NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers", text)
        }
        false => {
            let text =
                format!("Some content in the namespace has finalizers remaining: {}", finalizers.join(", "));
            ("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", text)
        }
    };
    [
        ("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", discovered),
        ("NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions", parsed),
        ("NamespaceDeletionContentFailure", false, "ContentDeleted", deleted),
        content,
        holding,
    ]
}

/// The namespace with the finalizers of `asked`, which the `finalize` sub-resource writes and nothing else.
pub fn finalized(namespace: &Object, asked: &Object) -> Object {
    let mut next = namespace.clone();
    set_finalizers(&mut next, asked.texts(&["spec", "finalizers"]));
    next
}

/// The namespace whose content is gone: without [`FINALIZER`].
pub fn emptied(namespace: &Object) -> Object {
    let left: Vec<&str> =
        namespace.texts(&["spec", "finalizers"]).into_iter().filter(|f| *f != FINALIZER).collect();
    let mut next = namespace.clone();
    set_finalizers(&mut next, left);
    next
}

fn set_finalizers(namespace: &mut Object, finalizers: Vec<&str>) {
    let names: Value = finalizers.iter().copied().collect();
    let spec = namespace.member_mut("spec");
    match finalizers.is_empty() {
        true => drop(spec.remove("finalizers")),
        false => drop(spec.insert("finalizers".to_owned(), names)),
    }
}
