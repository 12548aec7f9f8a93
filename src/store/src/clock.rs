//! The time that history is kept by.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Where the age of history comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    /// The wall clock: ages survive a restart.
    Wall,
    /// Wall time at the start plus tokio's elapsed time, which a paused runtime controls.
    Tokio { base: Duration, start: Instant },
}

impl Clock {
    pub(crate) fn tokio() -> Clock {
        Clock::Tokio { base: wall(), start: Instant::now() }
    }

    /// Unix time in milliseconds.
    pub(crate) fn now_ms(self) -> i64 {
        let now = match self {
            Clock::Wall => wall(),
            Clock::Tokio { base, start } => base + start.elapsed(),
        };
        i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Time since 1970; zero on a clock that stands before it.
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Unix time in milliseconds, of the wall clock.
pub(crate) fn unix_ms() -> u64 {
    u64::try_from(wall().as_millis()).unwrap_or(0)
}
