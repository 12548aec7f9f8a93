//! What the actors share, and what outlives each of their incarnations: the present state, and the wires between them.

use crate::api::{Failure, Kube};
use crate::attachment::Attachment;
use crate::config::Config;
use crate::messages::{Act, Look, Observed, Reconsider, Release};
use dashmap::DashMap;
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use rdd_actors_runtime::{Clock, Fence, Group, Note, Outcome, trace};
use rdd_engine::{ContainerId, Endpoint, Kind};
use rdd_machine::Machine;
use rdd_resources::AppSpec;
use rdd_resources::app::MachineStatus;
use rdd_resources::container::LastAction;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// The state that outlives incarnations.
pub(crate) struct Board {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) wires: Wires,
    /// Where attachments are put in the tree.
    pub(crate) place: Mutex<Option<Group>>,
    /// What is wanted. Written by the app controller alone.
    pub(crate) wanted: watch::Sender<Wanted>,
    /// The machine. Written by the machine keeper alone.
    pub(crate) machine: watch::Sender<MachineView>,
    /// The machine itself. The machine keeper's.
    pub(crate) held: Mutex<Option<Held>>,
    /// Since when starting or stopping it fails. The machine keeper's.
    pub(crate) start_failing: Mutex<Option<Instant>>,
    /// The App (its uid) whose engine was reported on since we were started. The condition writer's.
    pub(crate) engine_reported: Mutex<Option<String>>,
    /// The current attachment. Written by the attachment keeper alone.
    pub(crate) live: watch::Sender<Option<Arc<Live>>>,
    /// An attachment whose actors are being stopped. The attachment keeper's.
    pub(crate) retiring: Mutex<Option<Arc<Live>>>,
    /// What the last report on the engine was made of. The attachment keeper's.
    pub(crate) engine: Mutex<EngineView>,
    /// What is to be swept. Written by the attachment keeper alone.
    pub(crate) order: watch::Sender<Option<Order>>,
    /// How the last sweep went. Written by the sweeper alone.
    pub(crate) swept: watch::Sender<Swept>,
    /// Mirrors that wait for somebody: a delete or an action.
    pub(crate) pending: DashMap<(String, String), Pending>,
    /// Actions that are done and recorded, by container, until their annotation is removed. The action dispatcher's.
    pub(crate) acted: DashMap<ContainerId, Acted>,
    /// Objects whose work fails or waits, with why.
    pub(crate) troubles: DashMap<String, Trouble>,
    /// API watches that wait to try again do it at once.
    pub(crate) relist: Notify,
    /// API watches that have listed once.
    pub(crate) watching: watch::Sender<Vec<&'static str>>,
}

/// Who is told of what.
#[derive(Default)]
pub(crate) struct Wires {
    pub(crate) app: Wire<Reconsider>,
    pub(crate) machine: Wire<Reconsider>,
    pub(crate) attachments: Wire<Reconsider>,
    pub(crate) sweeper: Wire<Reconsider>,
    pub(crate) conditions: Wire<Observed>,
    pub(crate) finalizers: RwLock<HashMap<Kind, Arc<dyn Note<Release>>>>,
}

/// A way to an actor that may be started later than whoever tells it, or not at all.
pub(crate) struct Wire<M>(RwLock<Option<Arc<dyn Note<M>>>>);

impl<M> Default for Wire<M> {
    fn default() -> Wire<M> {
        Wire(RwLock::new(None))
    }
}

impl<M> Wire<M> {
    pub(crate) fn connect(&self, to: Arc<dyn Note<M>>) {
        *self.0.write() = Some(to);
    }

    /// Notes a message with the actor, if it was started.
    pub(crate) fn note(&self, message: M) {
        let to = self.0.read().clone();
        if let Some(to) = to {
            to.note(message);
        }
    }
}

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Wanted {
    /// The API has not been read yet.
    #[default]
    Unknown,
    /// There is no App.
    NoApp,
    /// There is one.
    App(Box<AppView>),
}

/// The App, as far as decisions depend on it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AppView {
    pub(crate) uid: String,
    pub(crate) generation: i64,
    pub(crate) spec: AppSpec,
    /// The retry request.
    pub(crate) retry: Option<String>,
    pub(crate) deleting: bool,
    /// The machine as its status had it when it was first seen, for going on after a restart of the daemon.
    pub(crate) recorded: Option<MachineStatus>,
}

/// The machine, as others see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MachineView {
    /// The App that it was reported for.
    pub(crate) uid: String,
    pub(crate) status: MachineStatus,
    /// Where the engine listens, once it is started.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) message: String,
}

/// A machine that was made.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) machine: Arc<dyn Machine>,
    /// Digest of the spec it was made for.
    pub(crate) digest: String,
}

/// An attachment and its actors.
pub(crate) struct Live {
    pub(crate) attachment: Arc<Attachment>,
    pub(crate) group: Group,
    pub(crate) writer: Arc<dyn Note<Look>>,
    pub(crate) actions: Arc<dyn Note<Act>>,
    pub(crate) guardian: Arc<dyn Note<Reconsider>>,
}

/// What the attachment keeper remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct EngineView {
    /// Since when connecting fails, and the start of the machine and the retry request that it is for.
    pub(crate) failing: Option<(Instant, i64, Option<String>)>,
    /// The mark of the engine that the mirrors are of, and where it was.
    pub(crate) last: Option<(String, Endpoint)>,
    /// Nothing was written since this was swept.
    pub(crate) clean: Option<Scope>,
    /// Sweeps ordered so far.
    pub(crate) orders: u64,
}

/// What a sweep covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of a namespace, ours or not: it belongs to the engine.
    Namespace(String),
    /// Mirrors everywhere.
    Everywhere,
}

/// A sweep to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) serial: u64,
    /// The App's generation; a newer one is a new attempt.
    pub(crate) generation: i64,
    pub(crate) scope: Scope,
}

/// How a sweep went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) serial: u64,
    /// What could not be removed in time, and why; none: a reader of the API sees nothing left.
    pub(crate) incomplete: Option<String>,
}

/// What a mirror waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) kind: Kind,
    pub(crate) deleting: bool,
    pub(crate) action: Option<String>,
}

/// An action that is done and recorded; its annotation is still there, as far as we know.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Acted {
    /// The annotation.
    pub(crate) value: String,
    /// The record, as the API has it.
    pub(crate) last: Option<LastAction>,
}

/// Work that fails or waits.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) why: String,
    pub(crate) waits: bool,
    pub(crate) since: Timestamp,
    pub(crate) times: u32,
}

/// How a piece of keyed work ended, when it did not fail.
#[derive(Debug)]
pub(crate) enum Flow {
    /// It is done.
    Done,
    /// It must wait, for this reason.
    Wait(Duration, String),
}

/// Why a piece of keyed work failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The Kubernetes API.
    #[error(transparent)]
    Api(#[from] Failure),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] rdd_engine::Error),
    /// The machine.
    #[error(transparent)]
    Machine(#[from] rdd_machine::Error),
    /// It changed again and again under our hands.
    #[error("it changed again and again while it was written")]
    Contended,
}

impl Board {
    pub(crate) fn new(config: Config, clock: Clock) -> Board {
        Board {
            config,
            clock,
            place: Mutex::new(None),
            wires: Wires::default(),
            wanted: watch::Sender::new(Wanted::Unknown),
            machine: watch::Sender::new(MachineView::default()),
            held: Mutex::new(None),
            start_failing: Mutex::new(None),
            engine_reported: Mutex::new(None),
            retiring: Mutex::new(None),
            live: watch::Sender::new(None),
            engine: Mutex::new(EngineView::default()),
            order: watch::Sender::new(None),
            swept: watch::Sender::new(Swept::default()),
            pending: DashMap::new(),
            acted: DashMap::new(),
            troubles: DashMap::new(),
            relist: Notify::new(),
            watching: watch::Sender::new(Vec::new()),
        }
    }

    /// The API, for one incarnation.
    pub(crate) fn kube(&self, fence: Fence, manager: &'static str) -> Kube {
        Kube::new(self.config.client.clone(), fence, self.config.timings.call, manager)
    }

    /// What is wanted now.
    pub(crate) fn wanted(&self) -> Wanted {
        self.wanted.borrow().clone()
    }

    /// The machine as it is now.
    pub(crate) fn machine(&self) -> MachineView {
        self.machine.borrow().clone()
    }

    /// The current attachment and its actors, or none. Nobody keeps it beyond one piece of work.
    pub(crate) fn live(&self) -> Option<Arc<Live>> {
        self.live.borrow().clone()
    }

    /// Tells the condition writer.
    pub(crate) fn observed(&self, observed: Observed) {
        self.wires.conditions.note(observed);
    }

    /// Tells the writer of the current attachment to look at something.
    pub(crate) fn look(&self, look: Look) {
        if let Some(live) = self.live() {
            live.writer.note(look);
        }
    }

    /// Has a mirror that is being deleted looked at.
    pub(crate) fn release(&self, kind: Kind, namespace: &str, name: &str) {
        let processor = self.wires.finalizers.read().get(&kind).cloned();
        if let Some(processor) = processor {
            processor.note(Release { namespace: namespace.to_owned(), name: name.to_owned() });
        }
    }

    /// Lets go of everybody: the actors are stopped, and hold the board.
    pub(crate) fn cut(&self) {
        for wire in [&self.wires.app, &self.wires.machine, &self.wires.attachments, &self.wires.sweeper] {
            *wire.0.write() = None;
        }
        *self.wires.conditions.0.write() = None;
        self.wires.finalizers.write().clear();
        *self.place.lock() = None;
        *self.retiring.lock() = None;
        self.live.send_replace(None);
    }

    /// Ends a piece of keyed work: keeps the book of what fails or waits, and says what is next.
    pub(crate) fn conclude(&self, who: &'static str, what: &str, result: Result<Flow, Error>) -> Outcome {
        let key = format!("{who} {what}");
        match result {
            Ok(Flow::Done) => {
                self.troubles.remove(&key);
                Outcome::Done
            }
            Ok(Flow::Wait(delay, why)) => {
                if self.trouble(key, &why, true) {
                    tracing::info!(actor.name = who, object.key = what, wait.reason = %why, "work waits");
                }
                Outcome::After(delay, why)
            }
            // The next incarnation does it; nothing is wrong with the object.
            Err(Error::Api(e @ Failure::Fenced(_))) => Outcome::Retry(Box::new(e)),
            Err(e) => {
                let text = e.to_string();
                if self.trouble(key, &text, false) {
                    tracing::warn!(actor.name = who, object.key = what, error = %text, "work failed and is retried");
                } else {
                    tracing::debug!(actor.name = who, object.key = what, error = %text, "work failed again");
                }
                Outcome::Retry(Box::new(e))
            }
        }
    }

    /// Closes the book of actors that have ended for good: nobody would ever strike out what they had written.
    pub(crate) fn forget_troubles(&self, of: &[&str]) {
        self.troubles.retain(|key, _| !key.split_once(' ').is_some_and(|(who, _)| of.contains(&who)));
    }

    /// Writes trouble down; whether it is new.
    fn trouble(&self, key: String, why: &str, waits: bool) -> bool {
        // Keys are bounded by the objects there are; beyond this the book is closed, not the work.
        const BOOK: usize = 10_000;
        if let Some(mut known) = self.troubles.get_mut(&key) {
            let new = known.why != why;
            known.times = known.times.saturating_add(1);
            known.waits = waits;
            why.clone_into(&mut known.why);
            return new;
        }
        if self.troubles.len() < BOOK {
            let trouble = Trouble { why: why.to_owned(), waits, since: self.clock.now(), times: 1 };
            self.troubles.insert(key, trouble);
        }
        true
    }

    /// Resolves once what is wanted is no longer what it was when the receiver was made.
    pub(crate) async fn changed<T>(receiver: &mut watch::Receiver<T>) {
        if receiver.changed().await.is_err() {
            // The board is gone, and with it whoever waits.
            std::future::pending::<()>().await;
        }
    }
}

/// Does something as the root of a trace.
pub(crate) fn because<T>(cause: &'static str, work: impl FnOnce() -> T) -> T {
    trace::enter(trace::root(cause), work)
}

impl Wanted {
    /// The App, if there is one.
    pub(crate) fn app(&self) -> Option<&AppView> {
        match self {
            Wanted::App(app) => Some(app),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_an_ended_attachment_had_failing_is_forgotten() {
        let board = crate::testing::board(crate::testing::silent());
        for who in ["mirror_writer", "finalizer_processor"] {
            board.conclude(who, "container/a", Err(Error::Contended));
        }
        board.forget_troubles(&["mirror_writer"]);
        let left: Vec<String> = board.troubles.iter().map(|t| t.key().clone()).collect();
        assert_eq!(left, ["finalizer_processor container/a"]);
    }
}
