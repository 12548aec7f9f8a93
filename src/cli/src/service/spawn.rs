//! A daemon in the background: of nobody's terminal, pipes or descriptors.
//!
//! The child has stdin and stdout on `/dev/null` and stderr on a pipe of ours until it has claimed the instance; then it puts its log files
//! there ([`redirect`]) and keeps the pipe, aside, until it is ready: what comes through the pipe is why it failed, and its end
//! without a word is readiness.

use crate::context::Context;
use crate::failure::{Failure, chain};
use rdd_daemon::logs::{self, Name};
use rdd_daemon::{Paths, files};
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use tokio::io::AsyncReadExt;

/// A daemon that was spawned.
pub(crate) struct Child {
    /// Its words while it starts.
    startup: tokio::process::ChildStderr,
}

impl Child {
    /// Waits until it is ready (an empty text) or has failed (its reason).
    pub(crate) async fn startup(mut self) -> String {
        let mut said = Vec::new();
        // A pipe that can not be read tells nothing; readiness is asked for anyway.
        let _ = self.startup.read_to_end(&mut said).await;
        String::from_utf8_lossy(&said).trim().to_owned()
    }
}

/// Spawns `rdd svc serve --background` with the saved arguments.
pub(crate) fn daemon<'a>(
    context: &Context,
    paths: &Paths,
    arguments: impl Iterator<Item = &'a String>,
) -> Result<Child, Failure> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |e: io::Error| Failure::error(format!("{what}: {}", chain(&e)))
    };
    let program = std::env::current_exe().map_err(failed("the rdd program can not be found again"))?;
    let mut command = Command::new(&program);
    // By its own name: a copy called kubectl would take itself for kubectl.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, "rdd");
    command
        .args(["--instance", context.instance.suffix(), "svc", "serve", "--background"])
        .args(arguments)
        .current_dir(&paths.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    crate::arenas::limit(&mut command);
    if let Some(level) = crate::log::chosen() {
        command.env("RDD_LOG_LEVEL", level);
    }
    // What Rust opens is closed on exec; what our caller left open is not.
    #[cfg(unix)]
    close_fds::set_fds_cloexec(3, &[]);
    let mut child = command.spawn().map_err(failed(&format!("{} can not be started", program.display())))?;
    let stderr = child.stderr.take().ok_or_else(|| Failure::error("the daemon has no stderr"))?;
    let startup =
        tokio::process::ChildStderr::from_std(stderr).map_err(failed("the daemon's pipe can not be read"))?;
    Ok(Child { startup })
}

/// In the child: leaves the caller's session, so that its terminal's signals do not reach us.
#[cfg(unix)]
pub(crate) fn detach() {
    // Fails only for a process group leader, and then there is nothing to leave.
    let _ = rustix::process::setsid();
}

/// In the child: leaves the caller's session.
#[cfg(not(unix))]
pub(crate) fn detach() {}

/// In the child, once it has claimed the instance: fresh log files become stdout and stderr. Returns the pipe that stderr was.
///
/// # Errors
/// The log directory can not be written.
#[cfg(unix)]
pub(crate) fn redirect(paths: &Paths, settings: &logs::Settings) -> Result<File, files::Error> {
    use std::os::fd::AsFd;
    let failed = |source| files::Error { path: paths.log_dir.clone(), what: "written", source };
    let pipe = io::stderr().as_fd().try_clone_to_owned().map_err(failed)?;
    let stdout = logs::rotate(paths, Name::Stdout, settings)?;
    let stderr = logs::rotate(paths, Name::Stderr, settings)?;
    rustix::stdio::dup2_stdout(&stdout).map_err(|e| failed(e.into()))?;
    rustix::stdio::dup2_stderr(&stderr).map_err(|e| failed(e.into()))?;
    Ok(File::from(pipe))
}

/// Asks a daemon to stop in order.
#[cfg(unix)]
pub(crate) fn interrupt(pid: u32) -> io::Result<()> {
    signal(pid, rustix::process::Signal::INT)
}

/// Tells it a second time: it ends at once.
#[cfg(unix)]
pub(crate) fn terminate(pid: u32) -> io::Result<()> {
    signal(pid, rustix::process::Signal::TERM)
}

#[cfg(unix)]
fn signal(pid: u32, signal: rustix::process::Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("not a pid"))?;
    match rustix::process::kill_process(pid, signal) {
        // Gone meanwhile, as was wished.
        Err(rustix::io::Errno::SRCH) => Ok(()),
        other => Ok(other?),
    }
}
