//! Who runs under whom.
//!
//! ```text
//! mirroring
//! ├── condition_writer, sweeper, machine_keeper, app_controller
//! ├── finalizer_processor.container
//! ├── attachment_keeper
//! ├── watch.apps, watch.containers, watch.namespaces, …
//! └── attachment            while the machine runs an engine that is mirrored
//!     ├── mirror_writer, action_dispatcher, namespace_guardian
//!     └── docker_watcher
//! ```

use crate::action_dispatcher::ActionDispatcher;
use crate::api_watch;
use crate::app_controller::AppController;
use crate::attachment::Attachment;
use crate::attachment_keeper::AttachmentKeeper;
use crate::board::{Board, Live, Wanted};
use crate::condition_writer::ConditionWriter;
use crate::config::Config;
use crate::docker_watcher::DockerWatcher;
use crate::finalizer_processor::FinalizerProcessor;
use crate::machine_keeper::MachineKeeper;
use crate::messages::Reconsider;
use crate::mirror_writer::MirrorWriter;
use crate::namespace_guardian::NamespaceGuardian;
use crate::snapshot::Snapshot;
use crate::sweeper::Sweeper;
use rdd_actors_runtime::{Drained, Group, Supervisor};
use rdd_engine::Kind;
use rdd_resources::Container;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The mirroring actors, running. Cheap to clone; [`Mirroring::stop`] ends them.
#[derive(Clone)]
pub struct Mirroring {
    board: Arc<Board>,
    group: Group,
}

/// Starts the actors under a supervisor. They begin by reading the API; [`Mirroring::ready`] waits for that.
pub fn start(supervisor: &Supervisor, config: Config) -> Mirroring {
    let group = supervisor.root().group("mirroring");
    let controllers = config.controllers;
    let board = Arc::new(Board::new(config, *supervisor.clock()));
    let wires = &board.wires;
    if controllers.app {
        let to = board.clone();
        let conditions =
            group.actor("condition_writer", move |birth| Ok(ConditionWriter::new(to.clone(), birth)));
        wires.conditions.connect(conditions.noter());
        let to = board.clone();
        let machine = group.actor("machine_keeper", move |_| Ok(MachineKeeper::new(to.clone())));
        wires.machine.connect(machine.noter());
        let to = board.clone();
        let app = group.actor("app_controller", move |birth| Ok(AppController::new(to.clone(), birth)));
        wires.app.connect(app.noter());
    }
    if controllers.engine {
        let to = board.clone();
        let sweeper = group.actor("sweeper", move |birth| Ok(Sweeper::new(to.clone(), birth)));
        wires.sweeper.connect(sweeper.noter());
        let to = board.clone();
        let containers = group.actor("finalizer_processor.container", move |birth| {
            Ok(FinalizerProcessor::<Container>::new(to.clone(), birth))
        });
        *wires.finalizers.write() = HashMap::from([(Kind::Container, containers.noter())]);
        *board.place.lock() = Some(group.clone());
        let to = board.clone();
        let attachments =
            group.actor("attachment_keeper", move |birth| Ok(AttachmentKeeper::new(to.clone(), birth)));
        wires.attachments.connect(attachments.noter());
    }
    if controllers.app {
        let to = board.clone();
        group.task_with("watch.apps", api_watch::policy(), move |birth| api_watch::app(to.clone(), birth));
    }
    if controllers.engine {
        let to = board.clone();
        group.task_with("watch.containers", api_watch::policy(), move |birth| {
            api_watch::containers(to.clone(), birth)
        });
        let to = board.clone();
        group.task_with("watch.namespaces", api_watch::policy(), move |birth| {
            api_watch::namespaces(to.clone(), birth)
        });
        let to = board.clone();
        group.task_with("watch.definitions", api_watch::policy(), move |birth| {
            api_watch::definitions(to.clone(), birth)
        });
        let to = board.clone();
        group.task_with("watch.containernamespaces", api_watch::policy(), move |birth| {
            api_watch::engine_namespaces(to.clone(), birth)
        });
    }
    Mirroring { board, group }
}

/// Starts the actors of an attachment: whoever is told first, the watcher that tells last.
pub(crate) fn attach(group: &Group, board: &Arc<Board>, attachment: Arc<Attachment>) -> Live {
    let group = group.group("attachment");
    let (to, at) = (board.clone(), attachment.clone());
    let writer =
        group.actor("mirror_writer", move |birth| Ok(MirrorWriter::new(to.clone(), at.clone(), birth)));
    let (to, at) = (board.clone(), attachment.clone());
    let actions = group
        .actor("action_dispatcher", move |birth| Ok(ActionDispatcher::new(to.clone(), at.clone(), birth)));
    let writer = writer.noter();
    let (to, at, told) = (board.clone(), attachment.clone(), writer.clone());
    let guardian = group.actor("namespace_guardian", move |birth| {
        Ok(NamespaceGuardian::new(to.clone(), at.clone(), told.clone(), birth))
    });
    let (to, at, told) = (board.clone(), attachment.clone(), writer.clone());
    group.actor("docker_watcher", move |birth| {
        Ok(DockerWatcher::new(to.clone(), at.clone(), told.clone(), birth))
    });
    guardian.note(Reconsider);
    Live { attachment, group, writer, actions: actions.noter(), guardian: guardian.noter() }
}

/// Tells everybody what has waited for an engine.
pub(crate) fn wake_pending(board: &Board) {
    let waiting: Vec<_> = board.pending.iter().map(|p| (p.key().clone(), p.value().clone())).collect();
    for (at, pending) in waiting {
        api_watch::tell_pending(board, &at, &pending);
    }
}

impl Mirroring {
    /// Resolves once the actors run: every watch has seen its kind once, and it is known what is wanted.
    pub async fn ready(&self) {
        let controllers = self.board.config.controllers;
        let watches = usize::from(controllers.app) + 4 * usize::from(controllers.engine);
        let (mut watching, mut wanted) = (self.board.watching.subscribe(), self.board.wanted.subscribe());
        // The board holds both senders: neither wait can fail.
        let _ = watching.wait_for(|all| all.len() >= watches).await;
        if controllers.app {
            let _ = wanted.wait_for(|wanted| *wanted != Wanted::Unknown).await;
        }
    }

    /// How it stands with everything, for health.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.board)
    }

    /// Stops the actors, last started first. Mirrors stay as they are.
    pub async fn stop(&self, grace: Duration) -> Drained {
        let drained = self.group.stop(grace).await;
        self.board.cut();
        drained
    }
}
