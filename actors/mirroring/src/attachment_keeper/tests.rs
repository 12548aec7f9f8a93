//! What there should be, and what is said of it on the way.

use super::*;
use crate::board::Swept;
use crate::testing;
use rdd_actors_runtime::Fence;
use rdd_resources::AppSpec;
use rdd_resources::app::MachineStatus;

fn wanted(edit: impl FnOnce(&mut AppView)) -> Wanted {
    let spec = AppSpec { running: true, namespace: "ns".into(), ..AppSpec::default() };
    let mut app =
        AppView { uid: "u".into(), generation: 1, spec, retry: None, deleting: false, recorded: None };
    edit(&mut app);
    Wanted::App(Box::new(app))
}

fn machine(phase: rdd_resources::app::Phase) -> MachineView {
    MachineView {
        uid: "u".into(),
        status: MachineStatus { phase, incarnation: 3, ..MachineStatus::default() },
        endpoint: Some(Endpoint::Unix("/a".into())),
        message: String::new(),
    }
}

#[test]
fn nothing_is_swept_before_it_is_known_what_is_wanted() {
    use rdd_resources::app::Phase::*;
    assert_eq!(goal(&Wanted::Unknown, &machine(Started)), Goal::Hold);
    for phase in [Unknown, Starting, Stopping, Stopped, StartFailed, StopFailed] {
        assert_eq!(goal(&wanted(|_| ()), &machine(phase)), Goal::Hold, "{phase:?}");
    }
    let others = MachineView { uid: "other".into(), ..machine(Started) };
    assert_eq!(goal(&wanted(|_| ()), &others), Goal::Hold);
    assert!(matches!(goal(&wanted(|_| ()), &machine(Started)), Goal::Attach { incarnation: 3, .. }));
}

fn work() -> Work {
    let board = testing::board(testing::silent());
    Work { kube: board.kube(Fence::default(), "test"), board }
}

#[tokio::test(start_paused = true)]
async fn r30_the_grace_period_begins_anew_with_each_start() {
    let work = work();
    let Wanted::App(app) = wanted(|_| ()) else { unreachable!() };
    let error = rdd_engine::Error::Timeout(std::time::Duration::from_secs(5));
    let grace = work.board.config.timings.grace;
    assert_eq!(work.connect_failed(&app, 1, &error), reason::CONNECTING);
    tokio::time::advance(grace).await;
    assert_eq!(work.connect_failed(&app, 1, &error), reason::CONNECT_FAILED);
    assert_eq!(work.connect_failed(&app, 2, &error), reason::CONNECTING);
    let again = AppView { retry: Some("now".into()), ..*app };
    tokio::time::advance(grace).await;
    assert_eq!(work.connect_failed(&again, 2, &error), reason::CONNECTING);
}

#[tokio::test(start_paused = true)]
async fn r25_while_the_mirrors_of_another_engine_are_swept_it_is_not_connected() {
    let work = work();
    let told = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let to = told.clone();
    let tell = move |all: Observed| to.lock().extend(all.engine.map(|e| (e.ready, e.reason)));
    work.board.wires.conditions.connect(Arc::new(tell));
    let Wanted::App(app) = wanted(|_| ()) else { unreachable!() };
    let scope = Scope::Namespace("ns".into());
    // Nobody sweeps: it waits.
    let sweep =
        timeout(std::time::Duration::from_secs(1), work.swept(Some((&app, true)), scope.clone())).await;
    assert!(sweep.is_err());
    assert_eq!(*told.lock(), [(false, reason::CONNECTING)]);
    // What is clean is not swept, and nothing is said.
    work.board.engine.lock().clean = Some(scope.clone());
    assert!(work.swept(Some((&app, true)), scope).await.is_none());
    assert_eq!(told.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn r30_a_sweep_given_up_for_an_older_generation_fails_no_newer_one() {
    let work = work();
    let told = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let to = told.clone();
    let tell = move |all: Observed| to.lock().extend(all.engine.map(|e| (e.generation, e.reason)));
    work.board.wires.conditions.connect(Arc::new(tell));
    let scope = Scope::Namespace("ns".into());
    // A sweeper that always gives up at once, but only once.
    let (board, mut given_up) = (work.board.clone(), false);
    let sweeper = parking_lot::Mutex::new(move || {
        let order = board.order.borrow().clone();
        if let (Some(order), false) = (order, given_up) {
            given_up = true;
            board.swept.send_replace(Swept { serial: order.serial, incomplete: Some("held".into()) });
        }
    });
    work.board.wires.sweeper.connect(Arc::new(move |_: Reconsider| (sweeper.lock())()));
    let at = |generation| wanted(|app| (app.spec.running, app.generation) = (false, generation));
    for (generation, given_up) in [(1, true), (1, true), (2, false)] {
        let Wanted::App(app) = at(generation) else { unreachable!() };
        let swept = work.swept(Some((&app, false)), scope.clone());
        let ended = timeout(std::time::Duration::from_secs(1), swept).await;
        assert_eq!(matches!(ended, Ok(Some(Flow::Wait(..)))), given_up, "{generation}");
    }
    let failed = (1, reason::SWEEP_INCOMPLETE);
    assert_eq!(*told.lock(), [failed, failed]);
}

#[test]
fn without_a_wish_for_mirrors_there_are_none() {
    use rdd_resources::app::Phase::*;
    let namespace = Goal::Detach(Scope::Namespace("ns".into()));
    assert_eq!(goal(&Wanted::NoApp, &machine(Started)), Goal::Detach(Scope::Everywhere));
    assert_eq!(goal(&wanted(|a| a.deleting = true), &machine(Started)), namespace);
    assert_eq!(goal(&wanted(|a| a.spec.running = false), &machine(Started)), namespace);
    let containerd = wanted(|a| a.spec.container_engine.name = EngineName::Containerd);
    assert_eq!(goal(&containerd, &machine(Started)), namespace);
}
