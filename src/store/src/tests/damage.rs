use super::*;
use crate::{At, Page, Salvage};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

const ENTRIES: usize = 400;

/// A closed database with entries, some history and a deleted entry.
async fn filled(dir: &Path) -> (PathBuf, Revision) {
    let store = open(dir);
    for n in 0..ENTRIES {
        let value = format!("{n} {}", "x".repeat(2000));
        store
            .commit(ops([put(&format!("k/{n:03}"), "first"), put(&format!("k/{n:03}"), value)]))
            .await
            .unwrap();
    }
    store.commit(ops([put("k/gone", "x"), delete("k/gone")])).await.unwrap();
    let last = store.revision();
    store.close().await;
    (dir.join("store.sqlite3"), last)
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

/// What is there is right, nothing deleted came back, revisions go on above the old ones.
async fn checked(dir: &Path, last: Revision) -> (Salvage, usize) {
    let (store, salvage) = Store::open(in_dir(dir)).unwrap();
    let listing = store.list(&Prefix::new("k/"), At::Latest, Page::default()).await.unwrap();
    for entry in &listing.entries {
        let number: usize = entry.key.as_str()["k/".len()..].parse().unwrap();
        assert!(entry.value.starts_with(format!("{number} xx").as_bytes()), "{number}");
    }
    assert!(store.revision() >= last);
    assert!(write(&store, "z", "1").await > last);
    // Who watched before the damage must list again.
    assert!(salvage.set_aside.is_none() || store.watch(&all(), Revision(last.0 - 1)).is_err());
    store.close().await;
    let again = Store::open(in_dir(dir)).unwrap().1;
    assert_eq!(again.set_aside, None);
    (salvage, listing.entries.len())
}

#[tokio::test]
async fn a_file_that_is_no_database_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite3");
    for content in ["not a database at all, but some text that is long enough", "x"] {
        fs::write(&path, content).unwrap();
        let (store, salvage) = Store::open(in_dir(dir.path())).unwrap();
        let aside = salvage.set_aside.unwrap();
        assert_eq!(fs::read_to_string(&aside).unwrap(), content);
        assert!(aside.file_name().unwrap().to_str().unwrap().starts_with("store.sqlite3.corrupt-"));
        assert_eq!((salvage.kept, salvage.lost), (0, 0));
        write(&store, "a", "1").await;
        drop(store);
    }
}

#[tokio::test]
async fn a_broken_first_page_costs_no_entry() {
    let dir = tempfile::tempdir().unwrap();
    let (path, last) = filled(dir.path()).await;
    overwrite(&path, 0, &[0x5A; 4096]);
    let (salvage, found) = checked(dir.path(), last).await;
    assert_eq!((found, salvage.kept, salvage.lost), (ENTRIES, ENTRIES, 0));
    assert!(salvage.set_aside.is_some());
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(
        names
            .iter()
            .all(|n| !n.to_str().unwrap().contains(".mended") && !n.to_str().unwrap().contains(".template")),
        "{names:?}"
    );
}

#[tokio::test]
async fn garbage_in_the_middle_costs_what_it_covers() {
    let dir = tempfile::tempdir().unwrap();
    let (path, last) = filled(dir.path()).await;
    let pages = fs::metadata(&path).unwrap().len() / 4096;
    overwrite(&path, pages / 2 * 4096, &[0xA5; 3 * 4096]);
    let (salvage, found) = checked(dir.path(), last).await;
    assert!(salvage.set_aside.is_some());
    assert_eq!(salvage.kept, found);
    assert!((ENTRIES - 30..ENTRIES).contains(&found), "{found}");
    assert_eq!(found + salvage.lost, ENTRIES);
}

#[tokio::test]
async fn any_single_broken_page_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let (path, last) = filled(dir.path()).await;
    let good = fs::read(&path).unwrap();
    let pages = good.len() / 4096;
    let mut worst = ENTRIES;
    // Every fourth page, and the first ones, which hold the roots.
    for page in (0..pages).filter(|page| *page < 8 || page % 4 == 0) {
        let other = tempfile::tempdir().unwrap();
        let path = other.path().join("store.sqlite3");
        fs::write(&path, &good).unwrap();
        fs::copy(dir.path().join("store.sqlite3.lock"), other.path().join("store.sqlite3.lock")).unwrap();
        overwrite(&path, page as u64 * 4096, &[0xC3; 4096]);
        let (salvage, found) = checked(other.path(), last).await;
        if page >= 8 {
            assert!(salvage.set_aside.is_some(), "{page} of {pages}");
            worst = worst.min(found);
        }
    }
    assert!(worst >= ENTRIES - 60, "{worst}");
}

#[tokio::test]
async fn a_file_cut_short_keeps_its_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let (path, last) = filled(dir.path()).await;
    let size = fs::metadata(&path).unwrap().len();
    File::options().write(true).open(&path).unwrap().set_len(size / 2).unwrap();
    let (salvage, found) = checked(dir.path(), last).await;
    assert!(salvage.set_aside.is_some());
    assert!(found > ENTRIES / 4, "{found}");
    assert!(salvage.lost > 0);
}

#[tokio::test]
async fn a_file_cut_to_nothing_starts_above_its_revisions() {
    let dir = tempfile::tempdir().unwrap();
    let (path, last) = filled(dir.path()).await;
    File::create(&path).unwrap();
    let (_, found) = checked(dir.path(), last).await;
    assert_eq!(found, 0);
}

#[tokio::test]
async fn damage_met_while_working_is_told_and_mended_by_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (path, last) = filled(dir.path()).await;
    let store = open(dir.path());
    assert_eq!(store.damaged(), None);
    let pages = fs::metadata(&path).unwrap().len() / 4096;
    overwrite(&path, pages / 2 * 4096, &[0xA5; 3 * 4096]);
    assert!(store.list(&all(), At::Latest, Page::default()).await.is_err());
    assert!(store.damaged().is_some());
    store.commit(ops([put("k/000", "0 xx")])).await.unwrap();
    store.close().await;
    let (salvage, found) = checked(dir.path(), last).await;
    assert!(salvage.set_aside.is_some());
    assert!(found >= ENTRIES - 30, "{found}");
}

#[tokio::test]
async fn broken_history_does_not_stop_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = filled(dir.path()).await;
    let store = Store::open(forgetful(Location::File(path.clone()))).unwrap().0;
    // Pages of old values, which forgetting meets and writing does not.
    let conn = rusqlite::Connection::open(&path).unwrap();
    let text = "SELECT pageno FROM dbstat WHERE name = 'value' AND pagetype = 'leaf' ORDER BY path LIMIT 4 OFFSET 20";
    let pages =
        conn.prepare(text).unwrap().query_map([], |r| r.get(0)).unwrap().collect::<Result<Vec<u32>, _>>();
    drop(conn);
    for page in pages.unwrap() {
        overwrite(&path, u64::from(page - 1) * 4096, &[0xA5; 4096]);
    }
    for n in 0..1000 {
        store.commit(ops([put(&format!("new/{n}"), "x")])).await.unwrap();
    }
    assert!(store.damaged().is_some());
}

#[tokio::test]
async fn a_new_file_is_whole_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    // As after a crash of the system that lost the log.
    let copy = dir.path().join("copy.sqlite3");
    fs::copy(dir.path().join("store.sqlite3"), &copy).unwrap();
    let conn = rusqlite::Connection::open(&copy).unwrap();
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).unwrap();
    assert_eq!(tables, 4);
    assert!(!dir.path().join("store.sqlite3.new").exists());
    drop(store);
}

#[tokio::test]
async fn what_belonged_to_a_file_that_was_removed_does_not_come_into_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let (path, log) = (dir.path().join("store.sqlite3"), dir.path().join("store.sqlite3-wal"));
    let store = open(dir.path());
    let last = write(&store, "a", "1").await;
    let copy = fs::read(&log).unwrap();
    assert!(!copy.is_empty());
    store.close().await;
    drop(store);
    fs::remove_file(&path).unwrap();
    fs::write(&log, copy).unwrap();
    fs::write(dir.path().join("store.sqlite3.new"), "half of an earlier attempt").unwrap();
    let (store, salvage) = Store::open(in_dir(dir.path())).unwrap();
    assert_eq!(salvage.set_aside, None);
    assert_eq!(text(&store, "a").await, None);
    assert!(write(&store, "a", "2").await > last);
}
