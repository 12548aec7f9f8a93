//! `rdd svc create`.

use super::Daemon;
use crate::context::Context;
use crate::failure::{Exit, Outcome};
use crate::log::say;
use crate::service;

/// Runs it.
pub(crate) fn run(args: &Daemon, context: &Context) -> Outcome {
    if !service::create(context, &args.arguments()?)? {
        say(&format!("\"{}\" control plane already exists", context.instance));
    }
    Ok(Exit::Done)
}
