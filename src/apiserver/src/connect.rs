//! Connecting sub-resources: parts of an object that are a stream to somewhere, such as `containers/{name}/log`.

use axum::body::Body;
use futures::future::BoxFuture;
use http::{Request, Response};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The object whose part was asked for. Whether it exists is for the handler to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// Answers requests to a connecting sub-resource, whatever their method. Upgrades pass through.
pub trait Connect: Send + Sync + 'static {
    /// Answers one request. It runs in a task of its own and has no deadline.
    fn connect(&self, target: Target, request: Request<Body>) -> BoxFuture<'static, Response<Body>>;
}

impl<F, T> Connect for F
where
    F: Fn(Target, Request<Body>) -> T + Send + Sync + 'static,
    T: Future<Output = Response<Body>> + Send + 'static,
{
    fn connect(&self, target: Target, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        Box::pin(self(target, request))
    }
}

/// Group, plural and name of a part.
type Part = (String, String, String);

/// The handlers.
#[derive(Default)]
pub(crate) struct Connections {
    handlers: RwLock<BTreeMap<Part, Arc<dyn Connect>>>,
}

impl Connections {
    /// Adds a handler, or replaces it.
    pub(crate) fn add(&self, group: &str, plural: &str, sub: &str, handler: Arc<dyn Connect>) {
        self.handlers.write().insert((group.to_owned(), plural.to_owned(), sub.to_owned()), handler);
    }

    /// The handler of a part.
    pub(crate) fn get(&self, group: &str, plural: &str, sub: &str) -> Option<Arc<dyn Connect>> {
        self.handlers.read().get(&(group.to_owned(), plural.to_owned(), sub.to_owned())).cloned()
    }

    /// The names of a kind's connecting parts, sorted.
    pub(crate) fn of(&self, group: &str, plural: &str) -> Vec<String> {
        let handlers = self.handlers.read();
        handlers.keys().filter(|key| key.0 == group && key.1 == plural).map(|key| key.2.clone()).collect()
    }
}
