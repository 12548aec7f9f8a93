//! What can be read of a broken database.
//!
//! Each table is walked from both ends, and over a broken stretch by ever larger strides. `current` says what is; entries
//! whose row there is lost are found in `value`, which knows its key, unless the log says that they were deleted.

mod header;
mod walk;

use crate::{Key, Revision};
use bytes::Bytes;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use walk::{Logged, Walked};

/// What was salvaged.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) entries: BTreeMap<Key, Bytes>,
    /// Keys that are known and whose value could not be read.
    pub(crate) lost: usize,
    /// The highest revision seen.
    pub(crate) newest: Revision,
}

/// Reads what can be read; never fails.
pub(crate) fn read(path: &Path) -> Kept {
    let kept = open(path).map(|conn| collect(&conn)).filter(|kept| !kept.entries.is_empty() || kept.lost > 0);
    // With the first page gone SQLite knows no tables. Ours are always in the same place.
    kept.or_else(|| header::rebuilt(path, |copy| open(copy).map(|conn| collect(&conn)))).unwrap_or_default()
}

/// Writes the salvaged entries into a new database, each under a revision of its own above `base`.
pub(crate) fn write(conn: &Connection, base: u64, kept: &Kept) -> rusqlite::Result<()> {
    if kept.entries.is_empty() {
        return Ok(());
    }
    let tx = conn.unchecked_transaction()?;
    let mut revision = base.cast_signed();
    for (key, value) in &kept.entries {
        revision += 1;
        let name = key.as_str().as_bytes();
        tx.prepare_cached("INSERT INTO value(revision, key, value) VALUES (?1, ?2, ?3)")?.execute((
            revision,
            name,
            &value[..],
        ))?;
        tx.prepare_cached("INSERT INTO current(key, modified, created) VALUES (?1, ?2, ?2)")?
            .execute((name, revision))?;
    }
    // There is no history of the loss: who watched must list again.
    tx.execute("UPDATE meta SET oldest = ?1, base = ?1", [revision])?;
    tx.commit()
}

fn open(path: &Path) -> Option<Connection> {
    let conn =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    let conn =
        conn.inspect_err(|e| tracing::warn!(error = %e, "the damaged database can not be opened")).ok()?;
    // A cell may point anywhere; sizes are checked before use.
    conn.execute_batch("PRAGMA cell_size_check = ON; PRAGMA cache_size = -1024").ok()?;
    Some(conn)
}

fn collect(conn: &Connection) -> Kept {
    let current = walk::current(conn);
    let log = walk::log(conn);
    let values = walk::values(conn);
    let mut kept = Kept::default();
    let seen = current.rows.values().chain(log.rows.keys()).chain(values.rows.keys());
    kept.newest = seen.copied().max().unwrap_or_default().max(walk::base(conn));
    let ended = deleted(&log);
    let mut known: BTreeSet<&Key> = BTreeSet::new();
    for (key, modified) in &current.rows {
        known.insert(key);
        match walk::value(conn, *modified) {
            Some(value) => drop(kept.entries.insert(key.clone(), value)),
            None => kept.lost += 1,
        }
    }
    // Entries without a row in `current`. If that table was read whole there are none: what is left is history.
    let mut orphans: BTreeMap<&Key, Revision> = BTreeMap::new();
    if !current.whole {
        for (revision, key) in values.rows.iter().filter(|(_, key)| !known.contains(key)) {
            orphans.insert(key, *revision);
        }
    }
    for (key, revision) in orphans {
        let deleted = ended.get(key).is_some_and(|at| *at > revision);
        // Without the whole log it may have been deleted: what was deleted must not come back.
        if deleted {
            continue;
        }
        match walk::value(conn, revision) {
            Some(value) if log.whole => drop(kept.entries.insert(key.clone(), value)),
            _ => kept.lost += 1,
        }
    }
    kept
}

/// The last deletion of each key.
fn deleted(log: &Walked<Revision, Logged>) -> BTreeMap<&Key, Revision> {
    log.rows.iter().filter(|(_, row)| row.deleted).map(|(revision, row)| (&row.key, *revision)).collect()
}
