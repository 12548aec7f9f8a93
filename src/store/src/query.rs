//! Reading, inside one read transaction of the caller.

use crate::fault::Fault;
use crate::{At, Change, Entry, Key, Listing, Page, Prefix, ReadError, Revision};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A replay returns at most this many changes at once, …
const CHUNK_CHANGES: usize = 512;
/// … or stops after so many bytes, …
const CHUNK_BYTES: usize = 4 << 20;
/// … or after so many rows of other prefixes.
const CHUNK_ROWS: usize = 20_000;

/// The ends of history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) oldest: Revision,
    pub(crate) newest: Revision,
}

/// Part of a replay: the changes of a prefix up to and including `upto`.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) changes: Vec<Arc<Change>>,
    pub(crate) upto: Revision,
}

/// Revisions are made by us and stay within SQLite's range.
pub(crate) fn sql(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

pub(crate) fn revision(row: &Row<'_>, column: usize) -> rusqlite::Result<Revision> {
    row.get::<_, i64>(column).map(|number| Revision(number.cast_unsigned()))
}

pub(crate) fn span(conn: &Connection) -> rusqlite::Result<Span> {
    let text = "SELECT oldest, max(base, oldest, ifnull((SELECT max(revision) FROM log), 0)) FROM meta";
    conn.prepare_cached(text)?
        .query_row([], |r| Ok(Span { oldest: revision(r, 0)?, newest: revision(r, 1)? }))
}

/// The revisions of an entry: modified, created.
pub(crate) fn pointer(conn: &Connection, key: &Key) -> rusqlite::Result<Option<(Revision, Revision)>> {
    conn.prepare_cached("SELECT modified, created FROM current WHERE key = ?1")?
        .query_row([key.as_str().as_bytes()], |r| Ok((revision(r, 0)?, revision(r, 1)?)))
        .optional()
}

/// The value that a revision wrote.
pub(crate) fn value(conn: &Connection, at: Revision) -> Result<Bytes, Fault> {
    conn.prepare_cached("SELECT value FROM value WHERE revision = ?1")?
        .query_row([sql(at)], |r| blob(r, 0))
        .optional()?
        .ok_or_else(|| Fault::Inconsistent(format!("the value of revision {at} is missing")))
}

pub(crate) fn get(conn: &Connection, key: &Key) -> Result<Option<Entry>, Fault> {
    let text = "SELECT c.modified, c.created, v.value FROM current c LEFT JOIN value v ON v.revision = c.modified WHERE c.key = ?1";
    let found = conn
        .prepare_cached(text)?
        .query_row([key.as_str().as_bytes()], |r| {
            Ok((revision(r, 0)?, revision(r, 1)?, r.get_ref(2)?.as_blob().ok().map(Bytes::copy_from_slice)))
        })
        .optional()?;
    match found {
        None => Ok(None),
        Some((modified, created, Some(value))) => {
            Ok(Some(Entry { key: key.clone(), value, created, modified }))
        }
        Some((modified, ..)) => {
            Err(Fault::Inconsistent(format!("the value of revision {modified} is missing")))
        }
    }
}

pub(crate) fn list(conn: &Connection, prefix: &Prefix, at: At, page: &Page) -> Result<Listing, Fault> {
    let Span { oldest, newest } = span(conn)?;
    match at {
        At::NotOlderThan(wanted) | At::Exact(wanted) if wanted > newest => {
            Err(ReadError::Future { current: newest }.into())
        }
        At::Exact(wanted) if wanted < oldest => Err(ReadError::Compacted { oldest }.into()),
        At::Exact(wanted) if wanted < newest => past(conn, &Range::new(prefix, page), wanted, page.limit),
        _ => present(conn, &Range::new(prefix, page), newest, page.limit),
    }
}

/// The keys of a prefix behind the start of a page: `low <= key < high`.
struct Range {
    low: Vec<u8>,
    high: Vec<u8>,
}

impl Range {
    fn new(prefix: &Prefix, page: &Page) -> Range {
        let start = prefix.as_str().as_bytes();
        let mut low = start.to_vec();
        if let Some(after) = &page.after {
            low = low.max([after.as_str().as_bytes(), &[0]].concat());
        }
        // Text never holds 0xFF, and no byte of it can overflow: the last byte counted up ends the prefix.
        let mut high = start.to_vec();
        match high.last_mut() {
            Some(last) => *last += 1,
            None => high.push(0xFF),
        }
        Range { low, high }
    }
}

fn present(
    conn: &Connection,
    range: &Range,
    newest: Revision,
    limit: Option<usize>,
) -> Result<Listing, Fault> {
    let text = "SELECT c.key, c.modified, c.created, v.value FROM current c LEFT JOIN value v ON v.revision = c.modified
                WHERE c.key >= ?1 AND c.key < ?2 ORDER BY c.key LIMIT ?3";
    let most = limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let mut statement = conn.prepare_cached(text)?;
    let mut rows = statement.query((&range.low, &range.high, most))?;
    let mut entries = Vec::new();
    while let Some(r) = rows.next()? {
        let modified = revision(r, 1)?;
        let Ok(value) = r.get_ref(3)?.as_blob() else {
            return Err(Fault::Inconsistent(format!("the value of revision {modified} is missing")));
        };
        let value = Bytes::copy_from_slice(value);
        entries.push(Entry { key: key(r, 0)?, value, created: revision(r, 2)?, modified });
    }
    let mut remaining = 0;
    if limit.is_some_and(|limit| entries.len() == limit) {
        let low = entries.last().map_or(range.low.clone(), |e| [e.key.as_str().as_bytes(), &[0]].concat());
        let text = "SELECT count(*) FROM current WHERE key >= ?1 AND key < ?2";
        remaining =
            conn.prepare_cached(text)?.query_row((low, &range.high), |r| r.get::<_, i64>(0))?.cast_unsigned();
    }
    Ok(Listing { revision: newest, entries, remaining })
}

/// The state at an old revision: the present, with each key that changed since put back by its first later change.
fn past(conn: &Connection, range: &Range, at: Revision, limit: Option<usize>) -> Result<Listing, Fault> {
    let mut state = pointers(conn, range)?;
    let text = "SELECT key, previous, created FROM log WHERE revision > ?1 ORDER BY revision DESC";
    let mut statement = conn.prepare_cached(text)?;
    let mut rows = statement.query([sql(at)])?;
    while let Some(r) = rows.next()? {
        let bytes = blob_ref(r, 0)?;
        if bytes < range.low.as_slice() || bytes >= range.high.as_slice() {
            continue;
        }
        match revision(r, 1)? {
            Revision(0) => state.remove(bytes),
            previous => state.insert(bytes.to_vec(), (previous, revision(r, 2)?)),
        };
    }
    let most = limit.unwrap_or(usize::MAX).min(state.len());
    let entries = state.iter().take(most).map(|(name, &(modified, created))| {
        Ok(Entry { key: text_key(name)?, value: value(conn, modified)?, created, modified })
    });
    let entries = entries.collect::<Result<Vec<_>, Fault>>()?;
    Ok(Listing { revision: at, remaining: (state.len() - entries.len()) as u64, entries })
}

type Pointers = BTreeMap<Vec<u8>, (Revision, Revision)>;

fn pointers(conn: &Connection, range: &Range) -> Result<Pointers, Fault> {
    let text = "SELECT key, modified, created FROM current WHERE key >= ?1 AND key < ?2";
    let mut statement = conn.prepare_cached(text)?;
    let rows = statement.query_map((&range.low, &range.high), |r| {
        Ok((blob_ref(r, 0)?.to_vec(), (revision(r, 1)?, revision(r, 2)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The changes of a prefix after a revision, up to `until`, or fewer.
pub(crate) fn replay(
    conn: &Connection,
    prefix: &Prefix,
    after: Revision,
    until: Revision,
) -> Result<Chunk, Fault> {
    let Span { oldest, newest } = span(conn)?;
    if after < oldest {
        return Err(ReadError::Compacted { oldest }.into());
    }
    let text = "SELECT revision, key, previous, deleted FROM log WHERE revision > ?1 AND revision <= ?2 ORDER BY revision";
    let mut statement = conn.prepare_cached(text)?;
    let mut rows = statement.query((sql(after), sql(until.min(newest))))?;
    let mut chunk = Chunk { changes: Vec::new(), upto: after };
    let (mut bytes, mut scanned) = (0, 0);
    while let Some(r) = rows.next()? {
        let at = revision(r, 0)?;
        chunk.upto = at;
        scanned += 1;
        if blob_ref(r, 1)?.starts_with(prefix.as_str().as_bytes()) {
            let previous = match revision(r, 2)? {
                Revision(0) => None,
                before => Some(value(conn, before)?),
            };
            let next = if r.get::<_, bool>(3)? { None } else { Some(value(conn, at)?) };
            bytes += previous.iter().chain(&next).map(Bytes::len).sum::<usize>();
            chunk.changes.push(Arc::new(Change { revision: at, key: key(r, 1)?, previous, next }));
        }
        if chunk.changes.len() >= CHUNK_CHANGES || bytes >= CHUNK_BYTES || scanned >= CHUNK_ROWS {
            return Ok(chunk);
        }
    }
    chunk.upto = after.max(until.min(newest));
    Ok(chunk)
}

fn blob(row: &Row<'_>, column: usize) -> rusqlite::Result<Bytes> {
    blob_ref(row, column).map(Bytes::copy_from_slice)
}

fn blob_ref<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

fn key(row: &Row<'_>, column: usize) -> Result<Key, Fault> {
    text_key(blob_ref(row, column)?)
}

/// A key from its stored bytes.
pub(crate) fn text_key(bytes: &[u8]) -> Result<Key, Fault> {
    std::str::from_utf8(bytes)
        .map(Key::new)
        .map_err(|e| Fault::Inconsistent(format!("a key is not text: {e}")))
}
