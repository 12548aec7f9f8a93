//! Watching a prefix.

use crate::{Change, Revision};
use std::sync::Arc;

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The reader was too slow. It may watch again from [`Watch::seen`], while history reaches back to it.
    Lagged,
    /// The store was closed.
    Closed,
}

/// Changes of a prefix, in order: first those in history, then live ones.
pub struct Watch {
    _private: (),
}

impl Watch {
    /// The next changes, at least one. Cancel safe: a dropped call loses nothing.
    pub async fn next(&mut self) -> Result<Vec<Arc<Change>>, Ended> {
        unimplemented!()
    }

    /// Every change of the prefix up to this revision has been returned. It grows also while only other prefixes change
    /// (bookmarks stand on this).
    pub fn seen(&self) -> Revision {
        unimplemented!()
    }
}
