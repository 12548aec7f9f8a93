//! `rdd container inspect`.

use super::{find, namespace};
use crate::context::Context;
use crate::failure::{Exit, Outcome};
use crate::{out, service};
use kube::api::Api;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names, ids or prefixes of ids
    #[arg(required = true, value_name = "CONTAINER")]
    pub(crate) containers: Vec<String>,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "json", value_parser = ["json", "yaml"])]
    pub(crate) output: String,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let client = service::up(context).await?;
    let namespace = namespace(&client).await?;
    let found = find::all(&Api::namespaced(client, &namespace), &args.containers).await?;
    // A list, also of one: what reads it need not tell the two apart.
    if args.output == "json" {
        out::json(&found)?
    } else {
        out::yaml(&found)?
    }
    Ok(Exit::Done)
}
