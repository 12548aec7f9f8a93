use super::*;
use crate::{At, CommitError, OpenError, Page, ReadError};

#[tokio::test]
async fn each_op_gets_a_revision_and_the_last_is_returned() {
    let store = inline();
    let revision = store.commit(ops([put("a", "1"), put("b", "1"), put("a", "2")])).await.unwrap();
    assert_eq!(revision, Revision(3));
    let a = store.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((a.created, a.modified, &a.value[..]), (Revision(1), Revision(3), &b"2"[..]));
    assert_eq!(store.revision(), Revision(3));
}

#[tokio::test]
async fn deleting_what_is_absent_gives_no_revision() {
    let store = inline();
    write(&store, "a", "1").await;
    assert_eq!(store.commit(ops([delete("b")])).await.unwrap(), Revision(1));
    assert_eq!(store.commit(ops([delete("a"), delete("a")])).await.unwrap(), Revision(2));
    assert_eq!(text(&store, "a").await, None);
}

#[tokio::test]
async fn a_created_again_entry_is_a_new_one() {
    let store = inline();
    store.commit(ops([put("a", "1"), delete("a"), put("a", "2")])).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().created, Revision(3));
}

#[tokio::test]
async fn guards_hold_or_nothing_happens_and_the_present_is_told() {
    let store = inline();
    let first = write(&store, "a", "1").await;
    let cases = [
        ("a", Expect::Absent, false),
        ("a", Expect::Present, true),
        ("a", Expect::At(first), true),
        ("a", Expect::At(Revision(77)), false),
        ("b", Expect::Absent, true),
        ("b", Expect::Present, false),
        ("b", Expect::At(first), false),
    ];
    for (name, expect, holds) in cases {
        let result = store.commit(guarded(name, expect, put("c", "x"))).await;
        assert_eq!(result.is_ok(), holds, "{name} {expect:?}");
        if let Err(CommitError::Lost { key, current }) = result {
            assert_eq!(key.as_str(), name);
            assert_eq!(current, store.get(&key).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_lost_guard_undoes_no_neighbour_in_the_batch() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = store.clone();
            let expect = if n % 2 == 0 { Expect::Absent } else { Expect::Present };
            tokio::spawn(async move {
                let name = format!("k/{n}");
                store.commit(guarded(&name, expect, put(&name, "x"))).await
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().is_ok(), n % 2 == 0, "{n}");
    }
    assert_eq!(store.list(&Prefix::new("k/"), At::Latest, Page::default()).await.unwrap().entries.len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_many_wins_a_guard() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let start = write(&store, "a", "0").await;
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(
                async move { store.commit(guarded("a", Expect::At(start), put("a", "1"))).await.is_ok() },
            )
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap());
    }
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_to_64_tasks_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut last = Revision(0);
                for n in 0..20 {
                    let revision = store.commit(ops([put(&format!("t/{task}/{n}"), "x")])).await.unwrap();
                    assert!(revision > last);
                    last = revision;
                }
                last
            })
        })
        .collect();
    let mut newest = Revision(0);
    for task in tasks {
        newest = newest.max(task.await.unwrap());
    }
    store.close().await;
    let store = open(dir.path());
    assert_eq!(store.revision(), newest);
    assert_eq!(
        store.list(&Prefix::new("t/"), At::Latest, Page::default()).await.unwrap().entries.len(),
        64 * 20
    );
    assert!(write(&store, "after", "x").await > newest);
}

#[tokio::test]
async fn a_new_file_starts_above_the_floor_and_the_clock() {
    let now = crate::clock::unix_ms();
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(store.revision().0 >= now);
    drop(store);
    let floor = Revision(now + (1 << 40));
    let store = Store::open(Config { floor: Some(floor), ..in_dir(dir.path()) }).unwrap().0;
    assert_eq!(write(&store, "a", "1").await, Revision(floor.0 + 1));
}

#[tokio::test]
async fn a_file_that_was_removed_starts_above_all_its_revisions() {
    let dir = tempfile::tempdir().unwrap();
    let floor = Revision(crate::clock::unix_ms() + (1 << 40));
    let store = Store::open(Config { floor: Some(floor), ..in_dir(dir.path()) }).unwrap().0;
    let last = write(&store, "a", "1").await;
    drop(store);
    std::fs::remove_file(dir.path().join("store.sqlite3")).unwrap();
    assert!(open(dir.path()).revision() >= last);
}

#[tokio::test]
async fn a_second_holder_is_refused_until_the_first_has_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(matches!(Store::open(in_dir(dir.path())), Err(OpenError::InUse { .. })));
    store.close().await;
    assert!(Store::open(in_dir(dir.path())).is_ok());
}

#[tokio::test]
async fn a_place_that_can_not_be_written_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = Location::File(dir.path().join("missing").join("x"));
    assert!(matches!(Store::open(Config::new(file)), Err(OpenError::NotWritable { .. })));
    let directory = dir.path().join("directory");
    std::fs::create_dir(&directory).unwrap();
    assert!(matches!(
        Store::open(Config::new(Location::File(directory))),
        Err(OpenError::NotWritable { .. })
    ));
}

#[tokio::test]
async fn a_newer_schema_and_foreign_databases_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite3");
    drop(open(dir.path()));
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(conn);
    assert!(matches!(Store::open(in_dir(dir.path())), Err(OpenError::TooNew { found: 99, known: 1, .. })));
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    assert!(matches!(Store::open(in_dir(dir.path())), Err(OpenError::Other { .. })));
    assert!(path.exists());
}

#[tokio::test]
async fn after_closing_commits_say_closed() {
    let dir = tempfile::tempdir().unwrap();
    for store in [open(dir.path()), inline()] {
        let other = store.clone();
        store.close().await;
        other.close().await;
        assert!(matches!(other.commit(ops([put("a", "1")])).await, Err(CommitError::Closed)));
        assert!(matches!(other.get(&key("a")).await, Err(ReadError::Io(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn in_memory_nothing_needs_real_time_and_age_follows_the_paused_clock() {
    let config = Config { floor: Some(Revision(0)), keep_revisions: 1, ..Config::new(Location::Inline) };
    let store = Store::open(config).unwrap().0;
    for _ in 0..5 {
        write(&store, "a", "1").await;
    }
    assert_eq!(store.compact().await.unwrap(), Revision(0));
    tokio::time::advance(Duration::from_secs(301)).await;
    assert_eq!(store.compact().await.unwrap(), Revision(4));
}
