//! A dockerd that freezes, dies, and comes back.

use crate::common::equal;
use anyhow::{Context, ensure};
use rdd_tests::harness::Test;
use rdd_tests::test;
use rdd_tests::world::{View, What, World};
use std::time::Duration;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(a_frozen_dockerd_is_noticed_and_healed).seconds(120),
        test!(r03_a_dockerd_that_was_killed_and_came_back_keeps_the_mirrors).seconds(120),
        test!(r03_a_restart_of_the_actors_writes_nothing).seconds(120),
    ]
}

async fn a_frozen_dockerd_is_noticed_and_healed() -> anyhow::Result<()> {
    let world = World::alone().await?;
    let ids = [world.engine.sleeper("a").await?, world.engine.sleeper("b").await?];
    world.attach().await?;
    let before = equal(&world).await?;
    world.engine.freeze()?;
    let noticed = |view: &View| view.app_condition("ContainerEngineReady") == "False/Unreachable";
    world.within(Duration::from_secs(20), "the frozen dockerd to be noticed", noticed).await?;
    world.engine.thaw()?;
    world.within(Duration::from_secs(20), "the thawed dockerd to be noticed", View::is_settled).await?;
    world.engine.post(&ids[0], "pause").await?;
    world.until("events to come again", |view| view.state(&ids[0]) == "paused").await?;
    let after = equal(&world).await?;
    ensure!(before.versions()[&ids[1]] == after.versions()[&ids[1]], "an unchanged mirror was written");
    ensure!(before.versions()[&ids[0]].0 == after.versions()[&ids[0]].0, "the changed one has another uid");
    Ok(())
}

async fn r03_a_dockerd_that_was_killed_and_came_back_keeps_the_mirrors() -> anyhow::Result<()> {
    let mut world = World::alone().await?;
    let stopped = world.engine.make(&world.engine.name("stopped"), &["true"]).await?;
    world.engine.sleeper("running").await?;
    world.attach().await?;
    let before = equal(&world).await?;
    world.engine.own()?.kill().await?;
    let noticed = |view: &View| view.app_condition("ContainerEngineReady") == "False/Unreachable";
    world.within(Duration::from_secs(20), "the dead dockerd to be noticed", noticed).await?;
    world.engine.own()?.restart().await?;
    world.within(Duration::from_secs(30), "the App to settle again", View::is_settled).await?;
    let after = equal(&world).await?;
    ensure!(before.versions()[&stopped] == after.versions()[&stopped], "an unchanged mirror was written");
    ensure!(after.log.iter().all(|told| told.what == What::Applied), "a mirror was deleted");
    let late = world.engine.sleeper("late").await?;
    world.until("events to come again", |view| view.state(&late) == "running").await?;
    Ok(())
}

async fn r03_a_restart_of_the_actors_writes_nothing() -> anyhow::Result<()> {
    let mut world = World::alone().await?;
    world.engine.create(50).await?;
    world.attach().await?;
    let before = equal(&world).await?;
    world.stop().await;
    let late = world.engine.sleeper("late").await?;
    world.start()?;
    let view = world.until("the new one", |view| view.state(&late) == "running" && view.is_settled()).await?;
    let mut now = view.versions();
    now.remove(&late).context("the new one")?;
    ensure!(before.versions() == now, "a restart rewrote mirrors");
    Ok(())
}
