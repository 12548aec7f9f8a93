//! Supervised actors: handles, scopes, keyed queues, restart, health, message tracing, chaos.
//!
//! Actors are actix actors: `Actor`, `Context`, `Handler` and timers are used as they are. Their mailboxes, their
//! supervision and their threads are ours: an actor runs in an actix context on a thread of its own, and everything
//! that must outlive its crash (the queues, the handles, the jobs) belongs to a [`Supervisor`].
//!
//! The crate knows neither Kubernetes nor Docker. Its guarantees are listed in `docs/runtime-semantics.md`, each
//! with the test that proves it.
//!
//! ```
//! use std::time::Duration;
//!
//! use rdd_actors_runtime::{Config, Supervised, Supervisor};
//!
//! struct Greeter;
//! impl actix::Actor for Greeter {
//!     type Context = actix::Context<Self>;
//! }
//! impl Supervised for Greeter {}
//!
//! struct Greet(&'static str);
//! impl actix::Message for Greet {
//!     type Result = String;
//! }
//! impl actix::Handler<Greet> for Greeter {
//!     type Result = String;
//!     fn handle(&mut self, greet: Greet, _: &mut Self::Context) -> String {
//!         format!("hello, {}", greet.0)
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() {
//! let supervisor = Supervisor::start(Config::threads(tokio::runtime::Handle::current()));
//! let greeter = supervisor.root().actor("greeter", |_birth| Ok(Greeter));
//! let answer = greeter.ask(Greet("world"), Duration::from_secs(5)).await;
//! assert_eq!(answer.as_deref(), Ok("hello, world"));
//! supervisor.shutdown(Duration::from_secs(5)).await;
//! # }
//! ```

mod actor;
pub mod backoff;
mod body;
mod cell;
pub mod chaos;
mod clock;
mod core;
mod driver;
mod envelope;
mod fence;
mod group;
mod handle;
pub mod health;
mod host;
mod keyed;
mod life;
mod panics;
mod policy;
mod pump;
mod scope;
mod seat;
mod supervisor;
mod task;
pub mod trace;
mod vitals;

pub use actor::{Birth, Supervised};
pub use chaos::Chaos;
pub use clock::Clock;
pub use fence::{Fence, Fenced, FencedOff};
pub use group::Group;
pub use handle::{AskError, Handle, Note, Refused, Tell, Why};
pub use health::Health;
pub use keyed::{Cause, Due, Key, Keyed, Outcome};
pub use policy::{Limit, Policy};
pub use scope::{Closed, Drained, Job, JobError, Scope};
pub use supervisor::{Config, Place, Supervisor};
pub use task::{Heart, TaskBirth};
pub use trace::Trace;
pub use vitals::State;

/// Any error, with its causes.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
