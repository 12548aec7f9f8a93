//! Walking a table whose pages may be broken.

use crate::query::{revision, text_key};
use crate::{Key, Revision};
use bytes::Bytes;
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;

/// Reads of one broken stretch before what is behind it is left to the walk from the other end.
const STRIDES: u32 = 48;

/// The rows that could be read.
#[derive(Debug)]
pub(super) struct Walked<K, V> {
    pub(super) rows: BTreeMap<K, V>,
    /// Nothing was in the way.
    pub(super) whole: bool,
}

/// A row of the log.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) key: Key,
    pub(super) deleted: bool,
}

/// `current`: the revision of each key.
pub(super) fn current(conn: &Connection) -> Walked<Key, Revision> {
    let mut found = Walked { rows: BTreeMap::new(), whole: true };
    let mut low: Vec<u8> = Vec::new();
    let row = |r: &Row<'_>| Ok((r.get_ref(0)?.as_blob()?.to_vec(), revision(r, 1)?));
    // Upwards; over a broken stretch by the next byte of the first place where the keys before it differ.
    for stride in 0..STRIDES {
        let up = "SELECT key, modified FROM current WHERE key >= ?1 ORDER BY key";
        let (rows, whole) = until_broken(conn, up, &low, row);
        let last = rows.last().map(|(key, _)| key.clone());
        keep_keys(&mut found, rows);
        if whole {
            break;
        }
        found.whole = false;
        low = beyond(last.as_ref().unwrap_or(&low), stride);
    }
    if !found.whole {
        let down = "SELECT key, modified FROM current WHERE key <= ?1 ORDER BY key DESC";
        let (rows, _) = until_broken(conn, down, [0xFF], row);
        keep_keys(&mut found, rows);
    }
    found
}

fn keep_keys(found: &mut Walked<Key, Revision>, rows: Vec<(Vec<u8>, Revision)>) {
    for (bytes, modified) in rows {
        match text_key(&bytes) {
            Ok(key) => drop(found.rows.insert(key, modified)),
            Err(_) => found.whole = false,
        }
    }
}

/// A key behind the broken stretch: the last byte counted up, then (each stride) one byte earlier.
fn beyond(last: &[u8], stride: u32) -> Vec<u8> {
    let mut next = last.to_vec();
    next.truncate(last.len().saturating_sub(stride as usize % last.len().max(1)).max(1));
    match next.last_mut() {
        Some(byte) => *byte = byte.saturating_add(1),
        None => next.push(1),
    }
    next
}

/// `log`, by revision.
pub(super) fn log(conn: &Connection) -> Walked<Revision, Logged> {
    by_revision(conn, "log", "key, deleted", |r| {
        let key = text_key(r.get_ref(1)?.as_blob()?).ok();
        let deleted = r.get(2)?;
        Ok(key.map(|key| Logged { key, deleted }))
    })
}

/// `value`: the key of each revision.
pub(super) fn values(conn: &Connection) -> Walked<Revision, Key> {
    by_revision(conn, "value", "key", |r| Ok(text_key(r.get_ref(1)?.as_blob()?).ok()))
}

fn by_revision<V>(
    conn: &Connection,
    table: &str,
    columns: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<Option<V>>,
) -> Walked<Revision, V> {
    let mut found = Walked { rows: BTreeMap::new(), whole: true };
    let row = |r: &Row<'_>| Ok((revision(r, 0)?, read(r)?));
    let up = format!("SELECT revision, {columns} FROM {table} WHERE revision >= ?1 ORDER BY revision");
    let down = format!("SELECT revision, {columns} FROM {table} WHERE revision <= ?1 ORDER BY revision DESC");
    let keep = |rows: Vec<(Revision, Option<V>)>, found: &mut Walked<Revision, V>| {
        for (at, value) in rows {
            match value {
                Some(value) => drop(found.rows.insert(at, value)),
                None => found.whole = false,
            }
        }
    };
    let mut low = 0_i64;
    let mut stride = 0;
    while stride < STRIDES {
        let (rows, whole) = until_broken(conn, &up, low, row);
        if let Some((last, _)) = rows.last() {
            // Readable again: begin with small strides at the next broken stretch.
            (low, stride) = (last.0.cast_signed(), 0);
        }
        keep(rows, &mut found);
        if whole {
            return found;
        }
        found.whole = false;
        low = low.saturating_add(1_i64 << stride.min(40));
        stride += 1;
    }
    let (rows, _) = until_broken(conn, &down, i64::MAX, row);
    keep(rows, &mut found);
    found
}

/// Rows until the end (true) or until an error (false).
fn until_broken<P: rusqlite::ToSql, T>(
    conn: &Connection,
    sql: &str,
    from: P,
    row: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> (Vec<T>, bool) {
    let mut found = Vec::new();
    let walk = |found: &mut Vec<T>| -> rusqlite::Result<()> {
        let mut statement = conn.prepare(sql)?;
        let mut rows = statement.query([from])?;
        while let Some(r) = rows.next()? {
            found.push(row(r)?);
        }
        Ok(())
    };
    let whole = walk(&mut found).is_ok();
    (found, whole)
}

/// One value, if it can be read.
pub(super) fn value(conn: &Connection, at: Revision) -> Option<Bytes> {
    crate::query::value(conn, at).ok()
}

/// The end of history that the file states.
pub(super) fn base(conn: &Connection) -> Revision {
    crate::query::span(conn).map(|span| span.newest).unwrap_or_default()
}
