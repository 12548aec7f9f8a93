//! `rdd svc log`.

use crate::context::Context;
use crate::failure::{Exit, Failure, Outcome};
use crate::out;
use rdd_daemon::logs::Name;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the daemon printed, instead of its log
    #[arg(short = 'o', long)]
    pub(crate) stdout: bool,
    /// Go on with what is added
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// Between two looks at a file that is followed: files tell nobody that they have grown.
const LOOK: Duration = Duration::from_millis(200);

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    let name = if args.stdout { Name::Stdout } else { Name::Stderr };
    let path = name.path(&context.paths()?);
    let mut file = File::open(&path).map_err(|e| {
        Failure::error(format!(
            "{} can not be read ({e}); `rdd svc start` starts a daemon that writes it",
            path.display()
        ))
    })?;
    loop {
        copy(&mut file, &path)?;
        if !args.follow {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(LOOK).await;
        if let Some(next) = replaced(&mut file, &path) {
            copy(&mut file, &path)?;
            file = next;
        }
    }
}

/// Prints what is new in the file.
fn copy(file: &mut File, path: &Path) -> Result<(), Failure> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer);
        match read.map_err(|e| Failure::error(format!("{} can not be read: {e}", path.display())))? {
            0 => return Ok(()),
            n => out::bytes(&buffer[..n])?,
        }
    }
}

/// The new file, when a start has set ours aside.
fn replaced(file: &mut File, path: &Path) -> Option<File> {
    let next = File::open(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (ours, theirs) = (file.metadata().ok()?, next.metadata().ok()?);
        if (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()) {
            return None;
        }
    }
    #[cfg(not(unix))]
    if file.stream_position().ok()? <= next.metadata().ok()?.len() {
        return None;
    }
    let mut next = next;
    let _ = next.seek(SeekFrom::Start(0));
    Some(next)
}
