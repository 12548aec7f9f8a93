//! What happens when an actor crashes.

mod kit;

use std::time::Duration;

use actix::{ActorContext, Context};
use kit::{Log, Plan, SECOND, Say, Stage, Worker, act, paused, wait_for_ever};
use rdd_actors_runtime::{
    AskError, Config, Group, Health, Limit, State, Supervised, Supervisor,
    chaos::{Fault, Point, Rule},
    health::{FailureKind, GroupHealth},
};
use tokio::time::Instant;

#[test]
fn r43_queued_messages_and_handles_survive_a_panic() {
    paused(|| async {
        let stage = Stage::local();
        stage.crash();
        stage.worker.tell(Say("one")).unwrap();
        stage.worker.tell(Say("two")).unwrap();
        stage.log.until("two", 1).await;
        let lines = stage.log.lines();
        assert_eq!(lines, ["worker born 1", "worker born 2", "one", "two"]);
        stage.end().await;
    });
}

#[test]
fn r43_a_panic_leaves_the_other_actors_alone() {
    paused(|| async {
        let stage = Stage::local();
        let log = Log::new();
        let other = stage.root().actor("other", Worker::make(&log));
        for _ in 0..3 {
            stage.crash();
        }
        stage.log.until("worker born 4", 1).await;
        assert_eq!(other.ask(Say("here"), SECOND).await, Ok(4));
        assert_eq!(log.lines(), ["other born 1", "here"]);
        assert_eq!(stage.health_of("other").restarts, 0);
        stage.end().await;
    });
}

#[test]
fn an_ask_whose_message_kills_the_actor_is_told_that_it_died() {
    paused(|| async {
        let stage = Stage::local();
        let answer = stage.worker.ask(act(|_, _| panic!("no")), SECOND).await;
        assert_eq!(answer, Err(AskError::Died));
        stage.end().await;
    });
}

#[test]
fn a_panic_in_a_timer_of_the_actors_context_restarts_it() {
    paused(|| async {
        let stage = Stage::local();
        let timer = act(|_, context: &mut Context<Worker>| {
            use actix::AsyncContext;
            context.run_later(SECOND, |_, _| panic!("in a timer"));
        });
        stage.worker.tell(timer).unwrap();
        stage.log.until("worker born 2", 1).await;
        let failure = stage.health().last_failure.unwrap();
        assert_eq!((failure.kind, failure.message), (FailureKind::Panic, None));
        assert!(failure.text.contains("in a timer"));
        stage.end().await;
    });
}

struct Fragile {
    log: Log,
}

impl actix::Actor for Fragile {
    type Context = Context<Self>;
}

impl Supervised for Fragile {}

impl Drop for Fragile {
    fn drop(&mut self) {
        self.log.say("dropped");
        panic!("again, while it is dropped");
    }
}

impl actix::Handler<Say> for Fragile {
    type Result = u64;

    fn handle(&mut self, say: Say, _: &mut Self::Context) -> u64 {
        panic!("{}", say.0)
    }
}

#[test]
fn r43_a_second_panic_while_the_actor_is_dropped_does_not_end_the_process() {
    paused(|| async {
        let supervisor = Supervisor::start(Config::local());
        let log = Log::new();
        let witness = log.clone();
        let fragile = supervisor.root().actor("fragile", move |birth| {
            log.say(format!("born {}", birth.incarnation));
            Ok(Fragile { log: log.clone() })
        });
        fragile.tell(Say("crash")).unwrap();
        witness.until("born 2", 1).await;
        assert_eq!(witness.count("dropped"), 1);
        supervisor.shutdown(SECOND).await;
        assert_eq!(witness.count("dropped"), 2);
    });
}

#[test]
fn r44_restarts_wait_50_ms_doubling_to_2_s_less_at_most_a_fifth() {
    paused(|| async {
        let stage = Stage::with(Config { limit: Limit { restarts: 100, window: SECOND }, ..Config::local() });
        let mut gaps = Vec::new();
        for n in 2..=5 {
            let start = Instant::now();
            stage.crash();
            stage.log.until(&format!("worker born {n}"), 1).await;
            gaps.push(start.elapsed());
        }
        for (gap, whole) in gaps.iter().zip([50u64, 100, 200, 400].map(Duration::from_millis)) {
            // tokio's timers have a granularity of a millisecond
            assert!(*gap >= whole.mul_f64(0.8) && *gap <= whole + Duration::from_millis(2), "{gaps:?}");
        }
        stage.end().await;
    });
}

#[test]
fn r44_the_delay_starts_over_after_10_s_of_health() {
    paused(|| async {
        let stage = Stage::local();
        for n in 2..=4 {
            stage.crash();
            stage.log.until(&format!("worker born {n}"), 1).await;
        }
        tokio::time::sleep(11 * SECOND).await;
        let start = Instant::now();
        stage.crash();
        stage.log.until("worker born 5", 1).await;
        assert!(start.elapsed() <= Duration::from_millis(52), "{:?}", start.elapsed());
        stage.end().await;
    });
}

#[test]
fn r44_an_actor_that_crashes_6_times_in_10_s_is_parked_alone_and_tried_again_after_60_s() {
    paused(|| async {
        let stage = Stage::local();
        let log = Log::new();
        let other = stage.root().actor("other", Worker::make(&log));
        let rule = stage.supervisor.chaos().inject(Rule::new("worker", Point::Start, Fault::Panic)).unwrap();
        stage.until("parked", |health| health.state == State::Parked).await;
        assert_eq!(stage.supervisor.chaos().struck(rule), 6);
        let parked = Instant::now();
        assert!(stage.health().next_try.is_some());
        assert!(stage.supervisor.health().problems().iter().any(|line| line.contains("worker is parked")));
        assert_eq!(other.ask(Say("here"), SECOND).await, Ok(4));
        stage.worker.tell(Say("queued")).unwrap();
        stage.supervisor.chaos().clear();
        stage.log.until("queued", 1).await;
        let waited = parked.elapsed();
        assert!(waited > 59 * SECOND && waited < 61 * SECOND, "{waited:?}");
        assert_eq!(stage.health().state, State::Running);
        stage.end().await;
    });
}

#[test]
fn r44_sick_members_of_a_group_are_parked_alone_and_their_siblings_go_on() {
    paused(|| async {
        let stage = Stage::local();
        let group = stage.root().group("group");
        let log = Log::new();
        let healthy = group.actor("healthy", Worker::make(&log));
        let chaos = stage.supervisor.chaos();
        chaos.inject(Rule::new("sick*", Point::Start, Fault::Panic)).unwrap();
        for name in ["sick1", "sick2", "sick3"] {
            group.actor(name, Worker::make(&log));
        }
        chaos.inject(Rule::new("watch", Point::Job, Fault::Panic)).unwrap();
        group.task("watch", |_| std::future::pending());
        for name in ["sick1", "sick2", "sick3", "watch"] {
            while stage.health_of(name).state != State::Parked {
                assert_eq!(healthy.ask(Say("here"), SECOND).await, Ok(4), "while {name} crashes");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        assert_eq!(stage.health_of("healthy").incarnation, 1);
        assert!(stage.supervisor.health().root.groups[0].parked_until.is_none());
        stage.end().await;
    });
}

/// Starts actors with these names that crash until chaos is cleared.
fn sick(stage: &Stage, group: &Group, names: &[&str]) {
    for name in names {
        stage.supervisor.chaos().inject(Rule::new(*name, Point::Start, Fault::Panic)).unwrap();
        group.actor(name, Worker::make(&Log::new()));
    }
}

async fn parked(stage: &Stage, group: impl Fn(&Health) -> &GroupHealth) -> Instant {
    let end = Instant::now() + 60 * SECOND;
    while group(&stage.supervisor.health()).parked_until.is_none() {
        assert!(Instant::now() < end, "never parked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Instant::now()
}

#[test]
fn r44_a_group_of_which_more_than_5_members_are_parked_within_10_s_is_parked_and_others_go_on() {
    paused(|| async {
        let stage = Stage::local();
        let group = stage.root().group("sick");
        let log = Log::new();
        let healthy = group.actor("healthy", Worker::make(&log));
        sick(&stage, &group, &["a", "b", "c", "d", "e", "f"]);
        let parked = parked(&stage, |health| &health.root.groups[0]).await;
        stage.supervisor.chaos().clear();
        tokio::time::sleep(SECOND).await;
        for name in ["a", "f", "healthy"] {
            assert_eq!(stage.health_of(name).state, State::Parked, "{name}");
        }
        stage.say("the parent's other members answer").await;
        assert_eq!(healthy.ask(Say("back"), 70 * SECOND).await, Ok(4));
        assert!(parked.elapsed() > 59 * SECOND && parked.elapsed() < 61 * SECOND);
        assert_eq!(stage.supervisor.health().root.groups[0].parkings, 1);
        stage.end().await;
    });
}

#[test]
fn r44_a_group_within_a_parked_one_stays_parked_with_it() {
    paused(|| async {
        let limit = Limit { restarts: 1, window: 100 * SECOND };
        let stage = Stage::with(Config { limit, ..Config::local() });
        let outer = stage.root().group("outer");
        let inner = outer.group("inner");
        sick(&stage, &inner, &["a", "b"]);
        let first = parked(&stage, |health| &health.root.groups[0].groups[0]).await;
        tokio::time::sleep(20 * SECOND).await;
        sick(&stage, &outer, &["c"]);
        let second = parked(&stage, |health| &health.root.groups[0]).await;
        stage.supervisor.chaos().clear();
        let late = inner.actor("late", Worker::make(&Log::new()));
        tokio::time::sleep_until(first + 65 * SECOND).await;
        for name in ["a", "b", "c", "late"] {
            assert_eq!(stage.health_of(name).state, State::Parked, "{name}");
        }
        assert_eq!(late.ask(Say("back"), 70 * SECOND).await, Ok(4));
        assert!(second.elapsed() > 59 * SECOND && second.elapsed() < 61 * SECOND, "{:?}", second.elapsed());
        stage.end().await;
    });
}

#[test]
fn r44_an_actor_that_stops_by_itself_is_made_anew_and_never_parked() {
    paused(|| async {
        let stage = Stage::local();
        for n in 2..=9 {
            stage.worker.tell(act(|_, context| context.stop())).unwrap();
            stage.log.until(&format!("worker born {n}"), 1).await;
        }
        stage.say("here").await;
        assert_eq!(stage.log.count("worker stopped"), 8);
        assert!(stage.health().last_failure.is_none());
        stage.end().await;
    });
}

#[test]
fn r44_failing_keys_never_restart_or_park_their_actor() {
    paused(|| async {
        let stage = Stage::local();
        stage.log.plan("away", [Plan::Fail]);
        stage.note("away");
        stage.log.until("begin away", 12).await;
        assert_eq!((stage.health().restarts, stage.health().state), (0, State::Running));
        stage.end().await;
    });
}

#[test]
fn r45_a_failed_start_counts_as_a_crash_and_is_tried_again() {
    paused(|| async {
        let stage = Stage::local();
        let log = Log::new();
        let tries = log.clone();
        let make = Worker::make(&log);
        let late = stage.root().actor("late", move |birth| {
            tries.say("try");
            if birth.incarnation < 3 { Err("not yet".into()) } else { make(birth) }
        });
        assert_eq!(late.ask(Say("up"), 5 * SECOND).await, Ok(2));
        let health = stage.health_of("late");
        assert_eq!((log.count("try"), health.restarts), (3, 2));
        let failure = health.last_failure.unwrap();
        assert_eq!(failure.kind, FailureKind::Start);
        assert!(failure.text.contains("not yet"));
        stage.end().await;
    });
}

#[test]
fn r45_a_start_that_never_ends_is_noticed_after_10_s() {
    paused(|| async {
        let stage = Stage::local();
        let log = Log::new();
        stage.supervisor.chaos().inject(Rule::new("slow", Point::Start, Fault::Hang).times(1)).unwrap();
        let start = Instant::now();
        let slow = stage.root().actor("slow", Worker::make(&log));
        assert_eq!(slow.ask(Say("up"), 60 * SECOND).await, Ok(2));
        assert!(start.elapsed() >= 10 * SECOND && start.elapsed() < 12 * SECOND, "{:?}", start.elapsed());
        assert_eq!(stage.health_of("slow").last_failure.unwrap().kind, FailureKind::Start);
        stage.end().await;
    });
}

#[test]
fn r45_an_actor_with_work_and_no_progress_for_5_s_is_replaced() {
    paused(|| async {
        let stage = Stage::local();
        stage.worker.tell(wait_for_ever()).unwrap();
        stage.worker.tell(Say("next")).unwrap();
        let start = Instant::now();
        stage.log.until("next", 1).await;
        assert!(start.elapsed() >= 5 * SECOND && start.elapsed() < 7 * SECOND, "{:?}", start.elapsed());
        assert_eq!(stage.health().last_failure.unwrap().kind, FailureKind::Hang);
        stage.end().await;
    });
}

#[test]
fn r45_an_idle_actor_is_never_taken_for_hung() {
    paused(|| async {
        let stage = Stage::local();
        stage.say("here").await;
        tokio::time::sleep(3600 * SECOND).await;
        stage.say("still").await;
        assert_eq!(stage.health().incarnation, 1);
        stage.end().await;
    });
}
