//! What makes an actix actor a supervised one.

use actix::{Actor, Context};

use crate::{Clock, Fence, Handle, Policy, Scope};

/// An actor that is made anew after each crash. It need not be `Send`: its factory runs on its own thread.
///
/// Its handlers change its state and start jobs; they wait for nothing. An actor that stops by itself is made anew
/// too, after its backoff, but that counts towards no limit.
pub trait Supervised: Actor<Context = Context<Self>> {
    /// The rules it lives by.
    fn policy() -> Policy {
        Policy::default()
    }
}

/// What a factory is given for one incarnation.
pub struct Birth<A: Supervised> {
    /// Where the incarnation's jobs run.
    pub scope: Scope,
    /// The actor's own handle, valid beyond this incarnation.
    pub handle: Handle<A>,
    /// 1 for the first, and so on.
    pub incarnation: u64,
    /// Closed when this incarnation is over.
    pub fence: Fence,
    /// The supervisor's wall clock.
    pub clock: Clock,
}
