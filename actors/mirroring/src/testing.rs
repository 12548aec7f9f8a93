//! What the tests of single actors share: a board, and an API made of one function.

use crate::board::Board;
use crate::config::{Config, Controllers, Dockers, Environment, LocalMachines, Timings};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::client::Body;
use rdd_actors_runtime::Clock;
use serde_json::{Value, json};
use std::sync::Arc;

/// A request to the API: method, path, body.
pub(crate) type Call = (Method, String, Value);

/// An API that answers what a function says: a code and an object. A code of 0 is never answered.
pub(crate) fn api(answer: impl Fn(&Call) -> (u16, Value) + Send + Sync + 'static) -> kube::Client {
    let answer = Arc::new(answer);
    let service = tower::service_fn(move |request: Request<Body>| {
        let answer = answer.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let (code, value) = answer(&(parts.method, parts.uri.path().to_owned(), body));
            if code == 0 {
                std::future::pending::<()>().await;
            }
            let value = if code >= 400 { status(code) } else { value };
            let response = Response::builder().status(code).body(Body::from(serde_json::to_vec(&value)?))?;
            Ok::<_, tower::BoxError>(response)
        }
    });
    kube::Client::new(service, "default")
}

/// An API that says nothing: for work that must not ask it.
pub(crate) fn silent() -> kube::Client {
    api(|_| (0, Value::Null))
}

/// A board with production's timings.
pub(crate) fn board(client: kube::Client) -> Arc<Board> {
    let config = Config {
        client,
        engines: Arc::new(Dockers),
        machines: Arc::new(LocalMachines),
        controllers: Controllers::default(),
        environment: Environment::default(),
        timings: Timings::default(),
        seed: 0,
    };
    Arc::new(Board::new(config, Clock::starting_at(Timestamp::UNIX_EPOCH)))
}

/// What stands at the end of a path.
pub(crate) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn status(code: u16) -> Value {
    let reason = match code {
        404 => "NotFound",
        409 => "Conflict",
        _ => "",
    };
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason })
}
