//! Stopping in order.

mod kit;

use std::time::Duration;

use kit::{Log, Plan, SECOND, Say, Stage, Worker, act, paused, wait_for_ever};
use rdd_actors_runtime::{AskError, Drained, Why};
use tokio::time::Instant;

#[test]
fn a_stop_handles_what_is_queued_and_takes_nothing_new() {
    paused(|| async {
        let stage = Stage::local();
        let worker = stage.worker.clone();
        let log = stage.log.clone();
        stage.say("up").await;
        for _ in 0..5 {
            worker.tell(Say("queued")).unwrap();
        }
        stage.supervisor.shutdown(SECOND).await;
        assert_eq!(log.count("queued"), 5);
        assert_eq!(log.lines().last().unwrap(), "worker stopped");
        let refused = worker.tell(Say("late")).unwrap_err();
        assert_eq!(refused.why, Why::Stopped);
        assert_eq!(worker.ask(Say("late"), SECOND).await, Err(AskError::Stopped));
    });
}

#[test]
fn a_group_stops_its_members_in_reverse_order_of_their_start() {
    paused(|| async {
        let stage = Stage::local();
        let log = Log::new();
        let group = stage.root().group("g");
        let handles = ["first", "second"].map(|name| group.actor(name, Worker::make(&log)));
        let inner = group.group("inner").actor("third", Worker::make(&log));
        for handle in handles.iter().chain([&inner]) {
            handle.ask(Say("up"), SECOND).await.unwrap();
        }
        group.stop(SECOND).await;
        let stopped: Vec<String> = log.lines().into_iter().filter(|line| line.ends_with("stopped")).collect();
        assert_eq!(stopped, ["g/inner/third stopped", "g/second stopped", "g/first stopped"]);
        assert!(stage.supervisor.health().root.groups.is_empty(), "it is out of the tree");
        stage.say("the rest goes on").await;
        stage.end().await;
    });
}

#[test]
fn jobs_may_finish_within_the_grace_and_are_aborted_after_it() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("short", [Plan::Take(SECOND)]);
        stage.log.plan("long", [Plan::Take(8 * SECOND)]);
        stage.note("short");
        stage.note("long");
        stage.log.until("begin long", 1).await;
        let (log, start) = (stage.log.clone(), Instant::now());
        let drained = stage.supervisor.shutdown(3 * SECOND).await;
        assert_eq!(drained, Drained { finished: 1, aborted: 1, leaked: 0 });
        assert!(start.elapsed() < 4 * SECOND);
        assert_eq!((log.count("end short"), log.count("end long")), (1, 0));
    });
}

#[test]
fn an_actor_that_does_not_stop_is_put_out_when_the_grace_is_over() {
    paused(|| async {
        let stage = Stage::local();
        stage.say("up").await;
        stage.worker.tell(wait_for_ever()).unwrap();
        tokio::task::yield_now().await;
        let start = Instant::now();
        let drained = stage.supervisor.shutdown(2 * SECOND).await;
        assert!(start.elapsed() < 3 * SECOND);
        assert_eq!(drained.leaked, 0, "on one thread a future can always be dropped");
    });
}

#[test]
fn an_ask_that_waits_when_its_actor_is_stopped_is_told_so() {
    paused(|| async {
        let stage = Stage::local();
        stage.say("up").await;
        stage.worker.tell(wait_for_ever()).unwrap();
        let worker = stage.worker.clone();
        let asked = tokio::task::spawn_local(async move { worker.ask(Say("x"), 60 * SECOND).await });
        tokio::task::yield_now().await;
        stage.supervisor.shutdown(Duration::from_millis(10)).await;
        assert_eq!(asked.await.unwrap(), Err(AskError::Stopped));
    });
}

#[test]
fn an_actor_added_to_a_stopped_group_is_stopped_from_the_beginning() {
    paused(|| async {
        let stage = Stage::local();
        let group = stage.root().group("g");
        group.stop(SECOND).await;
        let log = Log::new();
        let late = group.actor("late", Worker::make(&log));
        assert!(late.ask(Say("x"), SECOND).await.is_err());
        assert!(log.lines().is_empty());
        stage.end().await;
    });
}

#[test]
fn an_ask_whose_asker_has_gone_is_not_handled() {
    paused(|| async {
        let stage = Stage::local();
        stage.say("up").await;
        stage.crash();
        let limit = Duration::from_millis(10);
        assert_eq!(stage.worker.ask(Say("too late"), limit).await, Err(AskError::Timeout(limit)));
        stage.log.until("worker born 2", 1).await;
        stage.say("next").await;
        assert_eq!(stage.log.count("too late"), 0);
        stage.worker.tell(act(|_, _| {})).unwrap();
        stage.end().await;
    });
}
