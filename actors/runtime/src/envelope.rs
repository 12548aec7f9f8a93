//! A message on its way: what is known of it, and how it is handled.

use std::{sync::Arc, time::Duration};

use actix::Context;
use tokio::time::Instant;

use crate::{
    keyed::Blame,
    trace::{self, Current, Draft},
};

/// What is known of a message when it is sent.
#[derive(Clone)]
pub(crate) struct Meta {
    pub(crate) id: u64,
    pub(crate) trace: trace::Id,
    pub(crate) parent: u64,
    pub(crate) from: Arc<str>,
    pub(crate) kind: &'static str,
    pub(crate) enqueued: Instant,
}

/// A message in the control lane, or a key that is due.
pub(crate) struct Envelope<A: actix::Actor<Context = Context<A>>> {
    pub(crate) meta: Meta,
    pub(crate) run: Run<A>,
    /// Whom to blame when the handler dies of it.
    pub(crate) blame: Option<Arc<dyn Blame>>,
}

/// What to do with a message: hand it over, or answer that chaos took it (`None` as actor).
pub(crate) type Run<A> = Box<dyn FnOnce(Fate<'_, A>) + Send>;

/// How an envelope ends.
pub(crate) enum Fate<'a, A: actix::Actor<Context = Context<A>>> {
    /// It is handled.
    Handle(&'a mut A, &'a mut Context<A>),
    /// A failure was injected: it is answered with an error.
    Fail,
}

impl Meta {
    /// A message of this kind sent now, from where the caller runs.
    pub(crate) fn new(kind: &'static str, outside: &Arc<str>) -> Meta {
        let now = Instant::now();
        match Current::get() {
            Some(current) => Meta {
                id: trace::number(),
                trace: current.trace.unwrap_or_else(trace::Id::fresh),
                parent: current.message,
                from: current.actor,
                kind,
                enqueued: now,
            },
            None => Meta {
                id: trace::number(),
                trace: trace::Id::fresh(),
                parent: 0,
                from: outside.clone(),
                kind,
                enqueued: now,
            },
        }
    }

    pub(crate) fn draft(&self, to: &Arc<str>, key: Option<String>, wait: Duration, run: Duration) -> Draft {
        Draft {
            id: self.id,
            trace: self.trace,
            parent: self.parent,
            from: self.from.clone(),
            to: to.clone(),
            kind: self.kind,
            key,
            enqueued: self.enqueued,
            wait,
            run,
        }
    }
}
