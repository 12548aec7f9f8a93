//! Opening: the lock, the tables, and what is done with a file that can not be used.
//!
//! A good file must open in milliseconds, so the whole of it is checked only when there is reason to: it was not closed, broken pages were seen, or
//! it is not as it was left. What is not found here is found while working ([`crate::Store::damaged`]) and leaves a mark for the next start.

use crate::clock::{Clock, unix_ms};
use crate::fault::Fault;
use crate::mark::{Content, Left, Look, Mark, beside};
use crate::salvage::{self, Kept};
use crate::schema::{self, Found, MakeError};
use crate::writer::Writer;
use crate::{Config, OpenError, Salvage};
use rusqlite::{Connection, ErrorCode};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Larger files are checked at the start only when broken pages are known or likely.
const CHECKED: u64 = 64 << 20;

enum Refused {
    /// For good.
    Error(OpenError),
    /// The file is broken; this says how.
    Damaged(String),
}

/// Opens a file, sets a broken one aside and carries over what it can.
pub(crate) fn file(path: &Path, config: &Config) -> Result<(Writer, Salvage), OpenError> {
    let (mark, before) = Mark::acquire(path)?;
    let mark = Arc::new(mark);
    let mut done = Salvage::default();
    let mut kept = Kept::default();
    let mut first = attempt(path, &before, config, &kept);
    if let Err(Refused::Damaged(why)) = first {
        tracing::error!(store.path = %path.display(), store.damage = %why, "the database is damaged and set aside");
        let aside = set_aside(path)?;
        kept = salvage::read(&aside);
        done = Salvage { set_aside: Some(aside), kept: kept.entries.len(), lost: kept.lost };
        first = attempt(path, &before, config, &kept);
    }
    let conn = first.map_err(|refused| match refused {
        Refused::Error(error) => error,
        Refused::Damaged(why) => other(path, why),
    })?;
    let file = Some((path.to_owned(), mark));
    let writer = Writer::new(conn, file, Clock::Wall, config).map_err(|e| other(path, e.to_string()))?;
    Ok((writer, done))
}

/// A store in memory. Its revisions start exactly at the floor, if there is one: tests repeat.
pub(crate) fn memory(config: &Config) -> Result<Writer, OpenError> {
    let open = || {
        let conn = Connection::open_in_memory()?;
        conn.set_prepared_statement_cache_capacity(32);
        schema::create(&conn, config.floor.map_or_else(unix_ms, |floor| floor.0))?;
        limit(&conn, config)?;
        Writer::new(conn, None, Clock::tokio(), config)
    };
    open().map_err(|e| other(Path::new(":memory:"), e.to_string()))
}

fn attempt(path: &Path, before: &Content, config: &Config, kept: &Kept) -> Result<Connection, Refused> {
    let look = look(path)?;
    let known = |fault: rusqlite::Error| judge(path, fault);
    let floor = config.floor.map_or(0, |floor| floor.0);
    let base = unix_ms().max(floor).max(before.reserved).max(kept.newest.0);
    if look.is_none() {
        schema::make(path, base).map_err(|error| match error {
            MakeError::Sql(fault) => known(fault),
            MakeError::Io(error) => Refused::Error(not_writable(path, &error)),
        })?;
        let conn = schema::writer(path).map_err(known)?;
        salvage::write(&conn, base, kept).map_err(known)?;
        limit(&conn, config).map_err(known)?;
        return Ok(conn);
    }
    let conn = schema::writer(path).map_err(known)?;
    let found = schema::version(&conn).map_err(known)?;
    match found {
        Found::Foreign => {
            return Err(Refused::Error(other(path, "it is the database of another program".into())));
        }
        Found::Ours(found) if found > schema::VERSION => {
            let known = schema::VERSION;
            return Err(Refused::Error(OpenError::TooNew { path: path.into(), found, known }));
        }
        Found::Ours(_) => {
            check(&conn, before.left, look)?;
            conn.execute("UPDATE meta SET base = ?1 WHERE base < ?1 AND (SELECT ifnull(max(revision), 0) FROM log) < ?1 AND oldest < ?1",
                [floor.cast_signed()]).map_err(known)?;
        }
        Found::Empty => {
            schema::create(&conn, base).and_then(|()| salvage::write(&conn, base, kept)).map_err(known)?;
        }
    }
    limit(&conn, config).map_err(known)?;
    Ok(conn)
}

/// The first bytes, before SQLite sees them: it would take an empty file for a new one and say little of others.
fn look(path: &Path) -> Result<Option<Look>, Refused> {
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Refused::Error(not_writable(path, &e))),
    };
    let data = file.metadata().map_err(|e| Refused::Error(not_writable(path, &e)))?;
    if data.is_dir() {
        return Err(Refused::Error(OpenError::NotWritable {
            path: path.into(),
            why: "it is a directory".into(),
        }));
    }
    let mut head = [0; 16];
    if data.len() > 0 && (file.read_exact(&mut head).is_err() || head != *b"SQLite format 3\0") {
        return Err(Refused::Damaged("it does not start as a database".into()));
    }
    Ok(Some(Look::of(&data)))
}

fn check(conn: &Connection, left: Left, look: Option<Look>) -> Result<(), Refused> {
    let damaged = |fault: Fault| Refused::Damaged(fault.to_string());
    let probe = || -> rusqlite::Result<()> {
        crate::query::span(conn)?;
        for table in ["current", "value", "log"] {
            conn.query_row(&format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)"), [], |_| Ok(()))?;
        }
        Ok(())
    };
    probe().map_err(|e| damaged(e.into()))?;
    let size = look.map_or(0, |look| look.size);
    let whole = match left {
        Left::Closed(then) => Some(then) != look,
        Left::Damaged => true,
        Left::Open | Left::Unknown => size <= CHECKED,
    };
    if !whole {
        return Ok(());
    }
    let answer: String =
        conn.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(|e| damaged(e.into()))?;
    if answer == "ok" { Ok(()) } else { Err(Refused::Damaged(answer)) }
}

fn judge(path: &Path, fault: rusqlite::Error) -> Refused {
    match fault.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Refused::Damaged(fault.to_string()),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Refused::Error(OpenError::NotWritable { path: path.into(), why: fault.to_string() })
        }
        _ => Refused::Error(other(path, fault.to_string())),
    }
}

/// Renames the database and its companions.
fn set_aside(path: &Path) -> Result<std::path::PathBuf, OpenError> {
    let mut stamp = unix_ms();
    let aside = loop {
        let aside = beside(path, &format!(".corrupt-{stamp}"));
        if !aside.exists() {
            break aside;
        }
        stamp += 1;
    };
    for suffix in ["", "-wal", "-shm"] {
        match fs::rename(beside(path, suffix), beside(&aside, suffix)) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(not_writable(path, &e)),
        }
    }
    Ok(aside)
}

fn limit(conn: &Connection, config: &Config) -> rusqlite::Result<()> {
    match config.max_pages {
        None => Ok(()),
        Some(pages) => conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())),
    }
}

fn not_writable(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::NotWritable { path: path.into(), why: error.to_string() }
}

fn other(path: &Path, why: String) -> OpenError {
    OpenError::Other { path: path.into(), why }
}
