//! What a container can be asked to do, and how it is asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a container can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Action {
    Start,
    Stop,
    Pause,
    Unpause,
    Restart,
}

/// A request in the annotation [`ACTION`](crate::names::annotation::ACTION): `<action>` or `<action>/<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActionRequest {
    /// What to do.
    pub action: Action,
    /// Tells one request from the next: a new id dispatches again, the id of the last one never. `[A-Za-z0-9._-]{1,64}`.
    pub id: Option<String>,
}

/// Not a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid containers.rancherdesktop.io/action annotation {0:?}: allowed are {ALLOWED}")]
pub struct Invalid(pub String);

/// The allowed values, as refusals print them.
pub const ALLOWED: &str = "start, stop, pause, unpause, restart, each optionally followed by /<id>";
/// The same as a regular expression.
pub const PATTERN: &str = "^(start|stop|pause|unpause|restart)(/[A-Za-z0-9._-]{1,64})?$";

impl Action {
    /// All of them.
    pub const ALL: [Action; 5] =
        [Action::Start, Action::Stop, Action::Pause, Action::Unpause, Action::Restart];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Start => "start",
            Action::Stop => "stop",
            Action::Pause => "pause",
            Action::Unpause => "unpause",
            Action::Restart => "restart",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ActionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{}/{id}", self.action),
            None => write!(f, "{}", self.action),
        }
    }
}

impl FromStr for ActionRequest {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<ActionRequest, Invalid> {
        let invalid = || Invalid(text.to_owned());
        let (word, id) = match text.split_once('/') {
            Some((word, id)) => (word, Some(id)),
            None => (text, None),
        };
        let action = Action::ALL.into_iter().find(|a| a.as_str() == word).ok_or_else(invalid)?;
        if !id.is_none_or(good_id) {
            return Err(invalid());
        }
        Ok(ActionRequest { action, id: id.map(str::to_owned) })
    }
}

fn good_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r19_an_action_may_carry_an_id() {
        for text in ["start", "stop", "pause", "unpause", "restart", "restart/1", "stop/A-z.9_"] {
            assert_eq!(text.parse::<ActionRequest>().unwrap().to_string(), text);
        }
        let long = format!("restart/{}", "x".repeat(64));
        assert_eq!(long.parse::<ActionRequest>().unwrap().id.unwrap().len(), 64);
    }

    #[test]
    fn r21_anything_else_is_invalid() {
        let long = format!("restart/{}", "x".repeat(65));
        for text in ["", "bogus", "Start", "restart/", "restart/a/b", "restart/ä", " start", "start ", &long]
        {
            let refused = text.parse::<ActionRequest>().unwrap_err().to_string();
            let wanted = format!("invalid containers.rancherdesktop.io/action annotation {text:?}");
            assert!(refused.starts_with(&wanted), "{refused}");
            assert!(refused.contains("start, stop, pause, unpause, restart"));
        }
    }
}
