//! From the API to the engine: deletes (R11 to R13) and actions (R16 to R20).

use crate::common::{equal, with};
use anyhow::{Context, ensure};
use http::Method;
use rdd_engine::memory::{Call, Effect, Memory, Rule};
use rdd_engine::{Action, ContainerId, Key};
use rdd_tests::api_proxy::Fault;
use rdd_tests::harness::Test;
use rdd_tests::test;
use rdd_tests::world::{ACTION, FINALIZER, Memories, View, World};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(r11_deleting_a_mirror_removes_the_container),
        test!(r11_a_container_that_is_gone_counts_as_deleted),
        test!(r12_a_hand_made_mirror_of_nothing_is_released),
        test!(r13_conflicts_on_the_release_repeat_no_engine_call),
        test!(r16_every_action_reaches_the_engine_and_is_recorded),
        test!(r16_a_crash_before_the_record_replays_a_stop),
        test!(r16_a_crash_before_the_record_restarts_once),
        test!(r17_the_last_action_survives_other_changes),
        test!(r18_an_action_that_does_not_fit_the_state_fails_with_words),
        test!(r19_another_action_written_meanwhile_is_done_next),
        test!(r19_the_same_id_is_never_dispatched_again),
        test!(r20_the_clean_up_after_an_action_replays_nothing),
        test!(r20_no_action_starts_on_an_object_that_is_being_deleted),
        test!(r21_an_action_nobody_knows_is_dropped),
    ]
}

/// How often an action reached the engine.
fn acts(engine: &Memory, action: Action) -> usize {
    engine.calls().iter().filter(|seen| seen.action == Some(action)).count()
}

/// How often an object's removal reached the engine.
fn removals(engine: &Memory, id: &ContainerId) -> usize {
    let key = Some(Key::Container(id.clone()));
    engine.calls().iter().filter(|seen| seen.call == Call::Remove && seen.key == key).count()
}

/// Waits until an action is recorded and its annotation is gone.
async fn acted(world: &World<Memories>, id: &ContainerId, last: &str) -> anyhow::Result<View> {
    let done = |view: &View| {
        view.container(id)
            .is_some_and(|mirror| mirror.last_action() == last && mirror.annotation(ACTION).is_none())
    };
    world.until(&format!("lastAction to be {last:?}, and the annotation gone"), done).await
}

async fn r11_deleting_a_mirror_removes_the_container() -> anyhow::Result<()> {
    let (world, ids) = with(3).await?;
    world.delete(&ids[1]).await?;
    world.until("the mirror to go", |view| view.container(&ids[1]).is_none()).await?;
    ensure!(world.engine.container(&ids[1]).is_none(), "the container is still there");
    ensure!(world.engine.containers().len() == 2);
    equal(&world).await?;
    Ok(())
}

async fn r11_a_container_that_is_gone_counts_as_deleted() -> anyhow::Result<()> {
    let (world, ids) = with(2).await?;
    world.engine.remove_silently(&ids[0]);
    world.delete(&ids[0]).await?;
    world.until("the mirror to go", |view| view.container(&ids[0]).is_none()).await?;
    Ok(())
}

async fn r12_a_hand_made_mirror_of_nothing_is_released() -> anyhow::Result<()> {
    let (world, _) = with(1).await?;
    let id = "a".repeat(64);
    let made = json!({
        "apiVersion": "containers.rancherdesktop.io/v1alpha1", "kind": "Container",
        "metadata": { "name": id, "finalizers": [FINALIZER] },
    });
    world.containers().create(&Default::default(), &serde_json::from_value(made)?).await?;
    world.delete(&id).await.or_else(|error| match error.downcast_ref::<kube::Error>() {
        // The writer may have found out first that there is no such container.
        Some(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        _ => Err(error),
    })?;
    world.until("it to go", |view| view.container(&id).is_none()).await?;
    ensure!(world.engine.containers().len() == 1);
    Ok(())
}

async fn r13_conflicts_on_the_release_repeat_no_engine_call() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let id = &ids[0];
    // Only writes are refused, and only once the engine has done its part.
    let engine = world.engine.clone();
    let gone = id.clone();
    let conflicts = world.api.nth(Fault::Answer(409), 0, 4, move |call| {
        call.method != Method::GET && call.path.contains(gone.as_str()) && engine.container(&gone).is_none()
    });
    world.delete(id).await?;
    world.until("the mirror to go", |view| view.container(id).is_none()).await?;
    ensure!(conflicts.hits() == 4, "the conflicts were not met: {}", conflicts.hits());
    ensure!(removals(&world.engine, id) == 1, "the engine was called {} times", removals(&world.engine, id));
    Ok(())
}

async fn r16_every_action_reaches_the_engine_and_is_recorded() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let id = &ids[0];
    let steps = [
        ("pause", Action::Pause, "paused"),
        ("unpause", Action::Unpause, "running"),
        ("stop", Action::Stop, "exited"),
        ("start", Action::Start, "running"),
        ("restart", Action::Restart, "running"),
    ];
    for (word, action, state) in steps {
        world.request(id, word).await?;
        acted(&world, id, &format!("{word} Succeeded")).await?;
        let view = world.until(state, |view| view.state(id) == state).await?;
        let mirror = view.container(id).context("the mirror")?;
        ensure!(
            acts(&world.engine, action) == 1,
            "{word} reached the engine {} times",
            acts(&world.engine, action)
        );
        ensure!(!mirror.text("/status/lastAction/observedAt").is_empty());
        ensure!(!mirror.text("/status/lastAction/completedAt").is_empty());
        ensure!(mirror.at("/status/lastAction/error").is_null());
    }
    Ok(())
}

async fn r16_a_crash_before_the_record_replays_a_stop() -> anyhow::Result<()> {
    let (mut world, ids) = with(1).await?;
    let id = &ids[0];
    let lost =
        world.api.rule(Fault::Hang, |call| call.method != Method::GET && call.path.contains("/containers/"));
    world.request(id, "stop").await?;
    rdd_tests::harness::wait("the engine to stop it", async {
        while acts(&world.engine, Action::Stop) == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    world.stop().await;
    drop(lost);
    world.start()?;
    acted(&world, id, "stop Succeeded").await?;
    world.until("exited", |view| view.state(id) == "exited").await?;
    Ok(())
}

async fn r16_a_crash_before_the_record_restarts_once() -> anyhow::Result<()> {
    let (mut world, ids) = with(1).await?;
    let id = &ids[0];
    let started = world.engine.container(id).context("it")?.started_at;
    let engine = world.engine.clone();
    let probe = id.clone();
    // From the moment the engine has restarted it, nothing can be written any more.
    let lost = world.api.rule(Fault::Hang, move |call| {
        let restarted = engine.container(&probe).is_some_and(|facts| facts.started_at != started);
        restarted && call.method != Method::GET && call.path.contains("/containers/")
    });
    world.request(id, "restart/one").await?;
    rdd_tests::harness::wait("a write after the restart", async {
        while lost.hits() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    world.stop().await;
    drop(lost);
    world.start()?;
    acted(&world, id, "restart Succeeded").await?;
    ensure!(acts(&world.engine, Action::Restart) == 1, "it was restarted again");
    Ok(())
}

async fn r17_the_last_action_survives_other_changes() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let id = &ids[0];
    world.request(id, "pause/first").await?;
    acted(&world, id, "pause Succeeded").await?;
    world.engine.unpause(id);
    world.engine.rename(id, "renamed");
    world.engine.stop(id);
    let view = world.until("exited", |view| view.state(id) == "exited").await?;
    let mirror = view.container(id).context("the mirror")?;
    ensure!(mirror.last_action() == "pause Succeeded" && mirror.text("/status/lastAction/id") == "first");
    Ok(())
}

async fn r18_an_action_that_does_not_fit_the_state_fails_with_words() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let id = &ids[0];
    world.request(id, "stop").await?;
    acted(&world, id, "stop Succeeded").await?;
    world.until("exited", |view| view.state(id) == "exited").await?;
    for word in ["pause", "unpause"] {
        world.request(id, word).await?;
        let view = acted(&world, id, &format!("{word} Failed")).await?;
        let text = view.container(id).context("it")?.text("/status/lastAction/error").to_owned();
        ensure!(text.contains("not running"), "{word}: {text:?}");
    }
    world.request(id, "stop/again").await?;
    acted(&world, id, "stop Succeeded").await?;
    Ok(())
}

async fn r19_another_action_written_meanwhile_is_done_next() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let id = &ids[0];
    let held = world.engine.rule(Rule::new(Effect::Hang).on(Call::Act).action(Action::Pause).times(1));
    world.request(id, "pause").await?;
    held.hit(1).await;
    world.request(id, "stop").await?;
    held.release();
    acted(&world, id, "stop Succeeded").await?;
    world.until("exited", |view| view.state(id) == "exited").await?;
    ensure!(acts(&world.engine, Action::Pause) >= 1 && acts(&world.engine, Action::Stop) == 1);
    Ok(())
}

async fn r19_the_same_id_is_never_dispatched_again() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let id = &ids[0];
    for _ in 0..3 {
        world.request(id, "restart/a").await?;
        acted(&world, id, "restart Succeeded").await?;
    }
    sleep(Duration::from_secs(5)).await;
    ensure!(acts(&world.engine, Action::Restart) == 1);
    world.request(id, "restart/b").await?;
    let second = |view: &View| view.container(id).is_some_and(|m| m.text("/status/lastAction/id") == "b");
    world.until("the second id", second).await?;
    acted(&world, id, "restart Succeeded").await?;
    ensure!(acts(&world.engine, Action::Restart) == 2);
    Ok(())
}

async fn r20_the_clean_up_after_an_action_replays_nothing() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let id = &ids[0];
    let path = id.to_string();
    let stale = world.api.rule(Fault::Stale, move |call| {
        call.method == Method::GET && !call.watch && call.path.ends_with(&path)
    });
    let path = id.to_string();
    let conflicts = world
        .api
        .nth(Fault::Answer(409), 1, 2, move |call| call.method != Method::GET && call.path.contains(&path));
    world.request(id, "restart").await?;
    sleep(Duration::from_secs(2)).await;
    drop((stale, conflicts));
    acted(&world, id, "restart Succeeded").await?;
    sleep(Duration::from_secs(60)).await;
    ensure!(
        acts(&world.engine, Action::Restart) == 1,
        "restarted {} times",
        acts(&world.engine, Action::Restart)
    );
    Ok(())
}

async fn r20_no_action_starts_on_an_object_that_is_being_deleted() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let id = &ids[0];
    world.patch(id, json!({ "metadata": { "finalizers": [FINALIZER, "example.com/mine"] } })).await?;
    world.delete(id).await?;
    world
        .until("the engine's part to be done", |view| view.container(id).is_some_and(|m| !m.holds(FINALIZER)))
        .await?;
    world.request(id, "start").await?;
    sleep(Duration::from_secs(5)).await;
    ensure!(acts(&world.engine, Action::Start) == 0);
    world.patch(id, json!({ "metadata": { "finalizers": null } })).await?;
    world.until("it to go", |view| view.container(id).is_none()).await?;
    Ok(())
}

async fn r21_an_action_nobody_knows_is_dropped() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let id = &ids[0];
    // A policy may refuse it at the door; one that reaches the store all the same has no effect.
    if world.request(id, "explode").await.is_ok() {
        world
            .until("it to be dropped", |view| {
                view.container(id).is_some_and(|m| m.annotation(ACTION).is_none())
            })
            .await?;
    }
    let mirror = world.get(id).await?.context("the mirror")?;
    ensure!(mirror.last_action().is_empty());
    ensure!(!world.engine.calls().iter().any(|seen| seen.call == Call::Act));
    Ok(())
}
