//! One task per request.
//!
//! A panic in a handler becomes a 500 Status instead of unwinding into the caller or the connection, and a caller that gives up
//! does not cancel a write half-way.

use crate::accept::Encoding;
use crate::respond;
use crate::serve::Plan;
use crate::shared::Shared;
use axum::body::Body;
use http::{Request, Response};
use rdd_machinery::Failure;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tracing::Instrument;

/// The API as a service of HTTP requests that carry their identity.
#[derive(Clone)]
pub(crate) struct Isolated {
    shared: Arc<Shared>,
}

impl Isolated {
    pub(crate) fn new(shared: Arc<Shared>) -> Isolated {
        Isolated { shared }
    }

    /// Answers one request. At the deadline the caller gets its answer, and what was begun goes on.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let plan = Plan::of(&self.shared, request);
        let limit = plan.limit(&self.shared);
        let shared = self.shared.clone();
        let work = self.shared.requests.track_future(async move { plan.run(&shared).await });
        let task = tokio::spawn(work.in_current_span());
        let done = match limit {
            Some(limit) => tokio::time::timeout(limit, task).await,
            None => Ok(task.await),
        };
        let failure = match done {
            Ok(Ok(response)) => return response,
            Ok(Err(error)) => {
                tracing::error!(request.panicked = error.is_panic(), "a request ended without an answer");
                Failure::Internal("the handler of this request panicked".into())
            }
            Err(_) => {
                Failure::Unavailable("the request was not answered in time; it may still be done".into())
            }
        };
        respond::failure(&failure, Encoding::Json)
    }
}

impl tower::Service<Request<Body>> for Isolated {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}
