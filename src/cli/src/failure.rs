//! How a command ends.

use std::fmt;

/// Exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0.
    Done,
    /// 1: anything else than the ones below, usage errors and what the client itself refuses among them.
    Error,
    /// 3: the server said no.
    Refused,
    /// 4: a wait ran out of time.
    TimedOut,
    /// That of a child process.
    Child(u8),
}

/// An end other than the wished one: a line for the user (none: it was said already) and a code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How the process exits.
    pub(crate) exit: Exit,
    /// What failed, why, and what to do next.
    pub(crate) message: Option<String>,
}

/// What verbs return.
pub(crate) type Outcome = Result<Exit, Failure>;

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Error => 1,
            Exit::Refused => 3,
            Exit::TimedOut => 4,
            Exit::Child(code) => code,
        }
    }
}

impl Failure {
    /// Exit 1, with a reason.
    pub(crate) fn error(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Error, message: Some(message.into()) }
    }

    /// Exit 4. The message names what was awaited, for how long, and the last state seen.
    pub(crate) fn timed_out(message: impl fmt::Display) -> Failure {
        Failure { exit: Exit::TimedOut, message: Some(format!("{message}: context deadline exceeded")) }
    }

    /// Ends the process without another word.
    pub(crate) fn silent(exit: Exit) -> Failure {
        Failure { exit, message: None }
    }

    /// What a request came to: exit 3 when the server refused it, 1 when it was not reached.
    pub(crate) fn request(what: impl fmt::Display, error: &kube::Error) -> Failure {
        let exit = if matches!(error, kube::Error::Api(_)) { Exit::Refused } else { Exit::Error };
        Failure { exit, message: Some(format!("{what}: {}", reason(error))) }
    }
}

/// A kube error in the server's own words, or as the chain of its causes.
pub(crate) fn reason(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => chain(other),
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors print their source as well.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

macro_rules! from {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::error(chain(&error))
            }
        })+
    };
}
from!(
    rdd_daemon::args::Error,
    rdd_daemon::controllers::Error,
    rdd_daemon::files::Error,
    rdd_daemon::instance::Error,
    rdd_daemon::paths::Error,
);
