//! Keyed work: what is to be brought up to date, one object at a time.
//!
//! A keyed message is *noted*. Notes of one key merge while it waits; one key is never worked on twice at a time;
//! a key noted while it is worked on is worked on once more. The queue belongs to the supervisor and outlives the
//! actor's incarnations.

mod due;
mod lane;
mod queue;

use std::{fmt::Debug, hash::Hash, time::Duration};

pub use due::Due;
pub(crate) use lane::{Blame, Feed, Lane, Ready};

use crate::Error;

/// What names a piece of keyed work; implemented by whatever can.
pub trait Key: Clone + Eq + Hash + Ord + Debug + Send + Sync + 'static {}

impl<T: Clone + Eq + Hash + Ord + Debug + Send + Sync + 'static> Key for T {}

/// Why a key is to be worked on; several reasons become one.
pub trait Cause: Send + 'static {
    /// Takes a newer cause in.
    fn merge(&mut self, newer: Self);
}

impl Cause for () {
    fn merge(&mut self, (): ()) {}
}

/// A message that says *which* object to look at.
pub trait Keyed: Send + Sized + 'static {
    /// Names the object.
    type Key: Key;
    /// Says why; `()` where that does not matter.
    type Cause: Cause;

    /// The message's parts.
    fn split(self) -> (Self::Key, Self::Cause);

    /// The message of these parts.
    fn join(key: Self::Key, cause: Self::Cause) -> Self;

    /// How many keys may be known at a time. Default 65,536.
    fn limit() -> usize {
        65_536
    }

    /// What stands in for a key that is one too many: "look at all of this kind again". It is admitted beyond the
    /// limit, so there must be few different ones. Default none: the keys are few by nature, and are admitted
    /// without regard to the limit.
    fn overflow(key: &Self::Key) -> Option<Self> {
        let _ = key;
        None
    }
}

/// How work on a key ended.
#[derive(Debug)]
pub enum Outcome {
    /// The object is as it should be.
    Done,
    /// It failed: again later, by the key's own backoff.
    Retry(Error),
    /// All is well, but it is not yet time: again after this long (at once when it is noted), for this reason.
    After(Duration, String),
}
