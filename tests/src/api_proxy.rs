//! A hostile layer between a client and a Kubernetes API: it delays, refuses, loses answers, serves stale reads, cuts watches.

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tower::{BoxError, Service};

/// The rules of one layer. Clones share them.
#[derive(Clone, Default)]
pub struct ApiProxy {
    rules: Arc<Mutex<Vec<Arc<Rule>>>>,
}

/// Which requests, and what happens to them.
pub struct Rule {
    matches: Box<dyn Fn(&Call<'_>) -> bool + Send + Sync>,
    fault: Fault,
    skip: usize,
    times: usize,
    seen: AtomicUsize,
    remembered: Mutex<HashMap<String, (StatusCode, Bytes)>>,
    open: watch::Sender<bool>,
}

/// A request, as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its path.
    pub path: &'a str,
    /// Whether it is a watch.
    pub watch: bool,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is sent later.
    Delay(Duration),
    /// It is not sent; this is the answer (409, 500, 503, …).
    Answer(u16),
    /// It is sent and done; the answer is lost, and this one given.
    Lose(u16),
    /// It is not answered before the rule is [released](Hold::release).
    Barrier,
    /// It is never answered.
    Hang,
    /// A get or list answers for ever what it answered the first time.
    Stale,
    /// A watch is closed when the rule is released; later ones at once.
    Cut,
    /// A watch says nothing before the rule is released, as a connection that died without a word.
    Mute,
}

/// A rule in force. Dropped: it is no longer, and everything that it holds goes on.
#[must_use = "a rule ends when this is dropped"]
pub struct Hold {
    proxy: ApiProxy,
    rule: Arc<Rule>,
}

impl ApiProxy {
    /// A client that sees the API through these rules.
    pub fn wrap(&self, client: kube::Client) -> kube::Client {
        let namespace = client.default_namespace().to_owned();
        kube::Client::new(Layer { client, proxy: self.clone() }, namespace)
    }
    /// Puts a rule in force for every matching request.
    pub fn rule(&self, fault: Fault, matches: impl Fn(&Call<'_>) -> bool + Send + Sync + 'static) -> Hold {
        self.nth(fault, 0, usize::MAX, matches)
    }
    /// Puts a rule in force that lets some matching requests pass first, and then meets so many.
    pub fn nth(
        &self,
        fault: Fault,
        skip: usize,
        times: usize,
        matches: impl Fn(&Call<'_>) -> bool + Send + Sync + 'static,
    ) -> Hold {
        let rule = Arc::new(Rule {
            matches: Box::new(matches),
            fault,
            skip,
            times,
            seen: AtomicUsize::new(0),
            remembered: Mutex::default(),
            open: watch::Sender::new(false),
        });
        self.rules.lock().push(rule.clone());
        Hold { proxy: self.clone(), rule }
    }
    /// The first rule that meets this call, which counts it.
    fn meet(&self, call: &Call<'_>) -> Option<Arc<Rule>> {
        let rules = self.rules.lock();
        let mut met = rules.iter().filter(|rule| (rule.matches)(call));
        met.find(|rule| {
            let nth = rule.seen.fetch_add(1, Ordering::SeqCst);
            nth >= rule.skip && nth - rule.skip < rule.times
        })
        .cloned()
    }
}

impl Hold {
    /// How many requests it has met.
    pub fn hits(&self) -> usize {
        let seen = self.rule.seen.load(Ordering::SeqCst);
        seen.saturating_sub(self.rule.skip).min(self.rule.times)
    }
    /// Lets everything that is held go on, now and later.
    pub fn release(&self) {
        self.rule.open.send_replace(true);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.release();
        self.proxy.rules.lock().retain(|rule| !Arc::ptr_eq(rule, &self.rule));
    }
}

/// An answer, as it comes or made up.
type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// The rules as a service over a client.
#[derive(Clone)]
struct Layer {
    client: kube::Client,
    proxy: ApiProxy,
}

impl Service<Request<Body>> for Layer {
    type Response = Answer;
    type Error = BoxError;
    type Future = futures::future::BoxFuture<'static, Result<Answer, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // The client waits by itself until it is ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let query = request.uri().query().unwrap_or_default();
        let watch = query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1");
        let call = Call { method: request.method(), path: request.uri().path(), watch };
        let rule = self.proxy.meet(&call);
        let client = self.client.clone();
        Box::pin(async move {
            match rule {
                None => send(&client, request).await,
                Some(rule) => rule.apply(client, request).await,
            }
        })
    }
}

impl Rule {
    async fn apply(&self, client: kube::Client, request: Request<Body>) -> Result<Answer, BoxError> {
        match self.fault {
            Fault::Delay(delay) => {
                tokio::time::sleep(delay).await;
                send(&client, request).await
            }
            Fault::Answer(code) => refusal(code),
            Fault::Lose(code) => {
                client.send(request).await?;
                refusal(code)
            }
            Fault::Barrier => {
                self.opened().await;
                send(&client, request).await
            }
            Fault::Hang => std::future::pending().await,
            Fault::Stale => self.stale(client, request).await,
            Fault::Cut => {
                let (parts, body) = client.send(request).await?.into_parts();
                let opened = self.open.subscribe();
                Ok(Response::from_parts(parts, cut(body, opened)))
            }
            Fault::Mute => {
                let (parts, body) = client.send(request).await?.into_parts();
                let opened = self.open.subscribe();
                Ok(Response::from_parts(parts, mute(body, opened)))
            }
        }
    }

    async fn opened(&self) {
        // The sender lives as long as the rule.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }

    async fn stale(&self, client: kube::Client, request: Request<Body>) -> Result<Answer, BoxError> {
        let uri = request.uri().to_string();
        let known = self.remembered.lock().get(&uri).cloned();
        let (status, bytes) = match known {
            Some(known) => known,
            None => {
                let response = client.send(request).await?;
                let status = response.status();
                let bytes = response.into_body().collect_bytes().await?;
                self.remembered.lock().insert(uri, (status, bytes.clone()));
                (status, bytes)
            }
        };
        answer(status.as_u16(), bytes)
    }
}

/// Sends a request as it is.
async fn send(client: &kube::Client, request: Request<Body>) -> Result<Answer, BoxError> {
    let response = client.send(request).await?;
    Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
}

/// A body that ends early.
fn cut(body: Body, mut opened: watch::Receiver<bool>) -> UnsyncBoxBody<Bytes, BoxError> {
    let end = async move {
        // An error means that the rule is gone, which ends it too.
        let _ = opened.wait_for(|open| *open).await;
    };
    let stream = BodyStream::new(body.map_err(BoxError::from));
    StreamBody::new(stream.take_until(Box::pin(end))).boxed_unsync()
}

/// A body that comes late.
fn mute(body: Body, mut opened: watch::Receiver<bool>) -> UnsyncBoxBody<Bytes, BoxError> {
    let stream = async move {
        // An error means that the rule is gone, which ends it too.
        let _ = opened.wait_for(|open| *open).await;
        BodyStream::new(body.map_err(BoxError::from))
    };
    StreamBody::new(Box::pin(stream).flatten_stream()).boxed_unsync()
}

/// An answer that was made up.
fn answer(code: u16, body: Bytes) -> Result<Answer, BoxError> {
    let response = Response::builder().status(code).header("content-type", "application/json");
    Ok(response.body(Full::new(body).map_err(|never| match never {}).boxed_unsync())?)
}

/// A refusal as a Kubernetes API words it.
fn refusal(code: u16) -> Result<Answer, BoxError> {
    let reason = match code {
        404 => "NotFound",
        409 => "Conflict",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        _ => "Unknown",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "refused by a hostile layer", "reason": reason, "code": code,
    });
    answer(code, serde_json::to_vec(&status)?.into())
}
