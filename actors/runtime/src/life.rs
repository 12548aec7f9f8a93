//! The life of an actor or a task: incarnation after incarnation, with what its policy allows.
//!
//! ## Starting => (Running | Restarting)
//! Up when its factory and `started` are through; a failed start is a crash.
//! ## Running => Restarting
//! On a panic, a hang, or when it ends by itself: the old scope is drained, its backoff waited for.
//! ## Restarting => (Running | Parked)
//! Parked when it crashed too often, or when its group is parked.
//! ## Parked => Restarting
//! After the parking time.
//! ## any => Stopped
//! When its group is stopped.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::{
    backoff::Backoff,
    body::Body,
    group::Escalate,
    health::{FailureKind, name_of},
    panics::Caught,
    policy::Window,
    scope::{Drained, Scope},
    seat::{Exit, Quit, Seat, Tenancy},
    trace::Outcome,
    vitals::{State, Vitals},
};

/// How long an incarnation that was fenced off may take to be gone before its thread counts as leaked.
const GIVE_UP: Duration = Duration::from_millis(100);

/// An actor or a task in its group.
pub(crate) struct Node {
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) body: Arc<dyn Body>,
    pub(crate) task: bool,
    orders: watch::Sender<Order>,
    hang: Hang,
    end: watch::Sender<Option<Drained>>,
}

/// What a group wants of its members.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    Run,
    Park(Instant),
    /// Be gone by then.
    Stop(Instant),
}

#[derive(Default)]
struct Hang {
    found: Mutex<Option<String>>,
    notify: Notify,
}

enum End {
    /// A new order came, and was followed.
    Ordered(Drained),
    /// It came to its end by itself.
    Ended,
    Crashed,
}

impl Node {
    pub(crate) fn new(vitals: Arc<Vitals>, body: Arc<dyn Body>, task: bool, order: Order) -> Arc<Node> {
        let (orders, _) = watch::channel(order);
        let (end, _) = watch::channel(None);
        Arc::new(Node { vitals, body, task, orders, hang: Hang::default(), end })
    }

    /// Gives an order; a stop is never taken back.
    pub(crate) fn order(&self, order: Order) {
        self.orders.send_if_modified(|present| {
            let changes = !matches!(present, Order::Stop(_)) && *present != order;
            if changes {
                *present = order;
            }
            changes
        });
    }

    /// Waits until it has stopped.
    pub(crate) async fn ended(&self) -> Drained {
        let mut end = self.end.subscribe();
        // The sender lives in self.
        end.wait_for(Option::is_some).await.ok().and_then(|end| *end).unwrap_or_default()
    }

    /// Looks for a hang, and after its jobs. True when there is something going on that can hang.
    pub(crate) fn watch(&self, now: Instant) -> bool {
        let vitals = &self.vitals;
        let (begun, scope) = {
            let life = vitals.life.lock();
            (life.begun, life.scope.clone())
        };
        let Some(scope) = scope else { return false };
        let jobs = scope.watch(now);
        let late = |since: Instant, limit: Duration| now.duration_since(since) > limit;
        if let Some(begun) = begun {
            if late(begun, vitals.policy.start) {
                self.report(format!("its start took longer than {:?}", vitals.policy.start));
            }
            return true;
        }
        let deadline = vitals.policy.deadline;
        if let Some(inflight) = vitals.inflight() {
            if late(inflight.since, deadline) {
                self.report(format!("its handler ran for longer than {deadline:?}"));
            }
            return true;
        }
        let Some(waiting) = self.body.waiting() else { return jobs };
        if late(waiting.max(vitals.progress()), deadline) {
            self.report(format!("it had work and made no progress for {deadline:?}"));
        }
        true
    }

    fn report(&self, text: String) {
        *self.hang.found.lock() = Some(text);
        self.hang.notify.notify_one();
    }

    /// Runs its whole life.
    pub(crate) async fn live(self: Arc<Self>, group: impl Escalate) {
        let vitals = &self.vitals;
        let policy = &vitals.policy;
        let mut orders = self.orders.subscribe();
        let mut backoff = Backoff::new(policy.backoff, vitals.seed);
        let mut window = Window::new(policy.limit);
        let drained = loop {
            let order = *orders.borrow_and_update();
            match order {
                Order::Stop(_) => break Drained::default(),
                Order::Park(until) => {
                    vitals.set_state(State::Parked, Some(until));
                    let _ = orders.changed().await; // its sender lives in self
                    continue;
                }
                Order::Run => {}
            }
            let born = Instant::now();
            let end = self.incarnation(&mut orders).await;
            let crashed = match end {
                End::Ordered(drained) if matches!(*orders.borrow(), Order::Stop(_)) => break drained,
                End::Ordered(_) => continue,
                End::Ended => false,
                End::Crashed => true,
            };
            let now = Instant::now();
            if now.duration_since(born) >= policy.healthy {
                backoff.reset();
            }
            let next = if crashed && window.exceeded(now) {
                backoff.reset();
                let until = now + vitals.core.park;
                tracing::error!(actor = %vitals.path, "actor crashed too often and is parked");
                vitals.set_state(State::Parked, Some(until));
                group.escalate(now);
                until
            } else {
                let until = now + backoff.next_delay();
                vitals.set_state(State::Restarting, Some(until));
                until
            };
            tokio::select! {
                biased;
                _ = orders.changed() => {}
                () = sleep_until(next) => {}
            }
            vitals.life.lock().restarts += 1;
        };
        self.body.shut();
        self.body.clear();
        vitals.set_state(State::Stopped, None);
        tracing::debug!(actor = %vitals.path, kind = name_of(self.task), "actor stopped");
        self.end.send_replace(Some(drained));
    }

    async fn incarnation(&self, orders: &mut watch::Receiver<Order>) -> End {
        let vitals = &self.vitals;
        let scope = Scope::new(vitals.clone());
        let incarnation = {
            let mut life = vitals.life.lock();
            life.incarnation += 1;
            life.state = if life.incarnation == 1 { State::Starting } else { State::Restarting };
            life.next_try = None;
            life.begun = Some(Instant::now());
            life.scope = Some(scope.clone());
            life.incarnation
        };
        *self.hang.found.lock() = None;
        let quit = Arc::new(Quit::default());
        let (seat, mut exited, tenancy) = Seat::new(incarnation, scope.clone(), quit.clone(), vitals.clone());
        let lodger = Lodger { vitals, scope: &scope, quit: &quit, task: self.task, tenancy: &tenancy };
        self.body.clone().start(seat);
        vitals.core.alarm.arm();
        let end = loop {
            tokio::select! {
                biased;
                exit = &mut exited => match exit {
                    Ok(Exit::Ended) => break End::Ended,
                    Ok(Exit::Crashed) | Err(_) => break End::Crashed,
                },
                () = self.hang.notify.notified() => {
                    let Some(text) = self.hang.found.lock().take() else { continue };
                    self.hung(incarnation, text);
                    break End::Crashed;
                }
                _ = orders.changed() => {
                    let order = *orders.borrow();
                    match order {
                        Order::Run => {}
                        Order::Park(_) => {
                            quit.now();
                            let drained = lodger.leave(&mut exited, Instant::now() + vitals.policy.drain).await;
                            break End::Ordered(drained);
                        }
                        Order::Stop(until) => {
                            self.body.shut();
                            quit.when_drained();
                            break End::Ordered(lodger.leave(&mut exited, until).await);
                        }
                    }
                }
            }
        };
        match end {
            End::Ordered(_) => {}
            End::Ended | End::Crashed if tenancy.is_over() => drop(scope.close(vitals.policy.drain).await),
            End::Ended | End::Crashed => {
                lodger.evict(&mut exited).await;
                scope.close(Duration::ZERO).await;
            }
        }
        let mut life = vitals.life.lock();
        life.begun = None;
        life.scope = None;
        drop(life);
        end
    }

    fn hung(&self, incarnation: u64, text: String) {
        let vitals = &self.vitals;
        let inflight = vitals.died_of(incarnation, &text, Outcome::Hung);
        let starting = vitals.life.lock().begun.is_some();
        let kind = if starting { FailureKind::Start } else { FailureKind::Hang };
        vitals.note_failure(kind, &text, inflight.as_ref());
        vitals.log_failure(kind, &Caught { text, backtrace: None }, inflight.as_ref());
    }
}

/// An incarnation, as the supervisor puts it out.
struct Lodger<'a> {
    vitals: &'a Vitals,
    scope: &'a Scope,
    quit: &'a Quit,
    task: bool,
    tenancy: &'a Tenancy,
}

impl Lodger<'_> {
    /// Waits for it to go as it was told to, then puts it out; its jobs have the rest of the time.
    async fn leave(&self, exited: &mut oneshot::Receiver<Exit>, until: Instant) -> Drained {
        self.vitals.wake();
        let mut drained = Drained::default();
        if timeout_at(until, &mut *exited).await.is_err() {
            drained.leaked += usize::from(self.evict(exited).await);
        }
        let jobs = self.scope.close(until.saturating_duration_since(Instant::now())).await;
        drained.finished += jobs.finished;
        drained.aborted += jobs.aborted;
        drained.leaked += jobs.leaked;
        drained
    }

    /// Fences it off; true when its thread does not end.
    async fn evict(&self, exited: &mut oneshot::Receiver<Exit>) -> bool {
        self.scope.fence_off();
        self.quit.now();
        self.vitals.wake();
        if timeout(GIVE_UP, exited).await.is_ok() {
            return false;
        }
        // A task that blocks is a job, and is counted among those.
        let leaked = !self.task && self.tenancy.give_up(self.vitals);
        if leaked {
            tracing::error!(actor = %self.vitals.path, "an actor's thread is blocked and was replaced");
        }
        leaked
    }
}

impl Drop for Lodger<'_> {
    /// Also when the supervisor itself is dropped: nobody lives on without one.
    fn drop(&mut self) {
        self.scope.fence_off();
        self.vitals.wake();
    }
}
