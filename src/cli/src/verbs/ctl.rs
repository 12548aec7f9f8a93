//! `rdd ctl`: kubectl on this instance.

use super::wait_condition;
use crate::context::Context;
use crate::failure::Outcome;
use crate::{child, service};
use std::ffi::OsString;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    disable_help_flag = true,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true
)]
pub(crate) struct Args {
    /// Ours.
    #[command(subcommand)]
    pub(crate) ours: Option<Ours>,
    /// Everything kubectl understands
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
}

/// What kubectl does not have.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Ours {
    /// Wait until an object has a condition
    WaitCondition(wait_condition::Args),
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    if let Some(Ours::WaitCondition(args)) = args.ours {
        return wait_condition::run(args, context).await;
    }
    // Found before the service is started: without a kubectl nothing shall start.
    let kubectl = child::kubectl()?;
    service::up(context).await?;
    let mut command = tokio::process::Command::new(kubectl);
    command.args(args.args).env("KUBECONFIG", context.paths()?.config);
    child::run(command).await
}
