//! Starts and stops the machine as wanted, and says how it stands with it. Starting can take minutes, and may hang.

use crate::board::{AppView, Board, Error, Flow, Held, MachineView};
use crate::messages::{MachineReport, Observed, Reconsider, time};
use actix::{Actor, Context, Handler};
use rdd_actors_runtime::{Due, Supervised};
use rdd_engine::Endpoint;
use rdd_machine::Machine;
use rdd_resources::app::{Driver, MachineSpec, MachineStatus, Phase};
use std::sync::Arc;
use tokio::time::{Instant, timeout};

/// Starts and stops the machine.
pub(crate) struct MachineKeeper {
    board: Arc<Board>,
}

#[derive(Clone)]
struct Work {
    board: Arc<Board>,
}

impl MachineKeeper {
    pub(crate) fn new(board: Arc<Board>) -> MachineKeeper {
        MachineKeeper { board }
    }
}

impl Actor for MachineKeeper {
    type Context = Context<Self>;
}

impl Supervised for MachineKeeper {
    fn policy() -> rdd_actors_runtime::Policy {
        // A start that fails is tried again soon: the user waits for it.
        let keys = rdd_actors_runtime::backoff::Delays::new(
            std::time::Duration::from_millis(200),
            std::time::Duration::from_secs(2),
        );
        rdd_actors_runtime::Policy { keys, ..rdd_actors_runtime::Policy::default() }
    }
}

impl Handler<Due<Reconsider>> for MachineKeeper {
    type Result = ();

    fn handle(&mut self, due: Due<Reconsider>, _: &mut Context<Self>) {
        let work = Work { board: self.board.clone() };
        let limit = work.board.config.timings.machine * 2 + work.board.config.timings.call;
        due.run(limit, async move {
            let mut wanted = work.board.wanted.subscribe();
            wanted.borrow_and_update();
            let result = tokio::select! {
                biased;
                // Whoever changed it has noted us again.
                () = Board::changed(&mut wanted) => Ok(Flow::Done),
                result = work.keep() => result,
            };
            work.board.conclude("machine_keeper", "machine", result)
        });
    }
}

impl Work {
    async fn keep(&self) -> Result<Flow, Error> {
        match self.board.wanted() {
            crate::board::Wanted::Unknown => Ok(Flow::Done),
            crate::board::Wanted::NoApp => self.stop(None).await,
            crate::board::Wanted::App(app) if app.spec.running && !app.deleting => self.start(&app).await,
            crate::board::Wanted::App(app) => self.stop(Some(&app)).await,
        }
    }

    async fn start(&self, app: &AppView) -> Result<Flow, Error> {
        let digest = app.spec.machine.digest();
        let held = self.board.held.lock().clone();
        let mut view = self.view(app);
        if let Some(held) = held.as_ref().filter(|h| h.digest == digest) {
            // A new attempt is asked for: what failed before does not count against it.
            if view.status.attempt != app.retry {
                view.status.attempt.clone_from(&app.retry);
                *self.board.start_failing.lock() = None;
            }
            if view.status.phase == Phase::Started {
                view.status.applied_generation = app.generation;
                self.publish(app, view);
                return Ok(Flow::Done);
            }
            return self.run(app, view, held.machine.clone()).await;
        }
        if let Some(old) = held.filter(|h| h.digest != digest) {
            // The attachment to the old engine ends by itself once another endpoint is known.
            self.halt(old.machine).await?;
            *self.board.held.lock() = None;
        }
        let decided = decided(&app.spec.machine, &view.status, &digest);
        // A restart of the daemon is no start of the machine: same decision, and it ran when we last looked.
        let same = view.status.decided_for.as_deref() == Some(&digest) && view.status.attempt == app.retry;
        let ran = app.recorded.as_ref().is_some_and(|m| m.phase == Phase::Started);
        let going_on = same
            && match view.status.phase {
                Phase::Unknown => ran,
                // Nor is another try of the same start.
                Phase::Starting | Phase::StartFailed => true,
                _ => false,
            };
        if !going_on {
            view.status.incarnation += 1;
            view.status.phase = Phase::Starting;
            view.endpoint = None;
            *self.board.start_failing.lock() = None;
        }
        view.status.attempt.clone_from(&app.retry);
        view.status.applied_generation = app.generation;
        view.message = "The machine is being started".to_owned();
        let environment = &self.board.config.environment;
        let made =
            timeout(self.board.config.timings.call, self.board.config.machines.make(&decided, environment))
                .await;
        let machine = match made.map_err(|_| late("was not found"))? {
            Ok(machine) => machine,
            Err(e) => {
                view.status.decided_for = Some(digest);
                return self.failed(app, view, e);
            }
        };
        view.status.driver = Some(machine.driver().to_owned());
        view.status.decided_for = Some(digest.clone());
        *self.board.held.lock() = Some(Held { machine: machine.clone(), digest });
        self.publish(app, view.clone());
        self.run(app, view, machine).await
    }

    /// Makes one attempt to start the machine that is held.
    async fn run(
        &self,
        app: &AppView,
        mut view: MachineView,
        machine: Arc<dyn Machine>,
    ) -> Result<Flow, Error> {
        view.status.applied_generation = app.generation;
        let started = timeout(self.board.config.timings.machine, machine.start()).await;
        match started.unwrap_or_else(|_| Err(late("did not start"))) {
            Ok(endpoint) => {
                let going_on = view.status.phase == Phase::Unknown;
                if !going_on || view.status.started_at.is_none() {
                    view.status.started_at = Some(time(self.board.clock.now()));
                }
                view.status.phase = Phase::Started;
                view.status.endpoint = Some(endpoint.to_string());
                view.endpoint = Some(endpoint);
                view.message = "The machine runs".to_owned();
                *self.board.start_failing.lock() = None;
                self.publish(app, view);
                Ok(Flow::Done)
            }
            Err(e) => self.failed(app, view, e),
        }
    }

    /// Reports a start that failed: as progress while it may heal by itself, as a failure after the grace period.
    fn failed(&self, app: &AppView, mut view: MachineView, error: rdd_machine::Error) -> Result<Flow, Error> {
        let terminal = error.permanent || self.failing();
        view.status.phase = if terminal { Phase::StartFailed } else { Phase::Starting };
        view.message.clone_from(&error.message);
        self.publish(app, view);
        Err(error.into())
    }

    /// Stops the machine once nothing is attached to its engine.
    async fn stop(&self, app: Option<&AppView>) -> Result<Flow, Error> {
        if self.board.live().is_some() {
            // The attachment keeper notes us when it has let go.
            return Ok(Flow::Wait(
                self.board.config.timings.look_again,
                "the engine is still attached".to_owned(),
            ));
        }
        let held = self.board.held.lock().clone();
        let mut view = app.map_or_else(|| self.board.machine(), |app| self.view(app));
        if let Some(held) = held {
            view.status.phase = Phase::Stopping;
            view.message = "The machine is being stopped".to_owned();
            if let Some(app) = app {
                self.publish(app, view.clone());
            }
            if let Err(e) = self.halt(held.machine.clone()).await {
                if self.failing() {
                    view.status.phase = Phase::StopFailed;
                }
                view.message = e.to_string();
                if let Some(app) = app {
                    view.status.applied_generation = app.generation;
                    self.publish(app, view);
                }
                return Err(e);
            }
            *self.board.held.lock() = None;
            *self.board.start_failing.lock() = None;
        }
        view.status.phase = Phase::Stopped;
        view.endpoint = None;
        view.message = "The machine is stopped".to_owned();
        match app {
            Some(app) => {
                view.status.applied_generation = app.generation;
                self.publish(app, view);
            }
            // Said only when it is news: the attachment keeper notes us in turn, and two who answer each other never end.
            None => {
                if self.show(MachineView::default()) {
                    self.board.wires.attachments.note(Reconsider);
                }
            }
        }
        Ok(Flow::Done)
    }

    async fn halt(&self, machine: Arc<dyn Machine>) -> Result<(), Error> {
        let stopped = timeout(self.board.config.timings.machine, machine.stop()).await;
        Ok(stopped.unwrap_or_else(|_| Err(late("did not stop")))?)
    }

    /// The machine as last reported for this App, or as an earlier daemon recorded it: then its phase is not known.
    fn view(&self, app: &AppView) -> MachineView {
        let view = self.board.machine();
        if view.uid == app.uid {
            return view;
        }
        let recorded = app.recorded.clone().unwrap_or_default();
        let endpoint = recorded.endpoint.as_deref().and_then(|e| e.parse::<Endpoint>().ok());
        let status = MachineStatus { phase: Phase::Unknown, ..recorded };
        MachineView { uid: app.uid.clone(), status, endpoint, message: String::new() }
    }

    /// Notes a failure; whether failures have lasted longer than the grace period.
    fn failing(&self) -> bool {
        let since = *self.board.start_failing.lock().get_or_insert_with(Instant::now);
        since.elapsed() >= self.board.config.timings.grace
    }

    /// Puts the machine on the board; whether that is news.
    fn show(&self, view: MachineView) -> bool {
        self.board.machine.send_if_modified(|now| {
            let changed = *now != view;
            *now = view;
            changed
        })
    }

    /// Tells everybody who acts on the machine, when something changed.
    fn publish(&self, app: &AppView, view: MachineView) {
        let board = &self.board;
        let view = MachineView { uid: app.uid.clone(), ..view };
        let report = MachineReport {
            generation: app.generation,
            status: view.status.clone(),
            message: view.message.clone(),
        };
        if self.show(view) {
            board.observed(Observed { uid: app.uid.clone(), machine: Some(report), engine: None });
            board.wires.attachments.note(Reconsider);
            if app.deleting {
                board.wires.app.note(Reconsider);
            }
        }
    }
}

/// The spec with `auto` replaced by what was decided for it, as long as it is the same spec.
fn decided(spec: &MachineSpec, recorded: &MachineStatus, digest: &str) -> MachineSpec {
    let driver = [Driver::External, Driver::Process]
        .into_iter()
        .find(|d| Some(d.as_str()) == recorded.driver.as_deref());
    match (spec.driver, driver, &recorded.endpoint) {
        (Driver::Auto, Some(driver), Some(endpoint)) if recorded.decided_for.as_deref() == Some(digest) => {
            MachineSpec { driver, endpoint: Some(endpoint.clone()), tls: spec.tls.clone() }
        }
        _ => spec.clone(),
    }
}

fn late(what: &str) -> rdd_machine::Error {
    rdd_machine::Error { message: format!("the machine {what} in time"), permanent: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Wanted;
    use crate::testing;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn without_an_app_it_tells_only_news() {
        let board = testing::board(testing::silent());
        let noted = Arc::new(AtomicUsize::new(0));
        let count = noted.clone();
        board.wires.attachments.connect(Arc::new(move |_: Reconsider| {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        board.wanted.send_replace(Wanted::NoApp);
        board.machine.send_modify(|machine| machine.uid = "an App that is gone".into());
        let work = Work { board };
        for _ in 0..3 {
            assert!(matches!(work.keep().await, Ok(Flow::Done)));
        }
        // The attachment keeper notes the machine keeper each time it is noted.
        assert_eq!(noted.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn auto_is_decided_once_for_a_spec() {
        let spec = MachineSpec::default();
        let recorded = MachineStatus {
            driver: Some("external".into()),
            endpoint: Some("unix:///run/a.sock".into()),
            decided_for: Some(spec.digest()),
            ..MachineStatus::default()
        };
        let again = decided(&spec, &recorded, &spec.digest());
        assert_eq!((again.driver, again.endpoint.as_deref()), (Driver::External, Some("unix:///run/a.sock")));
        let other = MachineSpec { endpoint: Some("unix:///run/b.sock".into()), ..MachineSpec::default() };
        assert_eq!(decided(&other, &recorded, &other.digest()), other);
        assert_eq!(decided(&spec, &MachineStatus::default(), &spec.digest()), spec);
    }
}
