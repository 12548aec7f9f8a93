//! Durations on the command line: `90s`, `5m`, `1m30s`, `500ms`, `0`.

use std::time::Duration;

/// A time limit; zero means for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Duration);

impl Limit {
    /// The end of a wait that starts now; `None`: for ever.
    pub(crate) fn deadline(self) -> Option<tokio::time::Instant> {
        // A limit beyond the clock's range is for ever as well.
        if self.0.is_zero() { None } else { tokio::time::Instant::now().checked_add(self.0) }
    }

    /// Waits, as long as the limit lasts. `None`: it ran out.
    pub(crate) async fn wait<T>(self, what: impl Future<Output = T>) -> Option<T> {
        match self.deadline() {
            None => Some(what.await),
            Some(deadline) => tokio::time::timeout_at(deadline, what).await.ok(),
        }
    }
}

impl std::str::FromStr for Limit {
    type Err = String;
    fn from_str(text: &str) -> Result<Limit, String> {
        parse(text)
            .map(Limit)
            .ok_or_else(|| format!("invalid duration {text:?}; use for example 90s, 5m or 1m30s"))
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&show(self.0))
    }
}

/// Numbers with units `h`, `m`, `s`, `ms` in a row; a bare `0`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let letters = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |n| digits + n);
        let unit = match &rest[digits..letters] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * unit).ok()?)?;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then_some(total)
}

/// `1m30s`, `5m`, `0.5s`.
pub(crate) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 0 {
        return format!("{}ms", duration.as_millis());
    }
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let part = |n: u64, unit: &str| if n == 0 { String::new() } else { format!("{n}{unit}") };
    part(hours, "h") + &part(minutes, "m") + &part(seconds, "s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        let cases = [
            ("90s", 90_000),
            ("5m", 300_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("0", 0),
            ("0s", 0),
            ("1.5s", 1_500),
            ("2h", 7_200_000),
        ];
        for (text, ms) in cases {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "5", "s", "5x", "-5s", "5m3", "1.2.3s", "99999999999999999999h", "5µs"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_are_shown_as_they_are_written() {
        for text in ["90s", "5m", "2h3m4s"] {
            let shown = show(parse(text).unwrap());
            assert_eq!(parse(&shown), parse(text), "{shown}");
        }
        assert_eq!(show(Duration::from_secs(90)), "1m30s");
        assert_eq!(show(Duration::from_secs(300)), "5m");
    }
}
