//! Where the writer tells watchers.
//!
//! Watchers are found by prefix: one hash look-up for each distinct *length* of the prefixes that are watched, so a
//! thousand watchers of a thousand objects cost a change as much as one. The revision is published under the same lock as the changes
//! are handed out, so who registers under it knows exactly what comes from history and what comes live.

use crate::{Change, Ended, Prefix, ReadError, Revision};
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Bytes of values that wait for one watcher, whatever their number may be; above it lags.
const BYTES: usize = 16 << 20;
/// Places for changes that an empty inbox keeps.
const ROOM: usize = 64;

/// All watchers, and the last revision they were told of.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    published: AtomicU64,
    oldest: AtomicU64,
    watchers: Mutex<Watchers>,
    /// Told when `published` grows and somebody waits.
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Watchers {
    closed: bool,
    waiting: usize,
    by_length: BTreeMap<usize, ByPrefix>,
}

/// The watchers of prefixes of one length.
type ByPrefix = HashMap<Box<[u8]>, Vec<Arc<Inbox>>>;

/// What one watcher has not fetched yet; bounded.
#[derive(Debug)]
pub(crate) struct Inbox {
    limit: usize,
    state: Mutex<Pending>,
    pub(crate) filled: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    changes: VecDeque<Arc<Change>>,
    /// The size of their values.
    bytes: usize,
    ended: Option<Ended>,
}

enum Pushed {
    First,
    More,
    Overflow,
}

impl Hub {
    pub(crate) fn new(published: Revision, oldest: Revision) -> Hub {
        Hub { published: AtomicU64::new(published.0), oldest: AtomicU64::new(oldest.0), ..Hub::default() }
    }

    pub(crate) fn published(&self) -> Revision {
        Revision(self.published.load(Ordering::Acquire))
    }

    pub(crate) fn oldest(&self) -> Revision {
        Revision(self.oldest.load(Ordering::Acquire))
    }

    pub(crate) fn set_oldest(&self, oldest: Revision) {
        self.oldest.fetch_max(oldest.0, Ordering::AcqRel);
    }

    /// Hands out committed changes. `revision`: the present after them.
    pub(crate) fn publish(&self, changes: &[Arc<Change>], revision: Revision) {
        let mut wake = Vec::new();
        let mut watchers = self.watchers.lock();
        for change in changes {
            watchers.hand_out(change, &mut wake);
        }
        self.published.store(revision.0, Ordering::Release);
        if watchers.waiting > 0 {
            self.grown.notify_all();
        }
        drop(watchers);
        for inbox in wake {
            inbox.filled.notify_one();
        }
    }

    /// Waits (blocking, for moments) until a revision that a snapshot has seen is published as well.
    pub(crate) fn wait_for(&self, revision: Revision) {
        if self.published() >= revision {
            return;
        }
        let mut watchers = self.watchers.lock();
        watchers.waiting += 1;
        while self.published() < revision && !watchers.closed {
            // The limit is for a writer that died between its COMMIT and here.
            if self.grown.wait_for(&mut watchers, Duration::from_secs(1)).timed_out() {
                break;
            }
        }
        watchers.waiting -= 1;
    }

    /// Refuses what history can not serve.
    pub(crate) fn check(&self, after: Revision) -> Result<(), ReadError> {
        let (oldest, current) = (self.oldest(), self.published());
        if after < oldest {
            return Err(ReadError::Compacted { oldest });
        }
        if after > current { Err(ReadError::Future { current }) } else { Ok(()) }
    }

    /// Adds a watcher if at most `reach` revisions lie between `after` and the present; changes after the returned
    /// revision will come through the inbox.
    pub(crate) fn register(
        &self,
        prefix: &Prefix,
        after: Revision,
        reach: u64,
        limit: usize,
    ) -> Option<(Arc<Inbox>, Revision)> {
        let mut watchers = self.watchers.lock();
        let published = self.published();
        if published.0.saturating_sub(after.0) > reach {
            return None;
        }
        let ended = watchers.closed.then_some(Ended::Closed);
        let state = Mutex::new(Pending { changes: VecDeque::new(), bytes: 0, ended });
        let inbox = Arc::new(Inbox { limit, state, filled: Notify::new() });
        let bytes = prefix.as_str().as_bytes();
        watchers
            .by_length
            .entry(bytes.len())
            .or_default()
            .entry(bytes.into())
            .or_default()
            .push(inbox.clone());
        Some((inbox, published))
    }

    pub(crate) fn remove(&self, prefix: &Prefix, inbox: &Arc<Inbox>) {
        let mut watchers = self.watchers.lock();
        let bytes = prefix.as_str().as_bytes();
        let Some(same_length) = watchers.by_length.get_mut(&bytes.len()) else { return };
        if let Some(same) = same_length.get_mut(bytes) {
            same.retain(|one| !Arc::ptr_eq(one, inbox));
            if same.is_empty() {
                same_length.remove(bytes);
            }
        }
        if same_length.is_empty() {
            watchers.by_length.remove(&bytes.len());
        }
    }

    /// Ends all watches, those of the future as well.
    pub(crate) fn close(&self) {
        let mut watchers = self.watchers.lock();
        watchers.closed = true;
        self.grown.notify_all();
        for inbox in
            std::mem::take(&mut watchers.by_length).into_values().flat_map(HashMap::into_values).flatten()
        {
            inbox.state.lock().ended.get_or_insert(Ended::Closed);
            inbox.filled.notify_one();
        }
    }

    /// Whether [`Hub::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.watchers.lock().closed
    }
}

impl Watchers {
    fn hand_out(&mut self, change: &Arc<Change>, wake: &mut Vec<Arc<Inbox>>) {
        let key = change.key.as_str().as_bytes();
        for (length, same_length) in self.by_length.range_mut(..=key.len()) {
            let Some(inboxes) = same_length.get_mut(&key[..*length]) else { continue };
            inboxes.retain(|inbox| match inbox.push(change) {
                Pushed::More => true,
                Pushed::First => {
                    wake.push(inbox.clone());
                    true
                }
                Pushed::Overflow => {
                    wake.push(inbox.clone());
                    false
                }
            });
            if inboxes.is_empty() {
                same_length.remove(&key[..*length]);
            }
        }
    }
}

/// Bytes of the values of a change.
fn size(change: &Change) -> usize {
    change.previous.iter().chain(&change.next).map(bytes::Bytes::len).sum()
}

impl Inbox {
    fn push(&self, change: &Arc<Change>) -> Pushed {
        let mut pending = self.state.lock();
        let bytes = pending.bytes + size(change);
        let full = bytes > BYTES && !pending.changes.is_empty();
        if full || pending.changes.len() >= self.limit {
            // What it did not fetch it can read from history: hold no memory for it.
            *pending = Pending { ended: Some(Ended::Lagged), ..Pending::default() };
            return Pushed::Overflow;
        }
        pending.bytes = bytes;
        pending.changes.push_back(change.clone());
        if pending.changes.len() == 1 { Pushed::First } else { Pushed::More }
    }

    /// Up to `most` changes; `Err` when nothing is left and nothing will come.
    pub(crate) fn take(&self, most: usize) -> Result<Vec<Arc<Change>>, Ended> {
        let mut pending = self.state.lock();
        if pending.changes.is_empty() {
            return pending.ended.map_or(Ok(Vec::new()), Err);
        }
        let count = pending.changes.len().min(most);
        let taken: Vec<Arc<Change>> = pending.changes.drain(..count).collect();
        pending.bytes -= taken.iter().map(|change| size(change)).sum::<usize>();
        if pending.changes.is_empty() {
            // A burst is over: its room is not kept.
            pending.changes.shrink_to(ROOM);
        }
        Ok(taken)
    }

    /// Up to where a watcher that returned everything up to `returned` has seen everything. `published` must have been
    /// read before this call: only then are all changes up to it in here, or returned.
    pub(crate) fn seen(&self, returned: Revision, published: Revision) -> Revision {
        let pending = self.state.lock();
        match (pending.changes.front(), pending.ended) {
            (_, Some(Ended::Lagged)) => returned,
            (Some(front), _) => returned.max(Revision(front.revision.0 - 1)),
            (None, _) => returned.max(published),
        }
    }
}
