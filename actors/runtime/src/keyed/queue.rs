//! The order in which keys are worked on: a plain state machine over given times.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{Cause, Key};
use crate::backoff::{Backoff, Delays};
use crate::envelope::Meta;

/// After this many fresh keys in a row one that failed gets its turn, so that no stream of news starves it.
const FRESH_IN_A_ROW: u32 = 16;

/// Stands in for a wait that is longer than the clock can count: ten years.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// All known keys of one lane.
pub(crate) struct Queue<K, C> {
    entries: HashMap<K, Entry<C>>,
    fresh: VecDeque<(u64, K)>,
    again: VecDeque<(u64, K)>,
    timed: BTreeMap<(Instant, u64), K>,
    rules: Rules,
    ticket: u64,
    in_a_row: u32,
}

/// What of the policy concerns keys.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) delays: Delays,
    pub(crate) kills: u32,
    pub(crate) aside: Duration,
    pub(crate) seed: u64,
}

pub(crate) struct Entry<C> {
    /// What is to be done next; none while it is leased and nothing new came.
    cause: Option<C>,
    meta: Option<Meta>,
    pub(crate) state: State,
    pub(crate) attempt: u32,
    pub(crate) failing: Option<Failing>,
    pub(crate) kills: u32,
    /// Why it waits, when it asked to.
    pub(crate) why: Option<String>,
    last_end: Option<Instant>,
}

pub(crate) struct Failing {
    backoff: Backoff,
    pub(crate) since: Instant,
    pub(crate) error: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// In `fresh` or `again`, under this ticket.
    Queued(u64),
    /// In `timed`, until then.
    Timed(Instant, u64),
    Leased(Instant),
    /// It killed its actor too often; in `timed` until it gets one more try.
    Aside(Instant, u64),
}

/// What became of a note.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Queued,
    Merged(crate::trace::Id),
}

/// How a lease ended.
pub(crate) enum Verdict {
    Done,
    Retry(String),
    After(Duration, String),
    /// Not the key's fault: its incarnation ended.
    Interrupted,
}

pub(crate) struct Taken<K, C> {
    pub(crate) key: K,
    pub(crate) cause: C,
    pub(crate) meta: Meta,
    pub(crate) attempt: u32,
    pub(crate) first_failure: Option<Instant>,
}

impl<K: Key, C: Cause> Queue<K, C> {
    pub(crate) fn new(rules: Rules) -> Queue<K, C> {
        Queue {
            entries: HashMap::new(),
            fresh: VecDeque::new(),
            again: VecDeque::new(),
            timed: BTreeMap::new(),
            rules,
            ticket: 0,
            in_a_row: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn knows(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&K, &Entry<C>)> {
        self.entries.iter()
    }

    /// Since when the key at the head has been waiting to be taken.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let heads = self.fresh.front().into_iter().chain(self.again.front());
        let since = |(ticket, key): &(u64, K)| {
            // One that was delayed since left its place behind.
            let entry = self.entries.get(key).filter(|entry| entry.state == State::Queued(*ticket))?;
            Some(entry.meta.as_ref()?.enqueued)
        };
        heads.filter_map(since).min()
    }

    /// Notes a key.
    pub(crate) fn add(&mut self, key: K, cause: C, meta: Meta, now: Instant) -> Added {
        self.ticket += 1;
        let ticket = self.ticket;
        let Some(entry) = self.entries.get_mut(&key) else {
            let state = State::Queued(ticket);
            self.entries.insert(key.clone(), Entry::new(cause, meta, state));
            self.fresh.push_back((ticket, key));
            return Added::Queued;
        };
        let merged = match &entry.meta {
            Some(first) => Added::Merged(first.trace),
            None => Added::Queued,
        };
        match &mut entry.cause {
            Some(older) => older.merge(cause),
            None => entry.cause = Some(cause),
        }
        // A timed key's wait was the engine's or a failure's; from now on it is the note's.
        let waits = matches!(entry.state, State::Timed(..));
        if waits || entry.meta.is_none() {
            entry.meta = Some(meta);
        }
        if let State::Timed(due, old) = entry.state {
            // News may end a wait at once. A failing key keeps at least its first delay, or a stream of
            // news would undo its backoff.
            let earliest = match (&entry.failing, entry.last_end) {
                (Some(_), Some(end)) => end + self.rules.delays.first,
                _ => now,
            };
            if earliest <= now {
                self.timed.remove(&(due, old));
                entry.state = State::Queued(ticket);
                let queue = if entry.failing.is_some() { &mut self.again } else { &mut self.fresh };
                queue.push_back((ticket, key));
            } else if earliest < due {
                self.timed.remove(&(due, old));
                entry.state = State::Timed(earliest, ticket);
                self.timed.insert((earliest, ticket), key);
            }
        }
        merged
    }

    /// When the next waiting key becomes due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.timed.first_key_value().map(|((at, _), _)| *at)
    }

    /// Leases the next key: fresh ones first.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Taken<K, C>> {
        self.promote(now);
        loop {
            let turn = self.in_a_row >= FRESH_IN_A_ROW && !self.again.is_empty();
            let (ticket, key, fresh) = match if turn { None } else { self.fresh.pop_front() } {
                Some((ticket, key)) => (ticket, key, true),
                None => {
                    let (ticket, key) = self.again.pop_front()?;
                    (ticket, key, false)
                }
            };
            let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.state == State::Queued(ticket))
            else {
                continue; // left behind when the key was set aside
            };
            self.in_a_row = if fresh { self.in_a_row + 1 } else { 0 };
            entry.state = State::Leased(now);
            entry.why = None;
            let attempt = entry.attempt;
            let first_failure = entry.failing.as_ref().map(|failing| failing.since);
            // A queued key always has both: they leave only here, and come back before it is queued again.
            if let (Some(cause), Some(meta)) = (entry.cause.take(), entry.meta.take()) {
                return Some(Taken { key, cause, meta, attempt, first_failure });
            }
        }
    }

    fn promote(&mut self, now: Instant) {
        while let Some(first) = self.timed.first_entry() {
            if first.key().0 > now {
                break;
            }
            let ticket = first.key().1;
            let key = first.remove();
            if let Some(entry) = self.entries.get_mut(&key) {
                if let State::Aside(..) = entry.state {
                    entry.kills = self.rules.kills.saturating_sub(1); // one more try, not two
                }
                entry.state = State::Queued(ticket);
                if let Some(meta) = &mut entry.meta {
                    meta.enqueued = now; // its wait until now was wanted
                }
                let queue = if entry.failing.is_some() || entry.kills > 0 {
                    &mut self.again
                } else {
                    &mut self.fresh
                };
                queue.push_back((ticket, key));
            }
        }
    }

    /// Ends a lease; `cause` and `meta` are those it was taken with.
    pub(crate) fn release(&mut self, key: &K, cause: C, meta: Meta, verdict: Verdict, now: Instant) {
        self.ticket += 1;
        let ticket = self.ticket;
        let rules = self.rules;
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.last_end = Some(now);
        let renoted = entry.cause.is_some();
        if let Verdict::Done = verdict {
            entry.failing = None;
            entry.attempt = 0;
            entry.kills = 0;
            if !renoted {
                self.entries.remove(key);
                return;
            }
            entry.state = State::Queued(ticket);
            self.fresh.push_back((ticket, key.clone()));
            return;
        }
        entry.restore(cause, meta);
        let due = match verdict {
            Verdict::Done => now,
            Verdict::Retry(error) => Some(entry.fail(error, &rules, now)).map_or(now, |delay| now + delay),
            Verdict::After(delay, why) => {
                entry.failing = None;
                entry.attempt = 0;
                entry.why = Some(why);
                if renoted { now } else { now.checked_add(delay).unwrap_or(now + FAR) }
            }
            Verdict::Interrupted => now,
        };
        self.place(key, due, ticket, now);
    }

    /// The actor died of this key.
    pub(crate) fn blame(&mut self, key: &K, text: &str, now: Instant) {
        self.ticket += 1;
        let ticket = self.ticket;
        let rules = self.rules;
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.kills += 1;
        let delay = entry.fail(text.to_owned(), &rules, now);
        match entry.state {
            State::Leased(_) => {} // judged when the lease ends
            State::Timed(due, old) | State::Aside(due, old) => {
                self.timed.remove(&(due, old));
                self.place(key, now + delay, ticket, now);
            }
            State::Queued(_) => self.place(key, now + delay, ticket, now),
        }
    }

    /// Queues, delays, or sets aside.
    fn place(&mut self, key: &K, due: Instant, ticket: u64, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if entry.kills >= self.rules.kills {
            let until = now + self.rules.aside;
            entry.state = State::Aside(until, ticket);
            self.timed.insert((until, ticket), key.clone());
        } else if due > now {
            entry.state = State::Timed(due, ticket);
            self.timed.insert((due, ticket), key.clone());
        } else {
            entry.state = State::Queued(ticket);
            self.fresh.push_back((ticket, key.clone()));
        }
    }

    /// Lets a key that was set aside, or is backing off, be tried at once; whether there was one.
    pub(crate) fn readmit(&mut self, key: &K, now: Instant) -> bool {
        self.ticket += 1;
        let ticket = self.ticket;
        let Some(entry) = self.entries.get_mut(key) else { return false };
        let (State::Timed(due, old) | State::Aside(due, old)) = entry.state else { return false };
        self.timed.remove(&(due, old));
        entry.kills = 0;
        self.place(key, now, ticket, now);
        true
    }
}

impl<C: Cause> Entry<C> {
    fn new(cause: C, meta: Meta, state: State) -> Entry<C> {
        Entry {
            cause: Some(cause),
            meta: Some(meta),
            state,
            attempt: 0,
            failing: None,
            kills: 0,
            why: None,
            last_end: None,
        }
    }

    /// Gives back what the lease took; what came meanwhile is newer.
    fn restore(&mut self, mut cause: C, meta: Meta) {
        if let Some(newer) = self.cause.take() {
            cause.merge(newer);
        }
        self.cause = Some(cause);
        // The newer note's trace goes on: it is the one somebody waits for.
        self.meta.get_or_insert(meta);
    }

    fn fail(&mut self, error: String, rules: &Rules, now: Instant) -> Duration {
        self.attempt = self.attempt.saturating_add(1);
        let seed = rules.seed.wrapping_add(u64::from(self.attempt));
        let failing = self.failing.get_or_insert_with(|| Failing {
            backoff: Backoff::new(rules.delays, seed),
            since: now,
            error: String::new(),
        });
        failing.error = error;
        failing.backoff.next_delay()
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
