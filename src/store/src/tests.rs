//! The promises of the store, on files and in memory.

mod damage;
mod full;
mod history;
mod kill;
mod transactions;
mod watching;

use crate::{Config, Expect, Key, Location, Op, Prefix, Revision, Store, Txn};
use bytes::Bytes;
use std::path::Path;
use std::time::Duration;

/// A store in memory whose revisions start above zero.
fn inline() -> Store {
    let config = Config { floor: Some(Revision(0)), ..Config::new(Location::Inline) };
    Store::open(config).unwrap().0
}

/// A store whose history can be forgotten at once.
fn forgetful(location: Location) -> Config {
    Config { keep_for: Duration::ZERO, keep_revisions: 0, ..Config::new(location) }
}

fn in_dir(dir: &Path) -> Config {
    Config::new(Location::File(dir.join("store.sqlite3")))
}

fn open(dir: &Path) -> Store {
    Store::open(in_dir(dir)).unwrap().0
}

fn key(text: &str) -> Key {
    Key::new(text)
}

fn put(name: &str, value: impl Into<Bytes>) -> Op {
    Op::Put { key: key(name), value: value.into() }
}

fn delete(name: &str) -> Op {
    Op::Delete { key: key(name) }
}

fn ops(ops: impl IntoIterator<Item = Op>) -> Txn {
    Txn { guards: Vec::new(), ops: ops.into_iter().collect() }
}

fn guarded(name: &str, expect: Expect, op: Op) -> Txn {
    Txn { guards: vec![(key(name), expect)], ops: vec![op] }
}

fn all() -> Prefix {
    Prefix::new("")
}

/// Writes `name` and returns its revision.
async fn write(store: &Store, name: &str, value: &'static str) -> Revision {
    store.commit(ops([put(name, value)])).await.unwrap()
}

async fn text(store: &Store, name: &str) -> Option<String> {
    let entry = store.get(&key(name)).await.unwrap()?;
    Some(String::from_utf8(entry.value.to_vec()).unwrap())
}

/// The keys and values of a listing, for comparison.
fn pairs(listing: &crate::Listing) -> Vec<(String, String)> {
    let pair = |e: &crate::Entry| (e.key.to_string(), String::from_utf8_lossy(&e.value).into_owned());
    listing.entries.iter().map(pair).collect()
}
