//! What users see while they use docker, and what docker sees while they use the API.

use crate::common::actor;
use anyhow::{Context, ensure};
use rdd_tests::harness::Test;
use rdd_tests::home::eventually;
use rdd_tests::test;
use rdd_tests::world::{ACTION, View, World};
use std::time::Duration;
use tokio::time::Instant;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(r08_what_docker_does_shows_in_a_watch).seconds(120),
        test!(r11_deleting_a_mirror_removes_the_container),
        test!(r16_the_restart_annotation_restarts_once),
        test!(r15_a_stop_that_takes_its_time_delays_no_delete).seconds(120),
        test!(r15_fifty_stops_that_take_their_time_delay_no_delete).seconds(240),
    ]
}

/// Time from the engine's answer to the change in the view; none when the view was first.
async fn shown(
    world: &World<rdd_tests::world::Docker>,
    what: &str,
    holds: impl Fn(&View) -> bool,
) -> anyhow::Result<Duration> {
    let answered = Instant::now();
    world.until(what, holds).await?;
    Ok(answered.elapsed())
}

/// Create, start, pause, unpause, rename, stop and remove, eight times over. The median is asserted, as other programs may have the
/// processor for a moment; the benchmark shows the tail.
async fn r08_what_docker_does_shows_in_a_watch() -> anyhow::Result<()> {
    let world = World::docker().await?;
    world.attach().await?;
    let docker = &world.engine;
    let mut took = Vec::new();
    for round in 0..8 {
        let id = docker.sleeper(&format!("web{round}")).await?;
        took.push(shown(&world, "run", |view| view.state(&id) == "running").await?);
        docker.post(&id, "pause").await?;
        took.push(shown(&world, "pause", |view| view.state(&id) == "paused").await?);
        docker.post(&id, "unpause").await?;
        took.push(shown(&world, "unpause", |view| view.state(&id) == "running").await?);
        let name = docker.name(&format!("www{round}"));
        docker.post(&id, &format!("rename?name={name}")).await?;
        took.push(shown(&world, "rename", |view| view.named(&name).is_some()).await?);
        docker.post(&id, "stop").await?;
        took.push(shown(&world, "stop", |view| view.state(&id) == "exited").await?);
        docker.remove(&id).await?;
        took.push(shown(&world, "rm", |view| view.container(&id).is_none()).await?);
    }
    took.sort();
    let median = took[took.len() / 2];
    ensure!(median <= Duration::from_millis(50), "median {median:?} after the engine's answer: {took:?}");
    Ok(())
}

async fn r11_deleting_a_mirror_removes_the_container() -> anyhow::Result<()> {
    let world = World::docker().await?;
    world.attach().await?;
    let id = world.engine.sleeper("web").await?;
    world.until("its mirror", |view| view.state(&id) == "running").await?;
    world.delete(&id).await?;
    world.until("the mirror to go", |view| view.container(&id).is_none()).await?;
    ensure!(!world.engine.ps().await?.iter().any(|row| row.id == id), "the container is still there");
    Ok(())
}

async fn r16_the_restart_annotation_restarts_once() -> anyhow::Result<()> {
    let world = World::docker().await?;
    world.attach().await?;
    let id = world.engine.sleeper("web").await?;
    let started =
        |view: &View| view.container(&id).map(|m| m.text("/status/startedAt").to_owned()).unwrap_or_default();
    let view =
        world.until("its mirror", |view| view.state(&id) == "running" && !started(view).is_empty()).await?;
    let first = started(&view);
    world.request(&id, "restart").await?;
    let done = |view: &View| {
        view.container(&id)
            .is_some_and(|m| m.last_action() == "restart Succeeded" && m.annotation(ACTION).is_none())
    };
    world.until("the restart to be recorded", done).await?;
    let view = world
        .until("the new start to show", |view| started(view) != first && view.state(&id) == "running")
        .await?;
    let second = started(&view);
    // A second restart would come from the clean-up: give it the time that the first one took, and more.
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(started(&world.view()) == second, "it was restarted again");
    let mirror = view.container(&id).context("the mirror")?;
    ensure!(!mirror.text("/status/lastAction/completedAt").is_empty());
    Ok(())
}

async fn stops(count: usize) -> anyhow::Result<()> {
    let world = World::alone().await?;
    world.attach().await?;
    let mut stubborn = Vec::new();
    for n in 0..count {
        stubborn.push(world.engine.stubborn(&format!("stubborn{n}"), 300).await?);
    }
    let victim = world.engine.sleeper("victim").await?;
    world
        .until("all mirrors", |view| {
            view.containers.len() == count + 1
                && view.containers.values().all(|mirror| mirror.state() == "running")
        })
        .await?;
    for id in &stubborn {
        world.request(id, "stop").await?;
    }
    let stopping = async || {
        let dispatcher = actor(&world, "action_dispatcher");
        dispatcher.is_ok_and(|actor| actor.lanes.iter().map(|lane| lane.running).sum::<usize>() == count)
    };
    eventually("all stops to be under way", Duration::from_secs(30), stopping).await?;
    let start = Instant::now();
    world.delete(&victim).await?;
    world
        .within(Duration::from_secs(5), "the victim to go", |view| view.container(&victim).is_none())
        .await?;
    let took = start.elapsed();
    ensure!(took < Duration::from_secs(2), "a delete beside {count} slow stops took {took:?}");
    let left = world.engine.ps().await?.into_iter().filter(|row| row.state == "running").count();
    ensure!(left == count, "{left} stubborn containers run, not {count}: their stops were cut short");
    Ok(())
}

async fn r15_a_stop_that_takes_its_time_delays_no_delete() -> anyhow::Result<()> {
    stops(1).await
}

async fn r15_fifty_stops_that_take_their_time_delay_no_delete() -> anyhow::Result<()> {
    stops(50).await
}
