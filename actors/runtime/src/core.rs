//! What all actors of one supervisor share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::Notify};
use tokio_util::sync::CancellationToken;

use crate::{chaos::Chaos, clock::Clock, host::Host, policy::Limit, trace::Trace};

/// The supervisor's means.
pub(crate) struct Core {
    pub(crate) jobs: Handle,
    pub(crate) host: Host,
    pub(crate) clock: Clock,
    pub(crate) trace: Trace,
    pub(crate) chaos: Chaos,
    pub(crate) seed: u64,
    pub(crate) limit: Limit,
    pub(crate) park: Duration,
    pub(crate) alarm: Alarm,
    pub(crate) outside: Arc<str>,
    /// Ends the hang detector.
    pub(crate) over: CancellationToken,
}

/// Wakes the hang detector when there is work to watch; while nothing is going on it sleeps without a timer.
#[derive(Default)]
pub(crate) struct Alarm {
    armed: AtomicBool,
    notify: Notify,
    /// Milliseconds between two looks; 0 when nobody asked for less than the usual.
    tick: AtomicU64,
}

/// Time between two looks of the hang detector, unless an actor has a shorter deadline.
const TICK: Duration = Duration::from_millis(500);

impl Alarm {
    /// There is work now.
    pub(crate) fn arm(&self) {
        if !self.armed.load(Ordering::SeqCst) && !self.armed.swap(true, Ordering::SeqCst) {
            self.notify.notify_one();
        }
    }

    /// Looks at least this often.
    pub(crate) fn at_least(&self, tick: Duration) {
        let tick = u64::try_from(tick.as_millis()).unwrap_or(u64::MAX);
        let _ = self.tick.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |present| {
            (present == 0 || tick < present).then_some(tick)
        });
    }

    pub(crate) fn tick(&self) -> Duration {
        match self.tick.load(Ordering::Relaxed) {
            0 => TICK,
            tick => Duration::from_millis(tick),
        }
    }

    /// All was seen to be idle. Whoever disarms must look once more, or work that came meanwhile is overlooked.
    pub(crate) fn disarm(&self) {
        self.armed.store(false, Ordering::SeqCst);
    }

    /// Waits for work.
    pub(crate) async fn armed(&self) {
        while !self.armed.load(Ordering::SeqCst) {
            self.notify.notified().await;
        }
    }
}
