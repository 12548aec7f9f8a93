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
mod commit;
mod error;
mod key;
mod read;
mod watch;

pub use change::Change;
pub use commit::{Expect, Op, Txn};
pub use error::{CommitError, OpenError, ReadError};
pub use key::{Key, Prefix, Revision};
pub use read::{At, Entry, Listing, Page};
pub use watch::{Ended, Watch};

use std::path::PathBuf;
use std::time::Duration;

/// Where and how a store keeps its data.
#[derive(Clone, Debug)]
pub struct Config {
    /// The database.
    pub location: Location,
    /// History younger than this is never compacted. Default 5 minutes.
    pub keep_for: Duration,
    /// At least this many of the last revisions are never compacted. Default 10,000.
    pub keep_revisions: u64,
    /// Changes a watcher may be behind before it ends with [`Ended::Lagged`]. Default 4,096.
    pub watch_buffer: usize,
    /// A limit on the database in pages of 4 KiB (`max_page_count`). Default none.
    pub max_pages: Option<u32>,
    /// Revisions of a new file start above this. Default: unix time in milliseconds.
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

/// A store. Cheap to clone; the last clone that goes away closes the file.
#[derive(Clone)]
pub struct Store {
    _private: (),
}

impl Store {
    /// Opens or creates the database.
    ///
    /// A damaged file is set aside, what can be read is salvaged row by row into a new one, and [`Salvage`] says so.
    ///
    /// # Errors
    /// The directory is not writable, the file is of a newer version, or another process holds it.
    pub fn open(_config: Config) -> Result<(Store, Salvage), OpenError> {
        unimplemented!()
    }

    /// Checks all guards, applies all ops, or neither. Each op gets a revision of its own, in order; the last is returned.
    ///
    /// # Errors
    /// [`CommitError::Lost`] when a guard does not hold; the others when nothing could be written (and nothing was).
    pub async fn commit(&self, _txn: Txn) -> Result<Revision, CommitError> {
        unimplemented!()
    }

    /// The present entry under a key.
    pub async fn get(&self, _key: &Key) -> Result<Option<Entry>, ReadError> {
        unimplemented!()
    }

    /// A consistent page of a prefix, in key order.
    pub async fn list(&self, _prefix: &Prefix, _at: At, _page: Page) -> Result<Listing, ReadError> {
        unimplemented!()
    }

    /// Changes of a prefix after a revision. Does not wait.
    pub fn watch(&self, _prefix: &Prefix, _after: Revision) -> Result<Watch, ReadError> {
        unimplemented!()
    }

    /// The last committed revision.
    pub fn revision(&self) -> Revision {
        unimplemented!()
    }

    /// The oldest revision after which history is complete.
    pub fn oldest(&self) -> Revision {
        unimplemented!()
    }

    /// Forgets history as the configuration allows. Runs by itself from time to time; here for tests and tools.
    pub async fn compact(&self) -> Result<Revision, CommitError> {
        unimplemented!()
    }

    /// Writes what is queued, checkpoints, closes. Later commits answer [`CommitError::Closed`].
    pub async fn close(&self) {
        unimplemented!()
    }
}
