//! The line behind an incarnation that is over: whoever is left of it may not act any more.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Tells whether an incarnation may still act. Closed when the incarnation is over, or when the supervisor
/// gave up on it; once closed it stays closed. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Fence {
    closed: Arc<AtomicBool>,
}

/// The incarnation this belonged to is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the incarnation that asked is over")]
pub struct FencedOff;

/// A value that can be reached only while its incarnation may act: ask for it anew before each call.
#[derive(Clone, Debug)]
pub struct Fenced<T> {
    value: T,
    fence: Fence,
}

impl Fence {
    /// Fails when the incarnation may not act any more.
    pub fn check(&self) -> Result<(), FencedOff> {
        if self.closed.load(Ordering::Acquire) { Err(FencedOff) } else { Ok(()) }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.check().is_err()
    }
}

impl<T> Fenced<T> {
    /// `value`, behind `fence`.
    pub fn new(value: T, fence: Fence) -> Fenced<T> {
        Fenced { value, fence }
    }

    /// The value; fails when the incarnation may not act any more.
    pub fn get(&self) -> Result<&T, FencedOff> {
        self.fence.check().map(|()| &self.value)
    }
}
