//! Decides *whether*, never *how*: reads the App and says what is wanted.

use crate::api::{Failure, Kube};
use crate::board::{AppView, Board, Error, Flow, Wanted};
use crate::messages::{Observed, Reconsider};
use crate::{mirror, tree};
use actix::{Actor, Context, Handler};
use rdd_actors_runtime::{Birth, Due, Supervised};
use rdd_resources::App;
use rdd_resources::app::Phase;
use rdd_resources::names::{self, annotation, finalizer, manager};
use std::sync::Arc;

/// Reads the App and says what is wanted.
pub(crate) struct AppController {
    work: Work,
}

#[derive(Clone)]
struct Work {
    board: Arc<Board>,
    kube: Kube,
}

impl AppController {
    pub(crate) fn new(board: Arc<Board>, birth: &Birth<AppController>) -> AppController {
        let kube = board.kube(birth.fence.clone(), manager::APP);
        AppController { work: Work { board, kube } }
    }
}

impl Actor for AppController {
    type Context = Context<Self>;
}

impl Supervised for AppController {}

impl Handler<Due<Reconsider>> for AppController {
    type Result = ();

    fn handle(&mut self, due: Due<Reconsider>, _: &mut Context<Self>) {
        let work = self.work.clone();
        let limit = work.board.config.timings.call * 4;
        due.run(limit, async move {
            let result = work.read().await;
            work.board.conclude("app_controller", names::APP, result)
        });
    }
}

impl Work {
    async fn read(&self) -> Result<Flow, Error> {
        let apps = self.kube.cluster::<App>();
        let app = match apps.get(names::APP).await {
            Ok(app) => app,
            Err(e) => return Err(e.into()),
        };
        let Some(mut app) = app else {
            self.want(Wanted::NoApp);
            return Ok(Flow::Done);
        };
        if mirror::deleting(&app.metadata) {
            self.want(view(&app, &self.board));
            return self.let_go(app).await;
        }
        if !mirror::has_finalizer(&app.metadata, finalizer::CLEANUP) {
            app.metadata.finalizers.get_or_insert_default().push(finalizer::CLEANUP.to_owned());
            match apps.replace(&app).await {
                Ok(written) => app = written,
                // Whoever changed it woke us.
                Err(Failure::Conflict | Failure::NotFound) => {
                    return Ok(Flow::Wait(
                        self.board.config.timings.retry.0,
                        "the App has just changed".to_owned(),
                    ));
                }
                Err(e) => return Err(e.into()),
            }
        }
        self.want(view(&app, &self.board));
        Ok(Flow::Done)
    }

    /// Drops the App's finalizer once nothing of it is left: no mirror, no attachment, no machine.
    async fn let_go(&self, mut app: App) -> Result<Flow, Error> {
        let board = &self.board;
        let uid = app.metadata.uid.as_deref().unwrap_or_default();
        let stopped = {
            let machine = board.machine.borrow();
            machine.uid == uid && machine.status.phase == Phase::Stopped
        };
        let swept = !board.config.controllers.engine || board.engine.lock().clean.is_some();
        if !(stopped && swept && board.live().is_none()) {
            let why = "the App goes once its mirrors are swept and its machine is stopped".to_owned();
            return Ok(Flow::Wait(board.config.timings.look_again, why));
        }
        if mirror::drop_finalizer(&mut app.metadata, finalizer::CLEANUP) {
            match self.kube.cluster::<App>().replace(&app).await {
                Ok(_) | Err(Failure::NotFound) => tracing::info!("App released"),
                Err(Failure::Conflict) => {
                    return Ok(Flow::Wait(
                        board.config.timings.retry.0,
                        "the App has just changed".to_owned(),
                    ));
                }
                Err(e) => return Err(e.into()),
            }
        }
        Ok(Flow::Done)
    }

    /// Says what is wanted, to whoever acts on it, when it is news. Notes outlive the actors that they are for: nobody misses it.
    fn want(&self, wanted: Wanted) {
        let board = &self.board;
        let changed = board.wanted.send_if_modified(|now| {
            let changed = *now != wanted;
            now.clone_from(&wanted);
            changed
        });
        if !changed {
            return;
        }
        if let Some(app) = wanted.app() {
            tracing::info!(
                app.generation = app.generation,
                app.running = app.spec.running,
                app.deleting = app.deleting,
                "wanted"
            );
            board.observed(Observed { uid: app.uid.clone(), ..Observed::default() });
        } else {
            tracing::info!("no App: nothing is mirrored");
        }
        board.wires.machine.note(Reconsider);
        board.wires.attachments.note(Reconsider);
        // What waits for an engine may not have to any more.
        tree::wake_pending(board);
    }
}

/// The App, as far as decisions depend on it. What its status recorded is taken once, when it is first seen: later it is our own.
fn view(app: &App, board: &Board) -> Wanted {
    let uid = app.metadata.uid.clone().unwrap_or_default();
    let known = board.wanted();
    let recorded = match known.app().filter(|known| known.uid == uid) {
        Some(known) => known.recorded.clone(),
        None => app.status.as_ref().and_then(|status| status.machine.clone()),
    };
    Wanted::App(Box::new(AppView {
        uid,
        generation: app.metadata.generation.unwrap_or_default(),
        spec: app.spec.clone(),
        retry: mirror::annotation_of(&app.metadata, annotation::RETRY).map(str::to_owned),
        deleting: mirror::deleting(&app.metadata),
        recorded,
    }))
}
