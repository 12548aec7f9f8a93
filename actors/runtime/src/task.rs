//! Supervised tasks: long-running futures (a watch, an event stream) that are started anew when they panic,
//! return or hang.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    Clock, Error, Fence, Scope,
    body::{Body, Mailbox},
    chaos::{Fault, Point},
    envelope::Meta,
    health::{FailureKind, LaneHealth},
    host,
    panics::{self, Caught},
    scope::suffer,
    seat::Seat,
    vitals::Vitals,
};

/// What a task is given for one incarnation.
pub struct TaskBirth {
    /// Where the incarnation's jobs run.
    pub scope: Scope,
    /// 1 for the first, and so on.
    pub incarnation: u64,
    /// Closed when this incarnation is over.
    pub fence: Fence,
    /// The supervisor's wall clock.
    pub clock: Clock,
    /// How the task shows that it makes progress.
    pub heart: Heart,
}

/// How a task shows that it makes progress. A task that says that it is busy and then gives no beat for its
/// policy's deadline (5 s) is hung; one that is idle may wait for ever. It begins idle. One that blocks its thread
/// for that long is hung whatever it said. Cheap to clone.
#[derive(Clone)]
pub struct Heart {
    vitals: Arc<Vitals>,
    signs: Arc<Mutex<Signs>>,
}

/// By what a hang of one incarnation is known.
#[derive(Default)]
struct Signs {
    /// Since when it has work, or when it last showed progress with it.
    busy: Option<Instant>,
    /// Since when it is being polled: it shall return at once.
    polled: Option<Instant>,
}

impl Heart {
    /// There is work.
    pub fn busy(&self) {
        self.signs.lock().busy.get_or_insert_with(Instant::now);
        self.vitals.core.alarm.arm();
    }

    /// There was progress.
    pub fn beat(&self) {
        let now = Instant::now();
        if let Some(since) = &mut self.signs.lock().busy {
            *since = now;
        }
        self.vitals.progressed();
    }

    /// There is nothing to do.
    pub fn idle(&self) {
        self.signs.lock().busy = None;
        self.vitals.progressed();
    }
}

pub(crate) type Factory = Box<dyn Fn(TaskBirth) -> BoxFuture<'static, Result<(), Error>> + Send + Sync>;

pub(crate) struct Task {
    vitals: Arc<Vitals>,
    factory: Factory,
    /// Those of the present incarnation.
    signs: Mutex<Arc<Mutex<Signs>>>,
}

impl Task {
    pub(crate) fn new(vitals: Arc<Vitals>, factory: Factory) -> Arc<Task> {
        Arc::new(Task { vitals, factory, signs: Mutex::default() })
    }

    async fn live(self: Arc<Self>, seat: Seat, heart: Heart) {
        let vitals = &self.vitals;
        let strike = vitals.core.chaos.strike(&vitals.path, Point::Start, "Start");
        let signs = heart.signs.clone();
        let birth = TaskBirth {
            scope: seat.scope.clone(),
            incarnation: seat.incarnation,
            fence: seat.scope.fence(),
            clock: vitals.core.clock,
            heart,
        };
        let end = {
            let work = async {
                if matches!(strike, Some(Fault::Error | Fault::Drop)) {
                    return Err("failure injected".into());
                }
                suffer(strike).await;
                seat.started();
                self.struck((self.factory)(birth)).await
            };
            let mut work = pin!(work);
            let mut quit = pin!(seat.quit.ordered());
            poll_fn(|cx| {
                if quit.as_mut().poll(cx).is_ready() || seat.over() {
                    return Poll::Ready(Ok(Ok(())));
                }
                signs.lock().polled = Some(Instant::now());
                vitals.core.alarm.arm();
                let polled = panics::catch(|| work.as_mut().poll(cx));
                signs.lock().polled = None;
                match polled {
                    Ok(poll) => poll.map(Ok),
                    Err(caught) => Poll::Ready(Err(caught)),
                }
            })
            .await
        };
        match end {
            Ok(Ok(())) => seat.ended(),
            Ok(Err(error)) => {
                let text = format!("returned an error: {error}");
                seat.crashed(FailureKind::Returned, &Caught { text, backtrace: None });
            }
            Err(caught) => seat.crashed(FailureKind::Panic, &caught),
        }
    }

    /// Lets chaos strike at each poll: a task need not help to be injected into.
    async fn struck(&self, mut work: BoxFuture<'static, Result<(), Error>>) -> Result<(), Error> {
        let vitals = &self.vitals;
        let mut delay: Option<Pin<Box<tokio::time::Sleep>>> = None;
        let mut hung = false;
        poll_fn(move |cx| {
            if hung {
                return Poll::Pending;
            }
            if let Some(running) = &mut delay {
                std::task::ready!(running.as_mut().poll(cx));
                delay = None;
                return work.as_mut().poll(cx);
            }
            match vitals.core.chaos.strike(&vitals.path, Point::Job, "Poll") {
                None | Some(Fault::Drop) => {}
                Some(Fault::Panic) => panic!("injected panic"),
                Some(Fault::Error) => return Poll::Ready(Err("failure injected".into())),
                Some(Fault::Block(time)) => host::block(time),
                Some(Fault::Hang) => {
                    hung = true;
                    return Poll::Pending;
                }
                Some(Fault::Delay(time)) => {
                    let mut sleep = Box::pin(tokio::time::sleep(time));
                    if sleep.as_mut().poll(cx).is_pending() {
                        delay = Some(sleep);
                        return Poll::Pending;
                    }
                }
            }
            work.as_mut().poll(cx)
        })
        .await
    }
}

impl Body for Task {
    fn start(self: Arc<Self>, seat: Seat) {
        let heart = Heart { vitals: self.vitals.clone(), signs: Arc::default() };
        *self.signs.lock() = heart.signs.clone();
        let scope = seat.scope.clone();
        let meta = Meta::new("Task", &self.vitals.core.outside);
        // Refused when the scope is closed already: then the seat goes, and says so.
        let _ = scope.start(meta, None, None, self.live(seat, heart));
    }

    fn mailbox(&self) -> Mailbox {
        Mailbox::default()
    }

    fn lanes(&self, _now: Instant) -> Vec<LaneHealth> {
        Vec::new()
    }

    fn waiting(&self) -> Option<Instant> {
        let signs = self.signs.lock().clone();
        let signs = signs.lock();
        signs.busy.into_iter().chain(signs.polled).min()
    }

    fn shut(&self) {}

    fn clear(&self) {}
}
