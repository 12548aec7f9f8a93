//! Writes the App's status, alone. What is observed is coalesced, stamped with the generation its sender acted on, and Settled is
//! judged in the same write.

use crate::api::{Failure, Kube};
use crate::board::{Board, Error, Flow};
use crate::messages::{EngineReport, MachineReport, Observed};
use actix::{Actor, Context, Handler};
use jiff::Timestamp;
use rdd_actors_runtime::{Birth, Due, Supervised};
use rdd_resources::app::Phase;
use rdd_resources::condition::{self, reason};
use rdd_resources::names::{self, manager};
use rdd_resources::settled::{Inputs, settled};
use rdd_resources::{App, AppStatus};
use std::sync::Arc;

/// How often one write meets a conflict before it is put off.
const CONFLICTS: usize = 32;
/// Kubernetes takes messages up to this length.
const LONGEST: usize = 32_768;

/// Writes the App's status.
pub(crate) struct ConditionWriter {
    work: Work,
}

#[derive(Clone)]
struct Work {
    board: Arc<Board>,
    kube: Kube,
}

impl ConditionWriter {
    pub(crate) fn new(board: Arc<Board>, birth: &Birth<ConditionWriter>) -> ConditionWriter {
        let kube = board.kube(birth.fence.clone(), manager::APP);
        ConditionWriter { work: Work { board, kube } }
    }
}

impl Actor for ConditionWriter {
    type Context = Context<Self>;
}

impl Supervised for ConditionWriter {
    fn policy() -> rdd_actors_runtime::Policy {
        let keys = rdd_actors_runtime::backoff::Delays::new(
            std::time::Duration::from_millis(50),
            std::time::Duration::from_secs(2),
        );
        rdd_actors_runtime::Policy { keys, ..rdd_actors_runtime::Policy::default() }
    }
}

impl Handler<Due<Observed>> for ConditionWriter {
    type Result = ();

    fn handle(&mut self, due: Due<Observed>, _: &mut Context<Self>) {
        let work = self.work.clone();
        let observed = due.cause().clone();
        let limit = work.board.config.timings.call * 4;
        due.run(limit, async move {
            let result = work.write(&observed).await;
            work.board.conclude("condition_writer", names::APP, result)
        });
    }
}

impl Work {
    async fn write(&self, observed: &Observed) -> Result<Flow, Error> {
        let apps = self.kube.cluster::<App>();
        for _ in 0..CONFLICTS {
            let Some(mut app) = apps.get(names::APP).await? else { return Ok(Flow::Done) };
            if app.metadata.uid.as_deref() != Some(&observed.uid) {
                return Ok(Flow::Done);
            }
            let before = app.status.clone().unwrap_or_default();
            if confirms(&before, observed) {
                *self.board.engine_reported.lock() = Some(observed.uid.clone());
            }
            let engine = match &*self.board.engine_reported.lock() {
                _ if !self.board.config.controllers.engine => Engine::Disabled,
                Some(uid) if *uid == observed.uid => Engine::Reported,
                _ => Engine::Unheard,
            };
            let next = compose(&app, &before, observed, self.board.clock.now(), engine);
            if next == before {
                return Ok(Flow::Done);
            }
            app.status = Some(next);
            match apps.replace_status(&app).await {
                Ok(_) | Err(Failure::NotFound) => return Ok(Flow::Done),
                Err(Failure::Conflict) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Err(Error::Contended)
    }
}

/// Who reports on the engine of this App.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    /// Nobody: the controller is not enabled.
    Disabled,
    /// Nobody yet: what the status says of it is of an earlier daemon.
    Unheard,
    /// Somebody of this daemon has.
    Reported,
}

/// Whether an observation says of the engine what replaces whatever an earlier daemon said.
fn confirms(before: &AppStatus, observed: &Observed) -> bool {
    let engine = observed.engine.as_ref();
    engine.is_some_and(|report| !older(before, condition::CONTAINER_ENGINE_READY, report.generation))
}

/// The status that follows from what was observed. Pure; an older observation never replaces a newer one.
fn compose(
    app: &App,
    before: &AppStatus,
    observed: &Observed,
    now: Timestamp,
    engine_is: Engine,
) -> AppStatus {
    // Kubernetes keeps whole seconds: what comes back must equal what was sent.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let mut next = before.clone();
    if let Some(report) = &observed.machine {
        machine(&mut next, report, now);
    }
    if let Some(report) = &observed.engine {
        engine(&mut next, report, now);
    }
    let generation = app.metadata.generation.unwrap_or_default();
    let others: Vec<_> = next.conditions.iter().filter(|c| c.type_ != condition::SETTLED).cloned().collect();
    let verdict = settled(Inputs {
        generation,
        spec: &app.spec,
        machine: next.machine.as_ref(),
        engine: next.engine.as_ref(),
        conditions: &others,
        engine_controller: engine_is != Engine::Disabled,
        engine_confirmed: engine_is == Engine::Reported,
    });
    let status = if verdict.settled { "True" } else { "False" };
    let message = cut(&verdict.message);
    condition::set(
        &mut next.conditions,
        now,
        condition::SETTLED,
        status,
        &verdict.reason,
        message,
        Some(generation),
    );
    next
}

fn machine(next: &mut AppStatus, report: &MachineReport, now: Timestamp) {
    if older(next, condition::RUNNING, report.generation) {
        return;
    }
    let mut status = report.status.clone();
    if let Some(at) = status.started_at.as_mut() {
        at.0 = Timestamp::from_second(at.0.as_second()).unwrap_or(at.0);
    }
    next.machine = Some(status);
    let generation = Some(report.generation);
    if matches!(report.status.phase, Phase::Starting | Phase::Started) {
        let text = "The machine exists";
        condition::set(
            &mut next.conditions,
            now,
            condition::CREATED,
            "True",
            reason::CREATED,
            text,
            generation,
        );
    }
    let status = match report.status.phase {
        Phase::Unknown => "Unknown",
        Phase::Started => "True",
        _ => "False",
    };
    let message = cut(&report.message);
    condition::set(
        &mut next.conditions,
        now,
        condition::RUNNING,
        status,
        report.reason(),
        message,
        generation,
    );
}

fn engine(next: &mut AppStatus, report: &EngineReport, now: Timestamp) {
    let type_ = condition::CONTAINER_ENGINE_READY;
    if older(next, type_, report.generation) {
        return;
    }
    if report.engine.is_some() {
        next.engine.clone_from(&report.engine);
    }
    let status = if report.ready { "True" } else { "False" };
    let message = cut(&report.message);
    condition::set(&mut next.conditions, now, type_, status, report.reason, message, Some(report.generation));
}

/// Whether what is known is of a newer generation than what is reported.
fn older(status: &AppStatus, type_: &str, generation: i64) -> bool {
    condition::find(&status.conditions, type_).and_then(|c| c.observed_generation).unwrap_or(0) > generation
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdd_resources::AppSpec;
    use rdd_resources::app::{EngineStatus, MachineStatus};

    fn app(generation: i64) -> App {
        let mut app = App::new("app", AppSpec { running: true, ..AppSpec::default() });
        app.metadata.generation = Some(generation);
        app
    }
    fn started(generation: i64) -> Observed {
        let status = MachineStatus {
            phase: Phase::Started,
            applied_generation: generation,
            incarnation: 1,
            ..MachineStatus::default()
        };
        let machine = MachineReport { generation, status, message: "runs".into() };
        Observed { machine: Some(machine), ..Observed::default() }
    }
    fn connected(generation: i64) -> Observed {
        let engine =
            EngineStatus { identity: "e".into(), generation, incarnation: 1, ..EngineStatus::default() };
        let report = EngineReport {
            generation,
            ready: true,
            reason: reason::CONNECTED,
            message: String::new(),
            engine: Some(engine),
        };
        Observed { engine: Some(report), ..Observed::default() }
    }
    fn told(status: &AppStatus, type_: &str) -> (String, String, Option<i64>) {
        let c = condition::find(&status.conditions, type_).unwrap();
        (c.status.clone(), c.reason.clone(), c.observed_generation)
    }
    fn at(second: i64) -> Timestamp {
        Timestamp::new(second, 123_456_789).unwrap()
    }

    #[test]
    fn r25_settled_is_judged_in_the_same_write() {
        let one = compose(&app(1), &AppStatus::default(), &started(1), at(1), Engine::Reported);
        assert_eq!(told(&one, "Settled"), ("False".into(), "WaitingForEngine".into(), Some(1)));
        let two = compose(&app(1), &one, &connected(1), at(2), Engine::Reported);
        assert_eq!(told(&two, "Settled"), ("True".into(), "Settled".into(), Some(1)));
        // a newer spec unsettles at once, before anybody has acted on it
        let three = compose(&app(2), &two, &Observed::default(), at(3), Engine::Reported);
        assert_eq!(told(&three, "Settled"), ("False".into(), "ApplyingConfiguration".into(), Some(2)));
        assert_eq!(told(&three, "ContainerEngineReady").2, Some(1));
    }

    #[test]
    fn r25_a_condition_that_an_earlier_daemon_left_settles_nothing() {
        let one = compose(&app(1), &AppStatus::default(), &started(1), at(1), Engine::Unheard);
        let left = compose(&app(1), &one, &connected(1), at(2), Engine::Reported);
        assert_eq!(told(&left, "Settled").0, "True");
        // The next daemon reads the App, then finds its machine running.
        for seen in [Observed::default(), started(1)] {
            let next = compose(&app(1), &left, &seen, at(3), Engine::Unheard);
            assert_eq!(told(&next, "Settled"), ("False".into(), "EngineStale".into(), Some(1)));
            assert_eq!(told(&next, "ContainerEngineReady"), ("True".into(), "Connected".into(), Some(1)));
            assert!(!confirms(&next, &seen));
        }
        assert!(confirms(&left, &connected(1)) && confirms(&left, &connected(2)));
        assert!(!confirms(&left, &connected(0)), "an older report is not taken, and confirms nothing");
        let again = compose(&app(1), &left, &connected(1), at(4), Engine::Reported);
        assert_eq!(told(&again, "Settled").0, "True");
    }

    #[tokio::test]
    async fn r25_after_a_restart_it_settles_when_the_engine_was_reported_on_anew() {
        let one = compose(&app(1), &AppStatus::default(), &started(1), at(1), Engine::Unheard);
        let mut left = app(1);
        left.status = Some(compose(&app(1), &one, &connected(1), at(2), Engine::Reported));
        (left.metadata.uid, left.metadata.resource_version) = (Some("u".into()), Some("1".into()));
        let stored = Arc::new(parking_lot::Mutex::new(serde_json::to_value(&left).unwrap()));
        let store = stored.clone();
        let client = crate::testing::api(move |(method, _, body)| {
            if method == "PUT" {
                *store.lock() = body.clone();
            }
            (200, store.lock().clone())
        });
        let board = crate::testing::board(client);
        let work = Work { kube: board.kube(rdd_actors_runtime::Fence::default(), manager::APP), board };
        let settled = || {
            let app: App = serde_json::from_value(stored.lock().clone()).unwrap();
            told(&app.status.unwrap(), "Settled").1
        };
        let of = |uid: &str, seen: Observed| Observed { uid: uid.into(), ..seen };
        assert_eq!(settled(), "Settled");
        work.write(&of("u", Observed::default())).await.unwrap();
        assert_eq!(settled(), "EngineStale");
        work.write(&of("another App", connected(1))).await.unwrap();
        work.write(&of("u", started(1))).await.unwrap();
        assert_eq!(settled(), "EngineStale");
        work.write(&of("u", connected(1))).await.unwrap();
        assert_eq!(settled(), "Settled");
        // It stays so, whoever reports next.
        work.write(&of("u", started(1))).await.unwrap();
        assert_eq!(settled(), "Settled");
    }

    #[test]
    fn r24_what_is_unchanged_is_not_rewritten_and_comes_back_as_it_was_sent() {
        let one = compose(&app(1), &AppStatus::default(), &started(1), at(1), Engine::Reported);
        let json = serde_json::to_value(&one).unwrap();
        let back: AppStatus = serde_json::from_value(json).unwrap();
        assert_eq!(back, one);
        assert_eq!(compose(&app(1), &back, &started(1), at(9), Engine::Reported), back);
    }

    #[test]
    fn r24_an_older_observation_never_replaces_a_newer_one() {
        let one = compose(&app(2), &AppStatus::default(), &started(2), at(1), Engine::Reported);
        let late = compose(&app(2), &one, &started(1), at(2), Engine::Reported);
        assert_eq!(late, one);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let long = "ä".repeat(LONGEST);
        assert_eq!(cut(&long).len(), LONGEST);
        assert_eq!(cut("x").len(), 1);
    }
}
