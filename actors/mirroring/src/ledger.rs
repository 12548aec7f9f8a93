//! What is known of each mirror in the API: our own writes, and what lists and watches told since.
//!
//! With it an unchanged object costs no API call, a changed one costs one write and no read, and the echo of our own write wakes
//! nobody. Correctness never depends on it: every write states uid and resourceVersion, and a refused one forgets the entry.

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Slot;
use kube::core::{ObjectMeta, Resource};
use parking_lot::Mutex;
use rdd_resources::Container;
use rdd_resources::container::ContainerStatus;
use std::sync::Arc;

/// One mirror, at one version.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) uid: String,
    pub(crate) version: String,
    pub(crate) status: Option<Arc<ContainerStatus>>,
    /// It carries our annotations and finalizer.
    pub(crate) proper: bool,
    /// It is being deleted.
    pub(crate) deleting: bool,
}

#[derive(Debug)]
enum Known {
    /// Being made by us.
    Making,
    /// It is there; with the status that we are about to write, if any.
    Here(Entry, Option<Arc<ContainerStatus>>),
    /// We deleted it; its last echo is still to come.
    Removed { uid: String },
}

/// What a watch event means for the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Our own write, or older than what is known.
    Echo,
    /// Somebody else's change to what is not ours: labels, other annotations.
    Foreign,
    /// Somebody changed what the writer stands for: look at the object again.
    Ours,
}

/// The ledger of one attachment, by mirror name.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    known: DashMap<String, Known>,
    /// The latest version that a watch or a list has told of.
    told: Mutex<String>,
}

impl Entry {
    /// An object as the API showed it.
    pub(crate) fn of(object: &Container, mark: &str) -> Entry {
        let meta = object.meta();
        let name = meta.name.as_deref().unwrap_or_default();
        Entry {
            uid: meta.uid.clone().unwrap_or_default(),
            version: meta.resource_version.clone().unwrap_or_default(),
            status: object.status.clone().map(Arc::new),
            proper: crate::mirror::proper(meta, name, mark),
            deleting: crate::mirror::deleting(meta),
        }
    }

    /// The metadata that a conditional write states.
    pub(crate) fn precondition(&self, namespace: &str, name: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            uid: Some(self.uid.clone()),
            resource_version: Some(self.version.clone()),
            ..ObjectMeta::default()
        }
    }
}

impl Ledger {
    /// What is known of a mirror.
    pub(crate) fn known(&self, name: &str) -> Option<Entry> {
        match self.known.get(name).as_deref() {
            Some(Known::Here(entry, _)) => Some(entry.clone()),
            _ => None,
        }
    }

    /// Records what a write or a fresh read answered.
    pub(crate) fn record(&self, name: &str, entry: Entry) {
        match self.known.entry(name.to_owned()) {
            // What was told of and is not known is gone: an answer that comes after its end must not bring it back.
            Slot::Vacant(_) if !newer(&entry.version, &self.told.lock()) => {}
            Slot::Vacant(slot) => drop(slot.insert(Known::Here(entry, None))),
            Slot::Occupied(mut slot) => {
                // The watch may have been faster with a later version.
                let stale = matches!(slot.get(), Known::Here(k, _) if k.uid == entry.uid && !newer(&entry.version, &k.version));
                if !stale {
                    slot.insert(Known::Here(entry, None));
                }
            }
        }
    }

    /// Records that we are about to make a mirror: its echo may come before the answer.
    pub(crate) fn making(&self, name: &str) {
        self.known.insert(name.to_owned(), Known::Making);
    }

    /// Records the status that we are about to write: its echo may come before the answer.
    pub(crate) fn expect(&self, name: &str, status: &Arc<ContainerStatus>) {
        if let Some(Known::Here(_, expected)) = self.known.get_mut(name).as_deref_mut() {
            *expected = Some(status.clone());
        }
    }

    /// Forgets a mirror: the next write reads first.
    pub(crate) fn forget(&self, name: &str) {
        self.known.remove(name);
    }

    /// Records that we are about to delete a mirror.
    pub(crate) fn removing(&self, name: &str, uid: &str) {
        self.known.insert(name.to_owned(), Known::Removed { uid: uid.to_owned() });
    }

    /// Takes in a watch event of an object that is there.
    pub(crate) fn observe(&self, name: &str, entry: Entry) -> Seen {
        self.tell(&entry.version);
        match self.known.entry(name.to_owned()) {
            Slot::Vacant(slot) => {
                slot.insert(Known::Here(entry, None));
                Seen::Ours
            }
            Slot::Occupied(mut slot) => {
                let seen = match slot.get() {
                    Known::Making => Seen::Echo,
                    Known::Removed { uid } if *uid == entry.uid => return Seen::Echo,
                    Known::Here(known, expected) if known.uid == entry.uid => {
                        if !newer(&entry.version, &known.version) {
                            return Seen::Echo;
                        }
                        let ours = expected.is_some() && *expected == entry.status && entry.proper;
                        let same = same_but_for_action(known.status.as_deref(), entry.status.as_deref());
                        match (ours, same && (entry.proper || entry.deleting)) {
                            (true, _) => Seen::Echo,
                            (_, true) => Seen::Foreign,
                            _ => Seen::Ours,
                        }
                    }
                    // Another object under this name: an event of an older one comes no more, watches are ordered.
                    Known::Here(known, _) if !newer(&entry.version, &known.version) => return Seen::Echo,
                    _ => Seen::Ours,
                };
                slot.insert(Known::Here(entry, None));
                seen
            }
        }
    }

    /// Remembers the latest version that was told of.
    fn tell(&self, version: &str) {
        let mut told = self.told.lock();
        if version.is_empty() {
            return;
        }
        if told.is_empty() || newer(version, &told) {
            version.clone_into(&mut told);
        }
    }

    /// Takes in a watch event of an object that is gone, at the version of its end. Whether the writer must look.
    pub(crate) fn gone(&self, name: &str, uid: &str, version: &str) -> bool {
        self.tell(version);
        match self.known.entry(name.to_owned()) {
            Slot::Vacant(_) => true,
            Slot::Occupied(slot) => {
                let (same, ours) = match slot.get() {
                    Known::Removed { uid: known } => (known == uid, true),
                    Known::Here(known, _) => (known.uid == uid, false),
                    Known::Making => (false, true),
                };
                if same {
                    slot.remove();
                }
                same && !ours
            }
        }
    }

    /// Takes in a whole list at its version; answers the names that were known and are not in it.
    pub(crate) fn refresh(&self, version: &str, list: Vec<(String, Entry)>) -> Vec<String> {
        self.tell(version);
        let names: std::collections::HashSet<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
        let mut missing = Vec::new();
        self.known.retain(|name, known| match known {
            Known::Here(entry, _) if !names.contains(name.as_str()) && !newer(&entry.version, version) => {
                missing.push(name.clone());
                false
            }
            Known::Removed { .. } => names.contains(name.as_str()),
            Known::Here(..) | Known::Making => true,
        });
        for (name, entry) in list {
            self.observe(&name, entry);
        }
        missing.sort();
        missing
    }

    /// How many mirrors are known.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

/// Whether a version is later than another. Versions are numbers wherever we have met them; where they are not, another text counts
/// as later, which costs a read and no more.
fn newer(one: &str, other: &str) -> bool {
    match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one > other,
        _ => one != other,
    }
}

fn same_but_for_action(one: Option<&ContainerStatus>, other: Option<&ContainerStatus>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            let mut one = one.clone();
            one.last_action.clone_from(&other.last_action);
            one == *other
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(uid: &str, version: &str, name: &str) -> Entry {
        let status = ContainerStatus { name: name.into(), ..ContainerStatus::default() };
        Entry {
            uid: uid.into(),
            version: version.into(),
            status: Some(Arc::new(status)),
            proper: true,
            deleting: false,
        }
    }

    #[test]
    fn our_own_write_is_an_echo() {
        let ledger = Ledger::default();
        ledger.record("a", entry("u", "5", "web"));
        assert_eq!(ledger.observe("a", entry("u", "5", "web")), Seen::Echo);
        assert_eq!(ledger.observe("a", entry("u", "4", "old")), Seen::Echo);
        assert_eq!(ledger.known("a").unwrap().version, "5");
    }

    #[test]
    fn the_echo_of_a_write_may_come_before_its_answer() {
        let ledger = Ledger::default();
        ledger.making("a");
        assert_eq!(ledger.observe("a", Entry { status: None, ..entry("u", "5", "") }), Seen::Echo);
        let next = entry("u", "6", "web");
        ledger.expect("a", next.status.as_ref().unwrap());
        assert_eq!(ledger.observe("a", next.clone()), Seen::Echo);
        assert_eq!(ledger.observe("a", entry("u", "7", "forged")), Seen::Ours);
        ledger.record("a", next);
        assert_eq!(ledger.known("a").unwrap().version, "7");
    }

    #[test]
    fn a_users_label_wakes_nobody_and_a_users_status_does() {
        let ledger = Ledger::default();
        ledger.record("a", entry("u", "5", "web"));
        assert_eq!(ledger.observe("a", entry("u", "6", "web")), Seen::Foreign);
        assert_eq!(ledger.observe("a", entry("u", "7", "forged")), Seen::Ours);
        // R14: the finalizer was edited away
        assert_eq!(ledger.observe("a", Entry { proper: false, ..entry("u", "8", "forged") }), Seen::Ours);
        let going = Entry { proper: false, deleting: true, ..entry("u", "9", "forged") };
        assert_eq!(ledger.observe("a", going), Seen::Foreign);
    }

    #[test]
    fn a_mirror_that_somebody_else_removed_is_looked_at() {
        let ledger = Ledger::default();
        ledger.record("a", entry("u", "5", "web"));
        assert!(ledger.gone("a", "u", "6"));
        ledger.record("b", entry("v", "6", "web"));
        ledger.removing("b", "v");
        assert_eq!(ledger.observe("b", entry("v", "7", "web")), Seen::Echo);
        assert!(!ledger.gone("b", "v", "8"));
        // the same name, made anew meanwhile: the old one's end says nothing of it
        ledger.record("c", entry("new", "9", "web"));
        assert!(!ledger.gone("c", "old", "9"));
        assert!(ledger.known("c").is_some());
    }

    #[test]
    fn an_answer_that_comes_after_the_end_does_not_bring_a_mirror_back() {
        let ledger = Ledger::default();
        ledger.record("a", entry("u", "5", "web"));
        assert!(ledger.gone("a", "u", "7"));
        ledger.record("a", entry("u", "6", "web"));
        assert!(ledger.known("a").is_none(), "the writer would take it for written");
        // nor after a list that does not have it
        ledger.record("b", entry("v", "8", "web"));
        assert_eq!(ledger.refresh("10", Vec::new()), ["b"]);
        ledger.record("b", entry("v", "9", "web"));
        assert!(ledger.known("b").is_none());
        ledger.record("b", entry("w", "11", "web"));
        assert!(ledger.known("b").is_some());
    }

    #[test]
    fn a_list_forgets_what_is_gone_and_keeps_what_is_newer_than_it() {
        let ledger = Ledger::default();
        ledger.record("old", entry("1", "5", "a"));
        ledger.record("new", entry("2", "12", "b"));
        ledger.record("kept", entry("3", "6", "c"));
        let missing = ledger.refresh("10", vec![("kept".into(), entry("3", "8", "d"))]);
        assert_eq!(missing, ["old"]);
        assert!(ledger.known("new").is_some());
        assert_eq!(ledger.known("kept").unwrap().version, "8");
    }

    #[test]
    fn a_late_answer_does_not_hide_a_newer_version() {
        let ledger = Ledger::default();
        ledger.record("a", entry("u", "5", "web"));
        ledger.observe("a", entry("u", "7", "web"));
        ledger.record("a", entry("u", "6", "web"));
        assert_eq!(ledger.known("a").unwrap().version, "7");
    }
}
