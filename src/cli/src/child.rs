//! Programs that take over: found, run, and their end passed on.

use crate::failure::{Exit, Failure, Outcome};
use std::path::PathBuf;
use tokio::process::Command;

/// The `kubectl` on PATH that is not this program.
///
/// # Errors
/// There is none; says how to get one.
pub(crate) fn kubectl() -> Result<PathBuf, Failure> {
    let this = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
    let name = if cfg!(windows) { "kubectl.exe" } else { "kubectl" };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|candidate| executable(candidate) && (this.is_none() || candidate.canonicalize().ok() != this));
    found.ok_or_else(|| {
        Failure::error(
            "no kubectl on PATH; install one (Debian: `apt-get install kubernetes-client`, macOS: `brew install kubectl`, \
             or https://kubernetes.io/docs/tasks/tools/); `rdd container ls` needs none",
        )
    })
}

#[cfg(unix)]
fn executable(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn executable(path: &std::path::Path) -> bool {
    path.is_file()
}

/// Runs a program to its end. Its exit code is ours; killed by a signal: 128 + the signal.
///
/// # Errors
/// It can not be started.
pub(crate) async fn run(mut command: Command) -> Outcome {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    // Before the child exists: a Ctrl-C is for it, not for us.
    let mut signals =
        Signals::listen().map_err(|e| Failure::error(format!("signals can not be handled: {e}")))?;
    let mut child = command.spawn().map_err(|e| Failure::error(format!("{name} can not be run: {e}")))?;
    let status = loop {
        tokio::select! {
            biased;
            status = child.wait() => break status,
            signal = signals.next() => signals.pass_on(signal, child.id()),
        }
    };
    let status = status.map_err(|e| Failure::error(format!("{name} can not be waited for: {e}")))?;
    Ok(Exit::Child(code(status)))
}

fn code(status: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128_u8.saturating_add(u8::try_from(signal).unwrap_or(u8::MAX));
    }
    // Codes are eight bits on unix; elsewhere a larger one must not come out as success.
    status.code().map_or(1, |code| u8::try_from(code).unwrap_or(u8::MAX))
}

/// Signals that would end us before the child.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal that is the child's to get from us; `None`: its terminal has sent it one as well.
    async fn next(&mut self) -> Option<rustix::process::Signal> {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Some(rustix::process::Signal::TERM),
            _ = self.hangup.recv() => Some(rustix::process::Signal::HUP),
            _ = self.interrupt.recv() => None,
            _ = self.quit.recv() => None,
        }
    }

    fn pass_on(&self, signal: Option<rustix::process::Signal>, child: Option<u32>) {
        let pid = child.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        if let (Some(signal), Some(pid)) = (signal, pid) {
            // It may have ended meanwhile, which is what the signal is for.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals)
    }
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
    fn pass_on(&self, _: (), _: Option<u32>) {}
}
