//! Faults that need real threads: a blocked thread can only be abandoned (R43, R45).

use crate::common::{actor, equal};
use anyhow::ensure;
use rdd_actors_runtime::chaos::{Fault, Point, Rule};
use rdd_tests::harness::Test;
use rdd_tests::home::eventually;
use rdd_tests::test;
use rdd_tests::world::{Docker, View, World};
use std::time::Duration;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(r45_a_blocked_thread_of_watcher_writer_or_dispatcher_is_replaced).seconds(240),
        test!(r45_a_job_that_blocks_its_worker_is_replaced).seconds(240),
        test!(r43_a_panic_in_watcher_writer_or_dispatcher_is_healed).seconds(240),
        test!(r45_a_future_that_never_ends_is_healed).seconds(240),
    ]
}

/// Longer than any deadline that should end it.
const BLOCKED: Duration = Duration::from_secs(40);

/// Gives work to watcher, writer and dispatcher, and sees to it that it is done.
async fn work(world: &World<Docker>, id: &String, what: &str) -> anyhow::Result<()> {
    world.engine.post(id, &format!("rename?name={what}")).await?;
    world.request(id, &format!("restart/{what}")).await?;
    let done = |view: &View| {
        let acted = view.container(id).is_some_and(|mirror| {
            mirror.last_action() == "restart Succeeded" && mirror.text("/status/lastAction/id") == what
        });
        acted && view.named(what).is_some()
    };
    // The longest deadline on the way: four calls to the engine or the API.
    world.within(Duration::from_secs(60), &format!("{what}: rename and restart"), done).await?;
    Ok(())
}

/// Injects a fault into watcher, writer and dispatcher, one after the other, and sees to it that each is back with its work.
async fn strike(point: Point, fault: Fault, parts: &[&str]) -> anyhow::Result<()> {
    let world = World::alone().await?;
    let docker = &world.engine;
    let quiet = docker.sleeper("quiet").await?;
    let busy = docker.sleeper("busy").await?;
    world.attach().await?;
    let before = equal(&world).await?.versions()[&quiet].clone();
    for part in parts {
        let name = actor(&world, part)?.name;
        let rule = world.supervisor().chaos().inject(Rule::new(name.clone(), point, fault).times(1))?;
        work(&world, &busy, &format!("{part}-first")).await?;
        // The watcher's own messages are its pings.
        let struck = async || world.supervisor().chaos().struck(rule) == 1;
        eventually(&format!("{fault:?} to strike {name}"), Duration::from_secs(15), struck).await?;
        work(&world, &busy, &format!("{part}-second")).await?;
        world.supervisor().chaos().withdraw(rule);
    }
    let view = equal(&world).await?;
    ensure!(view.versions()[&quiet] == before, "an unchanged mirror was written");
    Ok(())
}

async fn r45_a_blocked_thread_of_watcher_writer_or_dispatcher_is_replaced() -> anyhow::Result<()> {
    strike(Point::Handler, Fault::Block(BLOCKED), &["docker_watcher", "mirror_writer", "action_dispatcher"])
        .await
}

async fn r45_a_job_that_blocks_its_worker_is_replaced() -> anyhow::Result<()> {
    strike(Point::Job, Fault::Block(Duration::from_secs(15)), &["mirror_writer", "action_dispatcher"]).await
}

async fn r43_a_panic_in_watcher_writer_or_dispatcher_is_healed() -> anyhow::Result<()> {
    strike(Point::Handler, Fault::Panic, &["docker_watcher", "mirror_writer", "action_dispatcher"]).await?;
    strike(Point::Job, Fault::Panic, &["mirror_writer", "action_dispatcher"]).await
}

async fn r45_a_future_that_never_ends_is_healed() -> anyhow::Result<()> {
    strike(Point::Handler, Fault::Hang, &["docker_watcher", "mirror_writer", "action_dispatcher"]).await?;
    strike(Point::Job, Fault::Hang, &["mirror_writer", "action_dispatcher"]).await
}
