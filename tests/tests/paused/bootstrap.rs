//! Bootstrap objects, conditions, sweeps: R23 to R28.

use crate::common::{equal, with};
use anyhow::{Context, ensure};
use http::Method;
use kube::api::DeleteParams;
use rdd_engine::memory::{Call, Effect, Rule};
use rdd_tests::api_proxy::Fault;
use rdd_tests::harness::{Test, wait};
use rdd_tests::test;
use rdd_tests::world::{FINALIZER, NAMESPACE, View, World};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(r23_a_deleted_container_namespace_is_seen_to_go_and_comes_back),
        test!(r23_namespace_and_kinds_come_back_within_a_second),
        test!(r23_two_hundred_mirrors_are_back_within_three_seconds),
        test!(r24_a_new_generation_is_stamped_within_a_second),
        test!(r24_an_unchanged_condition_is_not_rewritten),
        test!(r25_stopped_and_never_started_is_settled_at_once),
        test!(r25_the_app_settles_only_when_all_mirrors_are_there),
        test!(r25_a_second_set_waits_for_its_own_generation),
        test!(r25_after_a_restart_an_old_connected_settles_nothing),
        test!(r44_without_an_app_nobody_wakes_anybody),
        test!(r27_a_foreign_finalizer_is_reported_and_not_fought),
        test!(r27_a_newer_spec_cancels_a_sweep_that_can_not_finish),
        test!(r27_no_mirror_appears_behind_a_sweep),
        test!(r28_one_stuck_mirror_does_not_keep_the_others_from_the_sweep),
        test!(r30_a_failure_is_reported_only_after_the_grace_period),
    ]
}

async fn r23_a_deleted_container_namespace_is_seen_to_go_and_comes_back() -> anyhow::Result<()> {
    let (world, _) = with(1).await?;
    let uid = world.view().namespaces["moby"].uid().to_owned();
    let start = Instant::now();
    world.container_namespaces().delete("moby", &DeleteParams::default()).await?;
    world.until("it to be gone", |view| !view.namespaces.contains_key("moby")).await?;
    let back = |view: &View| view.namespaces.get("moby").is_some_and(|moby| moby.uid() != uid);
    world.until("it to be back", back).await?;
    let took = start.elapsed();
    let right = Duration::from_millis(300)..=Duration::from_millis(500);
    ensure!(right.contains(&took), "it was back after {took:?}");
    Ok(())
}

async fn r23_namespace_and_kinds_come_back_within_a_second() -> anyhow::Result<()> {
    let (world, _) = with(0).await?;
    let uid = world.namespaces().get(NAMESPACE).await?.metadata.uid;
    let start = Instant::now();
    world.namespaces().delete(NAMESPACE, &DeleteParams::default()).await?;
    loop {
        let found = world.namespaces().get_opt(NAMESPACE).await?;
        let is_new =
            found.is_some_and(|ns| ns.metadata.uid != uid && ns.metadata.deletion_timestamp.is_none());
        if is_new {
            break;
        }
        ensure!(start.elapsed() < Duration::from_secs(1), "the namespace is not back");
        sleep(Duration::from_millis(5)).await;
    }
    for plural in ["containers", "containernamespaces"] {
        let name = format!("{plural}.containers.rancherdesktop.io");
        let uid = world.crds().get(&name).await?.metadata.uid;
        let start = Instant::now();
        world.crds().delete(&name, &DeleteParams::default()).await?;
        loop {
            let found = world.crds().get_opt(&name).await?;
            let is_new =
                found.is_some_and(|crd| crd.metadata.uid != uid && crd.metadata.deletion_timestamp.is_none());
            if is_new {
                break;
            }
            ensure!(start.elapsed() < Duration::from_secs(1), "{name} is not back");
            sleep(Duration::from_millis(5)).await;
        }
    }
    let id = world.engine.run("after all that");
    world.until("mirroring to go on", |view| view.state(&id) == "running").await?;
    Ok(())
}

async fn r23_two_hundred_mirrors_are_back_within_three_seconds() -> anyhow::Result<()> {
    let (world, ids) = with(200).await?;
    let probe = world.view().container(&ids[0]).context("a mirror")?.uid().to_owned();
    world.namespaces().delete(NAMESPACE, &DeleteParams::default()).await?;
    let back = |view: &View| {
        view.containers.len() == 200
            && view.container(&ids[0]).is_some_and(|m| m.uid() != probe)
            && view.containers.values().all(|m| m.state() == "running" && !m.is_terminating())
    };
    world.within(Duration::from_secs(3), "all 200 to be back", back).await?;
    ensure!(world.engine.containers().len() == 200);
    Ok(())
}

async fn r24_a_new_generation_is_stamped_within_a_second() -> anyhow::Result<()> {
    let (world, _) = with(1).await?;
    // Something that changes the generation and nothing else.
    let generation = world.set(json!({ "namespace": NAMESPACE, "containerEngine": { "name": "moby" }, "kubernetes": { "enabled": false } })).await?;
    let stamped = |view: &View| {
        let app = view.app.as_ref();
        app.and_then(|app| app.condition("ContainerEngineReady")).is_some_and(|c| c.generation == generation)
            && view.is_settled()
    };
    world.within(Duration::from_secs(1), "the engine condition at the new generation", stamped).await?;
    Ok(())
}

async fn r24_an_unchanged_condition_is_not_rewritten() -> anyhow::Result<()> {
    let (world, _) = with(1).await?;
    let version = world.view().app.context("the App")?.version().to_owned();
    let writes = world.api.rule(Fault::Delay(Duration::ZERO), |call| {
        call.path.contains("/apps/") && call.method != Method::GET
    });
    sleep(Duration::from_secs(15 * 60)).await;
    ensure!(writes.hits() == 0, "{} writes for nothing", writes.hits());
    ensure!(world.view().app.context("the App")?.version() == version);
    Ok(())
}

async fn r25_stopped_and_never_started_is_settled_at_once() -> anyhow::Result<()> {
    let world = World::paused().await?;
    world.set(json!({ "running": false })).await?;
    world.within(Duration::from_millis(200), "the App to settle", View::is_settled).await?;
    Ok(())
}

async fn r25_the_app_settles_only_when_all_mirrors_are_there() -> anyhow::Result<()> {
    let world = World::paused().await?;
    let ids: Vec<_> = (0..100).map(|n| world.engine.run(&format!("c{n}"))).collect();
    let slow = world.api.rule(Fault::Delay(Duration::from_millis(30)), |call| {
        call.path.contains("/containers") && call.method != Method::GET
    });
    let view = world.attach().await?;
    ensure!(slow.hits() >= 200, "the writes were not slow");
    let missing = ids.iter().filter(|id| view.state(*id) != "running").count();
    ensure!(missing == 0, "settled while {missing} mirrors were missing");
    Ok(())
}

async fn r25_a_second_set_waits_for_its_own_generation() -> anyhow::Result<()> {
    let (world, _) = with(3).await?;
    let held = world.api.rule(Fault::Barrier, |call| call.method == Method::DELETE);
    let generation = world.set(json!({ "running": false })).await?;
    sleep(Duration::from_secs(3)).await;
    let app = world.view().app.context("the App")?;
    ensure!(app.generation() == generation && !app.is("Settled"), "settled before the sweep: {app:?}");
    held.release();
    let view = world.until("it to settle", View::is_settled).await?;
    ensure!(view.containers.is_empty());
    Ok(())
}

async fn r27_a_foreign_finalizer_is_reported_and_not_fought() -> anyhow::Result<()> {
    let (world, ids) = with(3).await?;
    hold(&world, &ids[0]).await?;
    world.set(json!({ "running": false })).await?;
    let given_up = |view: &View| view.app_condition("ContainerEngineReady") == "False/SweepIncomplete";
    let view = world.within(Duration::from_secs(40), "the sweep to be given up", given_up).await?;
    let app = view.app.as_ref().context("the App")?;
    let message = app.condition("ContainerEngineReady").context("the condition")?.message;
    ensure!(message.contains("example.com/mine") && message.contains(&ids[0].as_str()[..12]), "{message}");
    ensure!(view.container(&ids[0]).is_some_and(|m| m.holds("example.com/mine")), "it was fought");
    world.patch(&ids[0], json!({ "metadata": { "finalizers": null } })).await?;
    let stopped =
        |view: &View| view.app_condition("ContainerEngineReady") == "False/Stopped" && view.is_settled();
    world.within(Duration::from_secs(60), "the sweep to be finished after all", stopped).await?;
    Ok(())
}

async fn hold<E>(world: &World<E>, id: &rdd_engine::ContainerId) -> anyhow::Result<()> {
    world.patch(id, json!({ "metadata": { "finalizers": [FINALIZER, "example.com/mine"] } })).await?;
    Ok(())
}

async fn r27_a_newer_spec_cancels_a_sweep_that_can_not_finish() -> anyhow::Result<()> {
    let (world, ids) = with(3).await?;
    hold(&world, &ids[0]).await?;
    world.set(json!({ "running": false })).await?;
    world.until("the sweep to be under way", |view| view.containers.len() == 1).await?;
    sleep(Duration::from_secs(3)).await;
    let generation = world.set(json!({ "running": true })).await?;
    let connected = |view: &View| {
        let condition = view.app.as_ref().and_then(|app| app.condition("ContainerEngineReady"));
        condition.is_some_and(|c| c.reason == "Connected" && c.generation == generation)
    };
    world.within(Duration::from_secs(5), "the engine to be connected again", connected).await?;
    world
        .until("the other mirrors", |view| {
            view.state(&ids[1]) == "running" && view.state(&ids[2]) == "running"
        })
        .await?;
    Ok(())
}

async fn r27_no_mirror_appears_behind_a_sweep() -> anyhow::Result<()> {
    let (world, ids) = with(20).await?;
    // Writes that were on their way arrive late.
    let late = world.api.rule(Fault::Delay(Duration::from_millis(800)), |call| call.method == Method::POST);
    for (n, id) in ids.iter().enumerate() {
        world.engine.run(&format!("late-{n}"));
        world.engine.pause(id);
    }
    world.set(json!({ "running": false })).await?;
    let stopped =
        |view: &View| view.app_condition("ContainerEngineReady") == "False/Stopped" && view.is_settled();
    let view = world.within(Duration::from_secs(60), "the stop", stopped).await?;
    ensure!(view.containers.is_empty(), "reported as stopped with mirrors left: {}", world.report());
    drop(late);
    sleep(Duration::from_secs(60)).await;
    ensure!(world.view().containers.is_empty(), "a mirror appeared behind the sweep");
    ensure!(world.engine.containers().len() == 40);
    Ok(())
}

async fn r28_one_stuck_mirror_does_not_keep_the_others_from_the_sweep() -> anyhow::Result<()> {
    let (world, ids) = with(30).await?;
    let path = ids[7].to_string();
    let stuck = world
        .api
        .rule(Fault::Answer(500), move |call| call.method != Method::GET && call.path.contains(&path));
    world.set(json!({ "running": false })).await?;
    world
        .until("all others to go", |view| view.containers.len() == 1 && view.container(&ids[7]).is_some())
        .await?;
    ensure!(stuck.hits() > 0);
    drop(stuck);
    world.within(Duration::from_secs(60), "the last one to go", |view| view.containers.is_empty()).await?;
    Ok(())
}

async fn r30_a_failure_is_reported_only_after_the_grace_period() -> anyhow::Result<()> {
    let world = World::paused().await?;
    world.engine.down();
    let endpoint = world.engine.endpoint();
    world.set(json!({ "running": true, "machine": { "driver": "external", "endpoint": endpoint } })).await?;
    sleep(Duration::from_secs(20)).await;
    let terminal = ["StartFailed", "ConnectFailed"];
    let reasons = |view: &View| {
        format!("{} {}", view.app_condition("Running"), view.app_condition("ContainerEngineReady"))
    };
    let early = reasons(&world.view());
    ensure!(!terminal.iter().any(|reason| early.contains(reason)), "reported too early: {early}");
    let failed = |view: &View| terminal.iter().any(|reason| reasons(view).contains(reason));
    world.within(Duration::from_secs(40), "the failure to be reported", failed).await?;
    world.engine.up();
    world.until("it to heal", View::is_settled).await?;
    equal(&world).await?;
    Ok(())
}

/// The conditions of an earlier daemon say Connected; that is news of yesterday until this one has synced.
async fn r25_after_a_restart_an_old_connected_settles_nothing() -> anyhow::Result<()> {
    let (mut world, _) = with(1).await?;
    world.stop().await;
    let held = world.engine.rule(Rule::new(Effect::Hang).on(Call::List));
    world.start()?;
    wait("the list to be asked for", held.hit(1)).await;
    world.until("the App to be unsettled", |view| !view.is_settled()).await?;
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        ensure!(!world.view().is_settled(), "settled without a sync");
        sleep(Duration::from_millis(10)).await;
    }
    held.release();
    world.until("the App to settle", View::is_settled).await?;
    Ok(())
}

async fn r44_without_an_app_nobody_wakes_anybody() -> anyhow::Result<()> {
    let world = World::paused().await?;
    sleep(Duration::from_secs(5)).await;
    let messages = || world.supervisor().trace().records().last().map_or(0, |record| record.id);
    let before = messages();
    sleep(Duration::from_secs(60)).await;
    let sent = messages() - before;
    ensure!(sent < 60, "{sent} messages in a minute of nothing to do");
    Ok(())
}
