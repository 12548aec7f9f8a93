//! `rdd svc start`.

use super::Daemon;
use crate::context::Context;
use crate::duration::Limit;
use crate::failure::{Exit, Outcome};
use crate::log::say;
use crate::service::{self, Started};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For this run only, unless the instance is created by it
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    /// Wait until it is ready
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) wait: bool,
    /// How long to wait; 0 is for ever
    #[arg(long, default_value = "90s")]
    pub(crate) timeout: Limit,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let arguments = args.daemon.arguments()?;
    service::create(context, &arguments)?;
    let started = service::start(context, &arguments, args.wait.then_some(args.timeout)).await?;
    if started == Started::Already {
        say(&format!("\"{}\" control plane is already running", context.instance));
    }
    Ok(Exit::Done)
}
