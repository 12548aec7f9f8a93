//! Percentiles, and how figures are written.

use std::time::Duration;

/// The value below which a share (0 to 1) of the samples lies. Panics without samples: a benchmark without samples is a bug.
pub(crate) fn percentile(samples: &[Duration], share: f64) -> Duration {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let rank = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
    sorted[rank - 1]
}

/// `12.3 ms`.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// `1.2 / 4.5 ms`: p50 / p99.
pub(crate) fn spread(samples: &[Duration]) -> String {
    let figure = |share| percentile(samples, share).as_secs_f64() * 1e3;
    format!("{:.1} / {:.1} ms", figure(0.5), figure(0.99))
}
