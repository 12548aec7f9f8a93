//! Entries and consistent lists.

use crate::{Key, Revision};
use bytes::Bytes;

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// Canonical JSON without resourceVersion.
    pub value: Bytes,
    /// The revision that created it.
    pub created: Revision,
    /// The revision that last wrote it.
    pub modified: Revision,
}

/// Which state of the store to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The newest.
    Latest,
    /// Any at or after this one (we answer the newest); later than the present: [`crate::ReadError::Future`].
    NotOlderThan(Revision),
    /// Exactly this one, while history reaches back to it.
    Exact(Revision),
}

/// Which part of a listing.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Only keys after this one.
    pub after: Option<Key>,
    /// At most this many; `None`: all.
    pub limit: Option<usize>,
}

/// A consistent page.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The state that was read.
    pub revision: Revision,
    /// In key order.
    pub entries: Vec<Entry>,
    /// How many more there are behind this page.
    pub remaining: u64,
}
