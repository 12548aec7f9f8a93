//! How a call to an engine fails.

/// Why an engine did not do or say something. None of these proves that an object is gone.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// No connection, or it broke.
    #[error("the engine at {endpoint} can not be reached: {why}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What the system said.
        why: String,
        /// It can not heal by itself (permission denied, not a Docker API, API too old).
        permanent: bool,
    },
    /// No answer in time.
    #[error("the engine did not answer within {0:?}")]
    Timeout(std::time::Duration),
    /// The engine said no.
    #[error("the engine refused ({code}): {text}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// Its message.
        text: String,
    },
    /// It answered something that can not be understood.
    #[error("the engine's answer can not be understood: {0}")]
    Protocol(String),
    /// Another engine answers at this endpoint.
    #[error("another engine answers at this endpoint")]
    Replaced,
}
