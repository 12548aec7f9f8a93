//! What is known of one actor from outside: its state, what it is handling, its counters and slots.

mod slots;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

pub(crate) use slots::{Slot, Slots};

use crate::{
    backoff::seed_for,
    core::Core,
    envelope::Meta,
    health::{Counters, Failure, FailureKind},
    keyed::Blame,
    panics::Caught,
    policy::Policy,
    scope::Scope,
    trace::Outcome,
};

/// What an actor is doing with its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Its first incarnation is being made.
    Starting,
    /// It takes messages.
    Running,
    /// It crashed; the next incarnation comes when the old one has drained and the delay is over.
    Restarting,
    /// It (or its group) crashed too often; it is tried again after a while.
    Parked,
    /// It was stopped, for good.
    Stopped,
}

/// Shared by the actor, its supervisor, its jobs and its handles.
pub(crate) struct Vitals {
    pub(crate) path: Arc<str>,
    pub(crate) policy: Policy,
    pub(crate) seed: u64,
    pub(crate) core: Arc<Core>,
    pub(crate) life: Mutex<Life>,
    pub(crate) slots: Slots,
    pulse: Mutex<Pulse>,
    waker: Mutex<Option<Waker>>,
    /// Scopes of former incarnations that could not be drained.
    leftovers: Mutex<Vec<Scope>>,
    leaked_threads: AtomicUsize,
}

pub(crate) struct Life {
    pub(crate) state: State,
    pub(crate) since: Instant,
    pub(crate) incarnation: u64,
    pub(crate) restarts: u64,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) next_try: Option<Instant>,
    /// Since when an incarnation is being made; none when it is up, or when there is none.
    pub(crate) begun: Option<Instant>,
    pub(crate) scope: Option<Scope>,
}

struct Pulse {
    inflight: Option<InFlight>,
    progress: Instant,
    counters: BTreeMap<&'static str, Counters>,
}

/// A message in its handler.
#[derive(Clone)]
pub(crate) struct InFlight {
    pub(crate) incarnation: u64,
    pub(crate) meta: Meta,
    pub(crate) since: Instant,
    pub(crate) wait: Duration,
    pub(crate) blame: Option<Arc<dyn Blame>>,
}

impl Vitals {
    pub(crate) fn new(path: Arc<str>, policy: Policy, core: Arc<Core>) -> Arc<Vitals> {
        let now = Instant::now();
        let life = Life {
            state: State::Starting,
            since: now,
            incarnation: 0,
            restarts: 0,
            last_failure: None,
            next_try: None,
            begun: None,
            scope: None,
        };
        Arc::new(Vitals {
            seed: seed_for(core.seed, &path),
            slots: Slots::new(policy.slots, policy.slow_slots),
            path,
            policy,
            core,
            life: Mutex::new(life),
            pulse: Mutex::new(Pulse { inflight: None, progress: now, counters: BTreeMap::new() }),
            waker: Mutex::new(None),
            leftovers: Mutex::new(Vec::new()),
            leaked_threads: AtomicUsize::new(0),
        })
    }

    /// Asks the present incarnation to look for work.
    pub(crate) fn wake(&self) {
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn listen(&self, waker: &Waker) {
        *self.waker.lock() = Some(waker.clone());
    }

    pub(crate) fn set_state(&self, state: State, next_try: Option<Instant>) {
        let mut life = self.life.lock();
        life.state = state;
        life.since = Instant::now();
        life.next_try = next_try;
    }

    pub(crate) fn begin(&self, inflight: InFlight) {
        self.pulse.lock().inflight = Some(inflight);
    }

    /// The handler returned; how long it ran. Nothing when its incarnation was given up meanwhile.
    pub(crate) fn end(&self, incarnation: u64, kind: &'static str, handled: bool) -> Option<InFlight> {
        let mut pulse = self.pulse.lock();
        pulse.progress = Instant::now();
        let counters = pulse.counters.entry(kind).or_default();
        *(if handled { &mut counters.handled } else { &mut counters.dropped }) += 1;
        take_of(&mut pulse, incarnation)
    }

    /// Takes what the incarnation was handling when it died, and blames its key.
    pub(crate) fn died_of(&self, incarnation: u64, text: &str, outcome: Outcome) -> Option<InFlight> {
        let inflight = take_of(&mut self.pulse.lock(), incarnation)?;
        self.count(inflight.meta.kind, |counters| match outcome {
            Outcome::Hung => counters.hung += 1,
            _ => counters.panicked += 1,
        });
        if let Some(key) = &inflight.blame {
            key.blame(text);
        }
        let run = inflight.since.elapsed();
        let key = || inflight.key();
        self.core.trace.write(|| inflight.meta.draft(&self.path, key(), inflight.wait, run), outcome);
        Some(inflight)
    }

    pub(crate) fn inflight(&self) -> Option<InFlight> {
        self.pulse.lock().inflight.clone()
    }

    pub(crate) fn progressed(&self) {
        self.pulse.lock().progress = Instant::now();
    }

    pub(crate) fn progress(&self) -> Instant {
        self.pulse.lock().progress
    }

    pub(crate) fn count(&self, kind: &'static str, change: impl FnOnce(&mut Counters)) {
        change(self.pulse.lock().counters.entry(kind).or_default());
    }

    pub(crate) fn counters(&self) -> BTreeMap<&'static str, Counters> {
        self.pulse.lock().counters.clone()
    }

    /// Notes a crash for health.
    pub(crate) fn note_failure(&self, kind: FailureKind, text: &str, inflight: Option<&InFlight>) {
        let failure = Failure {
            when: self.now(),
            kind,
            text: text.to_owned(),
            message: inflight.map(|inflight| inflight.meta.kind.to_owned()),
            key: inflight.and_then(InFlight::key),
        };
        self.life.lock().last_failure = Some(failure);
    }

    /// Writes a crash to the log.
    pub(crate) fn log_failure(&self, kind: FailureKind, caught: &Caught, inflight: Option<&InFlight>) {
        tracing::error!(
            actor = %self.path,
            failure = ?kind,
            message.kind = inflight.map_or("none", |inflight| inflight.meta.kind),
            message.key = inflight.and_then(InFlight::key).as_deref().unwrap_or("none"),
            message.trace = inflight.map(|inflight| tracing::field::display(inflight.meta.trace)),
            text = %caught.text,
            backtrace = caught.backtrace.as_ref().map(tracing::field::display),
            "actor crashed"
        );
    }

    /// Writes a panic in a job to the log: the actor lives, the job or its key has failed.
    pub(crate) fn log_job_panic(&self, meta: &Meta, key: Option<String>, caught: &Caught) {
        tracing::error!(
            actor = %self.path,
            message.kind = meta.kind,
            message.key = key.as_deref().unwrap_or("none"),
            message.trace = %meta.trace,
            text = %caught.text,
            backtrace = caught.backtrace.as_ref().map(tracing::field::display),
            "job panicked"
        );
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    pub(crate) fn keep(&self, leftover: Scope) {
        self.leftovers.lock().push(leftover);
    }

    /// Jobs of former incarnations that still run although they were aborted.
    pub(crate) fn leaked_jobs(&self) -> usize {
        let mut leftovers = self.leftovers.lock();
        leftovers.retain(|scope| scope.running() > 0);
        leftovers.iter().map(Scope::running).sum()
    }

    pub(crate) fn thread_leaked(&self) {
        self.leaked_threads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn thread_came_back(&self) {
        self.leaked_threads.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn leaked_threads(&self) -> usize {
        self.leaked_threads.load(Ordering::Relaxed)
    }
}

impl InFlight {
    fn key(&self) -> Option<String> {
        self.blame.as_ref().map(|key| key.text())
    }
}

fn take_of(pulse: &mut Pulse, incarnation: u64) -> Option<InFlight> {
    pulse.inflight.take_if(|inflight| inflight.incarnation == incarnation)
}
