//! The way to an actor: valid across restarts, and never waiting to send.

use std::{fmt, sync::Arc, time::Duration};

use actix::{Handler, Message, dev::MessageResponse};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    actor::Supervised,
    cell::Cell,
    envelope::{Envelope, Fate, Meta, Run},
    keyed::{Due, Keyed, Lane},
    trace::{self, Outcome},
};

/// The way to an actor. Cheap to clone, and valid across its restarts: what is sent while it is down waits for the
/// next incarnation.
pub struct Handle<A: Supervised> {
    cell: Arc<Cell<A>>,
}

/// A message that was not taken, given back.
pub struct Refused<M> {
    /// The message.
    pub message: M,
    /// Why it was not taken.
    pub why: Why,
}

// Written out: derived ones would ask of every message that it be `Debug`.
impl<M> fmt::Debug for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("why", &self.why).finish_non_exhaustive()
    }
}

impl<M> fmt::Display for Refused<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message was refused: {}", self.why)
    }
}

impl<M> std::error::Error for Refused<M> {}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The control lane holds all it may.
    #[error("the mailbox is full")]
    Full,
    /// The actor was stopped, for good.
    #[error("the actor was stopped")]
    Stopped,
}

/// Why an ask has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The control lane holds all it may.
    #[error("the mailbox is full")]
    Full,
    /// The actor was stopped, for good.
    #[error("the actor was stopped")]
    Stopped,
    /// The actor died of the message, or lost it.
    #[error("the actor died while it handled the message")]
    Died,
    /// No answer came in time. A message that is still waiting will not be handled.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

/// Whoever takes a message: lets actors know messages and not each other's types.
pub trait Tell<M>: Send + Sync {
    /// Sends it; never waits.
    fn tell(&self, message: M) -> Result<(), Refused<M>>;
}

/// Whoever takes notes of keyed work.
pub trait Note<M>: Send + Sync {
    /// Notes it; never waits, never fails.
    fn note(&self, message: M);
}

impl<M, F: Fn(M) + Send + Sync> Note<M> for F {
    fn note(&self, message: M) {
        self(message);
    }
}

impl<A: Supervised> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Handle { cell: self.cell.clone() }
    }
}

impl<A: Supervised> Handle<A> {
    pub(crate) fn new(cell: Arc<Cell<A>>) -> Handle<A> {
        Handle { cell }
    }

    /// Path of the actor: the names of its groups and its own, with slashes.
    pub fn name(&self) -> &str {
        &self.cell.vitals.path
    }

    /// Puts a message into the control lane; never waits.
    ///
    /// # Errors
    /// The message comes back when the lane is full, or when the actor was stopped.
    pub fn tell<M>(&self, message: M) -> Result<(), Refused<M>>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
    {
        self.send(message, |message| {
            Box::new(move |fate: Fate<'_, A>| {
                if let Fate::Handle(actor, context) = fate {
                    <A as Handler<M>>::handle(actor, message, context).handle(context, None);
                }
            })
        })
    }

    /// Puts a message into the control lane and waits for its answer, at most for `limit`.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask<M>(&self, message: M, limit: Duration) -> Result<M::Result, AskError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let (reply, answer) = oneshot::channel();
        let run = |message| -> Run<A> {
            Box::new(move |fate: Fate<'_, A>| match fate {
                Fate::Handle(actor, context) if !reply.is_closed() => {
                    <A as Handler<M>>::handle(actor, message, context).handle(context, Some(reply));
                }
                _ => {} // who asked has gone, or the answer was taken by chaos
            })
        };
        self.send(message, run).map_err(|refused| match refused.why {
            Why::Full => AskError::Full,
            Why::Stopped => AskError::Stopped,
        })?;
        match timeout(limit, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) if self.cell.stopped() => Err(AskError::Stopped),
            Ok(Err(_)) => Err(AskError::Died),
            Err(_) => Err(AskError::Timeout(limit)),
        }
    }

    /// Notes keyed work; never waits, and never fails: notes of one key merge.
    pub fn note<M: Keyed>(&self, message: M)
    where
        A: Handler<Due<M>>,
    {
        self.cell.lane::<M>().note(message);
    }

    /// Lets a key that was set aside or is backing off be tried at once. False when there is no such key.
    pub fn readmit<M: Keyed>(&self, key: &M::Key) -> bool
    where
        A: Handler<Due<M>>,
    {
        self.cell.lane::<M>().readmit(key)
    }

    /// The way for one type of message, without the actor's type.
    pub fn teller<M>(&self) -> Arc<dyn Tell<M>>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
    {
        Arc::new(self.clone())
    }

    /// The way for one type of keyed work, without the actor's type.
    pub fn noter<M: Keyed>(&self) -> Arc<dyn Note<M>>
    where
        A: Handler<Due<M>>,
    {
        Arc::new(Noter(self.cell.lane::<M>()))
    }

    fn send<M>(&self, message: M, run: impl FnOnce(M) -> Run<A>) -> Result<(), Refused<M>>
    where
        M: 'static,
    {
        let vitals = &self.cell.vitals;
        let meta = Meta::new(trace::kind_of::<M>(), &vitals.core.outside);
        let sent = meta.clone();
        let pack = move |message| Envelope { meta, run: run(message), blame: None };
        self.cell.push(message, pack).map_err(|(message, why)| {
            vitals.count(sent.kind, |counters| counters.refused += 1);
            vitals
                .core
                .trace
                .write(|| sent.draft(&vitals.path, None, Duration::ZERO, Duration::ZERO), Outcome::Refused);
            Refused { message, why }
        })
    }
}

impl<A, M> Tell<M> for Handle<A>
where
    A: Supervised + Handler<M>,
    M: Message + Send + 'static,
{
    fn tell(&self, message: M) -> Result<(), Refused<M>> {
        Handle::tell(self, message)
    }
}

struct Noter<M: Keyed>(Arc<Lane<M>>);

impl<M: Keyed> Note<M> for Noter<M> {
    fn note(&self, message: M) {
        self.0.note(message);
    }
}
