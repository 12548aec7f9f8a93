//! `rdd debug`: the daemon's inside.

pub(crate) mod chaos;
pub(crate) mod messages;
pub(crate) mod supervision;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use serde_json::Value;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to look at.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to look at.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// The last messages between actors
    Messages(messages::Args),
    /// Inject failures into actors (developer mode only)
    Chaos(chaos::Args),
    /// The tree of actors: state, restarts, queues, failures
    Supervision(supervision::Args),
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    // The daemon is looked at as it is: starting one here would show nothing.
    let client = context.client().await?;
    match args.verb {
        Verb::Messages(args) => messages::run(args, &client).await,
        Verb::Chaos(args) => chaos::run(args, &client).await,
        Verb::Supervision(args) => supervision::run(args, &client).await,
    }
}

/// Sends a request to a path below `/debug`.
async fn ask(
    client: &kube::Client,
    method: http::Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let body = body.map(|value| value.to_string().into_bytes()).unwrap_or_default();
    let request = http::Request::builder()
        .method(method)
        .uri(format!("/debug/{path}"))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body)
        .map_err(|e| Failure::error(e.to_string()))?;
    let text =
        client.request_text(request).await.map_err(|e| Failure::request(format!("/debug/{path}"), &e))?;
    serde_json::from_str(&text).map_err(|e| Failure::error(format!("/debug/{path} answered {text:?}: {e}")))
}
