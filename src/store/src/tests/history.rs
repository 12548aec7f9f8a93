use super::*;
use crate::{At, Page, ReadError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn page(after: Option<&str>, limit: usize) -> Page {
    Page { after: after.map(key), limit: Some(limit) }
}

#[tokio::test]
async fn a_list_is_paged_in_key_order_and_counts_the_rest() {
    let store = inline();
    for name in ["p/c", "p/a", "q/x", "p/b", "p/b0", "o/x", "p/d"] {
        write(&store, name, "1").await;
    }
    let p = Prefix::new("p/");
    let mut after: Option<String> = None;
    let mut seen = Vec::new();
    let mut remaining = Vec::new();
    loop {
        let listing = store.list(&p, At::Latest, page(after.as_deref(), 2)).await.unwrap();
        seen.extend(pairs(&listing).into_iter().map(|(key, _)| key));
        remaining.push(listing.remaining);
        after = seen.last().cloned();
        if listing.remaining == 0 {
            break;
        }
    }
    assert_eq!(seen, ["p/a", "p/b", "p/b0", "p/c", "p/d"]);
    assert_eq!(remaining, [3, 1, 0]);
    assert_eq!(store.list(&all(), At::Latest, page(None, 0)).await.unwrap().remaining, 7);
    assert_eq!(store.list(&all(), At::Latest, Page::default()).await.unwrap().entries.len(), 7);
}

#[tokio::test]
async fn keys_of_any_text_are_found_by_their_prefix() {
    let store = inline();
    for name in ["é/1", "é/\u{10FFFF}", "é0", "z"] {
        write(&store, name, "1").await;
    }
    assert_eq!(store.list(&Prefix::new("é/"), At::Latest, Page::default()).await.unwrap().entries.len(), 2);
    assert_eq!(store.list(&all(), At::Latest, Page::default()).await.unwrap().entries.len(), 4);
}

#[tokio::test]
async fn revisions_out_of_reach_are_compacted_or_future() {
    let dir = tempfile::tempdir().unwrap();
    for location in [Location::Inline, Location::File(dir.path().join("x"))] {
        let store = Store::open(forgetful(location)).unwrap().0;
        let first = write(&store, "a", "1").await;
        let last = write(&store, "a", "2").await;
        let beyond = Revision(last.0 + 1);
        for at in [At::Exact(beyond), At::NotOlderThan(beyond)] {
            let error = store.list(&all(), at, Page::default()).await.unwrap_err();
            assert!(matches!(error, ReadError::Future { current } if current == last), "{error}");
        }
        assert!(matches!(store.watch(&all(), beyond), Err(ReadError::Future { .. })));
        assert_eq!(
            store.list(&all(), At::NotOlderThan(first), Page::default()).await.unwrap().revision,
            last
        );
        assert_eq!(
            store.list(&all(), At::Exact(first), Page::default()).await.unwrap().entries[0].modified,
            first
        );
        assert_eq!(store.compact().await.unwrap(), last);
        assert_eq!(store.oldest(), last);
        let error = store.list(&all(), At::Exact(first), Page::default()).await.unwrap_err();
        assert!(matches!(error, ReadError::Compacted { oldest } if oldest == last), "{error}");
        assert!(matches!(store.watch(&all(), first), Err(ReadError::Compacted { .. })));
        assert_eq!(pairs(&store.list(&all(), At::Exact(last), Page::default()).await.unwrap()).len(), 1);
    }
}

#[tokio::test]
async fn revisions_go_on_after_all_history_was_forgotten_and_the_file_reopened() {
    let dir = tempfile::tempdir().unwrap();
    let config = forgetful(Location::File(dir.path().join("x")));
    let store = Store::open(config.clone()).unwrap().0;
    write(&store, "a", "1").await;
    let last = store.commit(ops([delete("a")])).await.unwrap();
    assert_eq!(store.compact().await.unwrap(), last);
    drop(store);
    let store = Store::open(config).unwrap().0;
    assert_eq!((store.revision(), store.oldest()), (last, last));
    assert_eq!(write(&store, "a", "1").await, Revision(last.0 + 1));
}

#[tokio::test]
async fn the_last_revisions_and_young_history_are_kept() {
    let config = Config {
        floor: Some(Revision(0)),
        keep_for: Duration::ZERO,
        keep_revisions: 10,
        ..Config::new(Location::Inline)
    };
    let store = Store::open(config).unwrap().0;
    for _ in 0..30 {
        write(&store, "a", "1").await;
    }
    assert_eq!(store.compact().await.unwrap(), Revision(20));
    let store = inline();
    for _ in 0..30 {
        write(&store, "a", "1").await;
    }
    assert_eq!(store.compact().await.unwrap(), Revision(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_rewrites_do_not_grow_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let config = Config { keep_revisions: 200, ..forgetful(Location::File(path.clone())) };
    let store = Store::open(config).unwrap().0;
    let value = Bytes::from(vec![b'x'; 2048]);
    let mut sizes = Vec::new();
    for _ in 0..4 {
        for n in 0..100 {
            let many = (0..20).map(|k| put(&format!("k/{}", (n + k) % 50), value.clone()));
            store.commit(ops(many)).await.unwrap();
        }
        let pages = |conn: &rusqlite::Connection| {
            conn.query_row("PRAGMA page_count", [], |r| r.get::<_, i64>(0)).unwrap()
        };
        sizes.push(pages(&rusqlite::Connection::open(&path).unwrap()));
    }
    // 8,000 revisions of 2 KiB would be 16 MiB; 200 and 50 entries are half a MiB.
    assert!(sizes[3] <= sizes[1] + 8, "{sizes:?}");
    assert!(sizes[3] < 800, "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_one_state_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let both = |n: u32| ops([put("p/a", n.to_string()), put("p/b", n.to_string())]);
    store.commit(both(0)).await.unwrap();
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 1..300 {
                store.commit(both(n)).await.unwrap();
            }
        }
    });
    while !writer.is_finished() {
        let listing = store.list(&Prefix::new("p/"), At::Latest, Page::default()).await.unwrap();
        assert_eq!(listing.entries[0].value, listing.entries[1].value);
        assert_eq!(listing.revision, listing.entries[1].modified);
        // What a list has seen can be watched from and read again.
        assert!(store.watch(&all(), listing.revision).is_ok());
        let again =
            store.list(&Prefix::new("p/"), At::Exact(listing.revision), Page::default()).await.unwrap();
        assert_eq!(again.entries, listing.entries);
    }
    writer.await.unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8),
    Delete(u8),
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![6 => (0..6_u8).prop_map(Step::Put), 3 => (0..6_u8).prop_map(Step::Delete), 1 => Just(Step::Compact)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// An oracle keeps the whole state of each revision; every revision in reach reads and replays the same.
    #[test]
    fn any_old_state_reads_as_it_was(steps in proptest::collection::vec(step(), 1..60), keep in 0..20_u64, limit in 1..5_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let config = Config { floor: Some(Revision(0)), keep_for: Duration::ZERO, keep_revisions: keep, ..Config::new(Location::Inline) };
            let store = Store::open(config).unwrap().0;
            let mut now: BTreeMap<String, (String, u64, u64)> = BTreeMap::new();
            let mut states = vec![now.clone()];
            for step in steps {
                match step {
                    Step::Put(k) => {
                        let revision = states.len() as u64;
                        let name = format!("k{}/{k}", k % 2);
                        store.commit(ops([put(&name, revision.to_string())])).await.unwrap();
                        let created = now.get(&name).map_or(revision, |e| e.1);
                        now.insert(name, (revision.to_string(), created, revision));
                        states.push(now.clone());
                    }
                    Step::Delete(k) => {
                        let name = format!("k{}/{k}", k % 2);
                        store.commit(ops([delete(&name)])).await.unwrap();
                        if now.remove(&name).is_some() {
                            states.push(now.clone());
                        }
                    }
                    Step::Compact => drop(store.compact().await.unwrap()),
                }
            }
            for (at, state) in states.iter().enumerate().skip(store.oldest().0 as usize) {
                for prefix in ["", "k0/", "k1/"] {
                    let expected: Vec<_> = state.iter().filter(|(k, _)| k.starts_with(prefix)).collect();
                    let page = Page { after: None, limit: Some(limit) };
                    let listing = store.list(&Prefix::new(prefix), At::Exact(Revision(at as u64)), page).await.unwrap();
                    assert_eq!(listing.remaining as usize, expected.len().saturating_sub(limit));
                    assert_eq!(listing.entries.len(), expected.len().min(limit));
                    for (entry, (name, (value, created, modified))) in listing.entries.iter().zip(expected) {
                        assert_eq!((entry.key.as_str(), &entry.value[..]), (name.as_str(), value.as_bytes()));
                        assert_eq!((entry.created.0, entry.modified.0), (*created, *modified));
                    }
                }
                // Replaying what came after leads to the present.
                let mut replayed = state.clone();
                let mut watch = store.watch(&all(), Revision(at as u64)).unwrap();
                while watch.seen() < store.revision() {
                    for change in watch.next().await.unwrap() {
                        let name = change.key.to_string();
                        let before = change.previous.as_ref().map(|v| String::from_utf8_lossy(v).into_owned());
                        assert_eq!(replayed.get(&name).map(|e| e.0.clone()), before);
                        match &change.next {
                            None => drop(replayed.remove(&name)),
                            Some(v) => drop(replayed.insert(name, (String::from_utf8_lossy(v).into_owned(), 0, 0))),
                        }
                    }
                }
                assert!(replayed.iter().map(|(k, e)| (k, &e.0)).eq(now.iter().map(|(k, e)| (k, &e.0))));
            }
        });
    }
}

#[tokio::test]
async fn long_reads_leave_a_place_for_short_ones() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    write(&store, "a", "1").await;
    let shared = store.inner.shared.clone();
    let (release, started) = (Arc::new(std::sync::Barrier::new(4)), Arc::new(tokio::sync::Semaphore::new(0)));
    let long: Vec<_> = (0..3)
        .map(|_| {
            let (shared, release, started) = (shared.clone(), release.clone(), started.clone());
            let read = move |_: &rusqlite::Connection| {
                started.add_permits(1);
                release.wait();
                Ok(())
            };
            tokio::spawn(async move { shared.read(crate::pool::Reach::Range, read, |()| Revision(0)).await })
        })
        .collect();
    let _ = started.acquire_many(3).await.unwrap();
    // One more that has to wait, and must not take the last place.
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.list(&all(), At::Latest, Page::default()).await }
    });
    tokio::task::yield_now().await;
    // Nobody knows of this key without a read.
    let read = tokio::time::timeout(Duration::from_secs(10), store.get(&key("b"))).await;
    assert!(!waiting.is_finished());
    tokio::task::spawn_blocking(move || release.wait()).await.unwrap();
    for one in long {
        one.await.unwrap().unwrap();
    }
    assert_eq!(waiting.await.unwrap().unwrap().entries.len(), 1);
    assert_eq!(read.expect("a get waits for lists").unwrap(), None);
}
