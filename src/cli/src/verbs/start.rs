//! `rdd start`: the App shall run.

use super::set::{How, set};
use crate::context::Context;
use crate::failure::{Exit, Outcome};
use crate::properties::Assignment;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How to go about it.
    #[command(flatten)]
    pub(crate) how: How,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    set(&[running(true)], &args.how, context).await?;
    Ok(Exit::Done)
}

/// `running=…`.
pub(crate) fn running(value: bool) -> Assignment {
    Assignment { path: "running".to_owned(), value: value.to_string() }
}
