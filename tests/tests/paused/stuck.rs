//! What hangs delays only itself (R15).

use crate::common::with;
use anyhow::ensure;
use rdd_engine::Action;
use rdd_engine::memory::{Call, Effect, Rule, Spec};
use rdd_tests::harness::Test;
use rdd_tests::test;
use rdd_tests::world::{Memories, World};
use std::time::Duration;
use tokio::time::Instant;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(r15_one_stop_that_hangs_delays_no_delete),
        test!(r15_fifty_stops_that_hang_delay_no_delete),
        test!(r15_a_hundred_deletes_that_hang_delay_no_action_and_no_delete),
        test!(r15_a_container_whose_start_always_fails_delays_nobody),
        test!(r15_a_hundred_inspects_that_hang_delay_no_event),
    ]
}

/// How long a delete takes from the request to the mirror's end.
async fn delete(world: &World<Memories>, id: &rdd_engine::ContainerId) -> anyhow::Result<Duration> {
    let start = Instant::now();
    world.delete(id).await?;
    world.until("a delete beside what hangs", |view| view.container(id).is_none()).await?;
    ensure!(world.engine.container(id).is_none(), "the container is still there");
    Ok(start.elapsed())
}

/// How long an action takes from the request to its record.
async fn pause(world: &World<Memories>, id: &rdd_engine::ContainerId) -> anyhow::Result<Duration> {
    let start = Instant::now();
    world.request(id, "pause").await?;
    let done = |view: &rdd_tests::world::View| {
        view.container(id).is_some_and(|m| m.last_action() == "pause Succeeded" && m.state() == "paused")
    };
    world.until("an action beside what hangs", done).await?;
    Ok(start.elapsed())
}

/// At most twice the idle figure; below a millisecond the clock itself is the figure.
fn at_most_twice(idle: Duration, beside: Duration) -> anyhow::Result<()> {
    let limit = 2 * idle.max(Duration::from_millis(1));
    ensure!(beside <= limit, "{beside:?} beside what hangs, {idle:?} without");
    Ok(())
}

async fn stops_that_hang(count: usize) -> anyhow::Result<()> {
    let (world, ids) = with(count + 4).await?;
    let (stuck, free) = ids.split_at(count);
    let idle = delete(&world, &free[0]).await?;
    let idle_pause = pause(&world, &free[1]).await?;
    let held = world.engine.rule(Rule::new(Effect::Hang).on(Call::Act).action(Action::Stop));
    for id in stuck {
        world.request(id, "stop").await?;
    }
    held.hit(count).await;
    at_most_twice(idle, delete(&world, &free[2]).await?)?;
    at_most_twice(idle_pause, pause(&world, &free[3]).await?)?;
    ensure!(held.hits() >= count);
    Ok(())
}

async fn r15_one_stop_that_hangs_delays_no_delete() -> anyhow::Result<()> {
    stops_that_hang(1).await
}

async fn r15_fifty_stops_that_hang_delay_no_delete() -> anyhow::Result<()> {
    stops_that_hang(50).await
}

async fn r15_a_hundred_deletes_that_hang_delay_no_action_and_no_delete() -> anyhow::Result<()> {
    let (world, ids) = with(104).await?;
    let (stuck, free) = ids.split_at(100);
    let idle = delete(&world, &free[0]).await?;
    let idle_pause = pause(&world, &free[1]).await?;
    let held: Vec<_> = stuck
        .iter()
        .map(|id| world.engine.rule(Rule::new(Effect::Hang).on(Call::Remove).of(id.clone())))
        .collect();
    for id in stuck {
        world.delete(id).await?;
    }
    for rule in &held {
        rule.hit(1).await;
    }
    at_most_twice(idle, delete(&world, &free[2]).await?)?;
    at_most_twice(idle_pause, pause(&world, &free[3]).await?)?;
    held.iter().for_each(|rule| rule.release());
    world.until("the stuck ones to go as well", |view| view.containers.len() == 2).await?;
    Ok(())
}

async fn r15_a_container_whose_start_always_fails_delays_nobody() -> anyhow::Result<()> {
    let (world, ids) = with(2).await?;
    let fails = Some("no such device".to_owned());
    let broken = world.engine.create_from(Spec { start_fails: fails, ..Spec::named("broken") });
    world.until("its mirror", |view| view.state(&broken) == "created").await?;
    let idle = delete(&world, &ids[0]).await?;
    for n in 0..20 {
        world.request(&broken, &format!("start/{n}")).await?;
        let failed = |view: &rdd_tests::world::View| {
            view.container(&broken).is_some_and(|m| {
                m.last_action() == "start Failed" && m.text("/status/lastAction/id") == n.to_string()
            })
        };
        world.until("the failure to be recorded", failed).await?;
    }
    at_most_twice(idle, delete(&world, &ids[1]).await?)
}

async fn r15_a_hundred_inspects_that_hang_delay_no_event() -> anyhow::Result<()> {
    let (world, ids) = with(101).await?;
    let (stuck, free) = ids.split_at(100);
    let held: Vec<_> = stuck
        .iter()
        .map(|id| world.engine.rule(Rule::new(Effect::Hang).on(Call::Inspect).of(id.clone())))
        .collect();
    for id in stuck {
        world.engine.pause(id);
    }
    for rule in &held {
        rule.hit(1).await;
    }
    world.engine.pause(&free[0]);
    let soon = Duration::from_millis(300);
    world.within(soon, "an event beside what hangs", |view| view.state(&free[0]) == "paused").await?;
    Ok(())
}
