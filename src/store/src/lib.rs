//! Revisions on SQLite: transactions with guards, group commit, watch history that survives a restart, compaction.
//!
//! The store knows keys, bytes and revisions; it knows nothing of Kubernetes. A key is a path such as
//! `containers.rancherdesktop.io/containers/rancher-desktop/4f5a…`; a value is canonical JSON *without*
//! `metadata.resourceVersion`: the revision is spliced in by whoever sends the value, so that one change is
//! serialised once for all watchers.
//!
//! # Guarantees
//! * A [`Store::commit`] that returned `Ok` is on disk (`synchronous=FULL`) and visible to every later read.
//! * Revisions only grow, also over restarts, and over the loss of the file ([`Config::floor`]).
//! * A [`Watch`] sees every change of its prefix after its start revision once, in order, or ends with [`Ended::Lagged`].

mod change;
mod clock;
mod commit;
mod error;
mod fault;
mod hub;
mod keeper;
mod key;
mod mark;
mod open;
mod pool;
mod query;
mod read;
mod recent;
mod salvage;
mod schema;
mod shared;
mod thread;
mod watch;
mod writer;

#[cfg(test)]
mod tests;

pub use change::Change;
pub use commit::{Expect, Op, Txn};
pub use error::{CommitError, OpenError, ReadError};
pub use key::{Key, Prefix, Revision};
pub use read::{At, Entry, Listing, Page};
pub use watch::{Ended, Watch};

use parking_lot::Mutex;
use pool::Reach;
use shared::{Shared, Source};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use thread::Job;
use tokio::sync::{mpsc, oneshot};

/// Where and how a store keeps its data.
#[derive(Clone, Debug)]
pub struct Config {
    /// The database.
    pub location: Location,
    /// History younger than this is never compacted. Default 5 minutes.
    pub keep_for: Duration,
    /// At least this many of the last revisions are never compacted. Default 10,000.
    pub keep_revisions: u64,
    /// Changes a watcher may be behind before it ends with [`Ended::Lagged`]; also never more than 16 MiB of values. Default 4,096.
    pub watch_buffer: usize,
    /// A limit on the database in pages of 4 KiB (`max_page_count`). Default none.
    pub max_pages: Option<u32>,
    /// Revisions start above this. Default: for a new file unix time in milliseconds (which is also the least a new
    /// file starts at); in memory exactly this value, so that tests repeat.
    pub floor: Option<Revision>,
}

/// The place of the database.
#[derive(Clone, Debug)]
pub enum Location {
    /// A file in WAL mode, written by one thread of the store's own with group commit.
    File(PathBuf),
    /// In memory, every call done inline on the caller's thread: for tests under a paused clock.
    Inline,
}

/// What was done with a database that could not be used ([`Store::open`]).
#[derive(Clone, Debug, Default)]
pub struct Salvage {
    /// The damaged file, set aside under this name.
    pub set_aside: Option<PathBuf>,
    /// Rows that could be read and were carried over.
    pub kept: usize,
    /// Rows that were seen and could not be read.
    pub lost: usize,
}

impl Config {
    /// The defaults, at a location.
    pub fn new(location: Location) -> Config {
        Config {
            location,
            keep_for: Duration::from_secs(300),
            keep_revisions: 10_000,
            watch_buffer: 4096,
            max_pages: None,
            floor: None,
        }
    }
}

/// A store. Cheap to clone; the last clone that goes away closes the file (and waits for that: prefer [`Store::close`]).
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    /// `None`: everything is done inline.
    writer: Option<Thread>,
}

struct Thread {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens or creates the database.
    ///
    /// A damaged file is set aside, what can be read is salvaged row by row into a new one, and [`Salvage`] says so.
    ///
    /// # Errors
    /// The directory is not writable, the file is of a newer version, or another process holds it.
    pub fn open(config: Config) -> Result<(Store, Salvage), OpenError> {
        let watch_buffer = config.watch_buffer.max(1);
        let (writer, salvage) = match &config.location {
            Location::File(path) => open::file(path, &config)?,
            Location::Inline => (open::memory(&config)?, Salvage::default()),
        };
        let (hub, damage, recent) = (writer.hub.clone(), writer.damage.clone(), writer.recent.clone());
        let (source, writer) = match &config.location {
            Location::Inline => (Source::Inline(Mutex::new(Some(writer))), None),
            Location::File(path) => {
                let pool = Arc::new(pool::Pool::new(path.clone()));
                let started = thread::start(writer, path, pool.clone());
                let (jobs, handle) = started.map_err(|why| OpenError::Other { path: path.clone(), why })?;
                let thread = Thread { jobs: Mutex::new(Some(jobs)), handle: Mutex::new(Some(handle)) };
                (Source::File(pool), Some(thread))
            }
        };
        let shared = Arc::new(Shared { hub, damage, recent, source, watch_buffer });
        Ok((Store { inner: Arc::new(Inner { shared, writer }) }, salvage))
    }

    /// Checks all guards, applies all ops, or neither. Each op gets a revision of its own, in order; the last is returned
    /// (or the present one, if no op changed anything).
    ///
    /// A call that is dropped may still be committed.
    ///
    /// # Errors
    /// [`CommitError::Lost`] when a guard does not hold; the others when nothing could be written (and nothing was).
    pub async fn commit(&self, txn: Txn) -> Result<Revision, CommitError> {
        match &self.inner.shared.source {
            Source::Inline(writer) => match &mut *writer.lock() {
                Some(writer) => writer.commit(&[txn]).pop().unwrap_or(Err(CommitError::Closed)),
                None => Err(CommitError::Closed),
            },
            Source::File(_) => self.inner.ask(|answer| Job::Commit(txn, answer)).await,
        }
    }

    /// The present entry under a key.
    ///
    /// # Errors
    /// [`ReadError::Io`] when the database can not be read.
    pub async fn get(&self, key: &Key) -> Result<Option<Entry>, ReadError> {
        let shared = &self.inner.shared;
        let published = shared.hub.published();
        if let Some(known) = shared.recent.look(key, published) {
            return Ok(known);
        }
        let key = key.clone();
        let newest = |found: &Option<Entry>| found.as_ref().map_or(Revision(0), |entry| entry.modified);
        let found = shared.read(Reach::Point, move |conn| query::get(conn, &key), newest).await?;
        if let Some(entry) = &found {
            shared.recent.learn(entry, published);
        }
        Ok(found)
    }

    /// A consistent page of a prefix, in key order.
    ///
    /// # Errors
    /// [`ReadError::Compacted`] and [`ReadError::Future`] for a revision out of reach.
    pub async fn list(&self, prefix: &Prefix, at: At, page: Page) -> Result<Listing, ReadError> {
        let prefix = prefix.clone();
        let read = move |conn: &rusqlite::Connection| query::list(conn, &prefix, at, &page);
        self.inner.shared.read(Reach::Range, read, |listing| listing.revision).await
    }

    /// Changes of a prefix after a revision. Does not wait.
    ///
    /// # Errors
    /// [`ReadError::Compacted`] and [`ReadError::Future`] for a revision out of reach.
    pub fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Watch, ReadError> {
        Watch::new(self.inner.shared.clone(), prefix.clone(), after)
    }

    /// The last committed revision.
    pub fn revision(&self) -> Revision {
        self.inner.shared.hub.published()
    }

    /// The oldest revision after which history is complete.
    pub fn oldest(&self) -> Revision {
        self.inner.shared.hub.oldest()
    }

    /// The first sign of broken pages seen while working, if any. The next [`Store::open`] then salvages what it can.
    pub fn damaged(&self) -> Option<String> {
        self.inner.shared.damage.get()
    }

    /// Forgets history as the configuration allows; returns the new [`Store::oldest`]. Runs by itself from time to time; here for tests and tools.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub async fn compact(&self) -> Result<Revision, CommitError> {
        match &self.inner.shared.source {
            Source::File(_) => self.inner.ask(Job::Compact).await,
            Source::Inline(writer) => match &mut *writer.lock() {
                None => Err(CommitError::Closed),
                Some(writer) => loop {
                    match writer.forget() {
                        Ok(true) => {}
                        Ok(false) => break Ok(writer.oldest()),
                        Err(fault) => break Err(fault.into_commit(None)),
                    }
                },
            },
        }
    }

    /// Writes what is queued, checkpoints, closes. Later commits answer [`CommitError::Closed`].
    pub async fn close(&self) {
        match &self.inner.shared.source {
            Source::Inline(writer) => {
                writer.lock().take();
                self.inner.shared.hub.close();
            }
            Source::File(_) => {
                let (answer, done) = oneshot::channel();
                let jobs = self.inner.writer.as_ref().and_then(|thread| thread.jobs.lock().take());
                if let Some(jobs) = jobs {
                    let _ = jobs.send(Job::Close(answer)).await;
                    let _ = done.await;
                }
            }
        }
    }
}

impl Inner {
    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, CommitError>>) -> Job,
    ) -> Result<T, CommitError> {
        let jobs = self.writer.as_ref().and_then(|thread| thread.jobs.lock().clone());
        let (answer, done) = oneshot::channel();
        let Some(jobs) = jobs else { return Err(CommitError::Closed) };
        jobs.send(job(answer)).await.map_err(|_| CommitError::Closed)?;
        drop(jobs);
        match done.await {
            Ok(result) => result,
            Err(_) if self.shared.hub.is_closed() => Err(CommitError::Closed),
            Err(_) => Err(CommitError::Io("the writer ended".into())),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(thread) = &self.writer else {
            self.shared.hub.close();
            return;
        };
        thread.jobs.lock().take();
        if let Some(handle) = thread.handle.lock().take()
            && handle.join().is_err()
        {
            tracing::error!("the store's writer had panicked");
        }
    }
}
