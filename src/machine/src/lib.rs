//! Where an engine runs, and how it is started and stopped. Yields an engine [`Endpoint`].

use futures::future::BoxFuture;
use rdd_engine::Endpoint;

mod decide;
mod external;

pub use decide::{Driver, Inputs, decide};
pub use external::External;

/// Which machine, as the App's spec says it. `auto` is decided by [`decide`] before this is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// An engine that somebody else runs.
    External {
        /// Where it listens.
        endpoint: Endpoint,
    },
}

impl Config {
    /// `external`, `process`, …: what `status.machine.driver` shows.
    pub fn driver(&self) -> &'static str {
        match self {
            Config::External { .. } => "external",
        }
    }
    /// Where its engine listens.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Config::External { endpoint } => endpoint,
        }
    }
    /// The machine itself, not started.
    pub fn machine(&self) -> Box<dyn Machine> {
        match self {
            Config::External { endpoint } => Box::new(External::new(endpoint.clone())),
        }
    }
}

/// A machine that can be started and stopped. Either may take minutes and may hang: the caller sets the deadline.
pub trait Machine: Send + Sync {
    /// `external`, `process`, …
    fn driver(&self) -> &'static str;
    /// Makes the engine run; returns once it answers. Idempotent: started already is success.
    fn start(&self) -> BoxFuture<'_, Result<Endpoint, Error>>;
    /// Makes it stop (external: detach). Idempotent.
    fn stop(&self) -> BoxFuture<'_, Result<(), Error>>;
}

/// Why a machine did not start or stop.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What failed, why, and what to do next.
    pub message: String,
    /// It can not heal by itself.
    pub permanent: bool,
}
