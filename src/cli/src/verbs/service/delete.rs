//! `rdd svc delete`.

use crate::context::Context;
use crate::duration::Limit;
use crate::failure::{Exit, Failure, Outcome};
use crate::log::say;
use crate::service;
use rdd_daemon::{Paths, files, logs};
use std::io;
use std::path::Path;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long to wait for the daemon's end; then everything stays
    #[arg(long, default_value = "5m")]
    pub(crate) timeout: Limit,
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let paths = context.paths()?;
    service::stop(context, Some(args.timeout)).await?;
    remove(&paths)?;
    say(&format!("\"{}\" control plane has been deleted", context.instance));
    Ok(Exit::Done)
}

/// Removes what the instance stored. `args.json` goes last: a delete that was cut short can be repeated.
fn remove(paths: &Paths) -> Result<(), Failure> {
    if let Ok(entries) = std::fs::read_dir(&paths.dir) {
        for entry in entries.flatten().map(|entry| entry.path()).filter(|path| *path != paths.args_file) {
            tree(&entry)?;
        }
    }
    tree(&paths.short_dir)?;
    if !logs::Settings::current().keep {
        logs::delete(paths)?;
    }
    tree(&paths.dir)
}

fn tree(path: &Path) -> Result<(), Failure> {
    let is_dir = std::fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
    let removed = if is_dir { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(files::Error { path: path.to_owned(), what: "removed", source }.into())
        }
        _ => Ok(()),
    }
}
