use super::*;
use crate::thread::Job;
use crate::{At, CommitError, Page};

fn value() -> Bytes {
    Bytes::from(vec![b'x'; 2048])
}

#[tokio::test]
async fn a_full_database_says_so_reads_on_and_recovers_when_something_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    for location in [Location::File(dir.path().join("x")), Location::Inline] {
        let store = Store::open(Config { max_pages: Some(100), ..Config::new(location) }).unwrap().0;
        let mut stored = 0;
        let error = loop {
            match store.commit(ops([put(&format!("k/{stored}"), value())])).await {
                Ok(_) => stored += 1,
                Err(e) => break e,
            }
        };
        assert!(matches!(error, CommitError::Full), "{error}");
        assert!(stored > 50, "{stored}");
        assert_eq!(store.list(&all(), At::Latest, Page::default()).await.unwrap().entries.len(), stored);
        for n in 0..4 {
            store.commit(ops([delete(&format!("k/{n}"))])).await.unwrap();
        }
        store.commit(ops([put("new", value())])).await.unwrap();
        assert!(store.get(&key("new")).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn history_gives_way_before_a_write_is_refused() {
    let store = Store::open(Config {
        max_pages: Some(60),
        floor: Some(Revision(0)),
        ..Config::new(Location::Inline)
    })
    .unwrap()
    .0;
    for _ in 0..300 {
        store.commit(ops([put("a", value())])).await.unwrap();
    }
    assert!(store.oldest() > Revision(0));
}

#[tokio::test]
async fn what_does_not_fit_takes_no_neighbour_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Config { max_pages: Some(100), ..in_dir(dir.path()) }).unwrap().0;
    let start = store.revision();
    let huge = Bytes::from(vec![b'x'; 1 << 20]);
    let (a, b, c) = tokio::join!(
        store.commit(ops([put("a", value())])),
        store.commit(ops([put("part", value()), put("b", huge)])),
        store.commit(ops([put("c", value())])),
    );
    assert!(a.is_ok() && c.is_ok());
    assert!(matches!(b, Err(CommitError::Full)));
    assert_eq!(store.get(&key("part")).await.unwrap(), None);
    assert_eq!(store.revision(), Revision(start.0 + 2));
}

/// `query_only` makes SQLite answer as for a file that can not be written.
#[tokio::test]
async fn a_read_only_database_says_so_reads_on_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    write(&store, "a", "1").await;
    only_read(&store, true).await;
    assert!(matches!(store.commit(ops([put("a", "2")])).await, Err(CommitError::ReadOnly)));
    assert_eq!(text(&store, "a").await.as_deref(), Some("1"));
    only_read(&store, false).await;
    store.commit(ops([put("a", "2")])).await.unwrap();
    assert_eq!(text(&store, "a").await.as_deref(), Some("2"));
}

async fn only_read(store: &Store, on: bool) {
    let (done, wait) = tokio::sync::oneshot::channel();
    let jobs = store.inner.writer.as_ref().unwrap().jobs.lock().clone().unwrap();
    let hook = Job::Hook(Box::new(move |writer| {
        writer.conn.pragma_update(None, "query_only", on).unwrap();
        done.send(()).unwrap();
    }));
    assert!(jobs.send(hook).await.is_ok());
    wait.await.unwrap();
}

#[tokio::test]
async fn the_write_ahead_log_is_carried_over_while_writing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let wal = dir.path().join("store.sqlite3-wal");
    for n in 0..200 {
        let many = (0..50).map(|k| put(&format!("k/{k}"), vec![n; 2048]));
        store.commit(ops(many)).await.unwrap();
    }
    // 10,000 values of 2 KiB are at least 20 MiB of log if it never started again.
    assert!(std::fs::metadata(wal).unwrap().len() < 48 << 20);
    store.close().await;
    let reopened = open(dir.path());
    assert_eq!(reopened.get(&key("k/7")).await.unwrap().unwrap().value[0], 199);
}
