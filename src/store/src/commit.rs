//! Transactions.

use crate::{Key, Revision};
use bytes::Bytes;

/// Guards and operations that hold and happen together.
#[derive(Clone, Debug, Default)]
pub struct Txn {
    /// What must be true of some keys (those of `ops` or others) for anything to happen.
    pub guards: Vec<(Key, Expect)>,
    /// What happens then, in this order.
    pub ops: Vec<Op>,
}

/// What must be true of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// There is no entry.
    Absent,
    /// There is an entry.
    Present,
    /// The entry was last written at this revision.
    At(Revision),
}

/// One write.
#[derive(Clone, Debug)]
pub enum Op {
    /// Creates or replaces an entry.
    Put {
        /// Under this key.
        key: Key,
        /// With this value.
        value: Bytes,
    },
    /// Removes an entry; no entry: no change and no revision.
    Delete {
        /// Under this key.
        key: Key,
    },
}
