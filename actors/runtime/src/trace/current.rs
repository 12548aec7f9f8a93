//! In which trace, and on whose behalf, the present code runs.

use std::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Serialize, Serializer};

use super::{Draft, Outcome, Trace};

/// The name of a trace, unique within the process. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u64);

/// Who is at work: set around each handler, and at each poll of a job or a task.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) trace: Option<Id>,
    /// The message being handled; 0 for none.
    pub(crate) message: u64,
    pub(crate) actor: Arc<str>,
    pub(crate) tracer: Option<Trace>,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

impl Id {
    pub(crate) fn fresh() -> Id {
        Id(next())
    }
}

/// The next number for a trace or a message.
pub(crate) fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The trace in which the caller runs; none outside of handlers, jobs and scopes.
pub fn current() -> Option<Id> {
    CURRENT.try_with(|current| current.borrow().as_ref().and_then(|c| c.trace)).ok().flatten()
}

/// Begins a trace with an external cause, such as `engine.event`. Called in a handler, job or task, it leaves a
/// record of the cause.
pub fn root(cause: &'static str) -> Id {
    let id = Id::fresh();
    if let Some(Current { actor, tracer: Some(tracer), .. }) = Current::get() {
        tracer.write(|| Draft::root(id, actor, cause), Outcome::Root);
    }
    id
}

/// Runs `work` in the trace `id`.
pub fn enter<T>(id: Id, work: impl FnOnce() -> T) -> T {
    let _guard = Current::within(id).set();
    work()
}

/// Runs a future in the trace `id`.
pub async fn scope<F: Future>(id: Id, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _guard = Current::within(id).set();
        future.as_mut().poll(cx)
    })
    .await
}

impl Current {
    pub(crate) fn get() -> Option<Current> {
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
    }

    fn within(id: Id) -> Current {
        match Current::get() {
            Some(current) => Current { trace: Some(id), ..current },
            None => Current { trace: Some(id), message: 0, actor: Arc::from("outside"), tracer: None },
        }
    }

    /// Makes this the thread's current one until the guard is dropped.
    pub(crate) fn set(self) -> Guard {
        Guard { before: CURRENT.try_with(|current| current.replace(Some(self))).ok().flatten() }
    }

    /// Runs a future on this one's behalf.
    pub(crate) async fn follow<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let _guard = self.clone().set();
            future.as_mut().poll(cx)
        })
        .await
    }
}

/// Puts back what was current before.
pub(crate) struct Guard {
    before: Option<Current>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let before = self.before.take();
        let _ = CURRENT.try_with(|current| *current.borrow_mut() = before);
    }
}
