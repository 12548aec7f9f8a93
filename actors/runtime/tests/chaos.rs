//! Failures on purpose, and that a run with them repeats.

mod kit;

use std::time::Duration;

use kit::{Changed, Log, SECOND, Say, Stage, Worker, paused};
use rdd_actors_runtime::{
    AskError, Chaos, Config,
    chaos::{Fault, Mode, Off, Point, Rule, When},
    health::FailureKind,
};
use tokio::time::Instant;

fn rule(fault: Fault) -> Rule {
    Rule::new("worker", Point::Handler, fault).kind("Say").times(1)
}

#[test]
fn r48_a_handler_is_struck_by_panic_hang_block_delay_drop_and_error() {
    paused(|| async {
        let stage = Stage::local();
        let chaos: Chaos = stage.supervisor.chaos().clone();
        chaos.inject(rule(Fault::Panic)).unwrap();
        assert_eq!(stage.worker.ask(Say("x"), SECOND).await, Err(AskError::Died));
        assert_eq!(stage.health().last_failure.unwrap().kind, FailureKind::Panic);
        stage.say("healed").await;

        chaos.inject(rule(Fault::Hang)).unwrap();
        let start = Instant::now();
        assert_eq!(stage.worker.ask(Say("x"), 60 * SECOND).await, Err(AskError::Died));
        assert!(start.elapsed() >= 5 * SECOND && start.elapsed() < 6 * SECOND, "{:?}", start.elapsed());
        assert_eq!(stage.health().last_failure.unwrap().kind, FailureKind::Hang);
        stage.say("healed").await;

        for fault in [Fault::Delay(2 * SECOND), Fault::Block(2 * SECOND)] {
            chaos.inject(rule(fault)).unwrap();
            let start = Instant::now();
            stage.say("late").await;
            assert_eq!(start.elapsed().as_secs(), 2, "{fault:?}");
        }
        for fault in [Fault::Drop, Fault::Error] {
            chaos.inject(rule(fault)).unwrap();
            assert_eq!(stage.worker.ask(Say("lost"), SECOND).await, Err(AskError::Died), "{fault:?}");
            stage.say("lives").await;
        }
        assert_eq!((stage.log.count("lost"), stage.health().restarts), (0, 2));
        stage.end().await;
    });
}

#[test]
fn r48_a_job_is_struck_by_every_fault_and_its_key_is_done_in_the_end() {
    paused(|| async {
        let stage = Stage::local();
        let faults = [
            Fault::Panic,
            Fault::Hang,
            Fault::Block(SECOND),
            Fault::Delay(SECOND),
            Fault::Drop,
            Fault::Error,
        ];
        for (n, fault) in faults.into_iter().enumerate() {
            let strike = Rule::new("worker", Point::Job, fault).kind("Changed").times(1);
            let id = stage.supervisor.chaos().inject(strike).unwrap();
            stage.note("a");
            stage.log.until("end a", n + 1).await;
            assert_eq!(stage.supervisor.chaos().withdraw(id), 1, "{fault:?}");
        }
        assert_eq!(stage.health().restarts, 0, "jobs do not hurt their actor");
        stage.end().await;
    });
}

#[test]
fn r48_keyed_work_that_chaos_drops_or_fails_before_its_handler_comes_back() {
    paused(|| async {
        let stage = Stage::local();
        for (n, fault) in [Fault::Drop, Fault::Error, Fault::Hang, Fault::Panic].into_iter().enumerate() {
            let strike = Rule::new("worker", Point::Handler, fault).kind("Changed").times(1);
            stage.supervisor.chaos().inject(strike).unwrap();
            let key = format!("k{n}");
            stage.note(&key);
            stage.log.until(&format!("end {key}"), 1).await;
        }
        stage.end().await;
    });
}

#[test]
fn r48_outside_of_developer_mode_nothing_is_injected() {
    paused(|| async {
        let stage = Stage::with(Config { chaos: Mode::Off, ..Config::local() });
        assert_eq!(stage.supervisor.chaos().inject(rule(Fault::Panic)), Err(Off));
        stage.say("here").await;
        stage.end().await;
    });
}

/// A run under random failures: what was said, and when.
fn run(seed: u64) -> Vec<String> {
    paused(|| async {
        let start = Instant::now();
        let stage = Stage::with(Config { seed, park: SECOND, ..Config::local() });
        let log = Log::new();
        let other = stage.root().actor("other", Worker::make(&log));
        let chaos = stage.supervisor.chaos();
        for (point, fault) in
            [(Point::Handler, Fault::Panic), (Point::Job, Fault::Error), (Point::Start, Fault::Panic)]
        {
            chaos.inject(Rule::new("*", point, fault).when(When::Probability(0.2))).unwrap();
        }
        for n in 0..20 {
            stage.note(&format!("k{n}"));
            other.note(Changed(format!("k{n}")));
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        for n in 0..20 {
            stage.log.until(&format!("end k{n}"), 1).await;
            log.until(&format!("end k{n}"), 1).await;
        }
        let mut all = stage.log.lines();
        all.extend(log.lines());
        let trace = stage.supervisor.trace().records();
        all.extend(
            trace.iter().map(|r| format!("{} {:?} {:?} {:?} {:?}", r.to, r.key, r.wait, r.run, r.outcome)),
        );
        all.push(format!("{:?}", start.elapsed()));
        stage.end().await;
        all
    })
}

#[test]
fn r48_a_whole_run_with_failures_repeats_with_its_seed_and_ends_with_all_work_done() {
    let first = run(11);
    assert!(first.iter().any(|line| line.contains("Panicked")), "nothing was injected");
    assert_eq!(first, run(11));
    assert_ne!(first, run(12));
}
