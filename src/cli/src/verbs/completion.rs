//! `rdd completion`.

use crate::failure::{Exit, Outcome};
use crate::out;
use clap::CommandFactory;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For which shell
    pub(crate) shell: clap_complete::Shell,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::cli::Cli::command(), "rdd", &mut script);
    out::text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
