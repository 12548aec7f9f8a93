//! Composition: one instance of the daemon, from its files to its actors.
//!
//! [`Daemon::build`] opens the store, binds the API and starts the actors, in the order of `docs/architecture.md`;
//! [`Daemon::run`] serves until it is told to stop. Everything else here is what surrounds that: where an instance keeps its files
//! ([`Paths`]), who runs ([`pid`]), what clients need ([`kubeconfig`], [`serving`]).

pub mod args;
mod bootstrap;
mod config;
pub mod controllers;
pub mod daemon;
mod debug;
mod discovery;
pub mod files;
mod health;
pub mod instance;
pub mod kubeconfig;
pub mod logs;
mod metrics;
pub mod paths;
pub mod pid;
pub mod serving;
mod state;

pub use bootstrap::Error as BootstrapError;
pub use config::{Config, Home, Port};
pub use controllers::Controllers;
pub use daemon::Daemon;
pub use instance::Instance;
pub use paths::Paths;

/// A runtime for a daemon: workers for actors' jobs and for the API, at least four of them, so that a blocked one leaves others.
///
/// # Errors
/// The system has no threads to give.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(4))
        .thread_name("rdd-worker")
        .enable_all()
        .build()
}

/// A home of its own for a test, and the paths in it.
#[cfg(test)]
fn test_paths() -> (tempfile::TempDir, Paths) {
    let home = tempfile::tempdir().unwrap();
    let environment =
        paths::Environment { home: Some(home.path().to_string_lossy().into_owned()), ..Default::default() };
    let paths = Paths::of(&Instance::default(), paths::Platform::current(), &environment).unwrap();
    (home, paths)
}
