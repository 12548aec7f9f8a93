//! What health, metrics and debugging read.

use jiff::Timestamp;
use rdd_actors::{Mirroring, Snapshot};
use rdd_actors_runtime::Supervisor;
use rdd_store::{Salvage, Store};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How far a daemon is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Something that others need is not there yet.
    Starting = 0,
    /// Everything runs.
    Ready = 1,
    /// It was told to stop.
    Stopping = 2,
}

/// A daemon, as its observers see it.
pub(crate) struct State {
    supervisor: Supervisor,
    store: Store,
    salvage: Salvage,
    developer: bool,
    mirroring: OnceLock<Mirroring>,
    phase: AtomicU8,
    started: Timestamp,
    since: Instant,
}

impl State {
    pub(crate) fn new(supervisor: Supervisor, store: Store, salvage: Salvage, developer: bool) -> State {
        let (started, since) = (Timestamp::now(), Instant::now());
        State {
            supervisor,
            store,
            salvage,
            developer,
            mirroring: OnceLock::new(),
            phase: AtomicU8::new(Phase::Starting as u8),
            started,
            since,
        }
    }

    pub(crate) fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn salvage(&self) -> &Salvage {
        &self.salvage
    }

    /// Makes the actors known, once they are started.
    pub(crate) fn mirrors(&self, mirroring: Mirroring) {
        // Started once in the life of a daemon.
        let _ = self.mirroring.set(mirroring);
    }

    /// How it stands with the engine and its mirrors; `None`: no controller runs, or not yet.
    pub(crate) fn mirroring(&self) -> Option<Snapshot> {
        self.mirroring.get().map(Mirroring::snapshot)
    }

    pub(crate) fn developer(&self) -> bool {
        self.developer
    }

    /// When it began to start.
    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }

    /// How long ago that is.
    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Stopping,
        }
    }
}
