//! Keyed work: one object at a time, none of them in the way of the others.

mod kit;

use std::time::Duration;

use kit::{Changed, Plan, SECOND, Say, Stage, act, paused};
use rdd_actors_runtime::{AskError, Refused, Why};
use tokio::time::Instant;

#[test]
fn notes_of_one_key_merge_while_it_waits_and_while_it_runs() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("a", [Plan::Take(SECOND), Plan::Done]);
        stage.note("a");
        stage.note("a");
        stage.log.until("begin a", 1).await;
        for _ in 0..3 {
            stage.note("a");
        }
        stage.log.until("end a", 2).await;
        let lines = stage.log.lines();
        let expected =
            ["take a attempt 0 noted 2", "begin a", "end a", "take a attempt 0 noted 3", "begin a", "end a"];
        assert_eq!(lines[1..], expected);
        stage.end().await;
    });
}

#[test]
fn r15_100_hung_objects_do_not_delay_another() {
    paused(|| async {
        let stage = Stage::local();
        for n in 0..100 {
            let key = format!("hung {n}");
            stage.log.plan(&key, [Plan::Hang]);
            stage.note(&key);
        }
        stage.log.until("begin hung 99", 1).await;
        let start = Instant::now();
        stage.note("well");
        stage.log.until("end well", 1).await;
        assert!(start.elapsed() <= Duration::from_millis(251), "{:?}", start.elapsed());
        tokio::time::sleep(SECOND).await;
        let start = Instant::now();
        stage.note("later");
        stage.log.until("end later", 1).await;
        assert_eq!(start.elapsed(), Duration::ZERO, "all hung ones have left the young slots");
        assert_eq!(stage.health().jobs.slow, 100);
        stage.end().await;
    });
}

#[test]
fn no_more_than_32_young_jobs_run_at_a_time() {
    paused(|| async {
        let stage = Stage::local();
        for n in 0..40 {
            let key = format!("k{n}");
            stage.log.plan(&key, [Plan::Take(Duration::from_millis(100))]);
            stage.note(&key);
        }
        stage.log.until("begin k31", 1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((stage.health().jobs.running, stage.health().lanes[0].waiting), (32, 8));
        stage.log.until("end k39", 1).await;
        stage.end().await;
    });
}

#[test]
fn a_failing_key_is_tried_again_by_its_own_backoff() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("bad", [Plan::Fail, Plan::Fail, Plan::Fail, Plan::Done]);
        let start = Instant::now();
        stage.note("bad");
        stage.log.until("end bad", 4).await;
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(560) && waited <= Duration::from_millis(710), "{waited:?}");
        assert_eq!(stage.log.count("take bad attempt 3 noted 1"), 1);
        stage.end().await;
    });
}

#[test]
fn a_panic_in_a_job_fails_its_key_and_the_actor_lives() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("a", [Plan::Panic, Plan::Take(SECOND)]);
        stage.note("a");
        stage.log.until("begin a", 2).await;
        let health = stage.health();
        assert_eq!(health.incarnation, 1);
        assert!(health.lanes[0].failing[0].error.contains("job of a panics"), "{:?}", health.lanes);
        stage.end().await;
    });
}

#[test]
fn work_that_panics_when_it_is_dropped_at_its_deadline_is_a_failure_of_its_key() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("a", [Plan::Bomb, Plan::Done]);
        stage.note("a");
        stage.log.until("take a attempt 1 noted 1", 1).await;
        stage.log.until("end a", 1).await;
        assert_eq!(stage.health().incarnation, 1);
        stage.end().await;
    });
}

#[test]
fn r45_a_job_past_its_deadline_is_aborted_and_its_key_tried_again() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("a", [Plan::Hang, Plan::Done]);
        let start = Instant::now();
        stage.note("a");
        stage.log.until("end a", 1).await;
        assert!(start.elapsed() >= 10 * SECOND && start.elapsed() < 11 * SECOND, "{:?}", start.elapsed());
        assert_eq!(stage.health().incarnation, 1);
        stage.end().await;
    });
}

#[test]
fn a_key_that_asked_to_be_looked_at_later_comes_then_or_when_it_is_noted() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("a", [Plan::Wait(60 * SECOND), Plan::Wait(60 * SECOND), Plan::Done]);
        let start = Instant::now();
        stage.note("a");
        stage.log.until("end a", 1).await;
        stage.until("shown", |health| health.lanes[0].later.iter().any(|key| key.why == "in use")).await;
        stage.log.until("end a", 2).await;
        assert!(start.elapsed() >= 60 * SECOND);
        let noted = Instant::now();
        stage.note("a");
        stage.log.until("end a", 3).await;
        assert_eq!(noted.elapsed(), Duration::ZERO);
        stage.end().await;
    });
}

#[test]
fn a_due_that_nobody_answers_is_a_failure_of_its_key() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("a", [Plan::Unanswered, Plan::Done]);
        stage.note("a");
        stage.log.until("take a attempt 1 noted 1", 1).await;
        stage.log.until("end a", 1).await;
        stage.end().await;
    });
}

#[test]
fn r43_keys_survive_the_crash_of_their_actor() {
    paused(|| async {
        let stage = Stage::local();
        stage.crash();
        for key in ["a", "b", "c"] {
            stage.note(key);
        }
        for key in ["a", "b", "c"] {
            stage.log.until(&format!("end {key}"), 1).await;
        }
        assert_eq!(stage.health().incarnation, 2);
        stage.end().await;
    });
}

#[test]
fn r43_work_that_a_crash_interrupted_is_done_by_the_next_incarnation() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("long", [Plan::Take(8 * SECOND), Plan::Done]);
        stage.note("long");
        stage.log.until("begin long", 1).await;
        stage.crash();
        stage.log.until("end long", 1).await;
        let lines = stage.log.lines();
        assert!(
            lines.ends_with(&["take long attempt 0 noted 1", "begin long", "end long"].map(str::to_owned))
        );
        assert_eq!(stage.health().incarnation, 2);
        stage.end().await;
    });
}

#[test]
fn a_key_that_kills_its_actor_twice_is_set_aside_shown_in_health_and_readmitted() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("killer", [Plan::HandlerPanics]);
        stage.note("killer");
        stage.note("innocent");
        stage.log.until("end innocent", 1).await;
        stage.until("set aside", |health| !health.lanes[0].set_aside.is_empty()).await;
        let health = stage.health();
        let aside = &health.lanes[0].set_aside[0];
        assert_eq!((aside.key.as_str(), aside.kills), ("\"killer\"", 2));
        assert!(aside.error.contains("killer kills"));
        tokio::time::sleep(60 * SECOND).await;
        assert_eq!(stage.health().restarts, 2, "it kills no more");
        assert!(stage.supervisor.health().problems().iter().any(|line| line.contains("aside")));
        stage.log.plan("killer", [Plan::Done]);
        assert!(stage.worker.readmit::<Changed>(&"killer".to_owned()));
        stage.log.until("end killer", 1).await;
        stage.end().await;
    });
}

#[test]
fn a_key_set_over_its_limit_asks_for_everything_instead_and_drops_nothing_silently() {
    paused(|| async {
        let stage = Stage::local();
        stage
            .worker
            .tell(act(|worker, _| {
                for n in 0..1010 {
                    worker.handle.note(Changed(format!("k{n}")));
                }
            }))
            .unwrap();
        stage.log.until("end everything", 1).await;
        stage.log.until("end k999", 1).await;
        assert_eq!(stage.log.count("end k1000"), 0);
        let lane = stage.health().lanes[0].clone();
        assert_eq!(lane.overflowed, 10);
        assert_eq!(stage.log.count("take everything attempt 0 noted 10"), 1);
        stage.end().await;
    });
}

#[test]
fn a_full_control_lane_gives_the_message_back_and_keyed_work_is_not_in_its_way() {
    paused(|| async {
        let stage = Stage::local();
        stage.say("up").await;
        for n in 0..100 {
            stage.note(&format!("k{n}"));
        }
        for _ in 0..8 {
            stage.worker.tell(Say("queued")).unwrap();
        }
        let Err(Refused { message, why }) = stage.worker.tell(Say("one too many")) else {
            panic!("the ninth message was taken")
        };
        assert_eq!((message.0, why), ("one too many", Why::Full));
        assert_eq!(stage.worker.ask(Say("x"), SECOND).await, Err(AskError::Full));
        stage.log.until("queued", 8).await;
        let lines = stage.log.lines();
        let last = lines.iter().rposition(|line| line == "queued").unwrap();
        assert!(
            !lines[..last].iter().any(|line| line.starts_with("take k")),
            "control goes first: {lines:?}"
        );
        assert_eq!(stage.health().mailbox.refused, 2);
        stage.end().await;
    });
}

#[test]
fn a_flood_of_control_messages_does_not_starve_the_keys() {
    paused(|| async {
        let stage = Stage::local();
        fn again(worker: &mut kit::Worker, _: &mut actix::Context<kit::Worker>) {
            for _ in 0..2 {
                let _ = worker.handle.tell(act(again)); // full is what this is about
            }
        }
        stage.worker.tell(act(again)).unwrap();
        stage.note("a");
        stage.log.until("end a", 1).await;
        stage.supervisor.shutdown(Duration::ZERO).await;
    });
}
