//! The table that comes out.

use serde_json::json;

/// Rows of figures.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    ours: String,
    peer: String,
    aim: String,
    met: Option<bool>,
}

impl Table {
    /// Adds a figure, its peer in the same run, the aim, and whether it is met (`None`: no aim).
    pub(crate) fn add(&mut self, what: &str, ours: String, peer: String, aim: &str, met: Option<bool>) {
        eprintln!("  {what}: {ours} (peer {peer}, aim {aim})");
        self.rows.push(Row { what: what.into(), ours, peer, aim: aim.into(), met });
    }

    /// Adds a row that could not be measured.
    pub(crate) fn failed(&mut self, what: &str, why: &str) {
        self.rows.push(Row {
            what: what.into(),
            ours: format!("failed: {why}"),
            peer: "-".into(),
            aim: "-".into(),
            met: Some(false),
        });
    }

    /// Whether a row could not be measured.
    pub(crate) fn has_failures(&self) -> bool {
        self.rows.iter().any(|row| row.ours.starts_with("failed: "))
    }

    /// As aligned text.
    pub(crate) fn text(&self) -> String {
        let head = ["WHAT", "OURS", "PEER", "AIM", "MET"].map(String::from);
        let rows: Vec<[String; 5]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3, 4].map(width);
        let line = |row: &[String; 5]| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// As JSON.
    pub(crate) fn json(&self) -> String {
        let row = |row: &Row| json!({ "what": row.what, "ours": row.ours, "peer": row.peer, "aim": row.aim, "met": row.met });
        json!(self.rows.iter().map(row).collect::<Vec<_>>()).to_string()
    }
}

impl Row {
    fn cells(&self) -> [String; 5] {
        let met = match self.met {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        [self.what.clone(), self.ours.clone(), self.peer.clone(), self.aim.clone(), met.into()]
    }
}
