//! Following messages: every message belongs to a trace that begins with an external cause.
//!
//! A message that is sent from a handler, a job or a task belongs to the trace in which that runs; any other
//! begins a trace of its own. [`root`] begins one on purpose (an engine event, an API change, a timer), and
//! [`scope`] or [`enter`] puts what happens inside into it.

mod current;
mod record;
mod ring;

pub(crate) use current::{Current, next as number};
pub use current::{Id, current, enter, root, scope};
pub use record::{Outcome, Record};
pub(crate) use ring::Draft;
pub use ring::Trace;

/// The short name of a type: its path without the modules.
pub(crate) fn kind_of<T: ?Sized>() -> &'static str {
    let full = std::any::type_name::<T>();
    let end = full.find('<').unwrap_or(full.len());
    let start = full[..end].rfind("::").map_or(0, |at| at + 2);
    &full[start..]
}
