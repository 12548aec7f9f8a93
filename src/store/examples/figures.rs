//! Figures of a store on disk: `cargo run --release -p rdd-store --example figures -- [DIRECTORY]`.
//!
//! Commits per second with 1, 16 and 128 callers (2 KiB values over 20,000 keys), the time of a get and of a list of 10,000 entries, from a write to
//! its watcher with 100 and 1,000 watchers, and the memory of an idle store.

use bytes::Bytes;
use rdd_store::{At, Config, Key, Location, Op, Page, Prefix, Store, Txn};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const KEYS: u64 = 20_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = directory.join(format!("rdd-store-figures-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let before = resident();
    let config = Config::new(Location::File(directory.join("figures.sqlite3")));
    let opened = Instant::now();
    let (store, _) = Store::open(config.clone())?;
    store.get(&key(0)).await?;
    println!(
        "open {:?}; idle {} KiB of which {} KiB were there before",
        opened.elapsed(),
        resident(),
        before
    );
    for callers in [1, 16, 128] {
        commits(&store, callers, Duration::from_secs(3)).await?;
    }
    reads(&store).await?;
    for watchers in [1, 100, 1000] {
        fan_out(&store, watchers).await?;
    }
    println!("resident {} KiB after all", resident());
    let closing = Instant::now();
    store.close().await;
    drop(store);
    println!("close {:?}", closing.elapsed());
    let size = std::fs::metadata(directory.join("figures.sqlite3"))?.len() >> 20;
    let opened = Instant::now();
    let (store, _) = Store::open(config)?;
    println!("open again {:?}, {size} MiB", opened.elapsed());
    drop(store);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

async fn commits(store: &Store, callers: u64, time: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let until = Instant::now() + time;
    let next = Arc::new(AtomicU64::new(1));
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (store, next) = (store.clone(), next.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < until {
                    let number = next.fetch_add(0x9E37_79B9, Ordering::Relaxed) % KEYS;
                    let start = Instant::now();
                    store.commit(put(number)).await?;
                    times.push(start.elapsed());
                }
                Ok::<_, rdd_store::CommitError>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let rate = times.len() as f64 / time.as_secs_f64();
    println!("{callers:>4} callers: {rate:>8.0} commits/s, {}", spread(times));
    Ok(())
}

async fn reads(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    let mut times = Vec::new();
    for number in 0..5_000 {
        let start = Instant::now();
        store.get(&key(number * 7 % KEYS)).await?;
        times.push(start.elapsed());
    }
    println!("get: {}", spread(times));
    let mut times = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        let page = Page { after: None, limit: Some(10_000) };
        let listing = store.list(&Prefix::new("example.io/things/"), At::Latest, page).await?;
        times.push(start.elapsed());
        assert!(listing.entries.len() == 10_000);
    }
    println!("list of 10,000: {}", spread(times));
    Ok(())
}

async fn fan_out(store: &Store, watchers: usize) -> Result<(), Box<dyn std::error::Error>> {
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let tasks: Vec<_> = (0..watchers)
        .map(|_| {
            let mut watch = store.watch(&Prefix::new("example.io/"), store.revision())?;
            let sender = sender.clone();
            Ok(tokio::spawn(async move {
                while let Ok(changes) = watch.next().await {
                    for _ in changes {
                        let _ = sender.send(Instant::now());
                    }
                }
            }))
        })
        .collect::<Result<_, rdd_store::ReadError>>()?;
    let mut times = Vec::new();
    for number in 0..200 {
        let start = Instant::now();
        store.commit(put(number)).await?;
        for _ in 0..watchers {
            if let Some(at) = seen.recv().await {
                times.push(at - start);
            }
        }
    }
    println!("{watchers:>4} watchers, write to observe: {}", spread(times));
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

fn key(number: u64) -> Key {
    Key::new(format!("example.io/things/default/thing-{number:05}"))
}

fn put(number: u64) -> Txn {
    let value = Bytes::from(format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat(2020)));
    Txn { guards: Vec::new(), ops: vec![Op::Put { key: key(number), value }] }
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    format!("p50 {:?}, p99 {:?}, max {:?}", at(0.5), at(0.99), at(1.0))
}

/// KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
