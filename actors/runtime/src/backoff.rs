//! Exponential delays with seeded jitter: one place for restarts, keys and reconnects.

use std::time::Duration;

use backoff::{SystemClock, backoff::Backoff as _, exponential::ExponentialBackoff};
use rand::{Rng, SeedableRng, rngs::SmallRng};

/// The range of a series of delays that doubles from `first` up to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// The first delay.
    pub first: Duration,
    /// No delay is longer than this.
    pub max: Duration,
}

impl Delays {
    /// Delays from `first` up to `max`.
    pub const fn new(first: Duration, max: Duration) -> Delays {
        Delays { first, max }
    }
}

/// A series of growing delays. Each is shortened by up to a fifth, at random, so that things that failed
/// together do not try again together; the same seed gives the same series.
pub struct Backoff {
    series: ExponentialBackoff<SystemClock>,
    dice: SmallRng,
}

impl Backoff {
    /// A series over `delays`, its jitter drawn from `seed`.
    pub fn new(delays: Delays, seed: u64) -> Backoff {
        let series = ExponentialBackoff {
            current_interval: delays.first,
            initial_interval: delays.first,
            // The crate draws from a generator that can not be seeded: its jitter stays off, ours is used.
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: delays.max,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        Backoff { series, dice: SmallRng::seed_from_u64(seed) }
    }

    /// The next delay.
    pub fn next_delay(&mut self) -> Duration {
        // None only with an elapsed limit, and there is none.
        let whole = self.series.next_backoff().unwrap_or(self.series.max_interval);
        whole.mul_f64(self.dice.random_range(0.8..=1.0))
    }

    /// Starts again at the first delay.
    pub fn reset(&mut self) {
        self.series.current_interval = self.series.initial_interval;
    }
}

/// A seed of its own for each `name` under one `seed`, the same on every machine and in every run.
pub fn seed_for(seed: u64, name: &str) -> u64 {
    // FNV-1a: std's hasher promises no stable result across releases.
    name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(seed: u64) -> Vec<Duration> {
        let mut backoff = Backoff::new(Delays::new(Duration::from_millis(50), Duration::from_secs(2)), seed);
        (0..9).map(|_| backoff.next_delay()).collect()
    }

    #[test]
    fn r44_delays_double_from_50_ms_to_2_s_and_jitter_takes_at_most_a_fifth() {
        let whole = [50u64, 100, 200, 400, 800, 1600, 2000, 2000, 2000].map(Duration::from_millis);
        for (drawn, whole) in series(7).into_iter().zip(whole) {
            assert!(
                drawn <= whole && drawn >= whole.mul_f64(0.8),
                "{drawn:?} is not within {whole:?} - 20 %"
            );
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_jitter_and_another_seed_another() {
        assert_eq!(series(1), series(1));
        assert_ne!(series(1), series(2));
    }

    #[test]
    fn a_reset_series_starts_again_at_its_first_delay() {
        let mut backoff = Backoff::new(Delays::new(Duration::from_millis(50), Duration::from_secs(2)), 3);
        for _ in 0..5 {
            backoff.next_delay();
        }
        backoff.reset();
        assert!(backoff.next_delay() <= Duration::from_millis(50));
    }
}
