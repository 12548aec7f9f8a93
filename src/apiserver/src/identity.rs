//! Who asks.

use std::sync::Arc;

/// The user of a request, as a request extension. Who serves requests sets it: the listener from the bearer token, the
/// in-process client from its name. A request without one is answered 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name.
    pub user: Arc<str>,
}

impl Identity {
    /// A user by name.
    pub fn new(user: impl Into<Arc<str>>) -> Identity {
        Identity { user: user.into() }
    }
}
