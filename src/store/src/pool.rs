//! Connections that read a file, and the few threads they are used on.

use crate::fault::Fault;
use crate::{ReadError, schema};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Reads at a time; more would only take threads and memory.
const READS: usize = 4;
/// Of these, reads of many rows: a place is always left for those of one, which writes wait for.
const RANGES: usize = READS - 1;
/// Connections kept while nobody reads.
const KEPT: usize = 2;

/// What a read goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One row: microseconds.
    Point,
    /// Any number of rows.
    Range,
}

/// Read-only connections, opened when needed.
#[derive(Debug)]
pub(crate) struct Pool {
    path: PathBuf,
    turns: Arc<Semaphore>,
    ranges: Arc<Semaphore>,
    /// `None`: closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Pool {
    pub(crate) fn new(path: PathBuf) -> Pool {
        let (turns, ranges) = (Arc::new(Semaphore::new(READS)), Arc::new(Semaphore::new(RANGES)));
        Pool { path, turns, ranges, idle: Mutex::new(Some(Vec::new())) }
    }

    /// Runs a read in one snapshot, on a thread that may block.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, reach: Reach, read: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let range = match reach {
            Reach::Point => None,
            Reach::Range => Some(self.ranges.clone().acquire_owned().await.map_err(|_| closed())?),
        };
        let Ok(turn) = self.turns.clone().acquire_owned().await else { return Err(closed()) };
        let pool = self.clone();
        let work = move || {
            let result = pool.read_here(read);
            drop((turn, range));
            result
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(e) => Err(ReadError::Io(e.to_string()).into()),
        }
    }

    /// Runs a read in one snapshot, here.
    pub(crate) fn read_here<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let conn = match self.idle.lock().as_mut() {
            None => return Err(closed()),
            Some(idle) => idle.pop(),
        };
        let conn = conn.map_or_else(|| schema::reader(&self.path), Ok)?;
        let result = snapshot(&conn, read);
        // A connection that failed is not kept.
        if matches!(result, Ok(_) | Err(Fault::Read(_)))
            && let Some(idle) = self.idle.lock().as_mut()
            && idle.len() < KEPT
        {
            idle.push(conn);
        }
        result
    }

    pub(crate) fn close(&self) {
        self.ranges.close();
        self.turns.close();
        self.idle.lock().take();
    }
}

/// Runs a read inside a transaction: all of it sees one state.
pub(crate) fn snapshot<T>(
    conn: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let tx = conn.unchecked_transaction()?;
    let result = read(&tx);
    tx.rollback()?;
    result
}

fn closed() -> Fault {
    ReadError::Io("the store is closed".into()).into()
}
