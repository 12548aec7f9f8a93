//! What SQLite says, in our words.

use crate::{CommitError, ReadError};
use parking_lot::Mutex;
use rusqlite::ErrorCode;
use std::path::Path;

/// Why a step inside a transaction failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Rows that contradict each other; SQLite itself noticed nothing.
    #[error("inconsistent data: {0}")]
    Inconsistent(String),
}

/// The first sign of damage seen while working.
#[derive(Debug, Default)]
pub(crate) struct Damage(Mutex<Option<String>>);

impl Damage {
    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().clone()
    }

    pub(crate) fn note(&self, why: String) {
        let mut first = self.0.lock();
        if first.is_none() {
            tracing::error!(store.damage = %why, "the database is damaged");
            *first = Some(why);
        }
    }

    /// Notes a fault that means damage.
    pub(crate) fn look_at(&self, fault: &Fault) {
        if fault.is_damage() {
            self.note(fault.to_string());
        }
    }
}

impl Fault {
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Fault::Sql(e) => e.sqlite_error_code(),
            _ => None,
        }
    }

    /// Whether the file itself is broken, not the disk under it nor the question.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Fault::Inconsistent(_))
            || matches!(self.code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    pub(crate) fn into_read(self) -> ReadError {
        match self {
            Fault::Read(e) => e,
            other => ReadError::Io(other.to_string()),
        }
    }

    /// `path`: the file, to tell a disk that turned read-only (an I/O error to SQLite) from a failing one.
    pub(crate) fn into_commit(self, path: Option<&Path>) -> CommitError {
        match self.code() {
            Some(ErrorCode::DiskFull) => CommitError::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => CommitError::ReadOnly,
            Some(ErrorCode::SystemIoFailure) if path.is_some_and(refuses_writes) => CommitError::ReadOnly,
            _ => CommitError::Io(self.to_string()),
        }
    }
}

fn refuses_writes(path: &Path) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    match std::fs::OpenOptions::new().write(true).open(path) {
        Ok(_) => false,
        Err(e) => matches!(e.kind(), PermissionDenied | ReadOnlyFilesystem),
    }
}
