//! Following messages and counting them, and what health says.

mod kit;

use std::time::Duration;

use kit::{Changed, Log, Plan, SECOND, Say, Stage, Worker, act, paused, trace_of};
use rdd_actors_runtime::{
    Config,
    trace::{self, Outcome, Record},
};

fn hops(records: &[Record]) -> Vec<(&str, &str, &str)> {
    records.iter().map(|record| (&*record.from, &*record.to, record.kind)).collect()
}

#[test]
fn r47_one_trace_follows_a_cause_through_messages_jobs_and_keyed_work() {
    paused(|| async {
        let stage = Stage::local();
        let log = Log::new();
        let other = stage.root().actor("other", Worker::make(&log));
        let id = trace::root("engine.event");
        let next = other.clone();
        let first = act(move |worker, _| {
            // from the handler into a job, and from there as keyed work to another actor
            let job = worker.scope.spawn(SECOND, async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                next.note(Changed("web".to_owned()));
            });
            drop(job);
        });
        trace::enter(id, || stage.worker.tell(first).unwrap());
        log.until("end web", 1).await;
        tokio::task::yield_now().await;
        let records = trace_of(&stage, id);
        let expected = [
            ("outside", "worker", "Do"),
            ("worker", "worker", "Job"),
            ("worker", "other", "Changed"),
            ("worker", "other", "Changed"),
        ];
        assert_eq!(hops(&records), expected, "{records:#?}");
        assert_eq!(records[1].parent, records[0].id);
        assert_eq!(records[2].key.as_deref(), Some("\"web\""));
        assert_eq!(records[3].parent, records[2].id, "the job belongs to the handler's message");
        assert_eq!((&records[2].outcome, &records[3].outcome), (&Outcome::Handled, &Outcome::Done));
        let run = records[1].run.as_millis();
        assert!((5..=6).contains(&run), "each hop is timed (timers may round up): {run} ms");
        stage.end().await;
    });
}

#[test]
fn r47_a_note_that_merged_names_the_trace_in_which_its_work_goes_on() {
    paused(|| async {
        let stage = Stage::local();
        let [one, two] = [trace::root("first"), trace::root("second")];
        trace::enter(one, || stage.note("a"));
        trace::enter(two, || stage.note("a"));
        stage.log.until("end a", 1).await;
        let records = trace_of(&stage, two);
        assert_eq!(records[0].outcome, Outcome::Merged(one.to_string()));
        stage.end().await;
    });
}

#[test]
fn r47_tracing_is_switched_at_run_time_and_counters_count_without_it() {
    paused(|| async {
        let stage = Stage::with(Config { ring: 0, ..Config::local() });
        stage.say("unseen").await;
        assert!(!stage.supervisor.trace().is_on() && stage.supervisor.trace().records().is_empty());
        stage.supervisor.trace().switch(true);
        stage.say("seen").await;
        stage.supervisor.trace().switch(false);
        stage.say("unseen").await;
        assert_eq!(hops(&stage.supervisor.trace().records()), [("outside", "worker", "Say")]);
        assert_eq!(stage.health().counters["Say"].handled, 3);
        stage.end().await;
    });
}

#[test]
fn r47_messages_can_be_followed_live_and_the_ring_keeps_the_last_ones() {
    paused(|| async {
        let stage = Stage::with(Config { ring: 2, ..Config::local() });
        let mut live = stage.supervisor.trace().subscribe();
        for what in ["one", "two", "three"] {
            stage.say(what).await;
            let record = live.recv().await.unwrap();
            assert_eq!((record.kind, &record.outcome), ("Say", &Outcome::Handled));
        }
        assert_eq!(stage.supervisor.trace().records().len(), 2);
        stage.end().await;
    });
}

#[test]
fn r47_every_fate_of_a_message_is_recorded() {
    paused(|| async {
        let stage = Stage::local();
        stage.say("handled").await;
        for _ in 0..9 {
            let _ = stage.worker.tell(Say("x")); // the ninth is refused
        }
        stage.log.until("x", 8).await;
        stage.log.plan("fails", [Plan::Fail, Plan::Done]);
        stage.note("fails");
        stage.log.until("end fails", 2).await;
        stage.log.plan("late", [Plan::Hang, Plan::Done]);
        stage.note("late");
        stage.log.until("end late", 1).await;
        stage.crash();
        stage.log.until("worker born 2", 1).await;
        let trace = stage.supervisor.trace().clone();
        stage.crash();
        stage.worker.tell(Say("never handled")).unwrap();
        stage.supervisor.shutdown(Duration::ZERO).await;
        let outcomes: Vec<Outcome> = trace.records().into_iter().map(|record| record.outcome).collect();
        let retry = Outcome::Retry("it does not work".to_owned());
        for wanted in
            [Outcome::Handled, Outcome::Refused, retry, Outcome::Done, Outcome::TimedOut, Outcome::Dropped]
        {
            assert!(outcomes.contains(&wanted), "{wanted:?} is missing: {outcomes:?}");
        }
        assert!(
            outcomes
                .iter()
                .any(|outcome| matches!(outcome, Outcome::Panicked(text) if text.contains("told to")))
        );
    });
}

#[test]
fn r46_health_shows_state_restarts_failure_mailbox_ages_and_progress_as_json() {
    paused(|| async {
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        let stage = Stage::with(Config { epoch: Some(epoch), ..Config::local() });
        stage.say("up").await;
        stage.log.plan("bad", [Plan::Fail]);
        stage.note("bad");
        stage.log.until("end bad", 1).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        stage.crash();
        stage.worker.tell(Say("queued")).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let health = serde_json::to_value(stage.supervisor.health()).unwrap();
        let worker = &health["root"]["members"][0];
        assert_eq!(worker["name"], "worker");
        assert_eq!(worker["kind"], "actor");
        assert_eq!(worker["state"], "restarting");
        assert_eq!(worker["incarnation"], 1);
        assert_eq!(worker["lastFailure"]["kind"], "panic");
        assert_eq!(worker["lastFailure"]["message"], "Do");
        assert!(worker["lastFailure"]["when"].as_str().unwrap().starts_with("2026-01-01T00:00:00"));
        assert_eq!(worker["mailbox"]["depth"], 1);
        assert!(worker["mailbox"]["oldestMs"].as_u64().unwrap() >= 5);
        assert!(worker["oldestWaitingMs"].as_u64().unwrap() >= 5);
        assert!(worker["lastProgress"].as_str().unwrap().starts_with("2026-01-01T00:00:00"));
        assert_eq!(worker["lanes"][0]["failing"][0]["key"], "\"bad\"");
        assert_eq!(worker["lanes"][0]["failing"][0]["error"], "it does not work");
        assert!(worker["lanes"][0]["failing"][0]["nextTry"].is_string());
        assert_eq!(worker["leaked"]["threads"], 0);
        stage.end().await;
    });
}
