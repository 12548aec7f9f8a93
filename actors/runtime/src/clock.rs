//! Wall-clock time that follows tokio's clock, so that it stands still when a test pauses it.

use jiff::Timestamp;
use tokio::time::Instant;

/// A wall clock: a moment of birth plus what tokio's clock has counted since. Cheap to copy.
///
/// It does not follow corrections of the system's clock made after it was created: intervals between two of
/// its readings are exact.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    born: Timestamp,
}

impl Clock {
    /// A clock that reads `born` now. Must be called where a tokio clock exists when the clock is paused.
    pub fn starting_at(born: Timestamp) -> Clock {
        Clock { origin: Instant::now(), born }
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// The wall time of `moment`; a moment before the clock's birth is its birth.
    pub fn at(&self, moment: Instant) -> Timestamp {
        let since = moment.saturating_duration_since(self.origin);
        // Out of range only after the year 9999.
        self.born.checked_add(since).unwrap_or(Timestamp::MAX)
    }
}
