//! `rdd container`: the mirrored containers, by name, id or unambiguous prefix.

pub(crate) mod act;
mod find;
pub(crate) mod inspect;
pub(crate) mod ls;
pub(crate) mod rm;
mod row;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use kube::api::Api;
use rdd_resources::{Action, App, Container, names};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List containers
    #[command(visible_aliases = ["list", "ps"])]
    Ls(ls::Args),
    /// Print everything that is known of containers
    Inspect(inspect::Args),
    /// Start containers
    Start(act::Args),
    /// Stop containers
    Stop(act::Args),
    /// Restart containers
    Restart(act::Args),
    /// Pause containers
    Pause(act::Args),
    /// Unpause containers
    Unpause(act::Args),
    /// Remove containers from the engine
    Rm(rm::Args),
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    match args.verb {
        Verb::Ls(args) => ls::run(args, context).await,
        Verb::Inspect(args) => inspect::run(args, context).await,
        Verb::Start(args) => act::run(Action::Start, args, context).await,
        Verb::Stop(args) => act::run(Action::Stop, args, context).await,
        Verb::Restart(args) => act::run(Action::Restart, args, context).await,
        Verb::Pause(args) => act::run(Action::Pause, args, context).await,
        Verb::Unpause(args) => act::run(Action::Unpause, args, context).await,
        Verb::Rm(args) => rm::run(args, context).await,
    }
}

/// The API namespace that the mirrors are in.
async fn namespace(client: &kube::Client) -> Result<String, Failure> {
    let apps: Api<App> = Api::all(client.clone());
    let app = apps.get_opt(names::APP).await.map_err(|e| Failure::request("failed to read App", &e))?;
    Ok(app.map_or_else(|| names::DEFAULT_NAMESPACE.to_owned(), |app| app.spec.namespace))
}
