//! The test kit that end-to-end tests, chaos tests and benchmarks share.
//!
//! * [`harness`]: tests that can skip at run time, with a time limit each and a summary of what was skipped and why.
//! * [`world`]: the whole house in one process, on an engine in memory with a paused clock, or on a real dockerd.
//! * [`home`]: the `rdd` binary in a home directory of its own, as a user has it.
//! * [`dockerd`], [`proxy`], [`api_proxy`]: an engine of our own, and hostile layers towards it and towards the API.
//! * [`contract`]: what every engine must do. [`replay`]: what a Kubernetes API must answer.

pub mod api_proxy;
pub mod contract;
pub mod dockerd;
pub mod harness;
pub mod home;
pub mod kubectl;
pub mod proxy;
pub mod replay;
pub mod world;
