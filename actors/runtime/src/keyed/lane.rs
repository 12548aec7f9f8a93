//! The lane of one type of keyed work: its queue, and the leases on it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix::{Actor, Context, Handler};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Due, Keyed,
    queue::{Added, Queue, Rules, State, Taken, Verdict},
};
use crate::{
    envelope::{Envelope, Fate, Meta},
    health::{AsideKey, FailingKey, LaneHealth, WaitingKey, ms},
    scope::Scope,
    trace::{self, Outcome},
    vitals::{Slot, Vitals},
};

/// The queue of one actor for one message type.
pub(crate) struct Lane<M: Keyed> {
    queue: Mutex<Queue<M::Key, M::Cause>>,
    pub(super) vitals: Arc<Vitals>,
    pub(super) kind: &'static str,
    overflowed: AtomicU64,
}

/// A key that may be blamed for the death of its actor.
pub(crate) trait Blame: Send + Sync {
    fn text(&self) -> String;
    fn blame(&self, text: &str);
}

/// What health and the hang detector see of a lane.
pub(crate) trait LaneView: Send + Sync {
    fn health(&self, now: Instant) -> LaneHealth;
    /// Since when the oldest key that could be worked on has been waiting.
    fn oldest(&self) -> Option<Instant>;
}

/// Where the pump gets keys for the actor `A`.
pub(crate) trait Feed<A: Actor<Context = Context<A>>>: LaneView {
    fn next(self: Arc<Self>, now: Instant, scope: &Scope) -> Ready<A>;
}

/// What a lane has for its actor.
pub(crate) enum Ready<A: Actor<Context = Context<A>>> {
    Now(Envelope<A>),
    At(Instant),
    Empty,
}

impl<M: Keyed> Lane<M> {
    pub(crate) fn new(vitals: Arc<Vitals>) -> Lane<M> {
        let policy = &vitals.policy;
        let rules =
            Rules { delays: policy.keys, kills: policy.kills.max(1), aside: policy.aside, seed: vitals.seed };
        let kind = trace::kind_of::<M>();
        Lane { queue: Mutex::new(Queue::new(rules)), kind, overflowed: AtomicU64::new(0), vitals }
    }

    /// Notes a key; never waits.
    pub(crate) fn note(&self, message: M) {
        let meta = Meta::new(self.kind, &self.vitals.core.outside);
        let (key, cause) = message.split();
        let now = meta.enqueued;
        let mut queue = self.queue.lock();
        let full = queue.len() >= M::limit() && !queue.knows(&key);
        let (key, cause) = match if full { M::overflow(&key) } else { None } {
            Some(substitute) => {
                self.overflowed.fetch_add(1, Ordering::Relaxed);
                let text = || Outcome::Overflowed(format!("{key:?}"));
                self.vitals
                    .core
                    .trace
                    .write(|| meta.draft(&self.vitals.path, None, Duration::ZERO, Duration::ZERO), text());
                substitute.split()
            }
            None => (key, cause),
        };
        let tracing = self.vitals.core.trace.is_on();
        let text = if tracing { Some(format!("{key:?}")) } else { None };
        let merged = match queue.add(key, cause, meta.clone(), now) {
            Added::Queued => None,
            Added::Merged(into) => Some(into),
        };
        drop(queue);
        self.vitals.count(self.kind, |counters| {
            counters.noted += 1;
            counters.merged += u64::from(merged.is_some());
        });
        if let Some(into) = merged {
            self.vitals.core.trace.write(
                || meta.draft(&self.vitals.path, text, Duration::ZERO, Duration::ZERO),
                Outcome::Merged(into.to_string()),
            );
        }
        self.vitals.wake();
        self.vitals.core.alarm.arm();
    }

    pub(crate) fn readmit(&self, key: &M::Key) -> bool {
        let found = self.queue.lock().readmit(key, Instant::now());
        self.vitals.wake();
        found
    }
}

/// A key that is being worked on. However it is dropped, the key comes back.
pub(super) struct Lease<M: Keyed> {
    lane: Arc<Lane<M>>,
    pub(super) key: M::Key,
    /// None once the lease has ended.
    pub(super) held: Option<(M::Cause, Meta)>,
    pub(super) slot: Arc<Slot>,
    pub(super) since: Instant,
    /// Set when it is in a job: since when, and how long that may take.
    pub(super) limit: Option<(Instant, Duration)>,
}

impl<M: Keyed> Lease<M> {
    pub(super) fn lane(&self) -> &Arc<Lane<M>> {
        &self.lane
    }

    pub(super) fn settle(&mut self, verdict: Verdict) {
        let Some((cause, meta)) = self.held.take() else { return };
        let lane = &self.lane;
        lane.queue.lock().release(&self.key, cause, meta, verdict, Instant::now());
        lane.vitals.wake();
        lane.vitals.core.alarm.arm();
    }
}

impl<M: Keyed> Drop for Lease<M> {
    fn drop(&mut self) {
        if self.held.is_none() {
            return;
        }
        let panicking = std::thread::panicking();
        let verdict = match self.limit {
            None if panicking => Verdict::Interrupted, // its key is blamed by who catches the panic
            None => Verdict::Retry("its handler did not answer".to_owned()),
            // Panics of the work itself are caught before this: its backoff keeps it from panicking without end.
            Some(_) if panicking => Verdict::Retry("panicked when its work was dropped".to_owned()),
            Some((since, limit)) if since.elapsed() >= limit => {
                Verdict::Retry("timed out, blocking its thread".to_owned())
            }
            Some(_) => Verdict::Interrupted,
        };
        self.settle(verdict);
    }
}

struct Suspect<M: Keyed> {
    lane: Arc<Lane<M>>,
    key: M::Key,
}

impl<M: Keyed> Blame for Suspect<M> {
    fn text(&self) -> String {
        format!("{:?}", self.key)
    }

    fn blame(&self, text: &str) {
        self.lane.queue.lock().blame(&self.key, text, Instant::now());
    }
}

impl<A, M> Feed<A> for Lane<M>
where
    A: Actor<Context = Context<A>> + Handler<Due<M>>,
    M: Keyed,
{
    fn next(self: Arc<Self>, now: Instant, scope: &Scope) -> Ready<A> {
        let mut queue = self.queue.lock();
        let Some(Taken { key, cause, meta, attempt, first_failure }) = queue.take(now) else {
            return queue.next_due().map_or(Ready::Empty, Ready::At);
        };
        drop(queue);
        let lane: Arc<Lane<M>> = self;
        let suspect = Suspect { lane: lane.clone(), key: key.clone() };
        let slot = Slot::take(&lane.vitals);
        let held = Some((cause, meta.clone()));
        let lease = Lease { lane, key, held, slot, since: now, limit: None };
        let due = Due::new(lease, attempt, first_failure, scope.clone());
        let run = Box::new(move |fate: Fate<'_, A>| match fate {
            Fate::Handle(actor, context) => {
                use actix::dev::MessageResponse as _;
                <A as Handler<Due<M>>>::handle(actor, due, context).handle(context, None);
            }
            Fate::Fail => due.fail("failure injected"),
        });
        Ready::Now(Envelope { meta, run, blame: Some(Arc::new(suspect)) })
    }
}

impl<M: Keyed> LaneView for Lane<M> {
    fn health(&self, now: Instant) -> LaneHealth {
        let clock = &self.vitals.core.clock;
        let queue = self.queue.lock();
        let mut health = LaneHealth::new(self.kind);
        health.overflowed = self.overflowed.load(Ordering::Relaxed);
        health.oldest_waiting_ms = queue.oldest().map(|at| ms(now.saturating_duration_since(at)));
        for (key, entry) in queue.entries() {
            let text = || format!("{key:?}"); // only for the few that are shown
            match entry.state {
                State::Queued(_) => health.waiting += 1,
                State::Leased(_) => health.running += 1,
                State::Timed(due, _) => match &entry.failing {
                    Some(_) => {}
                    None => health.later.push(WaitingKey {
                        key: text(),
                        why: entry.why.clone().unwrap_or_default(),
                        next_try: clock.at(due),
                    }),
                },
                State::Aside(until, _) => health.set_aside.push(AsideKey {
                    key: text(),
                    kills: entry.kills,
                    error: entry.failing.as_ref().map(|f| f.error.clone()).unwrap_or_default(),
                    next_try: clock.at(until),
                }),
            }
            if let (Some(failing), false) = (&entry.failing, matches!(entry.state, State::Aside(..))) {
                health.failing.push(FailingKey {
                    key: text(),
                    error: failing.error.clone(),
                    attempts: entry.attempt,
                    since: clock.at(failing.since),
                    next_try: match entry.state {
                        State::Timed(due, _) => Some(clock.at(due)),
                        _ => None,
                    },
                });
            }
        }
        health.sort();
        health
    }

    fn oldest(&self) -> Option<Instant> {
        self.queue.lock().oldest()
    }
}
