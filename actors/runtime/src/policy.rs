//! What an actor is allowed: deadlines, slots, delays between its lives, and when to give up for a while.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::backoff::Delays;

/// At most `restarts` restarts within `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many restarts are allowed.
    pub restarts: usize,
    /// In what length of time.
    pub window: Duration,
}

impl Default for Limit {
    /// 5 restarts in 10 s.
    fn default() -> Self {
        Limit { restarts: 5, window: Duration::from_secs(10) }
    }
}

/// The rules one actor or task lives by. The defaults are stated at each field; an actor changes them in
/// [`Supervised::policy`](crate::Supervised::policy).
#[derive(Clone, Debug)]
pub struct Policy {
    /// A handler that runs for longer is hung, and so is an actor that has work and makes no progress for
    /// this long. Default 5 s.
    pub deadline: Duration,
    /// A start (factory and `started`) that takes longer has failed. Default 10 s.
    pub start: Duration,
    /// The control lane holds this many messages; one more is refused. Default 1,024.
    pub mailbox: usize,
    /// How many keys may be worked on by young jobs. Default 32.
    pub slots: usize,
    /// How many jobs may be slow; when these are full, a slow job keeps its young slot. Default 512.
    pub slow_slots: usize,
    /// A job older than this is slow, and gives its slot to another key. Default 250 ms.
    pub young: Duration,
    /// Delays before a restart. Default 50 ms to 2 s.
    pub backoff: Delays,
    /// An incarnation that lived for this long was healthy: the next delay is the first again. Default 10 s.
    pub healthy: Duration,
    /// More restarts than this park the actor. Default 5 in 10 s.
    pub limit: Limit,
    /// How long a crashed incarnation's jobs may go on before they are aborted. Default 500 ms.
    pub drain: Duration,
    /// Delays before a failing key's next try. Default 100 ms to 30 s.
    pub keys: Delays,
    /// A key that killed its actor this many times is set aside. Default 2.
    pub kills: u32,
    /// A key that was set aside gets one more try after this time. Default 10 min.
    pub aside: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            deadline: Duration::from_secs(5),
            start: Duration::from_secs(10),
            mailbox: 1024,
            slots: 32,
            slow_slots: 512,
            young: Duration::from_millis(250),
            backoff: Delays::new(Duration::from_millis(50), Duration::from_secs(2)),
            healthy: Duration::from_secs(10),
            limit: Limit::default(),
            drain: Duration::from_millis(500),
            keys: Delays::new(Duration::from_millis(100), Duration::from_secs(30)),
            kills: 2,
            aside: Duration::from_secs(600),
        }
    }
}

/// The restarts (or parkings) of the last while, held against a limit.
pub(crate) struct Window {
    limit: Limit,
    restarts: VecDeque<Instant>,
}

impl Window {
    pub(crate) fn new(limit: Limit) -> Window {
        Window { limit, restarts: VecDeque::new() }
    }

    /// Counts one; true when that is one too many, and then counting starts afresh.
    pub(crate) fn exceeded(&mut self, now: Instant) -> bool {
        self.restarts.push_back(now);
        while self.restarts.front().is_some_and(|at| now.duration_since(*at) > self.limit.window) {
            self.restarts.pop_front();
        }
        let over = self.restarts.len() > self.limit.restarts;
        if over {
            self.restarts.clear();
        }
        over
    }
}
