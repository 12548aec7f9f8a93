//! The file beside the database: who holds it, how it was left, and which revisions may have been given.
//!
//! It survives the loss of the database, so that a new one starts above all revisions of the old one. It is one block, rewritten in place:
//! that needs no space on a full disk.

use crate::OpenError;
use parking_lot::Mutex;
use std::fs::{File, Metadata, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

const LENGTH: usize = 128;

/// The locked file.
#[derive(Debug)]
pub(crate) struct Mark {
    file: Mutex<(Option<File>, Content)>,
}

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// No revision above this was given.
    pub(crate) reserved: u64,
    pub(crate) left: Left,
}

/// How the database was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// There was no mark, or it can not be read.
    Unknown,
    /// In use; found at the next start when there was no time to close it.
    Open,
    /// In use, and broken pages were seen.
    Damaged,
    /// Closed, and the file looked like this.
    Closed(Look),
}

/// Size in bytes, and the time of the last change in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) size: u64,
    changed: u128,
}

impl Look {
    pub(crate) fn of(data: &Metadata) -> Look {
        let changed = data.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Look { size: data.len(), changed: changed.unwrap_or_default().as_nanos() }
    }
}

impl Mark {
    /// Takes the lock. Also: what the last holder left.
    pub(crate) fn acquire(database: &Path) -> Result<(Mark, Content), OpenError> {
        let path = beside(database, ".lock");
        let mut options = File::options();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| OpenError::NotWritable { path: path.clone(), why: e.to_string() })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: database.into() }),
            Err(TryLockError::Error(e)) => return Err(OpenError::NotWritable { path, why: e.to_string() }),
        }
        let mut text = String::new();
        let found = match file.read_to_string(&mut text) {
            Ok(_) => Content::parse(&text),
            Err(_) => Content { reserved: 0, left: Left::Unknown },
        };
        let now = Content { left: Left::Open, ..found };
        // Only "closed" would mislead who finds it after a crash of the system: just then the new word must be on disk at once.
        let written = match found.left {
            Left::Closed(_) => write(&mut file, now).and_then(|()| file.sync_data()),
            Left::Unknown | Left::Open | Left::Damaged => write(&mut file, now),
        };
        written.map_err(|e| OpenError::NotWritable { path, why: e.to_string() })?;
        Ok((Mark { file: Mutex::new((Some(file), now)) }, found))
    }

    pub(crate) fn reserved(&self) -> u64 {
        self.file.lock().1.reserved
    }

    /// Notes that revisions up to this one may be given.
    pub(crate) fn reserve(&self, upto: u64) {
        self.set(|content| content.reserved = upto);
    }

    /// Notes how the database is left.
    pub(crate) fn leave(&self, left: Left) {
        self.set(|content| content.left = left);
    }

    /// Gives the lock back.
    pub(crate) fn release(&self) {
        self.file.lock().0 = None;
    }

    /// A mark that can not be written costs a check at the next start, not a write now.
    fn set(&self, change: impl FnOnce(&mut Content)) {
        let (file, content) = &mut *self.file.lock();
        change(content);
        if let Some(file) = file
            && let Err(e) = write(file, *content).and_then(|()| file.sync_data())
        {
            tracing::warn!(error = %e, "the store's mark could not be written");
        }
    }
}

fn write(file: &mut File, content: Content) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(content.text().as_bytes())
}

impl Content {
    fn text(self) -> String {
        let (left, size, changed) = match self.left {
            Left::Unknown | Left::Open => ("open", 0, 0),
            Left::Damaged => ("damaged", 0, 0),
            Left::Closed(look) => ("closed", look.size, look.changed),
        };
        let line = format!("rdd-store 1 {} {left} {size} {changed}", self.reserved);
        format!("{line:<width$}\n", width = LENGTH - 1)
    }

    fn parse(text: &str) -> Content {
        let words: Vec<&str> = text.split_whitespace().collect();
        let ["rdd-store", "1", reserved, left, size, changed] = words[..] else {
            return Content { reserved: 0, left: Left::Unknown };
        };
        let left = match (left, size.parse(), changed.parse()) {
            ("open", ..) => Left::Open,
            ("damaged", ..) => Left::Damaged,
            ("closed", Ok(size), Ok(changed)) => Left::Closed(Look { size, changed }),
            _ => Left::Unknown,
        };
        Content { reserved: reserved.parse().unwrap_or(0), left }
    }
}

/// The path with something appended to its last part.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_what_was_written() {
        let closed = Left::Closed(Look { size: 4096, changed: 1_790_000_000_000_000_000 });
        for left in [Left::Open, Left::Damaged, closed] {
            let content = Content { reserved: u64::MAX, left };
            assert_eq!(content.text().len(), LENGTH);
            assert_eq!(Content::parse(&content.text()), content);
        }
    }

    #[test]
    fn a_mark_of_nonsense_says_unknown() {
        for text in
            ["", "x", "rdd-store 2 1 open 0 0", "rdd-store 1 x strange 0 0", "rdd-store 1 5 closed x 0"]
        {
            assert_eq!(Content::parse(text).left, Left::Unknown, "{text}");
        }
    }
}
