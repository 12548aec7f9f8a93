//! How much memory malloc may set apart for the threads of a daemon.
//!
//! glibc gives every thread an arena of its own, of which a mostly idle daemon uses little: with one for all it needs less memory of
//! its own, and 128 clients that write at once lose about a tenth of their rate. glibc reads the limit when a process starts, and never again. Other C libraries ignore it.

use std::process::Command;

const VARIABLE: &str = "MALLOC_ARENA_MAX";
const ENOUGH: &str = "1";

/// Limits a process that is about to be started, unless the user has chosen.
pub(crate) fn limit(command: &mut Command) {
    if std::env::var_os(VARIABLE).is_none() {
        command.env(VARIABLE, ENOUGH);
    }
}

/// Limits this process, unless the user has chosen: it begins anew, with the same pid, arguments and files. Before anything was begun.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn limit_this() {
    use std::os::unix::process::CommandExt;
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments);
    limit(&mut command);
    // It returns only when it has failed: then more memory is the lesser evil.
    let error = command.exec();
    tracing::debug!(error = %error, "malloc is not limited");
}

/// Limits this process; where nobody would read the limit there is nothing to do.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn limit_this() {}
