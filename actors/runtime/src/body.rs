//! What supervision needs of an actor or a task.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{health::LaneHealth, seat::Seat};

/// An actor or a task, as its supervisor sees it.
pub(crate) trait Body: Send + Sync {
    /// Begins an incarnation; the seat is told how it goes.
    fn start(self: Arc<Self>, seat: Seat);

    fn mailbox(&self) -> Mailbox;

    fn lanes(&self, now: Instant) -> Vec<LaneHealth>;

    /// Since when the oldest work has been waiting that could be taken up now.
    fn waiting(&self) -> Option<Instant>;

    /// Takes nothing in any more.
    fn shut(&self);

    /// Drops what was not handled.
    fn clear(&self);
}

/// The control lane in numbers.
#[derive(Default)]
pub(crate) struct Mailbox {
    pub(crate) depth: usize,
    pub(crate) capacity: usize,
    pub(crate) refused: u64,
    pub(crate) oldest: Option<Instant>,
}
