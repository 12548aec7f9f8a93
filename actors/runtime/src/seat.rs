//! What one incarnation gets from its supervisor, and how it reports its end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::{
    envelope::Meta,
    health::FailureKind,
    panics::Caught,
    scope::Scope,
    trace::{Current, Outcome},
    vitals::{State, Vitals},
};

/// The place of one incarnation. Dropping it without a word is a failed start.
pub(crate) struct Seat {
    pub(crate) incarnation: u64,
    pub(crate) scope: Scope,
    pub(crate) quit: Arc<Quit>,
    vitals: Arc<Vitals>,
    exit: Option<oneshot::Sender<Exit>>,
    up: AtomicBool,
    tenancy: Tenancy,
}

/// How an incarnation ended.
#[derive(Debug)]
pub(crate) enum Exit {
    /// It came to its end by itself.
    Ended,
    /// It panicked, failed to start, or returned an error: noted in its vitals.
    Crashed,
}

/// The order to end.
#[derive(Default)]
pub(crate) struct Quit {
    when: AtomicU8,
    notify: Notify,
}

const DRAINED: u8 = 1;
const NOW: u8 = 2;

impl Quit {
    /// End when the control lane is empty.
    pub(crate) fn when_drained(&self) {
        self.set(DRAINED);
    }

    /// End, and leave what is queued to the next incarnation.
    pub(crate) fn now(&self) {
        self.set(NOW);
    }

    fn set(&self, when: u8) {
        self.when.store(when, Ordering::Release);
        self.notify.notify_one();
    }

    pub(crate) fn is_now(&self) -> bool {
        self.when.load(Ordering::Acquire) == NOW
    }

    pub(crate) fn is_set(&self) -> bool {
        self.when.load(Ordering::Acquire) != 0
    }

    pub(crate) async fn ordered(&self) {
        while !self.is_set() {
            self.notify.notified().await;
        }
    }
}

/// Whether an incarnation is still in its place; shared with the supervisor, who may give it up.
#[derive(Clone, Default)]
pub(crate) struct Tenancy(Arc<Mutex<(bool, bool)>>); // (ended, given up)

impl Tenancy {
    /// The supervisor does not wait any longer: what does not end is a leaked thread.
    pub(crate) fn give_up(&self, vitals: &Vitals) -> bool {
        let mut both = self.0.lock();
        let leaked = !both.0 && !both.1;
        both.1 = true;
        if leaked {
            vitals.thread_leaked();
        }
        leaked
    }

    /// Whether it has gone.
    pub(crate) fn is_over(&self) -> bool {
        self.0.lock().0
    }

    fn end(&self, vitals: &Vitals) {
        let mut both = self.0.lock();
        if both.1 && !both.0 {
            vitals.thread_came_back();
        }
        both.0 = true;
    }
}

impl Seat {
    pub(crate) fn new(
        incarnation: u64,
        scope: Scope,
        quit: Arc<Quit>,
        vitals: Arc<Vitals>,
    ) -> (Seat, oneshot::Receiver<Exit>, Tenancy) {
        let (exit, exited) = oneshot::channel();
        let tenancy = Tenancy::default();
        (
            Seat {
                incarnation,
                scope,
                quit,
                vitals,
                exit: Some(exit),
                up: AtomicBool::new(false),
                tenancy: tenancy.clone(),
            },
            exited,
            tenancy,
        )
    }

    /// It is up.
    pub(crate) fn started(&self) {
        self.up.store(true, Ordering::Relaxed);
        let mut life = self.vitals.life.lock();
        if life.incarnation == self.incarnation && life.begun.take().is_some() {
            life.state = State::Running;
            life.since = tokio::time::Instant::now();
        }
        drop(life);
        self.vitals.progressed();
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    pub(crate) fn over(&self) -> bool {
        self.scope.fence().is_closed()
    }

    /// It came to its end by itself, or because it was asked to.
    pub(crate) fn ended(mut self) {
        self.report(Exit::Ended);
    }

    /// It crashed. The log is written after the supervisor knows: a backtrace takes long to write.
    pub(crate) fn crashed(mut self, kind: FailureKind, caught: &Caught) {
        if self.over() {
            self.report(Exit::Crashed); // given up before: that was noted then
            return;
        }
        let inflight =
            self.vitals.died_of(self.incarnation, &caught.text, Outcome::Panicked(caught.text.clone()));
        self.vitals.note_failure(kind, &caught.text, inflight.as_ref());
        self.report(Exit::Crashed);
        self.vitals.log_failure(kind, caught, inflight.as_ref());
    }

    fn report(&mut self, exit: Exit) {
        self.tenancy.end(&self.vitals);
        if let Some(sender) = self.exit.take() {
            let _ = sender.send(exit); // the supervisor may have given up
        }
    }

    /// On whose behalf it runs outside of any message.
    pub(crate) fn current(&self) -> Current {
        Current {
            trace: None,
            message: 0,
            actor: self.vitals.path.clone(),
            tracer: Some(self.vitals.core.trace.clone()),
        }
    }

    pub(crate) fn on_behalf_of(&self, meta: &Meta) -> Current {
        Current { trace: Some(meta.trace), message: meta.id, ..self.current() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.exit.is_some() {
            if !self.over() {
                self.vitals.note_failure(FailureKind::Start, "its thread or task ended without a word", None);
            }
            self.report(Exit::Crashed);
        }
    }
}
