//! One incarnation of an actor, from its factory to its last breath, with every panic caught on the way.

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use actix::{ActorContext, AsyncContext, Context, dev::ContextFut};

use crate::{
    Error,
    actor::{Birth, Supervised},
    cell::Cell,
    chaos::{Fault, Point},
    handle::Handle,
    health::FailureKind,
    panics::{self, Caught},
    pump::Pump,
    scope::suffer,
    seat::Seat,
    vitals::Vitals,
};

/// Runs an incarnation.
pub(crate) async fn drive<A: Supervised>(cell: Arc<Cell<A>>, seat: Seat) {
    let vitals = cell.vitals.clone();
    let strike = vitals.core.chaos.strike(&vitals.path, Point::Start, "Start");
    let slow = matches!(strike, Some(Fault::Hang | Fault::Block(_) | Fault::Delay(_)));
    if slow {
        // An incarnation that is given up while it starts ends here.
        tokio::select! {
            biased;
            () = seat.quit.ordered() => return seat.ended(),
            () = suffer(strike) => {}
        }
    }
    let birth = Birth {
        scope: seat.scope.clone(),
        handle: Handle::new(cell.clone()),
        incarnation: seat.incarnation,
        fence: seat.scope.fence(),
        clock: vitals.core.clock,
    };
    let made = panics::catch(|| {
        let _current = seat.current().set();
        match strike {
            Some(Fault::Panic) => panic!("injected panic"),
            Some(Fault::Error | Fault::Drop) => Err(Error::from("failure injected")),
            _ => (cell.factory)(&birth),
        }
    });
    let actor = match made {
        Ok(Ok(actor)) => actor,
        Ok(Err(error)) => {
            let text = format!("could not be made: {error}");
            return seat.crashed(FailureKind::Start, &Caught { text, backtrace: None });
        }
        Err(caught) => return seat.crashed(FailureKind::Start, &caught),
    };
    drop(birth);
    let seat = Arc::new(seat);
    let mut context = Context::new();
    context.spawn(Pump::new(cell, seat.clone()));
    let mut future = context.into_future(actor);
    let end = live(&mut future, &seat, &vitals).await;
    // Not stopped in order: then its `stopping` is not called, for a second panic must not meet the first.
    future.ctx().terminate();
    if let Err(caught) = panics::catch(move || drop(future)) {
        tracing::error!(actor = %vitals.path, text = %caught.text, "actor panicked when it was dropped");
    }
    // The pump, the only other one to have it, went with the context.
    let Ok(seat) = Arc::try_unwrap(seat).map_err(|_| ()) else { return };
    match end {
        Ok(()) => seat.ended(),
        Err((kind, caught)) => seat.crashed(kind, &caught),
    }
}

/// Polls the context until it ends, panics or is fenced off.
async fn live<A: Supervised>(
    future: &mut ContextFut<A, Context<A>>,
    seat: &Seat,
    vitals: &Vitals,
) -> Result<(), (FailureKind, Caught)> {
    poll_fn(|cx| {
        if seat.over() {
            return Poll::Ready(Ok(()));
        }
        // Here and not in the pump, which is not polled while a handler makes its context wait.
        vitals.listen(cx.waker());
        let polled = panics::catch(|| {
            let _current = seat.current().set();
            Pin::new(&mut *future).poll(cx)
        });
        match polled {
            Err(caught) => {
                let kind = if seat.is_up() { FailureKind::Panic } else { FailureKind::Start };
                Poll::Ready(Err((kind, caught)))
            }
            Ok(poll) => poll.map(Ok),
        }
    })
    .await
}
