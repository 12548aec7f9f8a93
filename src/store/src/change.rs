//! One change, as watchers see it.

use crate::{Key, Revision};
use bytes::Bytes;

/// A key got a new value, or lost its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The revision the change was given.
    pub revision: Revision,
    /// What changed.
    pub key: Key,
    /// The value before; `None`: created.
    pub previous: Option<Bytes>,
    /// The value after; `None`: deleted.
    pub next: Option<Bytes>,
}
