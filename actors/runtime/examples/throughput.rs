//! What a message costs: `cargo run --release -p rdd-actors-runtime --example throughput`.
//!
//! Prints messages per second through the control lane, keys per second through a keyed lane, the latency of an ask,
//! each with tracing off and on, and the CPU time of an idle supervisor.

use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use rdd_actors_runtime::{Config, Due, Handle, Keyed, Policy, Supervised, Supervisor};
use tokio::time::Instant;

const MESSAGES: u64 = 1_000_000;
const BURST: u64 = 1_000;
const ASKS: usize = 100_000;
const KEYS: u64 = 200_000;
const ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_secs(60);

struct Counter {
    seen: u64,
}

impl Actor for Counter {
    type Context = Context<Self>;
}

impl Supervised for Counter {
    fn policy() -> Policy {
        Policy { deadline: LIMIT, ..Policy::default() }
    }
}

struct Tick;

impl Message for Tick {
    type Result = u64;
}

impl Handler<Tick> for Counter {
    type Result = u64;

    fn handle(&mut self, _: Tick, _: &mut Self::Context) -> u64 {
        self.seen += 1;
        self.seen
    }
}

struct Changed(u64);

impl Keyed for Changed {
    type Key = u64;
    type Cause = ();

    fn split(self) -> (u64, ()) {
        (self.0, ())
    }

    fn join(key: u64, (): ()) -> Self {
        Changed(key)
    }

    fn limit() -> usize {
        usize::MAX
    }
}

impl Handler<Due<Changed>> for Counter {
    type Result = ();

    fn handle(&mut self, due: Due<Changed>, _: &mut Self::Context) {
        self.seen += 1;
        due.done();
    }
}

#[tokio::main]
async fn main() {
    println!("{:<10} {:>14} {:>14} {:>12} {:>12}", "tracing", "tell/s", "keys/s", "ask p50 us", "ask p99 us");
    for tracing in [false, true] {
        let supervisor = Supervisor::start(Config::threads(tokio::runtime::Handle::current()));
        supervisor.trace().switch(tracing);
        let counter = supervisor.root().actor("counter", |_| Ok(Counter { seen: 0 }));
        let mut tells = Vec::new();
        let mut keys = Vec::new();
        for _ in 0..ROUNDS {
            tells.push(tell(&counter).await);
            keys.push(note(&counter).await);
        }
        let mut asks = ask(&counter).await;
        let name = if tracing { "on" } else { "off" };
        let (p50, p99) = (percentile(&mut asks, 50), percentile(&mut asks, 99));
        println!("{name:<10} {:>14.0} {:>14.0} {p50:>12.1} {p99:>12.1}", median(tells), median(keys));
        supervisor.shutdown(LIMIT).await;
    }
    idle().await;
}

/// Messages per second from one sender, in bursts that fit into the lane; it waits for the end of each.
async fn tell(counter: &Handle<Counter>) -> f64 {
    let start = Instant::now();
    for _ in 0..MESSAGES / BURST {
        for _ in 1..BURST {
            assert!(counter.tell(Tick).is_ok(), "a burst fits into the lane");
        }
        assert!(counter.ask(Tick, LIMIT).await.is_ok(), "the actor lives");
    }
    MESSAGES as f64 / start.elapsed().as_secs_f64()
}

/// Different keys per second, noted and done.
async fn note(counter: &Handle<Counter>) -> f64 {
    let before = counter.ask(Tick, LIMIT).await.unwrap_or_default();
    let start = Instant::now();
    for key in 0..KEYS {
        counter.note(Changed(key));
    }
    let mut asked = 0;
    loop {
        asked += 1;
        if counter.ask(Tick, LIMIT).await.unwrap_or_default() >= before + KEYS + asked {
            return KEYS as f64 / start.elapsed().as_secs_f64();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Round trips, one after the other.
async fn ask(counter: &Handle<Counter>) -> Vec<f64> {
    let mut times = Vec::with_capacity(ASKS);
    for _ in 0..ASKS {
        let start = Instant::now();
        let answer = counter.ask(Tick, LIMIT).await;
        assert!(answer.is_ok(), "{answer:?}");
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    times
}

/// CPU time of the process while 20 actors have nothing to do.
async fn idle() {
    let supervisor = Supervisor::start(Config::threads(tokio::runtime::Handle::current()));
    for n in 0..20 {
        let counter = supervisor.root().actor(format!("idle-{n}"), |_| Ok(Counter { seen: 0 }));
        let _ = counter.ask(Tick, LIMIT).await; // it is up
    }
    let ticks = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields: Vec<u64> =
            stat.split(' ').skip(13).take(2).filter_map(|field| field.parse().ok()).collect();
        fields.iter().sum::<u64>()
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = ticks();
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("20 idle actors: {} ms of CPU time in 5 s", (ticks() - before) * 10);
    supervisor.shutdown(LIMIT).await;
}

fn median(mut values: Vec<f64>) -> f64 {
    percentile(&mut values, 50)
}

fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) * percent / 100]
}
