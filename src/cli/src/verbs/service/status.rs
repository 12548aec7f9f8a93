//! `rdd svc status`.

use crate::context::Context;
use crate::failure::{Exit, Outcome};
use crate::{out, tree};
use rdd_daemon::{args, pid};
use serde_json::json;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the supervision tree as well
    #[arg(long)]
    pub(crate) tree: bool,
    /// json
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json", "yaml"])]
    pub(crate) output: Option<String>,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let paths = context.paths()?;
    let created = args::created(&paths);
    let pid = pid::running(&paths.pid_file);
    let tree = match args.tree && pid.is_some() {
        true => Some(tree::fetch(&context.client().await?).await?),
        false => None,
    };
    if let Some(format) = &args.output {
        let mut status = json!({
            "name": context.instance.name(),
            "created": created,
            "started": pid.is_some(),
            "pid": pid.unwrap_or(0),
            "developerMode": context.developer,
        });
        if let Some(tree) = tree {
            status["supervision"] = tree;
        }
        if format == "json" {
            out::json(&status)?
        } else {
            out::yaml(&status)?
        }
        return Ok(Exit::Done);
    }
    let name = &context.instance;
    out::line(&format!("\"{name}\" control plane has been created: {created}"))?;
    out::line(&format!("\"{name}\" control plane has been started: {}", pid.is_some()))?;
    out::line(&format!("\"{name}\" control plane PID is: {}", pid.unwrap_or(0)))?;
    if context.developer {
        out::line("developer mode is enabled")?;
    }
    if let Some(tree) = tree {
        out::text(&tree::render(&tree))?;
    }
    Ok(Exit::Done)
}
