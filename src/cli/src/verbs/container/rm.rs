//! `rdd container rm`: deletes mirrors, and with them the containers.

use super::{Container, find, namespace};
use crate::context::Context;
use crate::duration::Limit;
use crate::failure::{Exit, Failure, Outcome};
use crate::follow::{Seen, Which, follow};
use crate::{out, service, settle};
use kube::api::{Api, DeleteParams, Preconditions};
use rdd_resources::container::State;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names, ids or prefixes of ids
    #[arg(required = true, value_name = "CONTAINER")]
    pub(crate) containers: Vec<String>,
    /// Also those that run
    #[arg(short, long)]
    pub(crate) force: bool,
    /// How long to wait for each; 0 is for ever
    #[arg(long, default_value = "1m")]
    pub(crate) timeout: Limit,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let client = service::up(context).await?;
    let namespace = namespace(&client).await?;
    let api: Api<Container> = Api::namespaced(client, &namespace);
    let found = find::all(&api, &args.containers).await?;
    let mut worst = Exit::Done;
    for (container, word) in found.iter().zip(&args.containers) {
        match remove(context, &api, &namespace, container, &args).await {
            Ok(()) => out::line(word)?,
            Err(failure) => {
                worst = failure.exit;
                crate::log::fatal(&format!(
                    "failed to remove {word}: {}",
                    failure.message.unwrap_or_default()
                ));
            }
        }
    }
    if worst == Exit::Done { Ok(Exit::Done) } else { Err(Failure::silent(worst)) }
}

async fn remove(
    context: &Context,
    api: &Api<Container>,
    namespace: &str,
    container: &Container,
    args: &Args,
) -> Result<(), Failure> {
    let state = container.status.as_ref().map(|status| status.status);
    if !args.force
        && matches!(state, Some(State::Running | State::Paused | State::Pausing | State::Restarting))
    {
        return Err(Failure::error("it is running; stop it first, or use --force"));
    }
    let name = container.metadata.name.clone().unwrap_or_default();
    let uid = container.metadata.uid.clone();
    let only = Preconditions { uid: uid.clone(), resource_version: None };
    match api.delete(&name, &DeleteParams { preconditions: Some(only), ..DeleteParams::default() }).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => return Err(Failure::request("the request was not accepted", &error)),
    }
    let mut last = String::from("being removed");
    let see = |seen: Seen<Container>| match seen {
        Seen::Listed(found) => Ok(found.iter().all(|c| c.metadata.uid != uid).then_some(())),
        Seen::Gone(gone) => Ok((gone.metadata.uid == uid).then_some(())),
        Seen::Changed(other) => Ok((other.metadata.uid != uid).then_some(())),
        Seen::Lost(why) => {
            last = format!("the API does not answer: {why}");
            Ok(None)
        }
    };
    let which = Which { fields: Some(format!("metadata.name={name}")) };
    let following = follow(context, |client| Api::<Container>::namespaced(client, namespace), &which, see);
    let waited = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => return Err(settle::cancelled()),
        waited = args.timeout.wait(following) => waited,
    };
    waited.unwrap_or_else(|| {
        Err(Failure::timed_out(format!("still there after {}; last seen: {last}", args.timeout)))
    })
}
