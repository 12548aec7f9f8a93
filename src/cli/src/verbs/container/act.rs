//! `rdd container start|stop|restart|pause|unpause`: an action through its annotation, awaited by its id.

use super::{Container, find, namespace};
use crate::context::Context;
use crate::duration::Limit;
use crate::failure::{Exit, Failure, Outcome};
use crate::follow::{Seen, Which, follow};
use crate::{out, service, settle};
use kube::api::{Api, Patch, PatchParams};
use rdd_resources::container::ActionState;
use rdd_resources::{Action, ActionRequest, names};
use serde_json::json;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names, ids or prefixes of ids
    #[arg(required = true, value_name = "CONTAINER")]
    pub(crate) containers: Vec<String>,
    /// How long to wait for each; 0 is for ever
    #[arg(long, default_value = "1m")]
    pub(crate) timeout: Limit,
}

/// Runs it. Prints each container that was asked for once it is done; one that fails does not keep the others.
pub(crate) async fn run(action: Action, args: Args, context: &Context) -> Outcome {
    let client = service::up(context).await?;
    let namespace = namespace(&client).await?;
    let api: Api<Container> = Api::namespaced(client, &namespace);
    let found = find::all(&api, &args.containers).await?;
    let acting = found.iter().zip(&args.containers).map(|(container, word)| {
        let api = api.clone();
        let namespace = &namespace;
        async move {
            let done = act(context, &api, namespace, container, action, args.timeout).await;
            (word, done)
        }
    });
    let mut worst = Exit::Done;
    for (word, done) in futures::future::join_all(acting).await {
        match done {
            Ok(()) => out::line(word)?,
            Err(failure) => {
                worst = failure.exit;
                crate::log::fatal(&format!(
                    "failed to {action} {word}: {}",
                    failure.message.unwrap_or_default()
                ));
            }
        }
    }
    if worst == Exit::Done { Ok(Exit::Done) } else { Err(Failure::silent(worst)) }
}

/// Requests the action under an id of its own, and waits until `lastAction` answers that id.
async fn act(
    context: &Context,
    api: &Api<Container>,
    namespace: &str,
    container: &Container,
    action: Action,
    limit: Limit,
) -> Result<(), Failure> {
    let name = container.metadata.name.clone().unwrap_or_default();
    let id = uuid::Uuid::new_v4().simple().to_string();
    let request = ActionRequest { action, id: Some(id.clone()) };
    let change = json!({ "metadata": {
        // Not another container that came to this name meanwhile.
        "uid": container.metadata.uid,
        "annotations": { names::annotation::ACTION: request.to_string() },
    }});
    let params = PatchParams { field_manager: Some("rdd".into()), ..PatchParams::default() };
    let patched = api.patch(&name, &params, &Patch::Merge(&change)).await;
    patched.map_err(|e| Failure::request("the request was not accepted", &e))?;
    let mut last = String::from("not taken up yet");
    let see = |seen: Seen<Container>| {
        let container = match seen {
            Seen::Listed(mut found) => match found.pop() {
                Some(container) => container,
                None => return Err(removed()),
            },
            Seen::Changed(container) => container,
            Seen::Gone(_) => return Err(removed()),
            Seen::Lost(why) => {
                last = format!("the API does not answer: {why}");
                return Ok(None);
            }
        };
        let ours = container.status.and_then(|status| status.last_action);
        let Some(done) = ours.filter(|last| last.id.as_deref() == Some(&id)) else { return Ok(None) };
        match done.state {
            ActionState::Succeeded => Ok(Some(())),
            ActionState::Failed => Err(Failure::error(done.error.unwrap_or_else(|| "failed".to_owned()))),
            ActionState::InProgress => {
                last = "in progress".to_owned();
                Ok(None)
            }
        }
    };
    let which = Which { fields: Some(format!("metadata.name={name}")) };
    let following = follow(context, |client| Api::namespaced(client, namespace), &which, see);
    let waited = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => return Err(settle::cancelled()),
        waited = limit.wait(following) => waited,
    };
    waited.unwrap_or_else(|| Err(Failure::timed_out(format!("no outcome after {limit}; last seen: {last}"))))
}

fn removed() -> Failure {
    Failure::error("the container was removed while waiting")
}
