//! Takes messages and keys out of the lanes and puts them before the actor, inside of its own context.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{self, Poll, ready},
};

use actix::{ActorContext, AsyncContext, Context, fut::ActorFuture};
use tokio::{
    task::coop,
    time::{Instant, Sleep, sleep, sleep_until},
};

use crate::{
    actor::Supervised,
    cell::Cell,
    chaos::{Fault, Point},
    envelope::{Envelope, Fate},
    host,
    keyed::Ready,
    seat::Seat,
    trace::Outcome,
    vitals::InFlight,
};

/// So many messages are handled before the actor's own timers and futures get their turn.
const BATCH: u32 = 64;

/// So many control messages in a row, then a key if there is one.
const CONTROL_IN_A_ROW: u32 = 16;

/// The future that feeds one incarnation. It is the only one that takes from the lanes.
pub(crate) struct Pump<A: Supervised> {
    cell: Arc<Cell<A>>,
    seat: Arc<Seat>,
    /// Until the next timed key is due.
    timer: Option<Pin<Box<Sleep>>>,
    /// A message that chaos holds back.
    held: Option<Held<A>>,
    turn: usize,
    in_a_row: u32,
}

struct Held<A: Supervised> {
    envelope: Envelope<A>,
    /// None: for ever.
    delay: Option<Pin<Box<Sleep>>>,
}

enum Next<A: Supervised> {
    Message(Envelope<A>),
    At(Instant),
    Nothing,
}

impl<A: Supervised> Pump<A> {
    pub(crate) fn new(cell: Arc<Cell<A>>, seat: Arc<Seat>) -> Pump<A> {
        Pump { cell, seat, timer: None, held: None, turn: 0, in_a_row: 0 }
    }

    fn next(&mut self) -> Next<A> {
        let quitting = self.seat.quit.is_set();
        if quitting && self.seat.quit.is_now() {
            return Next::Nothing;
        }
        if (self.in_a_row < CONTROL_IN_A_ROW || quitting)
            && let Some(envelope) = self.cell.pop()
        {
            self.in_a_row += 1;
            return Next::Message(envelope);
        }
        if quitting {
            return Next::Nothing; // no new keyed work
        }
        self.in_a_row = 0;
        let mut due = None;
        if self.cell.vitals.slots.free() {
            match self.cell.next_key(&mut self.turn, Instant::now(), &self.seat.scope) {
                Ready::Now(envelope) => return Next::Message(envelope),
                Ready::At(at) => due = Some(at),
                Ready::Empty => {}
            }
        }
        match self.cell.pop() {
            Some(envelope) => {
                self.in_a_row = 1;
                Next::Message(envelope)
            }
            None => due.map_or(Next::Nothing, Next::At),
        }
    }

    /// Begins a message; true when it is held back by chaos.
    fn take_up(&mut self, envelope: Envelope<A>, actor: &mut A, context: &mut Context<A>) -> bool {
        let vitals = &self.cell.vitals;
        let now = Instant::now();
        vitals.begin(InFlight {
            incarnation: self.seat.incarnation,
            meta: envelope.meta.clone(),
            since: now,
            wait: now.saturating_duration_since(envelope.meta.enqueued),
            blame: envelope.blame.clone(),
        });
        match vitals.core.chaos.strike(&vitals.path, Point::Handler, envelope.meta.kind) {
            None => self.handle(envelope, actor, context),
            Some(Fault::Panic) => panic!("injected panic"),
            Some(Fault::Block(time)) => {
                host::block(time);
                self.handle(envelope, actor, context);
            }
            Some(Fault::Hang) => self.held = Some(Held { envelope, delay: None }),
            Some(Fault::Delay(time)) => {
                self.held = Some(Held { envelope, delay: Some(Box::pin(sleep(time))) });
            }
            Some(Fault::Drop) => {
                drop(envelope.run);
                self.finish(envelope.meta.kind, Outcome::Dropped);
            }
            Some(Fault::Error) => {
                (envelope.run)(Fate::Fail);
                self.finish(envelope.meta.kind, Outcome::Dropped);
            }
        }
        self.held.is_some()
    }

    fn handle(&self, envelope: Envelope<A>, actor: &mut A, context: &mut Context<A>) {
        let kind = envelope.meta.kind;
        {
            let _current = self.seat.on_behalf_of(&envelope.meta).set();
            (envelope.run)(Fate::Handle(actor, context));
        }
        self.finish(kind, Outcome::Handled);
    }

    fn finish(&self, kind: &'static str, outcome: Outcome) {
        let vitals = &self.cell.vitals;
        let handled = outcome == Outcome::Handled;
        let Some(inflight) = vitals.end(self.seat.incarnation, kind, handled) else { return };
        let run = inflight.since.elapsed();
        vitals.core.trace.write(
            || {
                let key = inflight.blame.as_ref().map(|key| key.text());
                inflight.meta.draft(&vitals.path, key, inflight.wait, run)
            },
            outcome,
        );
    }
}

impl<A: Supervised> ActorFuture<A> for Pump<A> {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut A,
        context: &mut Context<A>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        let this = self.get_mut();
        if context.waiting() {
            return Poll::Pending; // its handler asked to wait, or it is stopping: touch no timer
        }
        if !this.seat.is_up() {
            this.seat.started(); // a context polls its futures when the actor's `started` is through
        }
        if let Some(Held { delay, .. }) = &mut this.held {
            match delay {
                None => return Poll::Pending,
                Some(delay) => ready!(delay.as_mut().poll(cx)),
            }
        }
        if let Some(Held { envelope, .. }) = this.held.take() {
            this.handle(envelope, actor, context);
        }
        for _ in 0..BATCH {
            if this.seat.over() {
                cx.waker().wake_by_ref(); // the driver shall see it too, and end it
                return Poll::Pending;
            }
            if context.waiting() {
                return Poll::Pending;
            }
            let progress = ready!(coop::poll_proceed(cx));
            match this.next() {
                Next::Message(envelope) => {
                    progress.made_progress();
                    if this.take_up(envelope, actor, context) {
                        break; // polled again at once, to arm its delay
                    }
                }
                Next::At(due) => {
                    let mut timer = Box::pin(sleep_until(due));
                    if timer.as_mut().poll(cx).is_ready() {
                        continue;
                    }
                    this.timer = Some(timer);
                    return Poll::Pending;
                }
                Next::Nothing => {
                    this.timer = None;
                    if this.seat.quit.is_set() {
                        context.stop();
                    }
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
