//! Nobody's containers are deleted by accident (R49).

use crate::common::{equal, with};
use anyhow::{Context, ensure};
use kube::api::DeleteParams;
use rdd_engine::State;
use rdd_engine::memory::{Call, Memory};
use rdd_tests::harness::Test;
use rdd_tests::test;
use rdd_tests::world::{FINALIZER, Memories, NAMESPACE, View, World};
use serde_json::json;
use std::time::Duration;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(r49_deleting_the_namespace_deletes_no_container),
        test!(r49_deleting_the_kind_deletes_no_container),
        test!(r49_deleting_the_app_deletes_no_container),
        test!(r49_stopping_deletes_no_container),
        test!(r49_switching_to_another_engine_deletes_no_container),
        test!(r49_an_engine_that_was_replaced_at_its_endpoint_keeps_its_containers),
        test!(r49_a_delete_while_the_engine_is_away_waits_for_it),
        test!(r49_a_delete_while_stopped_touches_no_engine),
        test!(deleting_the_collection_removes_the_containers),
    ]
}

/// All ten run, and nobody even asked the engine to remove one.
fn all_run(engine: &Memory) -> anyhow::Result<()> {
    let running = engine.containers().iter().filter(|facts| facts.state == State::Running).count();
    ensure!(running == 10, "{running} of 10 containers run");
    let removals = removals(engine);
    ensure!(removals == 0, "the engine was asked {removals} times to remove a container");
    Ok(())
}

/// How often an engine was asked to remove something.
fn removals(engine: &Memory) -> usize {
    engine.calls().iter().filter(|seen| seen.call == Call::Remove).count()
}

/// Waits until all mirrors are back, every one of them as a new object.
async fn reborn(world: &World<Memories>, before: &View) -> anyhow::Result<()> {
    let old: Vec<&str> = before.containers.values().map(|mirror| mirror.uid()).collect();
    let back = |view: &View| {
        view.containers.len() == 10
            && view.containers.values().all(|m| m.state() == "running" && !old.contains(&m.uid()))
            && view.namespaces.contains_key("moby")
    };
    world.within(Duration::from_secs(3), "everything to be back", back).await?;
    all_run(&world.engine)
}

async fn r49_deleting_the_namespace_deletes_no_container() -> anyhow::Result<()> {
    let (world, _) = with(10).await?;
    let before = world.view();
    world.namespaces().delete(NAMESPACE, &DeleteParams::default()).await?;
    reborn(&world, &before).await
}

async fn r49_deleting_the_kind_deletes_no_container() -> anyhow::Result<()> {
    let (world, _) = with(10).await?;
    let before = world.view();
    world.crds().delete("containers.containers.rancherdesktop.io", &DeleteParams::default()).await?;
    reborn(&world, &before).await
}

async fn r49_deleting_the_app_deletes_no_container() -> anyhow::Result<()> {
    let (world, _) = with(10).await?;
    world.apps().delete("app", &DeleteParams::default()).await?;
    let gone = |view: &View| view.app.is_none() && view.containers.is_empty() && view.namespaces.is_empty();
    world.until("App and mirrors to go", gone).await?;
    all_run(&world.engine)
}

async fn r49_stopping_deletes_no_container() -> anyhow::Result<()> {
    let (world, _) = with(10).await?;
    let view = world.halt().await?;
    ensure!(view.containers.is_empty(), "settled before the mirrors were gone");
    ensure!(view.app_condition("ContainerEngineReady") == "False/Stopped");
    all_run(&world.engine)?;
    world.attach().await?;
    equal(&world).await?;
    all_run(&world.engine)
}

async fn r49_switching_to_another_engine_deletes_no_container() -> anyhow::Result<()> {
    let (world, _) = with(10).await?;
    let other = world.engine.another("other");
    let there = other.run("elsewhere");
    let view = world.run_on("unix:///other").await?;
    let only = view.containers.keys().collect::<Vec<_>>();
    ensure!(only == [there.as_str()], "after the switch only the new engine's containers remain: {only:?}");
    all_run(&world.engine)?;
    ensure!(other.containers().len() == 1);
    Ok(())
}

async fn r49_an_engine_that_was_replaced_at_its_endpoint_keeps_its_containers() -> anyhow::Result<()> {
    let (world, _) = with(10).await?;
    world.engine.replace("usurper");
    world.engine.restart_engine();
    let usurper = world.engine.attach();
    let there = usurper.run("elsewhere");
    let switched =
        |view: &View| view.containers.len() == 1 && view.state(&there) == "running" && view.is_settled();
    world.within(Duration::from_secs(60), "the new engine's mirrors alone", switched).await?;
    ensure!(
        removals(&world.engine) == 0 && removals(&usurper) == 0,
        "an engine was asked to remove a container"
    );
    ensure!(usurper.containers().len() == 1);
    Ok(())
}

async fn r49_a_delete_while_the_engine_is_away_waits_for_it() -> anyhow::Result<()> {
    let (world, ids) = with(10).await?;
    world.engine.down();
    let away = |view: &View| view.app_condition("ContainerEngineReady") == "False/Unreachable";
    world.until("the engine to be missed", away).await?;
    world.delete(&ids[0]).await?;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mirror = world.get(&ids[0]).await?.context("the mirror waits")?;
    ensure!(mirror.is_terminating() && mirror.holds(FINALIZER));
    world.engine.up();
    let done = |view: &View| view.container(&ids[0]).is_none() && view.containers.len() == 9;
    world.until("the delete to be done", done).await?;
    ensure!(world.engine.container(&ids[0]).is_none(), "the container is still there");
    Ok(())
}

async fn r49_a_delete_while_stopped_touches_no_engine() -> anyhow::Result<()> {
    let (world, ids) = with(10).await?;
    // A foreign finalizer keeps one mirror beyond the sweep.
    let held = json!({ "metadata": { "finalizers": [FINALIZER, "example.com/mine"] } });
    world.patch(&ids[0], held).await?;
    world.set(json!({ "running": false })).await?;
    world.until("all mirrors but the held one to go", |view| view.containers.len() == 1).await?;
    world.delete(&ids[0]).await?;
    world.patch(&ids[0], json!({ "metadata": { "finalizers": null } })).await?;
    world.until("the last one to go", |view| view.containers.is_empty()).await?;
    all_run(&world.engine)
}

async fn deleting_the_collection_removes_the_containers() -> anyhow::Result<()> {
    let (world, _) = with(10).await?;
    world.containers().delete_collection(&DeleteParams::default(), &Default::default()).await?;
    world.until("all mirrors to go", |view| view.containers.is_empty()).await?;
    ensure!(world.engine.containers().is_empty(), "a deletecollection of the kind means the containers");
    Ok(())
}
