//! What a failing test prints.

use super::World;
use std::fmt::Write;

/// Messages between actors that are printed.
const MESSAGES: usize = 40;

impl<E> World<E> {
    /// The last messages between actors, the actors that are not well, and the last view.
    pub fn report(&self) -> String {
        let mut text = String::new();
        // Writing to a String can not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        if let Some(house) = &self.house {
            writeln!(text, "the last messages between actors:")?;
            let records = house.supervisor.trace().records();
            for record in records.iter().skip(records.len().saturating_sub(MESSAGES)) {
                writeln!(text, "  {record:?}")?;
            }
            let health = serde_json::to_string_pretty(&house.supervisor.health());
            writeln!(text, "supervision: {}", health.unwrap_or_else(|error| error.to_string()))?;
        }
        let view = self.view();
        writeln!(text, "the App: {:?}", view.app)?;
        writeln!(text, "container namespaces: {:?}", view.namespaces.keys())?;
        writeln!(text, "{} container mirrors:", view.containers.len())?;
        for mirror in view.containers.values().take(20) {
            writeln!(text, "  {mirror:?}")?;
        }
        Ok(())
    }
}
