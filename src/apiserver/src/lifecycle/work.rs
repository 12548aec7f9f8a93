//! What is to be looked at.

use super::{PAUSE, definitions, held, namespaces};
use crate::keys;
use crate::registry::{self, Place};
use crate::shared::Shared;
use crate::splice;
use bytes::Bytes;
use rdd_machinery::{Failure, Object};
use rdd_store::Key;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What is being deleted, and what of it changed since it was looked at.
#[derive(Default)]
pub(super) struct Work {
    /// Namespaces that are being deleted.
    namespaces: BTreeSet<String>,
    /// CRDs that are being deleted, by where their objects lie.
    definitions: BTreeMap<Place, String>,
    due: BTreeSet<Due>,
    /// How long the next retry waits.
    pause: Duration,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The conditions of all CRDs.
    Conditions,
    /// An object that only the garbage collector's finalizers hold.
    Held(Key),
    /// A CRD that is being deleted.
    Definition(String),
    /// A namespace that is being deleted.
    Namespace(String),
}

impl Work {
    /// Notes that something is there now, or gone.
    pub(super) fn note(&mut self, key: &Key, value: Option<&Bytes>) {
        let Some(parts) = keys::parts(key) else { return };
        match (parts.group, parts.plural) {
            ("", "namespaces") => {
                let terminating =
                    value.and_then(|value| registry::object(value)).is_some_and(|o| o.is_terminating());
                if terminating {
                    self.namespaces.insert(parts.name.to_owned());
                    self.due.insert(Due::Namespace(parts.name.to_owned()));
                } else {
                    self.namespaces.remove(parts.name);
                }
            }
            ("apiextensions.k8s.io", "customresourcedefinitions") => {
                self.note_definition(parts.name, value.and_then(|value| registry::object(value)).as_ref());
            }
            _ => {
                if self.namespaces.contains(parts.namespace) {
                    self.due.insert(Due::Namespace(parts.namespace.to_owned()));
                }
                let place = Place { group: parts.group.to_owned(), plural: parts.plural.to_owned() };
                if let Some(name) = self.definitions.get(&place) {
                    self.due.insert(Due::Definition(name.clone()));
                }
            }
        }
        if value.is_some_and(|value| held::is_held(splice::metadata(value))) {
            self.due.insert(Due::Held(key.clone()));
        }
    }

    fn note_definition(&mut self, name: &str, object: Option<&Object>) {
        self.due.insert(Due::Conditions);
        self.definitions.retain(|_, known| known != name);
        let Some(object) = object.filter(|object| object.is_terminating()) else { return };
        let text = |path: &[&str]| object.text(path).unwrap_or_default().to_owned();
        let place = Place { group: text(&["spec", "group"]), plural: text(&["spec", "names", "plural"]) };
        self.definitions.insert(place, name.to_owned());
        self.due.insert(Due::Definition(name.to_owned()));
    }

    /// Looks at everything that is due. Returns when to look again at what failed.
    pub(super) async fn advance(&mut self, shared: &Arc<Shared>) -> Option<Instant> {
        for due in std::mem::take(&mut self.due) {
            if let Err(failure) = due.look(shared).await {
                tracing::warn!(failure = ?failure, lifecycle.due = ?due, "something could not be finished");
                self.due.insert(due);
            }
        }
        if self.due.is_empty() {
            self.pause = PAUSE.0;
            return None;
        }
        let at = Instant::now() + self.pause.max(PAUSE.0);
        self.pause = (self.pause.max(PAUSE.0) * 2).min(PAUSE.1);
        Some(at)
    }
}

impl Due {
    async fn look(&self, shared: &Arc<Shared>) -> Result<(), Failure> {
        match self {
            Due::Conditions => definitions::settle(shared).await,
            Due::Definition(name) => definitions::finish(shared, name).await,
            Due::Namespace(name) => namespaces::finish(shared, name).await,
            Due::Held(key) => held::release(shared, key).await,
        }
    }
}
