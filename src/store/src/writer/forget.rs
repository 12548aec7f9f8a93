//! Compaction: history that nobody may ask for any more is removed in small steps.
//!
//! The log is walked from its old end. Each row names the value that its change replaced, and that value is what nobody needs
//! once the row is gone: no search, no index. While there are writes each batch forgets up to twice what it adds
//! (so the file is bounded without a pause); when there are none, the keeper asks for steps.

use super::Writer;
use crate::Revision;
use crate::fault::Fault;
use crate::query::{self, sql};
use rusqlite::{Connection, Transaction, TransactionBehavior};

/// A batch looks at history when so many revisions were given since the last look.
pub(super) const EVERY: u64 = 64;
/// Rows in one step of [`Writer::forget`].
const STEP: u64 = 512;

/// What may be forgotten: revisions up to `revision`, written up to `at` (unix milliseconds).
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    revision: Revision,
    at: i64,
}

impl Writer {
    pub(super) fn horizon(&self, newest: Revision) -> Horizon {
        let keep = i64::try_from(self.keep_for.as_millis()).unwrap_or(i64::MAX);
        Horizon {
            revision: Revision(newest.0.saturating_sub(self.keep_revisions)),
            at: self.clock.now_ms().saturating_sub(keep),
        }
    }

    /// One step; whether there may be more to do.
    pub(crate) fn forget(&mut self) -> Result<bool, Fault> {
        let horizon = self.horizon(self.newest);
        self.forget_to(horizon)
    }

    pub(crate) fn oldest(&self) -> Revision {
        self.oldest
    }

    /// For a full disk: all history goes, whatever was to be kept, for a write is worth more. Whether anything was gained.
    pub(super) fn make_room(&mut self) -> bool {
        let before = self.oldest;
        let everything = Horizon { revision: self.newest, at: i64::MAX };
        while matches!(self.forget_to(everything), Ok(true)) {}
        if self.oldest > before {
            tracing::warn!(store.oldest = self.oldest.0, "the database is full: history was forgotten early");
        }
        self.oldest > before
    }

    fn forget_to(&mut self, horizon: Horizon) -> Result<bool, Fault> {
        let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
        let Some(oldest) = step(&tx, horizon, STEP)? else { return Ok(false) };
        tx.commit()?;
        self.oldest = oldest;
        self.hub.set_oldest(oldest);
        Ok(true)
    }
}

/// Removes up to `most` rows of the log and the values they replaced. The new oldest revision, if anything was removed.
pub(super) fn step(conn: &Connection, horizon: Horizon, most: u64) -> Result<Option<Revision>, Fault> {
    let text = "SELECT revision, previous, at FROM log WHERE revision <= ?1 ORDER BY revision LIMIT ?2";
    let mut select = conn.prepare_cached(text)?;
    let mut forget = conn.prepare_cached("DELETE FROM value WHERE revision = ?1")?;
    let mut rows = select.query((sql(horizon.revision), most.cast_signed()))?;
    let mut oldest = None;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(2)? > horizon.at {
            break;
        }
        oldest = Some(query::revision(row, 0)?);
        let replaced = query::revision(row, 1)?;
        if replaced != Revision(0) {
            forget.execute([sql(replaced)])?;
        }
    }
    drop(rows);
    if let Some(oldest) = oldest {
        conn.prepare_cached("DELETE FROM log WHERE revision <= ?1")?.execute([sql(oldest)])?;
        conn.prepare_cached("UPDATE meta SET oldest = ?1")?.execute([sql(oldest)])?;
    }
    Ok(oldest)
}
