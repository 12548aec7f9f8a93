//! What goes to stdout.

use crate::failure::{Exit, Failure};
use clap::ValueEnum;
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum Format {
    #[default]
    Table,
    Wide,
    Name,
    Json,
    Yaml,
}

/// Writes text and flushes it.
///
/// # Errors
/// Nobody reads any more (`rdd … | head -1`): the command ends without a word; or the disk is full.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// Writes bytes and flushes them.
///
/// # Errors
/// As [`text`].
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Failure::silent(Exit::Done)),
        Err(e) => Err(Failure::error(format!("the output can not be written: {e}"))),
    }
}

/// Writes a line and flushes it.
///
/// # Errors
/// As [`text`].
pub(crate) fn line(line: &str) -> Result<(), Failure> {
    text(&format!("{line}\n"))
}

/// Writes a value as JSON, indented.
///
/// # Errors
/// As [`text`].
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string_pretty(value).map_err(|e| Failure::error(e.to_string()))?)
}

/// Writes a value as YAML.
///
/// # Errors
/// As [`text`].
pub(crate) fn yaml(value: &impl Serialize) -> Result<(), Failure> {
    // Through JSON, so that keys come out sorted as Kubernetes prints them.
    let sorted = serde_json::to_value(value).map_err(|e| Failure::error(e.to_string()))?;
    text(&serde_saphyr::to_string(&sorted).map_err(|e| Failure::error(e.to_string()))?)
}

/// A table whose columns keep their width once chosen, so that lines which come later stay aligned.
#[derive(Debug)]
pub(crate) struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// Columns at least as wide as these.
    pub(crate) fn new(least: &[usize]) -> Table {
        Table { widths: least.to_vec() }
    }

    /// Makes the columns wide enough for a row.
    pub(crate) fn fit(&mut self, row: &[String]) {
        for (width, cell) in self.widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }

    /// A row as a line: three spaces between columns, none at the end.
    pub(crate) fn render(&self, row: &[String]) -> String {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&self.widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 3));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// How long ago, as kubectl prints ages: two units at most.
pub(crate) fn age(since: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if seconds % 60 != 0 => format!("{minutes}m{}s", seconds % 60),
        120..10_800 => format!("{minutes}m"),
        10_800..28_800 if minutes % 60 != 0 => format!("{hours}h{}m", minutes % 60),
        10_800..172_800 => format!("{hours}h"),
        172_800..691_200 if hours % 24 != 0 => format!("{days}d{}h", hours % 24),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units_at_most() {
        let start = jiff::Timestamp::UNIX_EPOCH;
        let cases = [
            (5, "5s"),
            (119, "119s"),
            (125, "2m5s"),
            (600, "10m"),
            (7_300, "121m"),
            (11_000, "3h3m"),
            (100_000, "27h"),
            (180_000, "2d2h"),
            (900_000, "10d"),
        ];
        for (seconds, expected) in cases {
            let now = start + jiff::SignedDuration::from_secs(seconds);
            assert_eq!(age(start, now), expected);
        }
        // A clock that was set back.
        assert_eq!(age(start + jiff::SignedDuration::from_secs(9), start), "0s");
    }

    #[test]
    fn columns_stay_aligned_and_lines_have_no_trailing_space() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let mut table = Table::new(&[4, 0]);
        table.fit(&row("A", "BB"));
        assert_eq!(table.render(&row("A", "BB")), "A      BB");
        assert_eq!(table.render(&row("longer", "")), "longer");
    }
}
