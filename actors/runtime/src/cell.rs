//! What outlives an actor's incarnations: its control lane, its keyed lanes, and how to make it.

use std::{
    any::{Any, TypeId},
    collections::VecDeque,
    sync::Arc,
    time::Duration,
};

use actix::Handler;
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use crate::{
    Error,
    actor::{Birth, Supervised},
    body::{Body, Mailbox},
    driver,
    envelope::Envelope,
    handle::Why,
    health::LaneHealth,
    keyed::{Due, Feed, Keyed, Lane, Ready},
    scope::Scope,
    seat::Seat,
    trace::Outcome,
    vitals::Vitals,
};

/// Makes an incarnation.
pub(crate) type Factory<A> = Box<dyn Fn(&Birth<A>) -> Result<A, Error> + Send + Sync>;

pub(crate) struct Cell<A: Supervised> {
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) factory: Factory<A>,
    inbox: Mutex<Inbox<A>>,
    lanes: RwLock<Vec<Entry<A>>>,
}

struct Inbox<A: Supervised> {
    closed: bool,
    refused: u64,
    queue: VecDeque<Envelope<A>>,
}

struct Entry<A: Supervised> {
    message: TypeId,
    lane: Arc<dyn Any + Send + Sync>,
    feed: Arc<dyn Feed<A>>,
}

impl<A: Supervised> Cell<A> {
    pub(crate) fn new(vitals: Arc<Vitals>, factory: Factory<A>) -> Arc<Cell<A>> {
        let inbox = Mutex::new(Inbox { closed: false, refused: 0, queue: VecDeque::new() });
        Arc::new(Cell { vitals, factory, inbox, lanes: RwLock::new(Vec::new()) })
    }

    /// Puts a message into the control lane; `pack` is called only when there is room.
    pub(crate) fn push<M>(&self, message: M, pack: impl FnOnce(M) -> Envelope<A>) -> Result<(), (M, Why)> {
        let mut inbox = self.inbox.lock();
        if inbox.closed || inbox.queue.len() >= self.vitals.policy.mailbox {
            inbox.refused += 1;
            let why = if inbox.closed { Why::Stopped } else { Why::Full };
            return Err((message, why));
        }
        inbox.queue.push_back(pack(message));
        drop(inbox);
        self.vitals.wake();
        self.vitals.core.alarm.arm();
        Ok(())
    }

    pub(crate) fn pop(&self) -> Option<Envelope<A>> {
        self.inbox.lock().queue.pop_front()
    }

    pub(crate) fn stopped(&self) -> bool {
        self.inbox.lock().closed
    }

    /// The next key of any lane, or when there will be one.
    pub(crate) fn next_key(&self, turn: &mut usize, now: Instant, scope: &Scope) -> Ready<A> {
        let lanes = self.lanes.read();
        let mut soonest: Option<Instant> = None;
        for step in 0..lanes.len() {
            let at = (*turn + step) % lanes.len();
            match lanes[at].feed.clone().next(now, scope) {
                Ready::Now(envelope) => {
                    *turn = at + 1; // the other lanes first next time
                    return Ready::Now(envelope);
                }
                Ready::At(due) => soonest = Some(soonest.map_or(due, |s| s.min(due))),
                Ready::Empty => {}
            }
        }
        soonest.map_or(Ready::Empty, Ready::At)
    }

    /// The lane of a message type, made at its first use.
    pub(crate) fn lane<M: Keyed>(&self) -> Arc<Lane<M>>
    where
        A: Handler<Due<M>>,
    {
        let message = TypeId::of::<M>();
        let find = |lanes: &[Entry<A>]| {
            let entry = lanes.iter().find(|entry| entry.message == message)?;
            entry.lane.clone().downcast::<Lane<M>>().ok()
        };
        if let Some(lane) = find(&self.lanes.read()) {
            return lane;
        }
        let mut lanes = self.lanes.write();
        if let Some(lane) = find(&lanes) {
            return lane;
        }
        let lane = Arc::new(Lane::<M>::new(self.vitals.clone()));
        lanes.push(Entry { message, lane: lane.clone(), feed: lane.clone() });
        lane
    }

    fn oldest_key(&self) -> Option<Instant> {
        self.lanes.read().iter().filter_map(|entry| entry.feed.oldest()).min()
    }
}

impl<A: Supervised> Body for Cell<A> {
    fn start(self: Arc<Self>, seat: Seat) {
        let path = self.vitals.path.clone();
        let core = self.vitals.core.clone();
        // A seat that can not be taken is dropped, which reports the failed start.
        if let Err(error) = core.host.seat(&path, Box::new(move || Box::pin(driver::drive(self, seat)))) {
            tracing::error!(actor = %path, %error, "an actor found no thread");
        }
    }

    fn mailbox(&self) -> Mailbox {
        let inbox = self.inbox.lock();
        Mailbox {
            depth: inbox.queue.len(),
            capacity: self.vitals.policy.mailbox,
            refused: inbox.refused,
            oldest: inbox.queue.front().map(|envelope| envelope.meta.enqueued),
        }
    }

    fn lanes(&self, now: Instant) -> Vec<LaneHealth> {
        self.lanes.read().iter().map(|entry| entry.feed.health(now)).collect()
    }

    fn waiting(&self) -> Option<Instant> {
        let message = self.inbox.lock().queue.front().map(|envelope| envelope.meta.enqueued);
        let key = if self.vitals.slots.free() { self.oldest_key() } else { None };
        message.into_iter().chain(key).min()
    }

    fn shut(&self) {
        self.inbox.lock().closed = true;
    }

    fn clear(&self) {
        let left = std::mem::take(&mut self.inbox.lock().queue);
        for envelope in left {
            let vitals = &self.vitals;
            vitals.count(envelope.meta.kind, |counters| counters.dropped += 1);
            let wait = envelope.meta.enqueued.elapsed();
            vitals
                .core
                .trace
                .write(|| envelope.meta.draft(&vitals.path, None, wait, Duration::ZERO), Outcome::Dropped);
        }
    }
}
