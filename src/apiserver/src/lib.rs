//! A Kubernetes-compatible API: HTTP over the rules of `rdd-machinery` and the revisions of `rdd-store`.
//!
//! [`Api`] is the whole API without sockets; [`Listener`] serves it over HTTPS; [`Api::client`] reaches it in-process.
//!
//! # The way of a request
//! Every request runs in a task of its own (`isolate`): a panic becomes a 500 Status, and a caller that gives up does not cancel a
//! write half-way. `serve` finds the mount or the route, `verbs` holds one file per verb, and every verb that changes something
//! goes through the one function `write::write`: read, change, prune, default, prepare, validate, commit, and again when
//! somebody else was faster.
//!
//! # What runs beside requests
//! One task (`lifecycle`) watches the store and finishes what takes longer than a request: the conditions of CRDs, the content of
//! namespaces and CRDs that are being deleted. It is level-triggered: it reads the truth and makes it so, and a lost event costs nothing.
//!
//! # Not here yet
//! Server-side apply, strategic and JSON patches answer 415; admission policies are stored and not enforced; there is no garbage
//! collector, so that the propagation policies `Foreground` and `Orphan` do what `Background` does.

mod accept;
mod api;
mod config;
pub mod connect;
mod content;
mod discovery;
mod error;
mod identity;
mod inprocess;
mod isolate;
mod keys;
mod lifecycle;
pub mod listener;
mod listing;
mod mounts;
mod query;
mod registry;
mod render;
mod respond;
mod route;
mod serve;
mod shared;
mod splice;
pub mod tls;
mod token;
mod verbs;
mod write;

pub use api::Api;
pub use config::{Clock, Config, Limits};
pub use connect::Connect;
pub use error::Error;
pub use identity::Identity;
pub use listener::Listener;
pub use mounts::Access;
