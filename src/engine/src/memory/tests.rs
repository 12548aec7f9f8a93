use super::*;
use futures::{FutureExt, StreamExt};
use std::time::Duration;
use tokio::time::{Instant, timeout};

fn key(id: &ContainerId) -> Key {
    Key::Container(id.clone())
}

async fn actions(engine: &Memory, since: Timestamp) -> Vec<String> {
    let mut events = engine.events(since);
    let mut seen = Vec::new();
    // The paused clock moves only when nothing is left to read.
    while let Ok(Some(Ok(Hint::Changed { action, .. }))) =
        timeout(Duration::from_millis(1), events.next()).await
    {
        seen.push(action);
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn the_last_256_events_are_replayed_and_no_more() {
    let engine = Memory::default();
    let since = engine.clock().await.unwrap();
    for _ in 0..300 {
        engine.create("x");
    }
    assert_eq!(actions(&engine, since).await.len(), 256);
    engine.restart_engine();
    assert!(actions(&engine, since).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn since_is_inclusive_and_the_clock_never_repeats() {
    let engine = Memory::default();
    let first = engine.clock().await.unwrap();
    engine.run("a");
    let second = engine.clock().await.unwrap();
    assert!(first < second);
    assert_eq!(actions(&engine, first).await, ["create", "start"]);
    assert!(actions(&engine, second).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_runs_are_the_same() {
    let run = || {
        let engine = Memory::default();
        let id = engine.run("a");
        engine.die(&id, 3);
        engine.containers()
    };
    assert_eq!(run(), run());
}

#[tokio::test(start_paused = true)]
async fn an_inspect_waits_while_a_container_stops_and_a_peek_does_not() {
    let engine = Memory::default();
    let id = engine.create_from(Spec { stop_takes: Duration::from_secs(3), ..Spec::named("slow") });
    engine.start(&id);
    let start = Instant::now();
    let stop = tokio::spawn({
        let (engine, id) = (engine.clone(), id.clone());
        async move { engine.act(&id, Action::Stop).await }
    });
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert!(engine.peek(&key(&id)).await.unwrap().is_some());
    assert_eq!(start.elapsed(), Duration::ZERO);
    // The caller gives up, the stop goes on.
    stop.abort();
    let facts = engine.inspect(&key(&id)).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 3);
    assert!(matches!(facts, Some(Facts::Container(f)) if f.state == State::Exited && f.exit_code == 0));
}

#[tokio::test(start_paused = true)]
async fn the_stop_timeout_cuts_a_slow_stop_short() {
    let engine = Memory::default();
    let hour = Duration::from_secs(3600);
    let spec = Spec { stop_takes: hour, stop_timeout: Some(2), ..Spec::named("stubborn") };
    let id = engine.create_from(spec);
    engine.start(&id);
    let start = Instant::now();
    engine.act(&id, Action::Stop).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 2);
    assert_eq!(engine.container(&id).unwrap().exit_code, 137);
}

#[tokio::test(start_paused = true)]
async fn a_rule_hits_the_nth_call_on_its_object_only() {
    let engine = Memory::default();
    let (a, b) = (engine.run("a"), engine.run("b"));
    let error = Error::Refused { code: 500, text: "no".to_owned() };
    let rule =
        engine.rule(Rule::new(Effect::Fail(error.clone())).on(Call::Inspect).of(a.clone()).skip(1).times(2));
    let mut failed = Vec::new();
    for _ in 0..5 {
        assert!(engine.inspect(&key(&b)).await.is_ok());
        failed.push(engine.inspect(&key(&a)).await == Err(error.clone()));
    }
    assert_eq!(failed, [false, true, true, false, false]);
    assert_eq!(rule.hits(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_goes_on_when_it_is_released_and_an_answer_can_be_lost() {
    let engine = Memory::default();
    let id = engine.run("a");
    let hang = engine.rule(Rule::new(Effect::Hang).on(Call::Act).action(Action::Pause));
    let pause = tokio::spawn({
        let (engine, id) = (engine.clone(), id.clone());
        async move { engine.act(&id, Action::Pause).await }
    });
    hang.hit(1).await;
    assert_eq!(engine.container(&id).unwrap().state, State::Running);
    hang.release();
    pause.await.unwrap().unwrap();
    assert_eq!(engine.container(&id).unwrap().state, State::Paused);

    engine.rule(Rule::new(Effect::Fail(Error::Timeout(Duration::ZERO))).on(Call::Remove).after());
    engine.remove(&key(&id), &Fingerprint::Container).await.unwrap_err();
    assert_eq!(engine.container(&id), None, "it was done");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_engine_says_nothing_until_it_thaws() {
    let engine = Memory::default();
    let mut events = engine.events(engine.clock().await.unwrap());
    assert!(events.next().now_or_never().is_none());
    engine.freeze();
    engine.create("a");
    assert!(engine.ping().now_or_never().is_none());
    assert!(events.next().now_or_never().is_none());
    engine.thaw();
    assert!(engine.ping().await.is_ok());
    assert!(events.next().await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_down_breaks_its_streams_and_forgets_its_events() {
    let engine = Memory::default();
    let since = engine.clock().await.unwrap();
    let id = engine.run("a");
    let mut events = engine.events(since);
    assert!(events.next().await.unwrap().is_ok());
    engine.down();
    assert!(events.next().await.unwrap().is_ok(), "what was read already");
    assert!(matches!(events.next().await, Some(Err(Error::Unreachable { permanent: false, .. }))));
    assert!(events.next().await.is_none());
    assert!(matches!(engine.inspect(&key(&id)).await, Err(Error::Unreachable { .. })));
    engine.up();
    assert_eq!(engine.container(&id).unwrap().state, State::Exited);
    assert!(actions(&engine, since).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn another_engine_at_the_endpoint_is_noticed() {
    let engine = Memory::new("one");
    let id = engine.run("a");
    engine.replace("two");
    assert_eq!(engine.ping().await, Err(Error::Replaced));
    assert_eq!(engine.remove(&key(&id), &Fingerprint::Container).await, Err(Error::Replaced));
    let new = engine.attach();
    assert_eq!((new.identity().id.as_str(), &new.identity().endpoint), ("two", &engine.identity().endpoint));
    assert!(new.ping().await.is_ok());
    assert!(new.list(Kind::Container).await.unwrap().is_empty());
    assert_ne!(new.identity().mark(), engine.identity().mark());
}
