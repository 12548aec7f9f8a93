//! A `kube::Client` without a socket.
//!
//! A request goes straight into its task; only one that wants to upgrade (exec) goes through a pipe with real HTTP/1.1 framing, because
//! an upgrade hands over the connection.

use crate::api::Api;
use crate::identity::Identity;
use axum::body::Body;
use futures::future::BoxFuture;
use http::header::{HOST, HeaderValue, UPGRADE};
use http::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::task::{Context, Poll};
use tower::ServiceExt;

/// Bytes that a pipe holds in each direction.
const PIPE: usize = 64 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The API, with an identity put into every request.
#[derive(Clone)]
pub(crate) struct InProcess {
    pub(crate) api: Api,
    pub(crate) identity: Identity,
}

impl tower::Service<Request<kube::client::Body>> for InProcess {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        let this = self.clone();
        let request = request.map(Body::new);
        Box::pin(async move {
            if request.headers().contains_key(UPGRADE) {
                this.upgrade(request).await
            } else {
                Ok(this.answer(request).await)
            }
        })
    }
}

impl InProcess {
    async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        request.extensions_mut().insert(self.identity.clone());
        self.api.isolated().answer(request).await
    }

    async fn upgrade(self, mut request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let (near, far) = tokio::io::duplex(PIPE);
        let service = tower::service_fn(move |request: Request<hyper::body::Incoming>| {
            let this = self.clone();
            async move { Ok::<_, std::convert::Infallible>(this.answer(request.map(Body::new)).await) }
        });
        let server = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(far), TowerToHyperService::new(service.boxed_clone()))
            .with_upgrades();
        tokio::spawn(server);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await?;
        tokio::spawn(connection.with_upgrades());
        request.headers_mut().insert(HOST, HeaderValue::from_static("in-process"));
        Ok(sender.send_request(request).await?.map(Body::new))
    }
}
