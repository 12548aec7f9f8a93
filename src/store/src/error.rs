//! What can go wrong.

use crate::{Entry, Key, Revision};
use std::path::PathBuf;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or file can not be written.
    #[error("{path} can not be written: {why}")]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Another process holds it.
    #[error("{path} is in use by another process")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer version.
    #[error("{path} has schema version {found}, this build knows up to {known}")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Anything else.
    #[error("{path}: {why}")]
    Other {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
}

/// Why nothing was committed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// A guard did not hold.
    #[error("{key} is not what was expected")]
    Lost {
        /// The guarded key.
        key: Key,
        /// What is there.
        current: Option<Entry>,
    },
    /// The disk or the file's limit is full. Reads go on.
    #[error("the database is full")]
    Full,
    /// The file can not be written. Reads go on.
    #[error("the database is read-only")]
    ReadOnly,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else.
    #[error("the database failed: {0}")]
    Io(String),
}

/// Why nothing was read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// History that old is gone.
    #[error("history before {oldest} is gone")]
    Compacted {
        /// The oldest revision that can still be asked for.
        oldest: Revision,
    },
    /// The revision has not happened yet.
    #[error("the present is {current}")]
    Future {
        /// The last revision.
        current: Revision,
    },
    /// Anything else.
    #[error("the database failed: {0}")]
    Io(String),
}
