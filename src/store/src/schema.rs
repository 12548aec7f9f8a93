//! Tables, and how connections to them are tuned.
//!
//! A value is written once, into `value`, under the revision that wrote it. `current` (what is) and `log` (what
//! happened) are small rows that point into it, so that the log can be scanned without touching values.
//! `value` repeats the key: it can be salvaged when the other tables are lost.

use crate::mark::beside;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Marks a file as ours (`rdds`).
pub(crate) const APPLICATION_ID: i64 = 0x7264_6473;
/// The version of the tables that this build writes.
pub(crate) const VERSION: i64 = 1;

/// `meta` has one row. `oldest`: history after it is complete. `base`: no revision at or below it will be given.
pub(crate) const TABLES: &str = "
CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id = 1), oldest INTEGER NOT NULL, base INTEGER NOT NULL);
CREATE TABLE current(key BLOB PRIMARY KEY, modified INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE value(revision INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB NOT NULL);
CREATE TABLE log(revision INTEGER PRIMARY KEY, key BLOB NOT NULL, created INTEGER NOT NULL,
                 previous INTEGER NOT NULL, deleted INTEGER NOT NULL, at INTEGER NOT NULL);
";

/// What can be beside a database, and belongs to it.
pub(crate) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Why no new file could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Makes a new file with its tables, where there is none. It appears whole, and is on disk when this returns.
///
/// SQLite alone would sync seven times on the way to the first commit. Nobody sees the file before it has its name, so once is enough.
pub(crate) fn make(path: &Path, base: u64) -> Result<(), MakeError> {
    let new = beside(path, ".new");
    // What an earlier attempt left; and the log of a file that somebody removed would be replayed into the new one.
    remove(&new)?;
    for suffix in COMPANIONS {
        remove(&beside(&new, suffix))?;
        remove(&beside(path, suffix))?;
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(&new, flags)?;
    conn.execute_batch("PRAGMA synchronous = OFF")?;
    conn.query_row("PRAGMA journal_mode = MEMORY", [], |_| Ok(()))?;
    create(&conn, base)?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.close().map_err(|(_, error)| error)?;
    File::open(&new)?.sync_all()?;
    fs::rename(&new, path)?;
    sync_directory(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Makes the name of a file as lasting as its content. Only Unix has, and needs, a way to.
fn sync_directory(path: &Path) -> Result<(), MakeError> {
    #[cfg(unix)]
    {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The writer's connection to a file; creates the file.
pub(crate) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    // A checkpoint of the keeper holds the lock for moments only.
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -4096",
    )?;
    // After a restart of the log its file is cut back to this.
    conn.query_row("PRAGMA journal_size_limit = 16777216", [], |_| Ok(()))?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.execute_batch("PRAGMA cache_size = -1024")?;
    conn.set_prepared_statement_cache_capacity(16);
    Ok(conn)
}

/// The keeper's connection, for checkpoints.
pub(crate) fn keeper(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -64")?;
    Ok(conn)
}

/// Whether the tables exist, and of which version.
pub(crate) fn version(conn: &Connection) -> rusqlite::Result<Found> {
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    if tables == 0 {
        return Ok(Found::Empty);
    }
    let id: i64 = conn.query_row("PRAGMA application_id", [], |r| r.get(0))?;
    let version: i64 = conn.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    Ok(if id == APPLICATION_ID { Found::Ours(version) } else { Found::Foreign })
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Empty,
    Ours(i64),
    Foreign,
}

/// Makes the tables; revisions start above `base`.
pub(crate) fn create(conn: &Connection, base: u64) -> rusqlite::Result<()> {
    let tx = conn.unchecked_transaction()?;
    tx.execute_batch(TABLES)?;
    tx.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}"))?;
    tx.execute("INSERT INTO meta(id, oldest, base) VALUES (1, ?1, ?1)", [base as i64])?;
    tx.commit()
}
