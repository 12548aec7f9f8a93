//! `rdd debug chaos`.

use super::ask;
use crate::failure::{Exit, Failure, Outcome};
use crate::out;
use http::Method;
use serde_json::Value;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  rdd debug chaos add '{\"actor\":\"*writer*\",\"point\":\"handler\",\"when\":\"always\",\"fault\":\"panic\",\"times\":1}'\n  rdd debug chaos clear"
)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Add a rule
    Add {
        /// actor (a name or glob), point, when, fault, and perhaps kind and times
        #[arg(value_name = "JSON")]
        rule: String,
    },
    /// Show the rules
    Ls,
    /// Remove all rules
    Clear,
}

/// Runs it.
pub(crate) async fn run(args: Args, client: &kube::Client) -> Outcome {
    let answer = match args.verb {
        Verb::Add { rule } => {
            let rule: Value = serde_json::from_str(&rule)
                .map_err(|e| Failure::error(format!("the rule is no JSON: {e}")))?;
            ask(client, Method::POST, "chaos", Some(&rule)).await?
        }
        Verb::Ls => ask(client, Method::GET, "chaos", None).await?,
        Verb::Clear => ask(client, Method::DELETE, "chaos", None).await?,
    };
    out::json(&answer)?;
    Ok(Exit::Done)
}
