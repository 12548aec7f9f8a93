//! What can go wrong when the API starts.

use rdd_store::{CommitError, ReadError};

/// Why the API could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stored kinds or namespaces could not be read.
    #[error("the stored kinds can not be read")]
    Read(#[from] ReadError),
    /// The first namespaces could not be written.
    #[error("the store can not be written")]
    Commit(#[from] CommitError),
    /// A first object was refused by the API's own rules.
    #[error("{what} could not be made: {why}")]
    Bootstrap {
        /// What was to be made.
        what: String,
        /// What the API said.
        why: String,
    },
}
