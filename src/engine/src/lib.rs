//! Container engines behind one small trait.
//!
//! An [`Engine`] is one attachment: one identity, for life. It returns plain records; turning them into a resource's status is
//! somebody else's work. Nothing here knows Kubernetes.

mod error;
mod key;
mod record;

pub mod docker;
pub mod endpoint;
pub mod memory;

pub use endpoint::Endpoint;
pub use error::Error;
pub use key::{ContainerId, ImageId, Key, Kind};
pub use record::{
    Action, ContainerFacts, Facts, Fingerprint, Hint, Identity, ImageFacts, Listed, PortBinding, Removed,
    State, Summary, VolumeFacts,
};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use jiff::Timestamp;

/// One container engine.
///
/// Every call may hang: the caller sets the deadline and drops the future. Dropping a future ends its connection.
pub trait Engine: Send + Sync {
    /// Who this is: asked once, when the attachment was made ([`docker::Docker::connect`]).
    fn identity(&self) -> &Identity;
    /// Answers when the engine is there and still the same one; [`Error::Replaced`] when another identity answers.
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>>;
    /// The engine's own clock, for opening the event stream.
    fn clock(&self) -> BoxFuture<'_, Result<Timestamp, Error>>;
    /// Everything of a kind.
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Listed>, Error>>;
    /// What is known at once of one object, without waiting for its lock (Docker: a list filtered by id). `None`: not in the list,
    /// which proves nothing.
    fn peek<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Summary>, Error>>;
    /// Everything of one object. `None`: a definite 404. May wait while the engine starts or stops the object.
    fn inspect<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Facts>, Error>>;
    /// Removes one object if it is still the one meant.
    fn remove<'a>(&'a self, key: &'a Key, only: &'a Fingerprint) -> BoxFuture<'a, Result<Removed, Error>>;
    /// Starts, stops, pauses, unpauses or restarts a container. Returns when the engine has done it.
    fn act<'a>(&'a self, id: &'a ContainerId, action: Action) -> BoxFuture<'a, Result<(), Error>>;
    /// What happens from a moment on, each as a hint where to look. Ends, or errs, when the stream breaks; it never reconnects.
    fn events(&self, since: Timestamp) -> BoxStream<'_, Result<Hint, Error>>;
}
