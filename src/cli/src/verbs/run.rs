//! `rdd run`: a command with this instance's engine as its Docker context.

use super::set::{How, set};
use super::start::running;
use crate::child;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use std::ffi::OsString;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD", required = true)]
    pub(crate) command: Vec<OsString>,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let mut words = args.command.into_iter().skip_while(|word| word == "--");
    let program =
        words.next().ok_or_else(|| Failure::error("no command; for example `rdd run docker ps`"))?;
    set(&[running(true)], &How::default(), context).await?;
    let paths = context.paths()?;
    let mut search = vec![paths.short_dir.join("bin")];
    search.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let path = std::env::join_paths(search)
        .map_err(|e| Failure::error(format!("{} can not be put on PATH: {e}", paths.short_dir.display())))?;
    let mut command = tokio::process::Command::new(program);
    command
        .args(words)
        .env("DOCKER_CONTEXT", context.instance.name())
        .env_remove("DOCKER_HOST")
        .env("PATH", path);
    child::run(command).await
}
