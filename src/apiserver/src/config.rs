//! What can be set.

use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How the API behaves.
#[derive(Clone)]
pub struct Config {
    /// Bounds.
    pub limits: Limits,
    /// Gives the time for `creationTimestamp` and its like. Default: the system's.
    pub clock: Arc<dyn Clock>,
    /// Makes uids, the endings of generated names and the lengths of watches repeatable. Default: none, they are random.
    pub seed: Option<u64>,
}

/// Bounds, each with what happens at it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's body; above: 413. Default 3 MiB.
    pub body: usize,
    /// How long a request may take until its answer begins, watches and mounts apart; then 503, and what was begun goes on. Default 60 s.
    pub request: Duration,
    /// How often a watch that asked for bookmarks gets one. Default 60 s.
    pub bookmarks: Duration,
    /// A watch without `timeoutSeconds` ends after this and up to twice this. Default 30 minutes.
    pub watch: Duration,
    /// How often a write is tried when others are faster; then 409. Default 16.
    pub attempts: u32,
    /// Open connections of a listener; above: they wait to be accepted. Default 1,024.
    pub connections: usize,
    /// How long a TLS handshake and the headers of a request may take; then the connection is closed. Default 60 s: over HTTP/1.1 hyper
    /// counts the idle time before a request as well, and a client's pooled connection should outlive that.
    pub headers: Duration,
    /// How long connections may go on at the end of a listener, and requests at the end of the API. Default 10 s.
    pub grace: Duration,
}

/// Gives the time.
pub trait Clock: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;
}

impl<F: Fn() -> Timestamp + Send + Sync + 'static> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}

impl Default for Config {
    fn default() -> Config {
        Config { limits: Limits::default(), clock: Arc::new(Timestamp::now), seed: None }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body: 3 * 1024 * 1024,
            request: Duration::from_secs(60),
            bookmarks: Duration::from_secs(60),
            watch: Duration::from_secs(30 * 60),
            attempts: 16,
            connections: 1024,
            headers: Duration::from_secs(60),
            grace: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("limits", &self.limits)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
