//! Makes and ends attachments, and says how it stands with the engine. It alone reports ContainerEngineReady.
//!
//! ## None => Live
//! Wanted running with moby, and the machine runs: connect, make what the mirrors stand on, start the attachment's actors.
//! ## Live => None
//! Another engine is wanted or answers, or none: drain the actors, then have the mirrors swept when they are not the next engine's.

use crate::api::Kube;
use crate::attachment::{Attachment, Phase};
use crate::board::{AppView, Board, Error, Flow, Live, MachineView, Order, Scope, Wanted};
use crate::finalizer_processor::mirrors_wanted;
use crate::messages::{EngineReport, Observed, Reconsider};
use crate::namespace_guardian::{Ground, ground};
use crate::tree;
use actix::{Actor, Context, Handler};
use rdd_actors_runtime::{Birth, Due, Supervised};
use rdd_engine::{Endpoint, Engine};
use rdd_resources::app::{EngineName, EngineStatus};
use rdd_resources::condition::{message, reason};
use std::sync::Arc;
use tokio::time::{Instant, timeout};

/// Makes and ends attachments.
pub(crate) struct AttachmentKeeper {
    work: Work,
}

#[derive(Clone)]
struct Work {
    board: Arc<Board>,
    kube: Kube,
}

/// What there should be.
#[derive(Clone, Debug, PartialEq)]
enum Goal {
    /// Not enough is known, or the machine is on its way: leave everything as it is.
    Hold,
    /// This engine, mirrored.
    Attach { endpoint: Endpoint, incarnation: i64, namespace: String },
    /// No engine, no mirror.
    Detach(Scope),
}

impl AttachmentKeeper {
    pub(crate) fn new(board: Arc<Board>, birth: &Birth<AttachmentKeeper>) -> AttachmentKeeper {
        let kube = board.kube(birth.fence.clone(), rdd_resources::names::manager::GUARDIAN);
        AttachmentKeeper { work: Work { board, kube } }
    }
}

impl Actor for AttachmentKeeper {
    type Context = Context<Self>;
}

impl Supervised for AttachmentKeeper {
    fn policy() -> rdd_actors_runtime::Policy {
        let keys = rdd_actors_runtime::backoff::Delays::new(
            std::time::Duration::from_millis(100),
            std::time::Duration::from_secs(2),
        );
        rdd_actors_runtime::Policy { keys, ..rdd_actors_runtime::Policy::default() }
    }
}

impl Handler<Due<Reconsider>> for AttachmentKeeper {
    type Result = ();

    fn handle(&mut self, due: Due<Reconsider>, _: &mut Context<Self>) {
        let work = self.work.clone();
        let timings = &work.board.config.timings;
        let limit = timings.sweep * 2 + timings.drain * 2 + timings.call * 4;
        due.run(limit, async move {
            let result = work.keep().await;
            work.board.conclude("attachment_keeper", "engine", result)
        });
    }
}

impl Work {
    async fn keep(&self) -> Result<Flow, Error> {
        let board = &self.board;
        let mut news = board.wanted.subscribe();
        news.borrow_and_update();
        let (wanted, machine) = (board.wanted(), board.machine());
        let retiring = board.retiring.lock().clone();
        if let Some(live) = retiring {
            self.drain(&live).await;
        }
        match goal(&wanted, &machine) {
            Goal::Hold => {
                if let (Some(app), Some(live)) = (wanted.app(), board.live()) {
                    self.report_live(app, &machine, &live);
                }
                Ok(Flow::Done)
            }
            Goal::Attach { endpoint, incarnation, namespace } => {
                let Some(app) = wanted.app() else { return Ok(Flow::Done) };
                // A sweep that is still under way for a stop is void: the mirrors are wanted again.
                board.order.send_if_modified(|order| order.take().is_some());
                tokio::select! {
                    biased;
                    // Whoever changed it has noted us again.
                    () = Board::changed(&mut news) => Ok(Flow::Done),
                    flow = self.attach(app, &machine, endpoint, incarnation, namespace) => flow,
                }
            }
            Goal::Detach(scope) => {
                self.retire().await;
                tokio::select! {
                    biased;
                    () = Board::changed(&mut news) => Ok(Flow::Done),
                    flow = self.detach(&wanted, &machine, scope) => flow,
                }
            }
        }
    }

    async fn attach(
        &self,
        app: &AppView,
        machine: &MachineView,
        endpoint: Endpoint,
        incarnation: i64,
        namespace: String,
    ) -> Result<Flow, Error> {
        let board = &self.board;
        if let Some(live) = board.live() {
            let at = &live.attachment;
            let fits = at.endpoint == endpoint && at.incarnation == incarnation && at.namespace == namespace;
            if fits && at.link().phase != Phase::Replaced {
                return Ok(self.report_live(app, machine, &live));
            }
            self.retire().await;
        }
        let last = board.engine.lock().last.clone();
        if last.as_ref().is_some_and(|(_, at)| *at != endpoint)
            && let Some(flow) = self.swept(Some((app, true)), Scope::Namespace(namespace.clone())).await
        {
            return Ok(flow);
        }
        let engine = match self.connect(&endpoint).await {
            Ok(engine) => engine,
            Err(e) => {
                let failed = self.connect_failed(app, incarnation, &e);
                self.report(app, false, failed, e.to_string(), None);
                return Err(e.into());
            }
        };
        let mark = engine.identity().mark();
        let last = board.engine.lock().last.clone();
        if last.as_ref().is_some_and(|(known, _)| *known != mark)
            && let Some(flow) = self.swept(Some((app, true)), Scope::Namespace(namespace.clone())).await
        {
            return Ok(flow);
        }
        self.report(app, false, reason::CONNECTING, format!("Connecting to {endpoint}"), None);
        if ground(&self.kube, &namespace).await? == Ground::Going {
            let why = "what the mirrors stand on is still going or coming".to_owned();
            return Ok(Flow::Wait(board.config.timings.retry.0, why));
        }
        {
            let mut view = board.engine.lock();
            view.clean = None;
            view.failing = None;
            view.last = Some((mark, endpoint.clone()));
        }
        let Some(place) = board.place.lock().clone() else { return Ok(Flow::Done) };
        let attachment = Attachment::new(engine, endpoint, incarnation, namespace, board.clock.now());
        let live = Arc::new(tree::attach(&place, board, Arc::new(attachment)));
        board.live.send_replace(Some(live.clone()));
        tree::wake_pending(board);
        tracing::info!(engine.endpoint = %live.attachment.endpoint, engine.mark = %live.attachment.mark, "engine attached");
        Ok(Flow::Done)
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Arc<dyn Engine>, rdd_engine::Error> {
        let limit = self.board.config.timings.call;
        let connected = timeout(limit, self.board.config.engines.connect(endpoint)).await;
        connected.map_err(|_| rdd_engine::Error::Timeout(limit))?
    }

    /// What a failure to connect is called: progress while it may heal by itself, a failure after the grace period.
    fn connect_failed(&self, app: &AppView, incarnation: i64, error: &rdd_engine::Error) -> &'static str {
        let permanent = matches!(error, rdd_engine::Error::Unreachable { permanent: true, .. });
        let mut view = self.board.engine.lock();
        let since = match &view.failing {
            Some((since, start, attempt)) if (*start, attempt) == (incarnation, &app.retry) => *since,
            _ => Instant::now(),
        };
        view.failing = Some((since, incarnation, app.retry.clone()));
        let terminal = permanent || since.elapsed() >= self.board.config.timings.grace;
        if terminal { reason::CONNECT_FAILED } else { reason::CONNECTING }
    }

    async fn detach(&self, wanted: &Wanted, machine: &MachineView, scope: Scope) -> Result<Flow, Error> {
        let board = &self.board;
        // The machine keeper waits for the attachment to be gone.
        board.wires.machine.note(Reconsider);
        if let Some(flow) = self.swept(wanted.app().map(|app| (app, false)), scope).await {
            return Ok(flow);
        }
        {
            let mut view = board.engine.lock();
            (view.last, view.failing) = (None, None);
        }
        if let Some(app) = wanted.app() {
            if app.deleting {
                board.wires.app.note(Reconsider);
            }
            let stopped = machine.uid == app.uid
                && machine.status.phase == rdd_resources::app::Phase::Stopped
                && machine.status.applied_generation >= app.generation;
            if app.spec.running && !app.deleting {
                self.report(app, true, reason::NOT_APPLICABLE, message::NOT_APPLICABLE.to_owned(), None);
            } else if stopped {
                self.report(app, false, reason::STOPPED, message::STOPPED.to_owned(), None);
            }
        }
        Ok(Flow::Done)
    }

    /// Has everything swept, and waits for it. None: a reader of the API sees nothing left. While something is left it is retried;
    /// a switch does not wait for that, because the next engine's sync removes what is not its own.
    async fn swept(&self, app: Option<(&AppView, bool)>, scope: Scope) -> Option<Flow> {
        let board = &self.board;
        let generation = app.map_or(0, |(app, _)| app.generation);
        let serial = {
            let mut view = board.engine.lock();
            if view.clean.as_ref() == Some(&scope) {
                return None;
            }
            let ordered = board.order.borrow().clone();
            match ordered {
                // What was given up for an older generation is no failure of this one (R30).
                Some(order) if order.scope == scope && order.generation == generation => order.serial,
                _ => {
                    view.orders += 1;
                    let order = Order { serial: view.orders, generation, scope: scope.clone() };
                    board.order.send_replace(Some(order));
                    view.orders
                }
            }
        };
        // Whoever was connected is not any more: the mirrors go, and that may take a while.
        if let Some((app, true)) = app {
            let text = "Removing the mirrors of the engine before".to_owned();
            self.report(app, false, reason::CONNECTING, text, None);
        }
        let mut swept = board.swept.subscribe();
        board.wires.sweeper.note(Reconsider);
        let left = loop {
            {
                let now = swept.borrow_and_update();
                if now.serial == serial {
                    break now.incomplete.clone();
                }
            }
            Board::changed(&mut swept).await;
        };
        match left {
            None => {
                board.order.send_replace(None);
                board.engine.lock().clean = Some(scope);
                None
            }
            Some(why) => {
                if let Some((app, switching)) = app {
                    self.report(app, false, reason::SWEEP_INCOMPLETE, why.clone(), None);
                    if switching {
                        board.order.send_replace(None);
                        board.engine.lock().last = None;
                        return None;
                    }
                }
                Some(Flow::Wait(board.config.timings.look_again, why))
            }
        }
    }

    /// Ends the attachment: nobody gets it any more, and its actors are stopped before anybody else goes on.
    async fn retire(&self) {
        let taken = self.board.live.send_replace(None);
        if let Some(live) = taken {
            *self.board.retiring.lock() = Some(live.clone());
            self.drain(&live).await;
        }
    }

    async fn drain(&self, live: &Live) {
        let drained = live.group.stop(self.board.config.timings.drain).await;
        *self.board.retiring.lock() = None;
        self.board.forget_troubles(&["mirror_writer", "action_dispatcher", "namespace_guardian"]);
        tracing::info!(engine.mark = %live.attachment.mark, drain.outcome = ?drained, "engine detached");
    }

    /// Says how it stands with the engine that is attached.
    fn report_live(&self, app: &AppView, machine: &MachineView, live: &Live) -> Flow {
        let attachment = &live.attachment;
        let link = attachment.link();
        match link.phase {
            Phase::Connected if !mirrors_wanted(app) => {}
            Phase::Connected => {
                // The machine has to run the configuration of this generation before the engine can be called ready for it.
                let status = &machine.status;
                let runs = status.phase == rdd_resources::app::Phase::Started
                    && status.incarnation == attachment.incarnation;
                if !runs || status.applied_generation < app.generation {
                    return Flow::Done;
                }
                let identity = attachment.engine.identity();
                let engine = EngineStatus {
                    identity: attachment.mark.clone(),
                    version: Some(identity.version.clone()),
                    generation: app.generation,
                    incarnation: attachment.incarnation,
                };
                self.report(app, true, reason::CONNECTED, message::SYNCED.to_owned(), Some(engine));
            }
            Phase::Connecting | Phase::Syncing => {
                let text = format!("Reading the objects of {}", attachment.endpoint);
                self.report(app, false, reason::CONNECTING, text, None);
            }
            Phase::Unreachable(why) => {
                let text = format!("The engine does not answer since {}: {why}", link.since);
                self.report(app, false, reason::UNREACHABLE, text, None);
            }
            Phase::Replaced => {}
        }
        Flow::Done
    }

    fn report(
        &self,
        app: &AppView,
        ready: bool,
        reason: &'static str,
        message: String,
        engine: Option<EngineStatus>,
    ) {
        let report = EngineReport { generation: app.generation, ready, reason, message, engine };
        self.board.observed(Observed { uid: app.uid.clone(), machine: None, engine: Some(report) });
    }
}

/// What there should be. Pure.
fn goal(wanted: &Wanted, machine: &MachineView) -> Goal {
    let app = match wanted {
        Wanted::Unknown => return Goal::Hold,
        Wanted::NoApp => return Goal::Detach(Scope::Everywhere),
        Wanted::App(app) => app,
    };
    let namespace = app.spec.namespace.clone();
    if !mirrors_wanted(app) {
        return Goal::Detach(Scope::Namespace(namespace));
    }
    debug_assert_eq!(app.spec.container_engine.name, EngineName::Moby);
    let started = machine.uid == app.uid && machine.status.phase == rdd_resources::app::Phase::Started;
    match &machine.endpoint {
        Some(endpoint) if started => {
            Goal::Attach { endpoint: endpoint.clone(), incarnation: machine.status.incarnation, namespace }
        }
        _ => Goal::Hold,
    }
}

#[cfg(test)]
mod tests;
