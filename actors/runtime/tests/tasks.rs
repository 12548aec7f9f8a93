//! Supervised tasks.

mod kit;

use kit::{Log, SECOND, Stage, paused};
use rdd_actors_runtime::{
    State,
    chaos::{Fault, Point, Rule, When},
    health::FailureKind,
};
use tokio::time::Instant;

#[test]
fn r43_a_task_that_panics_or_returns_or_fails_is_started_anew() {
    paused(|| async {
        let stage = Stage::local();
        let log = Log::new();
        let lines = log.clone();
        stage.root().task("watch", move |birth| {
            let log = lines.clone();
            async move {
                log.say(format!("begin {}", birth.incarnation));
                match birth.incarnation {
                    1 => panic!("first"),
                    2 => Ok(()),
                    3 => Err("third".into()),
                    _ => std::future::pending().await,
                }
            }
        });
        log.until("begin 4", 1).await;
        let health = stage.health_of("watch");
        assert_eq!((health.kind, health.restarts, health.state), ("task", 3, State::Running));
        let failure = health.last_failure.unwrap();
        assert_eq!(failure.kind, FailureKind::Returned);
        assert!(failure.text.contains("third"));
        stage.end().await;
    });
}

#[test]
fn r45_a_task_that_is_busy_without_a_beat_for_5_s_is_hung_and_an_idle_one_is_not() {
    paused(|| async {
        let stage = Stage::local();
        let log = Log::new();
        let lines = log.clone();
        stage.root().task("watch", move |birth| {
            let log = lines.clone();
            async move {
                log.say(format!("begin {}", birth.incarnation));
                tokio::time::sleep(600 * SECOND).await; // idle: allowed
                birth.heart.busy();
                for _ in 0..10 {
                    tokio::time::sleep(4 * SECOND).await;
                    birth.heart.beat();
                }
                log.say("silent");
                std::future::pending().await
            }
        });
        log.until("silent", 1).await;
        let start = Instant::now();
        assert_eq!(log.count("begin 2"), 0);
        log.until("begin 2", 1).await;
        assert!(start.elapsed() >= 5 * SECOND && start.elapsed() < 7 * SECOND, "{:?}", start.elapsed());
        assert_eq!(stage.health_of("watch").last_failure.unwrap().kind, FailureKind::Hang);
        stage.end().await;
    });
}

#[test]
fn r48_failures_are_injected_into_a_task_without_its_help() {
    paused(|| async {
        let stage = Stage::local();
        let log = Log::new();
        let lines = log.clone();
        let rule = Rule::new("watch", Point::Job, Fault::Panic).when(When::Nth(3));
        let rule = stage.supervisor.chaos().inject(rule).unwrap();
        stage.root().task("watch", move |birth| {
            let log = lines.clone();
            async move {
                log.say(format!("begin {}", birth.incarnation));
                loop {
                    tokio::time::sleep(SECOND).await;
                }
            }
        });
        log.until("begin 2", 1).await;
        assert_eq!(stage.supervisor.chaos().struck(rule), 1);
        assert!(stage.health_of("watch").last_failure.unwrap().text.contains("injected"));
        stage.end().await;
    });
}

#[test]
fn a_task_is_dropped_at_once_when_its_group_stops() {
    paused(|| async {
        let stage = Stage::local();
        let group = stage.root().group("attachment");
        group.task("watch", |_| std::future::pending());
        let start = Instant::now();
        group.stop(10 * SECOND).await;
        assert!(start.elapsed() < SECOND);
        assert!(stage.supervisor.health().actor("watch").is_none());
        stage.end().await;
    });
}
