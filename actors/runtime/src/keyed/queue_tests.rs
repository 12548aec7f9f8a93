use std::sync::Arc;

use super::*;
use crate::trace::Id;

const FIRST: Duration = Duration::from_millis(100);
const ASIDE: Duration = Duration::from_secs(600);

/// A cause that remembers in which order it was made.
#[derive(Debug, PartialEq)]
struct Why(Vec<u32>);

impl Cause for Why {
    fn merge(&mut self, newer: Self) {
        self.0.extend(newer.0);
    }
}

struct Bench {
    queue: Queue<&'static str, Why>,
    now: Instant,
    notes: u32,
}

impl Bench {
    fn new() -> Bench {
        let delays = Delays::new(FIRST, Duration::from_secs(30));
        Bench {
            queue: Queue::new(Rules { delays, kills: 2, aside: ASIDE, seed: 9 }),
            now: Instant::now(),
            notes: 0,
        }
    }

    fn add(&mut self, key: &'static str) -> Added {
        self.notes += 1;
        let meta = Meta {
            id: u64::from(self.notes),
            trace: Id::fresh(),
            parent: 0,
            from: Arc::from("test"),
            kind: "Test",
            enqueued: self.now,
        };
        self.queue.add(key, Why(vec![self.notes]), meta, self.now)
    }

    fn take(&mut self) -> Option<Taken<&'static str, Why>> {
        self.queue.take(self.now)
    }

    fn end(&mut self, taken: Taken<&'static str, Why>, verdict: Verdict) {
        self.queue.release(&taken.key, taken.cause, taken.meta, verdict, self.now);
    }

    fn fail(&mut self) {
        let taken = self.take().unwrap();
        self.end(taken, Verdict::Retry("no".to_owned()));
    }

    /// Works on the next key and says which it was.
    fn done(&mut self) -> Option<&'static str> {
        let taken = self.take()?;
        let key = taken.key;
        self.end(taken, Verdict::Done);
        Some(key)
    }
}

#[test]
fn notes_of_a_waiting_key_merge_in_order() {
    let mut bench = Bench::new();
    assert_eq!(bench.add("a"), Added::Queued);
    assert!(matches!(bench.add("a"), Added::Merged(_)));
    let taken = bench.take().unwrap();
    assert_eq!(taken.cause, Why(vec![1, 2]));
    assert!(bench.take().is_none());
}

#[test]
fn a_key_asked_for_while_running_runs_once_more() {
    let mut bench = Bench::new();
    bench.add("a");
    let taken = bench.take().unwrap();
    bench.add("a");
    bench.add("a");
    assert!(bench.take().is_none(), "a key is never leased twice at a time");
    bench.end(taken, Verdict::Done);
    let again = bench.take().unwrap();
    assert_eq!(again.cause, Why(vec![2, 3]));
    bench.end(again, Verdict::Done);
    assert!(bench.take().is_none());
    assert_eq!(bench.queue.len(), 0, "a key that is done is forgotten");
}

#[test]
fn a_failing_key_backs_off_alone_and_fresh_keys_go_first() {
    let mut bench = Bench::new();
    bench.add("bad");
    bench.fail();
    bench.add("good");
    assert_eq!(bench.done(), Some("good"));
    assert!(bench.take().is_none(), "the failing key waits");
    let due = bench.queue.next_due().unwrap();
    assert!(due > bench.now && due <= bench.now + FIRST);
    bench.now += FIRST;
    bench.add("news");
    assert_eq!(bench.done(), Some("news"));
    let taken = bench.take().unwrap();
    assert_eq!((taken.key, taken.attempt), ("bad", 1));
    assert_eq!(taken.first_failure, Some(bench.now - FIRST));
}

#[test]
fn a_failing_key_is_not_starved_by_a_stream_of_fresh_ones() {
    let mut bench = Bench::new();
    bench.add("bad");
    bench.fail();
    bench.now += FIRST;
    let mut before = 0;
    loop {
        bench.add("news");
        if bench.done() == Some("bad") {
            break;
        }
        before += 1;
        assert!(before <= FRESH_IN_A_ROW, "the failing key never had its turn");
    }
}

#[test]
fn a_note_brings_a_failing_key_forward_but_not_before_its_first_delay() {
    let mut bench = Bench::new();
    bench.add("a");
    for _ in 0..6 {
        bench.fail();
        bench.now = bench.queue.next_due().unwrap();
    }
    bench.fail();
    assert!(bench.queue.next_due().unwrap() > bench.now + 10 * FIRST);
    bench.add("a");
    assert_eq!(bench.queue.next_due(), Some(bench.now + FIRST));
    bench.now += FIRST;
    assert_eq!(bench.take().unwrap().attempt, 7);
}

#[test]
fn a_key_that_waits_for_a_time_comes_then_or_when_it_is_noted() {
    let mut bench = Bench::new();
    bench.add("a");
    let taken = bench.take().unwrap();
    bench.end(taken, Verdict::After(FIRST, "in use".to_owned()));
    assert!(bench.take().is_none());
    bench.now += FIRST;
    let taken = bench.take().unwrap();
    assert_eq!(taken.attempt, 0, "waiting is not failing");
    bench.end(taken, Verdict::After(FIRST, "in use".to_owned()));
    bench.add("a");
    assert_eq!(bench.done(), Some("a"));
}

#[test]
fn an_interrupted_key_comes_back_at_once_with_its_cause() {
    let mut bench = Bench::new();
    bench.add("a");
    let taken = bench.take().unwrap();
    bench.add("a");
    bench.end(taken, Verdict::Interrupted);
    let again = bench.take().unwrap();
    assert_eq!((again.cause, again.attempt), (Why(vec![1, 2]), 0));
}

#[test]
fn a_key_that_killed_twice_is_set_aside_and_later_gets_one_more_try() {
    let mut bench = Bench::new();
    bench.add("killer");
    for _ in 0..2 {
        let taken = bench.take().unwrap();
        bench.end(taken, Verdict::Interrupted);
        bench.queue.blame(&"killer", "boom", bench.now);
        bench.now += 2 * FIRST;
    }
    assert!(bench.take().is_none());
    bench.add("killer");
    bench.now += Duration::from_secs(60);
    assert!(bench.take().is_none(), "a note does not bring it back");
    bench.now += ASIDE;
    let taken = bench.take().unwrap();
    bench.end(taken, Verdict::Interrupted);
    bench.queue.blame(&"killer", "boom", bench.now);
    bench.now += Duration::from_secs(60);
    assert!(bench.take().is_none(), "one more try, not two");
    assert!(bench.queue.readmit(&"killer", bench.now));
    assert_eq!(bench.done(), Some("killer"));
}

#[test]
fn a_key_blamed_while_its_job_goes_on_is_judged_when_that_ends() {
    let mut bench = Bench::new();
    bench.add("killer");
    let taken = bench.take().unwrap();
    bench.queue.blame(&"killer", "boom", bench.now);
    bench.queue.blame(&"killer", "boom", bench.now);
    assert!(bench.take().is_none());
    bench.end(taken, Verdict::Interrupted);
    bench.now += Duration::from_secs(60);
    assert!(bench.take().is_none(), "it is set aside");
}

#[test]
fn the_oldest_waiting_key_is_the_head_and_a_delayed_one_does_not_count() {
    let mut bench = Bench::new();
    bench.add("a");
    let first = bench.now;
    bench.now += FIRST;
    bench.add("b");
    assert_eq!(bench.queue.oldest(), Some(first));
    bench.queue.blame(&"a", "boom", bench.now);
    assert_eq!(bench.done(), Some("b"));
    assert_eq!(bench.queue.oldest(), None);
}
