//! Entries written or read lately, so that a read-modify-write finds its entry without a thread and a query.
//!
//! # Guarantees
//! [`Recent::look`] never answers with a state older than a published revision: the writer records each committed change before it is
//! published, and what a reader learns is kept only when no later change of its key can have been forgotten.

use crate::{Change, Entry, Key, Revision};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many bytes are kept; what came first goes first.
const LIMIT: usize = 2 << 20;
/// What an entry costs besides its key and value, roughly.
const OVERHEAD: usize = 160;

/// The entries.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<Key, Known>,
    order: VecDeque<(Key, Revision)>,
    bytes: usize,
    /// No change after this one was forgotten.
    forgotten: Revision,
}

/// The state of a key since a revision; `entry` is `None` after a delete.
#[derive(Debug)]
struct Known {
    since: Revision,
    entry: Option<Entry>,
}

impl Recent {
    /// The state of a key, if it is known and published. `Some(None)`: there is no entry.
    pub(crate) fn look(&self, key: &Key, published: Revision) -> Option<Option<Entry>> {
        let inner = self.inner.lock();
        let known = inner.known.get(key).filter(|known| known.since <= published)?;
        Some(known.entry.clone())
    }

    /// Takes in committed changes, each with the revision that created its entry. Called before they are published.
    pub(crate) fn record(&self, changes: &[Arc<Change>], created: &[Revision]) {
        let mut inner = self.inner.lock();
        for (change, created) in changes.iter().zip(created) {
            let entry = change.next.clone().map(|value| Entry {
                key: change.key.clone(),
                value,
                created: *created,
                modified: change.revision,
            });
            inner.keep(change.key.clone(), Known { since: change.revision, entry });
        }
    }

    /// Takes in what was read. `published` is the present from before the read.
    pub(crate) fn learn(&self, entry: &Entry, published: Revision) {
        let mut inner = self.inner.lock();
        if inner.forgotten <= published && !inner.known.contains_key(&entry.key) {
            inner.keep(entry.key.clone(), Known { since: entry.modified, entry: Some(entry.clone()) });
        }
    }
}

impl Inner {
    fn keep(&mut self, key: Key, known: Known) {
        self.bytes += known.cost(&key);
        self.order.push_back((key.clone(), known.since));
        if let Some(before) = self.known.insert(key.clone(), known) {
            self.bytes -= before.cost(&key);
        }
        while self.bytes > LIMIT || self.order.len() > LIMIT / OVERHEAD {
            let Some((key, since)) = self.order.pop_front() else { break };
            // A later change of the key stands further back in the order.
            if self.known.get(&key).is_some_and(|known| known.since == since)
                && let Some(gone) = self.known.remove(&key)
            {
                self.bytes -= gone.cost(&key);
                self.forgotten = self.forgotten.max(since);
            }
        }
    }
}

impl Known {
    fn cost(&self, key: &Key) -> usize {
        OVERHEAD + key.as_str().len() + self.entry.as_ref().map_or(0, |entry| entry.value.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn change(key: &str, revision: u64, value: Option<usize>) -> Arc<Change> {
        let next = value.map(|length| Bytes::from(vec![b'x'; length]));
        Arc::new(Change { revision: Revision(revision), key: Key::new(key), previous: None, next })
    }
    fn record(recent: &Recent, key: &str, revision: u64, value: Option<usize>) {
        recent.record(&[change(key, revision, value)], &[Revision(1)]);
    }
    fn entry(key: &str, modified: u64) -> Entry {
        let (created, modified) = (Revision(1), Revision(modified));
        Entry { key: Key::new(key), value: Bytes::from_static(b"old"), created, modified }
    }

    #[test]
    fn the_last_change_is_known_also_when_it_is_a_delete() {
        let recent = Recent::default();
        record(&recent, "a", 5, Some(3));
        let found = recent.look(&Key::new("a"), Revision(5)).flatten().unwrap();
        assert_eq!((found.modified, found.created, found.value.len()), (Revision(5), Revision(1), 3));
        record(&recent, "a", 6, None);
        assert_eq!(recent.look(&Key::new("a"), Revision(6)), Some(None));
        assert_eq!(recent.look(&Key::new("b"), Revision(6)), None);
    }

    #[test]
    fn what_is_not_published_yet_is_not_told() {
        let recent = Recent::default();
        record(&recent, "a", 5, Some(3));
        assert_eq!(recent.look(&Key::new("a"), Revision(4)), None);
    }

    #[test]
    fn a_late_reader_does_not_bring_back_an_old_state() {
        let recent = Recent::default();
        record(&recent, "a", 9, None);
        recent.learn(&entry("a", 4), Revision(8));
        assert_eq!(recent.look(&Key::new("a"), Revision(9)), Some(None));
    }

    #[test]
    fn a_reader_from_before_a_forgotten_change_teaches_nothing() {
        let recent = Recent::default();
        record(&recent, "a", 9, Some(10));
        for revision in 10..14 {
            record(&recent, &format!("large-{revision}"), revision, Some(LIMIT / 2));
        }
        assert_eq!(recent.look(&Key::new("a"), Revision(20)), None, "it was forgotten");
        recent.learn(&entry("a", 4), Revision(8));
        assert_eq!(recent.look(&Key::new("a"), Revision(20)), None);
        recent.learn(&entry("a", 9), Revision(20));
        assert!(recent.look(&Key::new("a"), Revision(20)).is_some());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let recent = Recent::default();
        for revision in 1..20_000 {
            record(&recent, &format!("key-{}", revision % 7_000), revision, Some(revision as usize % 4_000));
            record(&recent, "hot", revision, Some(10));
        }
        let inner = recent.inner.lock();
        assert!(inner.bytes <= LIMIT && inner.order.len() <= LIMIT / OVERHEAD);
        let counted: usize = inner.known.iter().map(|(key, known)| known.cost(key)).sum();
        assert_eq!(counted, inner.bytes);
    }
}
