//! The API without sockets.

use crate::config::{Config, Limits};
use crate::connect::Connect;
use crate::error::Error;
use crate::identity::Identity;
use crate::inprocess::InProcess;
use crate::isolate::Isolated;
use crate::lifecycle;
use crate::mounts::Access;
use crate::shared::Shared;
use rdd_store::Store;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The whole API. Cheap to clone; it ends with its last clone, its clients and its listener.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
    /// Ends what runs beside requests when nobody holds the API any more.
    _running: Arc<DropGuard>,
}

impl Api {
    /// Opens the API over a store: reads the stored kinds, makes the namespaces `default` and `kube-system` when they are missing,
    /// and starts the task that works beside requests, on this runtime.
    ///
    /// # Errors
    /// The store can not be read, or the namespaces can not be written.
    pub async fn open(store: Store, config: Config) -> Result<Api, Error> {
        let shared = Arc::new(Shared::new(store, config));
        shared.registry.rebuild(&shared.store).await?;
        lifecycle::bootstrap(&shared).await?;
        let stop = CancellationToken::new();
        tokio::spawn(lifecycle::run(shared.clone(), stop.clone()));
        Ok(Api { shared, _running: Arc::new(stop.drop_guard()) })
    }

    /// A client without a socket, for a user of this name; its default namespace is `default`.
    ///
    /// Call it on the runtime that outlives the client: the client has a worker that lives where it was made.
    pub fn client(&self, user: &str) -> kube::Client {
        kube::Client::new(InProcess { api: self.clone(), identity: Identity::new(user) }, "default")
    }

    /// The API as a router. Requests must carry their [`Identity`] as an extension; those without are answered 401,
    /// [`Access::Public`] mounts apart.
    pub fn router(&self) -> axum::Router {
        // A service of its own per router: axum's own 404 and 405 would not be ours.
        axum::Router::new().fallback_service(Held { isolated: self.isolated(), _api: self.clone() })
    }

    /// Puts a service under a path: `/debug`, `/healthz`. It sees the path behind the mount, has no deadline, and may upgrade.
    /// Works at any time; the same path again replaces.
    pub fn mount(&self, path: &str, access: Access, service: axum::Router) {
        self.shared.mounts.add(path, access, service);
    }

    /// Adds a connecting sub-resource to a kind: `("containers.rancherdesktop.io", "containers", "log", …)`. It shows up in discovery.
    pub fn connect(&self, group: &str, plural: &str, sub: &str, handler: impl Connect) {
        self.shared.connections.add(group, plural, sub, Arc::new(handler));
    }

    /// Refuses new requests with 503, ends watches cleanly, and waits until all requests are answered, or the grace is over.
    pub async fn drain(&self) {
        self.shared.draining.cancel();
        self.shared.requests.close();
        if tokio::time::timeout(self.shared.limits.grace, self.shared.requests.wait()).await.is_err() {
            tracing::warn!(requests.left = self.shared.requests.len(), "requests are still being answered");
        }
    }

    pub(crate) fn isolated(&self) -> Isolated {
        Isolated::new(self.shared.clone())
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }
}

/// A service that keeps its API alive.
#[derive(Clone)]
struct Held {
    isolated: Isolated,
    _api: Api,
}

impl tower::Service<http::Request<axum::body::Body>> for Held {
    type Response = http::Response<axum::body::Body>;
    type Error = std::convert::Infallible;
    type Future = <Isolated as tower::Service<http::Request<axum::body::Body>>>::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        tower::Service::poll_ready(&mut self.isolated, cx)
    }

    fn call(&mut self, request: http::Request<axum::body::Body>) -> Self::Future {
        tower::Service::call(&mut self.isolated, request)
    }
}
