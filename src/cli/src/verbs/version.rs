//! `rdd version`.

use crate::failure::{Exit, Outcome};
use crate::out;
use serde_json::json;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// json: all build facts
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json", "yaml"])]
    pub(crate) output: Option<String>,
}

/// One line: a tag, as given at build time, or the crate's version.
pub(crate) const VERSION: &str = match option_env!("RDD_VERSION") {
    Some(version) => version,
    None => concat!("v", env!("CARGO_PKG_VERSION")),
};

/// Runs it.
pub(crate) fn run(args: &Args) -> Outcome {
    let facts = json!({
        "version": VERSION,
        "commit": option_env!("RDD_COMMIT").unwrap_or("unknown"),
        "rustc": env!("RDD_RUSTC"),
        "target": env!("RDD_TARGET"),
        "profile": env!("RDD_PROFILE"),
    });
    match args.output.as_deref() {
        Some("json") => out::json(&facts)?,
        Some(_) => out::yaml(&facts)?,
        None => out::line(VERSION)?,
    }
    Ok(Exit::Done)
}
