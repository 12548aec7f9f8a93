//! `rdd stop`: the App shall not run. Its containers do.

use super::set::{How, set};
use super::start::running;
use crate::context::Context;
use crate::failure::{Exit, Failure, Outcome};
use crate::log::say;
use crate::service;
use kube::api::Api;
use rdd_resources::{App, names};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How to go about it.
    #[command(flatten)]
    pub(crate) how: How,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    if !exists(context).await? {
        say("App does not exist; nothing to stop");
        return Ok(Exit::Done);
    }
    set(&[running(false)], &args.how, context).await?;
    Ok(Exit::Done)
}

/// Whether there is an App. An instance that was never created and does not run has none, and stays that way.
async fn exists(context: &Context) -> Result<bool, Failure> {
    let paths = context.paths()?;
    if !rdd_daemon::args::created(&paths) && rdd_daemon::pid::running(&paths.pid_file).is_none() {
        return Ok(false);
    }
    let apps: Api<App> = Api::all(service::up(context).await?);
    let found = apps.get_opt(names::APP).await.map_err(|e| Failure::request("failed to read App", &e))?;
    Ok(found.is_some())
}
