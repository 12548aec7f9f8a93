//! The only writer: batches of transactions, their revisions, and what watchers are told.
//!
//! All guards of a transaction are checked before its first operation writes, so one that loses leaves no trace in the batch.
//! Anything else that fails undoes the whole batch, and each transaction is tried again alone: one that can not be
//! written never takes others with it.

mod forget;

use crate::clock::Clock;
use crate::fault::{Damage, Fault};
use crate::hub::Hub;
use crate::mark::Mark;
use crate::query::{self, sql};
use crate::recent::Recent;
use crate::{Change, CommitError, Config, Expect, Key, Op, Revision, Txn};
use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How far ahead revisions are reserved in the mark, which is then rewritten once per so many.
const RESERVE: u64 = 1 << 20;

/// The writing connection and what it knows of the present.
pub(crate) struct Writer {
    pub(crate) conn: Connection,
    pub(crate) hub: Arc<Hub>,
    pub(crate) damage: Arc<Damage>,
    pub(crate) recent: Arc<Recent>,
    /// `None` in memory.
    pub(crate) file: Option<(PathBuf, Arc<Mark>)>,
    clock: Clock,
    keep_for: Duration,
    keep_revisions: u64,
    newest: Revision,
    oldest: Revision,
    reserved: u64,
    /// Times in the log never go back, so that age follows revision.
    last_at: i64,
    /// Revisions given since history was last looked at.
    since_forget: u64,
    /// False after forgetting met broken pages: history then stays, so that writes go on.
    forgets: bool,
}

/// One batch, before it is committed.
struct Batch {
    newest: Revision,
    oldest: Revision,
    at: i64,
    changes: Vec<Arc<Change>>,
    /// For each change, the revision that created its entry.
    created: Vec<Revision>,
    results: Vec<Result<Revision, CommitError>>,
}

impl Writer {
    pub(crate) fn new(
        conn: Connection,
        file: Option<(PathBuf, Arc<Mark>)>,
        clock: Clock,
        config: &Config,
    ) -> rusqlite::Result<Writer> {
        let query::Span { oldest, newest } = query::span(&conn)?;
        let last_at = conn.query_row(
            "SELECT ifnull(max(at), 0) FROM (SELECT at FROM log ORDER BY revision DESC LIMIT 1)",
            [],
            |r| r.get(0),
        )?;
        let reserved = file.as_ref().map_or(u64::MAX, |(_, mark)| mark.reserved());
        Ok(Writer {
            conn,
            hub: Arc::new(Hub::new(newest, oldest)),
            damage: Arc::default(),
            recent: Arc::default(),
            file,
            clock,
            keep_for: config.keep_for,
            keep_revisions: config.keep_revisions,
            newest,
            oldest,
            reserved,
            last_at,
            since_forget: 0,
            forgets: true,
        })
    }

    /// Commits what can be committed, tells watchers, and answers in the same order.
    pub(crate) fn commit(&mut self, txns: &[Txn]) -> Vec<Result<Revision, CommitError>> {
        let forgets = self.forgets;
        match self.attempt(txns) {
            Ok(results) => results,
            Err(_) if forgets && !self.forgets => self.commit(txns),
            Err(fault) if txns.len() == 1 => vec![self.alone(&txns[0], fault)],
            Err(_) => txns.iter().flat_map(|txn| self.commit(std::slice::from_ref(txn))).collect(),
        }
    }

    /// A transaction that failed by itself: once more if room can be made, else its error.
    fn alone(&mut self, txn: &Txn, fault: Fault) -> Result<Revision, CommitError> {
        let mut last = fault;
        if last.code() == Some(ErrorCode::DiskFull) && self.make_room() {
            match self.attempt(std::slice::from_ref(txn)) {
                Ok(mut results) => {
                    return results.pop().unwrap_or_else(|| Err(CommitError::Io("no answer".into())));
                }
                Err(again) => last = again,
            }
        }
        self.damage.look_at(&last);
        let error = last.into_commit(self.file.as_ref().map(|(path, _)| path.as_path()));
        tracing::warn!(store.error = %error, "a write failed");
        Err(error)
    }

    fn attempt(&mut self, txns: &[Txn]) -> Result<Vec<Result<Revision, CommitError>>, Fault> {
        self.last_at = self.last_at.max(self.clock.now_ms());
        let mut batch = Batch {
            newest: self.newest,
            oldest: self.oldest,
            at: self.last_at,
            changes: Vec::new(),
            created: Vec::new(),
            results: Vec::with_capacity(txns.len()),
        };
        let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
        for txn in txns {
            batch.run(&tx, txn)?;
        }
        if batch.changes.is_empty() {
            tx.rollback()?;
            return Ok(batch.results);
        }
        let given = self.since_forget + batch.changes.len() as u64;
        let look = self.forgets && given >= forget::EVERY;
        if look {
            let horizon = self.horizon(batch.newest);
            match forget::step(&tx, horizon, 2 * given) {
                Ok(oldest) => batch.oldest = oldest.unwrap_or(batch.oldest),
                Err(fault) => {
                    self.forgets = !fault.is_damage();
                    self.damage.look_at(&fault);
                    return Err(fault);
                }
            }
        }
        if batch.newest.0 > self.reserved {
            self.reserved = batch.newest.0 + RESERVE;
            if let Some((_, mark)) = &self.file {
                mark.reserve(self.reserved);
            }
        }
        tx.commit()?;
        self.since_forget = if look { 0 } else { given };
        (self.newest, self.oldest) = (batch.newest, batch.oldest);
        self.hub.set_oldest(self.oldest);
        self.recent.record(&batch.changes, &batch.created);
        self.hub.publish(&batch.changes, self.newest);
        Ok(batch.results)
    }
}

impl Batch {
    fn run(&mut self, conn: &Connection, txn: &Txn) -> Result<(), Fault> {
        for (key, expect) in &txn.guards {
            let found = query::pointer(conn, key)?.map(|(modified, _)| modified);
            if !expect.holds(found) {
                let current = query::get(conn, key)?;
                self.results.push(Err(CommitError::Lost { key: key.clone(), current }));
                return Ok(());
            }
        }
        for op in &txn.ops {
            match op {
                Op::Put { key, value } => self.put(conn, key, value)?,
                Op::Delete { key } => self.delete(conn, key)?,
            }
        }
        self.results.push(Ok(self.newest));
        Ok(())
    }

    fn put(&mut self, conn: &Connection, key: &Key, value: &Bytes) -> Result<(), Fault> {
        let found = query::pointer(conn, key)?;
        let revision = Revision(self.newest.0 + 1);
        let created = found.map_or(revision, |(_, created)| created);
        let (name, at) = (key.as_str().as_bytes(), sql(revision));
        conn.prepare_cached("INSERT INTO value(revision, key, value) VALUES (?1, ?2, ?3)")?.execute((
            at,
            name,
            &value[..],
        ))?;
        match found {
            None => conn
                .prepare_cached("INSERT INTO current(key, modified, created) VALUES (?1, ?2, ?2)")?
                .execute((name, at))?,
            Some(_) => {
                conn.prepare_cached("UPDATE current SET modified = ?2 WHERE key = ?1")?.execute((name, at))?
            }
        };
        self.log(conn, key, found, created, Some(value.clone()))
    }

    fn delete(&mut self, conn: &Connection, key: &Key) -> Result<(), Fault> {
        let Some((modified, created)) = query::pointer(conn, key)? else { return Ok(()) };
        conn.prepare_cached("DELETE FROM current WHERE key = ?1")?.execute([key.as_str().as_bytes()])?;
        self.log(conn, key, Some((modified, created)), created, None)
    }

    fn log(
        &mut self,
        conn: &Connection,
        key: &Key,
        before: Option<(Revision, Revision)>,
        created: Revision,
        next: Option<Bytes>,
    ) -> Result<(), Fault> {
        let revision = Revision(self.newest.0 + 1);
        let replaced = before.map_or(Revision(0), |(modified, _)| modified);
        let previous = before.map(|(modified, _)| query::value(conn, modified)).transpose()?;
        let text =
            "INSERT INTO log(revision, key, created, previous, deleted, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        conn.prepare_cached(text)?.execute((
            sql(revision),
            key.as_str().as_bytes(),
            sql(created),
            sql(replaced),
            next.is_none(),
            self.at,
        ))?;
        self.changes.push(Arc::new(Change { revision, key: key.clone(), previous, next }));
        self.created.push(created);
        self.newest = revision;
        Ok(())
    }
}

impl Expect {
    fn holds(self, found: Option<Revision>) -> bool {
        match self {
            Expect::Absent => found.is_none(),
            Expect::Present => found.is_some(),
            Expect::At(revision) => found == Some(revision),
        }
    }
}
