//! The rules of the Kubernetes API as plain functions over values. No I/O, no clock, no HTTP: who calls gives the time and the uid.
//!
//! Codes, reasons, causes and wording live here and nowhere else ([`Failure`], [`status()`]).
//!
//! A write passes [`body::decode`] → [`body::admit`] (prunes) → [`schema::Structural::default`] → [`meta::prepare_create`] or
//! [`meta::prepare_update`] → [`validate()`]; a delete asks [`deletion::decide`]. Defaults come before the preparation, which compares: what
//! a default brings back is no change.

pub mod body;
pub mod builtin;
pub mod cause;
pub mod crd;
pub mod deletion;
pub mod failure;
pub mod go;
pub mod meta;
pub mod names;
pub mod namespace;
pub mod object;
pub mod options;
pub mod partial;
pub mod patch;
pub mod path;
pub mod resource;
pub mod schema;
pub mod selector;
pub mod table;
pub mod time;
mod validation;

pub use cause::Cause;
pub use failure::{Failure, status};
pub use object::Object;
pub use resource::{Resource, Scope};
pub use validation::validate;

#[cfg(test)]
mod recordings;
