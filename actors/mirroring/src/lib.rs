//! The actors that keep Kubernetes resources and a container engine the same.
//!
//! They speak to *a* Kubernetes API through a [`kube::Client`] and to *an* engine through [`rdd_engine::Engine`], and can not tell which.
//! [`start`] puts them under a supervisor; `docs/actors.md` says what each of them reads, writes, and does when it dies.

pub mod actions;
mod api;
mod api_watch;
mod attachment;
mod board;
mod config;
mod ledger;
mod messages;
mod mirror;
mod rounds;
mod snapshot;
mod status;
#[cfg(test)]
mod testing;
mod tree;
pub mod verdict;

mod action_dispatcher;
mod app_controller;
mod attachment_keeper;
mod condition_writer;
mod docker_watcher;
mod finalizer_processor;
mod machine_keeper;
mod mirror_writer;
mod namespace_guardian;
mod sweeper;

pub use config::{Config, Connect, Controllers, Dockers, Environment, LocalMachines, Machines, Timings};
pub use snapshot::{EngineHealth, Failing, Snapshot};
pub use tree::{Mirroring, start};
