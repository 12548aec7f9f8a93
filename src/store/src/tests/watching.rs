use super::*;
use crate::{Change, Ended, Watch};
use poll::now_or_never;
use std::sync::Arc;

/// Whether a future is ready at its first poll.
mod poll {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    pub(super) fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }
}

async fn revisions(watch: &mut Watch) -> Vec<u64> {
    watch.next().await.unwrap().iter().map(|change| change.revision.0).collect()
}

/// Everything up to a revision.
async fn until(watch: &mut Watch, last: Revision) -> Vec<Arc<Change>> {
    let mut all = Vec::new();
    while watch.seen() < last {
        all.extend(watch.next().await.unwrap());
    }
    all
}

#[tokio::test]
async fn a_change_carries_what_was_and_what_is() {
    let store = inline();
    let mut watch = store.watch(&all(), Revision(0)).unwrap();
    store.commit(ops([put("a", "1"), put("a", "2"), delete("a")])).await.unwrap();
    let changes = watch.next().await.unwrap();
    let shape: Vec<_> =
        changes.iter().map(|c| (c.revision.0, c.previous.as_deref(), c.next.as_deref())).collect();
    let (one, two) = (&b"1"[..], &b"2"[..]);
    assert_eq!(shape, [(1, None, Some(one)), (2, Some(one), Some(two)), (3, Some(two), None)]);
}

#[tokio::test]
async fn history_and_live_changes_read_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let start = store.revision();
    let mut live = store.watch(&Prefix::new("p/"), start).unwrap();
    for name in ["p/a", "q/a", "p/b", "p/a"] {
        write(&store, name, "1").await;
    }
    let last = store.commit(ops([delete("p/a")])).await.unwrap();
    let mut late = store.watch(&Prefix::new("p/"), start).unwrap();
    assert_eq!(until(&mut live, last).await, until(&mut late, last).await);
}

#[tokio::test]
async fn history_survives_a_restart_and_a_compaction_of_what_is_older() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { keep_revisions: 3, keep_for: Duration::ZERO, ..in_dir(dir.path()) };
    let store = Store::open(config.clone()).unwrap().0;
    for _ in 0..10 {
        write(&store, "a", "1").await;
    }
    let last = store.revision();
    store.compact().await.unwrap();
    drop(store);
    let store = Store::open(config).unwrap().0;
    assert_eq!(store.oldest(), Revision(last.0 - 3));
    let mut watch = store.watch(&all(), store.oldest()).unwrap();
    let changes = until(&mut watch, last).await;
    assert_eq!(changes.iter().map(|c| c.revision.0).collect::<Vec<_>>(), [last.0 - 2, last.0 - 1, last.0]);
    assert!(changes.iter().all(|c| c.previous.is_some()));
}

#[tokio::test]
async fn a_watcher_that_does_not_fetch_lags_and_resumes_from_what_it_saw() {
    let config = Config { floor: Some(Revision(0)), watch_buffer: 4, ..Config::new(Location::Inline) };
    let store = Store::open(config).unwrap().0;
    let mut watch = store.watch(&all(), Revision(0)).unwrap();
    write(&store, "a", "1").await;
    assert_eq!(revisions(&mut watch).await, [1]);
    for _ in 0..5 {
        write(&store, "a", "1").await;
    }
    assert_eq!(watch.next().await, Err(Ended::Lagged));
    assert_eq!(watch.next().await, Err(Ended::Lagged));
    assert_eq!(watch.seen(), Revision(1));
    let mut again = store.watch(&all(), watch.seen()).unwrap();
    let changes = until(&mut again, store.revision()).await;
    assert_eq!(changes.len(), 5);
}

#[tokio::test]
async fn a_watcher_that_lags_disturbs_no_other() {
    let config = Config { floor: Some(Revision(0)), watch_buffer: 4, ..Config::new(Location::Inline) };
    let store = Store::open(config).unwrap().0;
    let slow = store.watch(&all(), Revision(0)).unwrap();
    let mut quick = store.watch(&all(), Revision(0)).unwrap();
    for n in 1..=20 {
        write(&store, "a", "1").await;
        assert_eq!(revisions(&mut quick).await, [n]);
    }
    assert_eq!(slow.seen(), Revision(0));
}

#[tokio::test]
async fn what_waits_for_a_watcher_is_bounded_in_bytes_as_well() {
    let store = inline();
    let mut watch = store.watch(&all(), Revision(0)).unwrap();
    let large = Bytes::from(vec![b'x'; 3 << 20]);
    for _ in 0..3 {
        store.commit(ops([put("a", large.clone())])).await.unwrap();
    }
    assert_eq!(revisions(&mut watch).await, [1, 2, 3], "15 MiB wait");
    for _ in 0..3 {
        store.commit(ops([put("a", large.clone())])).await.unwrap();
    }
    assert_eq!(watch.next().await, Err(Ended::Lagged), "18 MiB would wait");
    let mut again = store.watch(&all(), watch.seen()).unwrap();
    assert_eq!(until(&mut again, store.revision()).await.len(), 3);
    // One change alone is never too large to be told.
    let larger = Bytes::from(vec![b'x'; 17 << 20]);
    let last = store.commit(ops([put("b", larger)])).await.unwrap();
    assert_eq!(revisions(&mut again).await, [last.0]);
}

#[tokio::test]
async fn watches_end_with_a_writer_that_panics() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut watch = store.watch(&all(), store.revision()).unwrap();
    let jobs = store.inner.writer.as_ref().unwrap().jobs.lock().clone().unwrap();
    let hook = crate::thread::Job::Hook(Box::new(|_| panic!("a test makes the writer panic")));
    assert!(jobs.send(hook).await.is_ok());
    let ended = tokio::time::timeout(Duration::from_secs(10), watch.next()).await;
    assert_eq!(ended.expect("the watch waits for ever"), Err(Ended::Closed));
    assert!(matches!(store.commit(ops([put("a", "1")])).await, Err(crate::CommitError::Closed)));
}

#[tokio::test]
async fn seen_follows_other_prefixes_and_never_passes_a_waiting_change() {
    let store = inline();
    let mut watch = store.watch(&Prefix::new("p/"), Revision(0)).unwrap();
    write(&store, "q/a", "1").await;
    write(&store, "q/a", "1").await;
    assert_eq!(watch.seen(), Revision(2));
    write(&store, "p/a", "1").await;
    write(&store, "q/a", "1").await;
    assert_eq!(watch.seen(), Revision(2));
    assert_eq!(revisions(&mut watch).await, [3]);
    assert_eq!(watch.seen(), Revision(4));
}

#[tokio::test]
async fn a_dropped_call_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let start = store.revision();
    for _ in 0..10 {
        write(&store, "a", "1").await;
    }
    let config = store.revision();
    let mut watch = store.watch(&all(), start).unwrap();
    // The first polls start to read history; each is dropped before it ends.
    for _ in 0..3 {
        assert!(now_or_never(watch.next()).is_none(), "a read by another task can not be ready here");
    }
    let changes = until(&mut watch, config).await;
    assert_eq!(changes.len(), 10);
    assert!(now_or_never(watch.next()).is_none());
    let last = write(&store, "a", "2").await;
    assert_eq!(revisions(&mut watch).await, [last.0]);
}

#[tokio::test]
async fn closing_delivers_what_is_there_and_ends_the_watch() {
    let dir = tempfile::tempdir().unwrap();
    for store in [open(dir.path()), inline()] {
        let mut watch = store.watch(&all(), store.revision()).unwrap();
        let last = write(&store, "a", "1").await;
        store.close().await;
        assert_eq!(revisions(&mut watch).await, [last.0]);
        assert_eq!(watch.next().await, Err(Ended::Closed));
    }
}

#[tokio::test]
async fn the_last_store_that_goes_ends_its_watches_and_frees_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut watch = store.watch(&all(), store.revision()).unwrap();
    drop(store);
    assert_eq!(watch.next().await, Err(Ended::Closed));
    drop(open(dir.path()));
}

#[tokio::test]
async fn watchers_of_many_prefixes_each_get_their_own() {
    let store = inline();
    let prefixes: Vec<_> = (0..1000).map(|n| Prefix::new(format!("k/{n:04}/"))).collect();
    let mut watches: Vec<_> = prefixes.iter().map(|p| store.watch(p, Revision(0)).unwrap()).collect();
    for n in (0..1000).step_by(100) {
        write(&store, &format!("k/{n:04}/x"), "1").await;
    }
    for (n, watch) in watches.iter_mut().enumerate() {
        match now_or_never(watch.next()) {
            Some(changes) => assert_eq!((n % 100, changes.unwrap().len()), (0, 1)),
            None => assert_ne!(n % 100, 0),
        }
    }
    drop(watches);
    write(&store, "k/0000/x", "2").await;
}

/// Writers, and watchers that start anywhere, stop anywhere and go on from what they saw: each sees every change of its prefix once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn no_change_is_missed_or_repeated_under_concurrency() {
    const WRITERS: u64 = 8;
    const EACH: u64 = 150;
    let dir = tempfile::tempdir().unwrap();
    // A small buffer, so that watchers lag and fall back to history as well.
    let store = Store::open(Config { watch_buffer: 32, ..in_dir(dir.path()) }).unwrap().0;
    let start = store.revision();
    let end = Revision(start.0 + WRITERS * EACH);
    let watchers: Vec<_> = (0..6_u64)
        .map(|n| {
            let store = store.clone();
            let prefix = Prefix::new(if n < 3 { String::new() } else { format!("k/{n}/") });
            tokio::spawn(async move {
                let mut got: Vec<Arc<Change>> = Vec::new();
                let mut seen = start;
                'again: while seen < end {
                    let mut watch = store.watch(&prefix, seen).unwrap();
                    let mut calls = 0;
                    while watch.seen() < end {
                        tokio::select! {
                            biased;
                            changes = watch.next() => match changes {
                                Ok(changes) => {
                                    assert!(watch.seen() >= changes.last().unwrap().revision);
                                    got.extend(changes);
                                    calls += 1;
                                }
                                Err(Ended::Lagged) => { seen = watch.seen(); continue 'again }
                                Err(Ended::Closed) => panic!("closed"),
                            },
                            // Calls are dropped all the time; the watch itself only after some that returned.
                            () = tokio::task::yield_now() => {}
                        }
                        if calls == 7 + n {
                            break;
                        }
                    }
                    assert!(watch.seen() >= seen);
                    seen = watch.seen();
                }
                (prefix, got)
            })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for i in 0..EACH {
                    let name = format!("k/{}/{n}", (n + i) % 8);
                    let revision = store.commit(ops([put(&name, i.to_string())])).await.unwrap();
                    acknowledged.push((revision.0, name));
                }
                acknowledged
            })
        })
        .collect();
    let mut oracle = Vec::new();
    for writer in writers {
        oracle.extend(writer.await.unwrap());
    }
    oracle.sort();
    for watcher in watchers {
        let (prefix, got) = watcher.await.unwrap();
        let got: Vec<_> = got.iter().map(|c| (c.revision.0, c.key.to_string())).collect();
        let expected: Vec<_> =
            oracle.iter().filter(|(_, name)| name.starts_with(prefix.as_str())).cloned().collect();
        assert_eq!(got, expected, "{}", prefix.as_str());
    }
}
