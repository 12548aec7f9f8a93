//! Reads what happens in the engine and says where to look. It owns one connection and nothing else.
//!
//! ## Connecting => (Connected | Backoff)
//! The engine answers a ping and says its time; the event stream is opened from that time. Once it flows, a full sync is asked for.
//! ## Connected => Backoff
//! The stream ended, or a ping was not answered: streams do not notice a frozen engine.
//! ## Backoff => Connecting
//! After a delay that grows. What was missed meanwhile is found by the full sync of the next connection.

use crate::attachment::{Attachment, KINDS};
use crate::board::{Board, because};
use crate::messages::{Look, Reconsider};
use crate::mirror_writer::finish;
use crate::tree;
use actix::fut::{ActorFutureExt, wrap_future};
use actix::{Actor, AsyncContext, Context, Handler, Message};
use futures::StreamExt;
use jiff::Timestamp;
use rdd_actors_runtime::backoff::{Backoff, Delays, seed_for};
use rdd_actors_runtime::{Birth, Handle, JobError, Note, Scope, Supervised};
use rdd_engine::{Engine, Error, Hint};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// So many events the engine replays at most: as many of them mean that earlier ones may be lost (R02).
const REPLAYED: usize = 256;
/// A stream that has lived this long is opened anew, with a full sync.
const STREAM: Duration = Duration::from_secs(24 * 3600);

/// Reads what happens in the engine.
pub(crate) struct DockerWatcher {
    board: Arc<Board>,
    attachment: Arc<Attachment>,
    writer: Arc<dyn Note<Look>>,
    scope: Scope,
    me: Handle<DockerWatcher>,
    phase: Phase,
    /// When the phase began.
    since: Instant,
    backoff: Backoff,
    /// Tells the ends of this connection from those of earlier ones.
    connection: u64,
    /// When the ping was sent that has not been answered.
    pinged: Option<Instant>,
}

enum Phase {
    Connecting,
    Connected {
        /// Ends the reader when it is dropped.
        _reader: DropGuard,
        /// The reader runs: a stream nobody reads is not connected.
        reading: Arc<AtomicBool>,
        /// The engine has answered since the stream was asked for.
        opened: bool,
    },
    Backoff,
}

/// Connect now.
#[derive(Message)]
#[rtype(result = "()")]
struct Connect;

/// The engine answered, or not, and said its time.
#[derive(Message)]
#[rtype(result = "()")]
struct Answered(u64, Result<Timestamp, Error>);

/// The stream was asked for and the engine answers after that, or not.
#[derive(Message)]
#[rtype(result = "()")]
struct Opened(u64, Result<(), Error>);

/// The stream ended.
#[derive(Message)]
#[rtype(result = "()")]
struct Ended(u64, Error);

/// Ping now.
#[derive(Message)]
#[rtype(result = "()")]
struct Ping;

/// A ping was answered, or not.
#[derive(Message)]
#[rtype(result = "()")]
struct Ponged(u64, Result<(), Error>);

/// Compare everything again.
#[derive(Message)]
#[rtype(result = "()")]
struct Resync;

impl DockerWatcher {
    pub(crate) fn new(
        board: Arc<Board>,
        attachment: Arc<Attachment>,
        writer: Arc<dyn Note<Look>>,
        birth: &Birth<DockerWatcher>,
    ) -> DockerWatcher {
        let (first, longest) = board.config.timings.retry;
        let seed = seed_for(board.config.seed ^ birth.incarnation, "docker_watcher");
        DockerWatcher {
            board,
            attachment,
            writer,
            scope: birth.scope.clone(),
            me: birth.handle.clone(),
            phase: Phase::Backoff,
            since: Instant::now(),
            backoff: Backoff::new(Delays::new(first, longest), seed),
            connection: 0,
            pinged: None,
        }
    }

    /// Runs a call as a job and tells ourselves how it ended.
    fn call<T, M>(
        &mut self,
        ctx: &mut Context<Self>,
        limit: Duration,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
        answer: impl Fn(u64, Result<T, Error>) -> M + 'static,
    ) where
        T: Send + 'static,
        M: Message<Result = ()> + Send + 'static,
        Self: Handler<M>,
    {
        // The incarnation is over when its scope is closed.
        let Ok(job) = self.scope.spawn(limit, work) else { return };
        let (me, connection) = (self.me.clone(), self.connection);
        ctx.spawn(wrap_future::<_, Self>(job).map(move |ended, _, _| {
            let result = ended.unwrap_or_else(|e| Err(broken(&e)));
            // A full control lane is one that works: a later ping finds what this would have told.
            let _ = me.tell(answer(connection, result));
        }));
    }

    fn ping_call(&self) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let (engine, limit) = (self.attachment.engine.clone(), self.board.config.timings.ping);
        async move { timeout(limit, engine.ping()).await.map_err(|_| Error::Timeout(limit))? }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }

    /// What is wrong with the present phase, by the clock: a message that got lost must not leave us waiting for it for ever.
    fn stuck(&self) -> Option<Error> {
        let limit = self.board.config.timings.ping * 4;
        let late = |since: Instant| since.elapsed() > limit;
        match &self.phase {
            Phase::Connecting if late(self.since) => Some(stopped("connecting led to nothing")),
            Phase::Connected { opened: false, .. } if late(self.since) => {
                Some(stopped("the event stream was not opened"))
            }
            Phase::Connected { reading, .. } if !reading.load(Ordering::Acquire) => {
                Some(stopped("the event stream is not being read"))
            }
            Phase::Connected { .. } if self.pinged.is_some_and(late) => {
                Some(stopped("a ping led to nothing"))
            }
            _ => None,
        }
    }

    fn resync(&self) {
        for kind in KINDS {
            self.writer.note(Look::all(kind));
        }
    }

    fn lost(&mut self, ctx: &mut Context<Self>, error: &Error) {
        self.enter(Phase::Backoff);
        self.connection += 1;
        self.pinged = None;
        self.attachment.lost(self.board.clock.now(), error);
        let delay = self.backoff.next_delay();
        tracing::warn!(engine.endpoint = %self.attachment.endpoint, error = %error, retry.delay = ?delay, "engine lost");
        self.board.wires.attachments.note(Reconsider);
        if *error != Error::Replaced {
            let me = self.me.clone();
            ctx.run_later(delay, move |_, _| drop(me.tell(Connect)));
        }
    }
}

impl Actor for DockerWatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let me = self.me.clone();
        ctx.run_interval(self.board.config.timings.ping_every, move |_, _| drop(me.tell(Ping)));
        let me = self.me.clone();
        ctx.run_interval(self.board.config.timings.resync, move |_, _| drop(me.tell(Resync)));
        let me = self.me.clone();
        ctx.run_later(Duration::ZERO, move |_, _| drop(me.tell(Connect)));
    }
}

impl Supervised for DockerWatcher {}

impl Handler<Connect> for DockerWatcher {
    type Result = ();
    fn handle(&mut self, _: Connect, ctx: &mut Context<Self>) {
        if !matches!(self.phase, Phase::Backoff) {
            return;
        }
        self.enter(Phase::Connecting);
        self.connection += 1;
        let (ping, engine) = (self.ping_call(), self.attachment.engine.clone());
        let limit = self.board.config.timings.ping;
        let work = async move {
            ping.await?;
            timeout(limit, engine.clock()).await.map_err(|_| Error::Timeout(limit))?
        };
        self.call(ctx, limit * 3, work, Answered);
    }
}

impl Handler<Answered> for DockerWatcher {
    type Result = ();
    fn handle(&mut self, Answered(connection, result): Answered, ctx: &mut Context<Self>) {
        if connection != self.connection {
            return;
        }
        let since = match result {
            Ok(since) => since,
            Err(e) => return self.lost(ctx, &e),
        };
        let reading = Arc::new(AtomicBool::new(false));
        let end = CancellationToken::new();
        let read = read(self.attachment.engine.clone(), since, self.writer.clone(), reading.clone());
        let read = end.clone().run_until_cancelled_owned(read);
        let work = async move {
            Err::<(), Error>(read.await.unwrap_or_else(|| stopped("the connection was given up")))
        };
        self.call(ctx, STREAM, work, |connection, result| {
            Ended(connection, result.err().unwrap_or_else(|| stopped("the event stream ended")))
        });
        self.enter(Phase::Connected { _reader: end.drop_guard(), reading, opened: false });
        // A ping that is sent after the stream was asked for: what happens from its answer on is in the stream or in the list.
        let ping = self.ping_call();
        self.call(ctx, self.board.config.timings.ping * 2, ping, Opened);
    }
}

impl Handler<Opened> for DockerWatcher {
    type Result = ();
    fn handle(&mut self, Opened(connection, result): Opened, ctx: &mut Context<Self>) {
        if connection != self.connection {
            return;
        }
        match result {
            Err(e) => self.lost(ctx, &e),
            Ok(()) => {
                if let Phase::Connected { opened, .. } = &mut self.phase {
                    *opened = true;
                }
                self.backoff.reset();
                self.attachment.syncing(self.board.clock.now());
                because("engine connected", || {
                    self.resync();
                    tree::wake_pending(&self.board);
                });
                self.board.wires.attachments.note(Reconsider);
            }
        }
    }
}

impl Handler<Ended> for DockerWatcher {
    type Result = ();
    fn handle(&mut self, Ended(connection, error): Ended, ctx: &mut Context<Self>) {
        if connection == self.connection {
            self.lost(ctx, &error);
        }
    }
}

impl Handler<Ping> for DockerWatcher {
    type Result = ();
    fn handle(&mut self, _: Ping, ctx: &mut Context<Self>) {
        // Longer than one object may take, however often it is asked for.
        if let Some(over) = self.attachment.rounds.overdue(self.board.config.timings.call * 6) {
            finish(&self.board, &self.attachment, over);
        }
        if let Some(error) = self.stuck() {
            return self.lost(ctx, &error);
        }
        match self.phase {
            Phase::Connected { opened: true, .. } if self.pinged.is_none() => {
                self.pinged = Some(Instant::now());
                let ping = self.ping_call();
                self.call(ctx, self.board.config.timings.ping * 2, ping, Ponged);
            }
            // The timer's message may have been lost.
            Phase::Backoff if self.since.elapsed() > self.board.config.timings.retry.1 * 2 => {
                drop(self.me.tell(Connect));
            }
            _ => {}
        }
    }
}

impl Handler<Ponged> for DockerWatcher {
    type Result = ();
    fn handle(&mut self, Ponged(connection, result): Ponged, ctx: &mut Context<Self>) {
        if connection != self.connection {
            return;
        }
        self.pinged = None;
        if let Err(e) = result {
            self.lost(ctx, &e);
        }
    }
}

impl Handler<Resync> for DockerWatcher {
    type Result = ();
    fn handle(&mut self, _: Resync, _: &mut Context<Self>) {
        if matches!(self.phase, Phase::Connected { .. }) {
            because("periodic resync", || self.resync());
        }
    }
}

/// Reads the stream until it ends. Noting never waits, so nothing can slow this down.
async fn read(
    engine: Arc<dyn Engine>,
    since: Timestamp,
    writer: Arc<dyn Note<Look>>,
    reading: Arc<AtomicBool>,
) -> Error {
    let mut events = engine.events(since);
    let _reading = Reading::begin(reading);
    let (mut read, mut full) = (0_usize, false);
    while let Some(hint) = events.next().await {
        match hint {
            Ok(Hint::Changed { key, action, time_nano }) => {
                read += 1;
                if !KINDS.contains(&key.kind()) {
                    continue;
                }
                tracing::debug!(event.action = %action, event.time_nano = time_nano, object.key = %key, "engine event");
                because("engine event", || writer.note(Look::event(key)));
            }
            Ok(Hint::Resync(kind)) if KINDS.contains(&kind) => {
                because("engine event", || writer.note(Look::all(kind)));
            }
            Ok(Hint::Resync(_)) => {}
            Err(e) => return e,
        }
        // A replay that is as long as the engine's memory may have lost its beginning. A busy engine pays one list for the doubt.
        if read == REPLAYED && !full {
            full = true;
            because("event replay may be cut", || {
                KINDS.into_iter().for_each(|kind| writer.note(Look::all(kind)))
            });
        }
    }
    Error::Unreachable {
        endpoint: engine.identity().endpoint.clone(),
        why: "the event stream ended".to_owned(),
        permanent: false,
    }
}

/// Says that the stream is being read, until it is dropped.
struct Reading(Arc<AtomicBool>);

impl Reading {
    fn begin(flag: Arc<AtomicBool>) -> Reading {
        flag.store(true, Ordering::Release);
        Reading(flag)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn stopped(why: &str) -> Error {
    Error::Protocol(why.to_owned())
}

/// A job that did not end by itself.
fn broken(error: &JobError) -> Error {
    match error {
        JobError::TimedOut(limit) => Error::Timeout(*limit),
        other => Error::Protocol(other.to_string()),
    }
}
