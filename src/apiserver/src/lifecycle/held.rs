//! Objects that were deleted with `propagationPolicy` `Foreground` or `Orphan`.
//!
//! Both hold the object with a finalizer until a garbage collector has seen to its dependents. There is none here, and nothing to see to, so
//! the finalizers are released at once.

use crate::keys;
use crate::shared::Shared;
use crate::verbs::{Part, Subject};
use crate::write::{self, Draft, Proposal};
use rdd_machinery::{Failure, Object, options};
use rdd_store::Key;
use serde_json::json;
use std::sync::Arc;

const FINALIZERS: [&str; 2] = ["foregroundDeletion", "orphan"];

/// Whether the text of a `metadata` looks so. It may look so and not be so; looking closer costs little.
pub(super) fn is_held(metadata: &[u8]) -> bool {
    let has = |text: &str| metadata.windows(text.len()).any(|window| window == text.as_bytes());
    has("\"deletionTimestamp\":") && FINALIZERS.iter().any(|name| has(&format!("\"{name}\"")))
}

/// Releases the collector's finalizers of an object that is being deleted.
pub(super) async fn release(shared: &Arc<Shared>, key: &Key) -> Result<(), Failure> {
    let Some(parts) = keys::parts(key) else { return Ok(()) };
    let registry = shared.registry.current();
    // A kind that is not served can not be written; its objects are looked at again when they change.
    let Some(kind) = registry.own(parts.group, parts.plural) else { return Ok(()) };
    let subject = Subject {
        kind: kind.clone(),
        namespace: parts.namespace.to_owned(),
        name: parts.name.to_owned(),
        part: Part::Main,
    };
    let change = |old: Option<&Object>| {
        let old = old.ok_or_else(|| Failure::not_found(&kind.resource, parts.name))?;
        let mut object = old.clone();
        if old.is_terminating() {
            let kept: Vec<&str> =
                old.finalizers().into_iter().filter(|name| !FINALIZERS.contains(name)).collect();
            object.metadata_mut().insert("finalizers".into(), json!(kept));
        }
        Ok(Proposal::Update(Draft { object, duplicates: Vec::new() }))
    };
    match write::write(shared, &subject, &options::Write::default(), change).await {
        Ok(_) | Err(Failure::NotFound { .. }) => Ok(()),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_being_deleted_is_held() {
        assert!(is_held(br#"{"deletionTimestamp":"2026","finalizers":["orphan"]}"#));
        assert!(!is_held(br#"{"finalizers":["orphan"]}"#));
        assert!(!is_held(br#"{"deletionTimestamp":"2026","finalizers":["x.test/orphan"]}"#));
    }
}
