//! The rules of the Kubernetes API as plain functions over values. No I/O, no clock, no HTTP: who calls gives the time and the uid.
//!
//! Codes, reasons, causes and wording live here and nowhere else ([`Failure`], [`status()`]).

pub mod builtin;
pub mod crd;
pub mod failure;
pub mod meta;
pub mod names;
pub mod object;
pub mod patch;
pub mod resource;
pub mod schema;
pub mod selector;
pub mod table;

pub use failure::{Cause, Failure, status};
pub use object::Object;
pub use resource::{Resource, Scope};
