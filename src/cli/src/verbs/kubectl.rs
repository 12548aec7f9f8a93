//! `rdd kubectl`: kubectl with the KUBECONFIG of the surroundings; the service is left alone.

use crate::child;
use crate::failure::Outcome;
use std::ffi::OsString;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// Everything kubectl understands
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
}

/// Runs it.
pub(crate) async fn run(args: Args) -> Outcome {
    let mut command = tokio::process::Command::new(child::kubectl()?);
    command.args(args.args);
    child::run(command).await
}
