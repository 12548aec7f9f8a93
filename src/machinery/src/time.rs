//! Times as texts, and ages as people read them.

use jiff::Timestamp;

/// A time as `metadata` holds it: RFC 3339, UTC, whole seconds.
pub fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The age of something at a moment, as in AGE columns: `5s`, `3m20s`, `47h`, `2y133d`; `<invalid>` when it lies more than a moment ahead,
/// `<unknown>` when either is no time.
pub fn age(then: &str, now: &str) -> String {
    match (then.parse::<Timestamp>(), now.parse::<Timestamp>()) {
        (Ok(then), Ok(now)) => human(now.as_second() - then.as_second()),
        _ => "<unknown>".to_owned(),
    }
}

/// A duration in seconds with two units at most; the thresholds are those of `k8s.io/apimachinery/pkg/util/duration`.
pub fn human(seconds: i64) -> String {
    let two = |whole: i64, unit: &str, rest: i64, small: &str| match rest {
        0 => format!("{whole}{unit}"),
        _ => format!("{whole}{unit}{rest}{small}"),
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let years = days / 365;
    match seconds {
        // Clocks differ a little.
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ if days < 730 => format!("{days}d"),
        _ if years < 8 => two(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        for (seconds, text) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (600, "10m"),
            (10_799, "179m"),
            (10_860, "3h1m"),
            (28_800, "8h"),
            (172_799, "47h"),
            (172_800 + 3600, "2d1h"),
            (8 * 86_400, "8d"),
            (729 * 86_400, "729d"),
            (730 * 86_400, "2y"),
            (863 * 86_400, "2y133d"),
            (3000 * 86_400, "8y"),
        ] {
            assert_eq!(human(seconds), text);
        }
        assert_eq!(age("2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"), "5s");
        assert_eq!(age("yesterday", "2026-01-01T00:00:05Z"), "<unknown>");
    }
}
