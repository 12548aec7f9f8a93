//! The last messages, and a live stream of them.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::broadcast, time::Instant};

use super::{Id, Outcome, Record, current::next};
use crate::clock::Clock;

/// The message trace of one supervisor: a ring of the last messages, which can be switched on and off while it
/// runs, and a live stream. Cheap to clone.
#[derive(Clone)]
pub struct Trace {
    inner: Arc<Inner>,
}

struct Inner {
    on: AtomicBool,
    capacity: usize,
    ring: Mutex<VecDeque<Record>>,
    live: broadcast::Sender<Record>,
    clock: Clock,
}

/// What is known of a message before its fate.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) id: u64,
    pub(crate) trace: Id,
    pub(crate) parent: u64,
    pub(crate) from: Arc<str>,
    pub(crate) to: Arc<str>,
    pub(crate) kind: &'static str,
    pub(crate) key: Option<String>,
    pub(crate) enqueued: Instant,
    pub(crate) wait: Duration,
    pub(crate) run: Duration,
}

/// How many records a slow subscriber may be behind before it loses the oldest.
const LIVE: usize = 1024;

impl Trace {
    /// A trace whose ring holds `capacity` records; switched on unless that is 0.
    pub(crate) fn new(capacity: usize, clock: Clock) -> Trace {
        let (live, _) = broadcast::channel(LIVE);
        let ring = Mutex::new(VecDeque::new());
        Trace { inner: Arc::new(Inner { on: AtomicBool::new(capacity > 0), capacity, ring, live, clock }) }
    }

    /// Switches recording on or off. What was recorded stays until newer records take its place.
    pub fn switch(&self, on: bool) {
        self.inner.on.store(on, Ordering::Relaxed);
    }

    /// Whether messages are being recorded.
    pub fn is_on(&self) -> bool {
        self.inner.on.load(Ordering::Relaxed)
    }

    /// The last messages, oldest first.
    pub fn records(&self) -> Vec<Record> {
        self.inner.ring.lock().iter().cloned().collect()
    }

    /// The messages of one trace, oldest first.
    pub fn of(&self, trace: Id) -> Vec<Record> {
        self.inner.ring.lock().iter().filter(|record| record.trace == trace).cloned().collect()
    }

    /// Every record from now on while recording is on. A subscriber that is 1,024 records behind loses the
    /// oldest of them and is told how many (`RecvError::Lagged`).
    pub fn subscribe(&self) -> broadcast::Receiver<Record> {
        self.inner.live.subscribe()
    }

    /// Remembers a message when recording is on; `draft` is not called when it is off.
    pub(crate) fn write(&self, draft: impl FnOnce() -> Draft, outcome: Outcome) {
        if !self.is_on() {
            return;
        }
        let record = draft().finish(outcome, &self.inner.clock);
        if self.inner.live.receiver_count() > 0 {
            // Fails only when the last subscriber went a moment ago.
            let _ = self.inner.live.send(record.clone());
        }
        let mut ring = self.inner.ring.lock();
        if ring.len() >= self.inner.capacity.max(1) {
            ring.pop_front();
        }
        ring.push_back(record);
    }
}

impl Draft {
    pub(crate) fn root(trace: Id, actor: Arc<str>, cause: &'static str) -> Draft {
        Draft {
            id: next(),
            trace,
            parent: 0,
            from: actor.clone(),
            to: actor,
            kind: cause,
            key: None,
            enqueued: Instant::now(),
            wait: Duration::ZERO,
            run: Duration::ZERO,
        }
    }

    fn finish(self, outcome: Outcome, clock: &Clock) -> Record {
        Record {
            id: self.id,
            trace: self.trace,
            parent: self.parent,
            from: self.from,
            to: self.to,
            kind: self.kind,
            key: self.key,
            enqueued_at: clock.at(self.enqueued),
            wait: self.wait,
            run: self.run,
            outcome,
        }
    }
}
