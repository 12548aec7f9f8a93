//! `rdd svc stop`.

use crate::context::Context;
use crate::duration::Limit;
use crate::failure::{Exit, Outcome};
use crate::log::say;
use crate::service;
use rdd_daemon::args;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Wait until it has stopped
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) wait: bool,
    /// How long to wait until it is told to end at once; 0 is for ever
    #[arg(long, default_value = "5m")]
    pub(crate) timeout: Limit,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let name = &context.instance;
    let ran = service::stop(context, args.wait.then_some(args.timeout)).await?;
    let end = match (ran, args.wait) {
        (true, true) => "has stopped",
        (true, false) => "is stopping",
        (false, _) if args::created(&context.paths()?) => "is already stopped",
        (false, _) => "does not exist",
    };
    say(&format!("\"{name}\" control plane {end}"));
    Ok(Exit::Done)
}
