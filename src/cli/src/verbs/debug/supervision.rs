//! `rdd debug supervision`.

use crate::failure::{Exit, Outcome};
use crate::{out, tree};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// json: everything that is known
    #[arg(short, long, value_name = "FORMAT", value_parser = ["tree", "json", "yaml"], default_value = "tree")]
    pub(crate) output: String,
}

/// Runs it.
pub(crate) async fn run(args: Args, client: &kube::Client) -> Outcome {
    let fetched = tree::fetch(client).await?;
    match args.output.as_str() {
        "json" => out::json(&fetched)?,
        "yaml" => out::yaml(&fetched)?,
        _ => out::text(&tree::render(&fetched))?,
    }
    Ok(Exit::Done)
}
