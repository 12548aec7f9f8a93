//! Which controllers run: the words of `--controllers`.

use std::collections::BTreeSet;
use std::fmt;

/// A controller that can be switched on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    /// Acts on the App: runs and stops the machine, writes the App's conditions.
    App,
    /// Mirrors the engine's containers.
    Engine,
}

/// The set that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controllers {
    enabled: BTreeSet<Controller>,
}

/// A word that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown controller {word:?}; known: {known} (a leading \"-\" excludes; the empty string means none)", known = known())]
pub struct Error {
    /// It.
    pub word: String,
}

impl Controller {
    /// All of them.
    pub const ALL: [Controller; 2] = [Controller::App, Controller::Engine];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Controller::App => "app",
            Controller::Engine => "engine",
        }
    }

    /// The API group it serves.
    pub fn group(self) -> &'static str {
        match self {
            Controller::App => "app",
            Controller::Engine => "containers",
        }
    }
}

impl Controllers {
    /// What runs when nobody says otherwise.
    pub const DEFAULT: &str = "*";

    /// A comma list of `*`, groups and names; a leading `-` excludes, whatever its position; the empty string is none. A list of
    /// exclusions alone takes them from all.
    ///
    /// # Errors
    /// A word is unknown; the error lists the known ones.
    pub fn parse(text: &str) -> Result<Controllers, Error> {
        let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        let mut included = BTreeSet::new();
        let mut excluded = BTreeSet::new();
        for word in &words {
            match word.strip_prefix('-') {
                Some(rest) => excluded.extend(meant(rest).ok_or_else(|| unknown(word))?),
                None => included.extend(meant(word).ok_or_else(|| unknown(word))?),
            }
        }
        if !words.is_empty() && words.iter().all(|word| word.starts_with('-')) {
            included.extend(Controller::ALL);
        }
        Ok(Controllers { enabled: &included - &excluded })
    }

    /// Every controller.
    pub fn all() -> Controllers {
        Controllers { enabled: Controller::ALL.into() }
    }

    /// The API server alone.
    pub fn none() -> Controllers {
        Controllers { enabled: BTreeSet::new() }
    }

    /// Whether one runs.
    pub fn has(&self, controller: Controller) -> bool {
        self.enabled.contains(&controller)
    }

    /// The names of those that run, sorted.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.enabled.iter().map(|controller| controller.name()).collect();
        names.sort_unstable();
        names
    }

    /// Whether none runs.
    pub fn is_empty(&self) -> bool {
        self.enabled.is_empty()
    }
}

impl Default for Controllers {
    fn default() -> Controllers {
        Controllers::all()
    }
}

impl fmt::Display for Controllers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

/// The controllers of a word; `None`: it means nothing.
fn meant(word: &str) -> Option<Vec<Controller>> {
    if word == "*" {
        return Some(Controller::ALL.to_vec());
    }
    let found: Vec<_> =
        Controller::ALL.into_iter().filter(|c| c.name() == word || c.group() == word).collect();
    (!found.is_empty()).then_some(found)
}

fn unknown(word: &str) -> Error {
    Error { word: word.trim_start_matches('-').to_owned() }
}

fn known() -> String {
    let words: BTreeSet<&str> = Controller::ALL.iter().flat_map(|c| [c.name(), c.group()]).collect();
    let words: Vec<&str> = std::iter::once("*").chain(words).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_choose_controllers() {
        let cases: [(&str, &[&str]); 10] = [
            ("*", &["app", "engine"]),
            ("", &[]),
            ("app", &["app"]),
            ("engine", &["engine"]),
            ("containers", &["engine"]),
            ("app,containers", &["app", "engine"]),
            ("*,-engine", &["app"]),
            ("-engine,*", &["app"]),
            ("-engine", &["app"]),
            ("*,-*", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(Controllers::parse(text).unwrap().names(), expected, "{text:?}");
        }
    }

    #[test]
    fn r42_an_unknown_word_is_an_error_that_lists_the_known_ones() {
        for text in ["docker", "app,docker", "-docker", "*,-docker"] {
            let error = Controllers::parse(text).unwrap_err().to_string();
            assert_eq!(
                error,
                "unknown controller \"docker\"; known: *, app, containers, engine (a leading \"-\" excludes; the empty string means none)"
            );
        }
        assert!(Controllers::parse("-").is_err());
    }
}
