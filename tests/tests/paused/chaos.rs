//! Every actor may panic, hang, fail or lose messages; it is back with its work (R43 to R45, R48).

use crate::common::{agrees, equal, with};
use anyhow::{Context, ensure};
use rdd_actors_runtime::chaos::{Fault, Point, Rule, When};
use rdd_actors_runtime::health::{ActorHealth, GroupHealth};
use rdd_engine::ContainerId;
use rdd_tests::harness::Test;
use rdd_tests::test;
use rdd_tests::world::{Memories, View, World};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(r43_a_panic_in_the_handler_of_any_actor_is_healed),
        test!(r43_a_panic_in_a_job_of_any_actor_is_healed),
        test!(r44_a_failed_start_of_any_actor_is_healed),
        test!(r45_a_hang_in_the_handler_of_any_actor_is_healed),
        test!(r45_a_future_that_never_ends_in_any_actor_is_healed),
        test!(r48_lost_messages_and_errors_everywhere_end_in_equal_mirrors),
        test!(r44_an_engine_that_is_away_restarts_no_actor),
        test!(r48_the_same_seed_gives_the_same_run),
    ]
}

/// Every actor of the tree, by its path.
fn actors(world: &World<Memories>) -> Vec<ActorHealth> {
    fn walk(group: GroupHealth, all: &mut Vec<ActorHealth>) {
        all.extend(group.members);
        group.groups.into_iter().for_each(|group| walk(group, all));
    }
    let mut all = Vec::new();
    walk(world.supervisor().health().root, &mut all);
    all
}

/// The actors that R43 names, each of which a test must have hit.
const NAMED: [&str; 8] = [
    "docker_watcher",
    "mirror_writer",
    "action_dispatcher",
    "namespace_guardian",
    "finalizer_processor.container",
    "condition_writer",
    "app_controller",
    "sweeper",
];

/// The longest deadline of a job is that of a removal: a minute, and its calls to the API.
const HEALED: Duration = Duration::from_secs(150);

/// Gives every actor something to do: events, deletes, actions, a stop and a start, bootstrap objects.
async fn stir(world: &World<Memories>, ids: &[ContainerId], round: usize) -> anyhow::Result<()> {
    let engine = &world.engine;
    engine.rename(&ids[0], &format!("renamed-{round}"));
    engine.run(&format!("new-{round}"));
    world.request(&ids[1], &format!("restart/{round}")).await?;
    engine.restart_engine();
    world.container_namespaces().delete("moby", &Default::default()).await?;
    let victim = engine.run(&format!("victim-{round}"));
    world.until("the victim's mirror", |view| view.state(&victim) == "running").await?;
    world.delete(&victim).await?;
    world.within(HEALED, "the victim to go", |view| view.container(&victim).is_none()).await?;
    Ok(())
}

/// Everything is as it must be, and what did not change was not written.
async fn healed(world: &World<Memories>, ids: &[ContainerId], round: usize) -> anyhow::Result<View> {
    let id = round.to_string();
    let well = |view: &View| {
        let acted = view.container(&ids[1]).is_some_and(|mirror| {
            mirror.last_action() == "restart Succeeded" && mirror.text("/status/lastAction/id") == id
        });
        acted && view.is_settled() && view.namespaces.contains_key("moby") && agrees(view, world)
    };
    world.within(HEALED, "everything to be well again", well).await
}

/// Injects a fault into every actor in turn, each time with work under way; the actors it struck.
async fn strike_all(point: Point, fault: Fault) -> anyhow::Result<BTreeSet<String>> {
    let (world, ids) = with(6).await?;
    let (quiet, busy) = ids.split_at(3);
    let before = world.view().versions();
    let mut struck = BTreeSet::new();
    // A watch has nothing to do while nothing happens: that it hangs shows only in its silence, which has a test of its own.
    let silent = point == Point::Job && fault == Fault::Hang;
    let actors = actors(&world).into_iter().filter(|actor| !silent || actor.kind == "actor");
    for (round, actor) in actors.enumerate() {
        let rule = Rule::new(actor.name.clone(), point, fault).times(1);
        let rule = world.supervisor().chaos().inject(rule)?;
        stir(&world, busy, round).await.with_context(|| format!("{fault:?} in {}", actor.name))?;
        healed(&world, busy, round).await.with_context(|| format!("after {fault:?} in {}", actor.name))?;
        if world.supervisor().chaos().withdraw(rule) > 0 {
            struck.insert(actor.name);
        }
        // Restarts of one round must not add up to a parked group.
        sleep(Duration::from_secs(30)).await;
    }
    let after = world.view().versions();
    for id in quiet {
        ensure!(before[id.as_str()] == after[id.as_str()], "the mirror of {id} was written for nothing");
    }
    Ok(struck)
}

fn all_named(struck: &BTreeSet<String>, but: &[&str]) -> anyhow::Result<()> {
    for name in NAMED.iter().filter(|name| !but.contains(name)) {
        let found = struck.iter().any(|actor| actor.rsplit('/').next() == Some(name));
        ensure!(found, "{name} was not struck: {struck:?}");
    }
    Ok(())
}

async fn r43_a_panic_in_the_handler_of_any_actor_is_healed() -> anyhow::Result<()> {
    let struck = strike_all(Point::Handler, Fault::Panic).await?;
    all_named(&struck, &["sweeper"])
}

async fn r43_a_panic_in_a_job_of_any_actor_is_healed() -> anyhow::Result<()> {
    let struck = strike_all(Point::Job, Fault::Panic).await?;
    all_named(&struck, &["sweeper", "app_controller"])
}

async fn r44_a_failed_start_of_any_actor_is_healed() -> anyhow::Result<()> {
    let (world, ids) = with(3).await?;
    for (round, actor) in actors(&world).into_iter().enumerate() {
        let fail = Rule::new(actor.name.clone(), Point::Start, Fault::Error).times(3);
        let fail = world.supervisor().chaos().inject(fail)?;
        let panic = Rule::new(actor.name.clone(), Point::Handler, Fault::Panic).times(1);
        let panic = world.supervisor().chaos().inject(panic)?;
        stir(&world, &ids, round).await.with_context(|| actor.name.clone())?;
        healed(&world, &ids, round).await.with_context(|| actor.name.clone())?;
        let panicked = world.supervisor().chaos().withdraw(panic);
        let failed = world.supervisor().chaos().withdraw(fail);
        ensure!(panicked == 0 || failed == 3, "{} was struck {panicked} and {failed} times", actor.name);
        sleep(Duration::from_secs(120)).await;
    }
    Ok(())
}

async fn r45_a_hang_in_the_handler_of_any_actor_is_healed() -> anyhow::Result<()> {
    let struck = strike_all(Point::Handler, Fault::Hang).await?;
    all_named(&struck, &["sweeper"])
}

async fn r45_a_future_that_never_ends_in_any_actor_is_healed() -> anyhow::Result<()> {
    let struck = strike_all(Point::Job, Fault::Hang).await?;
    all_named(&struck, &["sweeper", "app_controller"])
}

async fn r48_lost_messages_and_errors_everywhere_end_in_equal_mirrors() -> anyhow::Result<()> {
    let (world, ids) = with(20).await?;
    let chaos = world.supervisor().chaos();
    for fault in [Fault::Drop, Fault::Error, Fault::Panic] {
        chaos.inject(Rule::new("*", Point::Handler, fault).when(When::Probability(0.02)))?;
    }
    chaos.inject(Rule::new("*", Point::Job, Fault::Error).when(When::Probability(0.1)))?;
    for round in 0..200 {
        let id = &ids[round % 10];
        match round % 4 {
            0 => world.engine.pause(id),
            1 => world.engine.unpause(id),
            2 => world.engine.rename(id, &format!("r{round}")),
            _ => drop(world.engine.run(&format!("n{round}"))),
        }
        sleep(Duration::from_millis(20)).await;
    }
    chaos.clear();
    calm(&world).await?;
    Ok(())
}

/// Waits until all is well after chaos: a parked group is tried again after a minute; a message that was lost is made up for by the
/// periodic sync.
async fn calm(world: &World<Memories>) -> anyhow::Result<View> {
    let well = |view: &View| view.is_settled() && agrees(view, world);
    world.within(Duration::from_secs(7 * 60), "mirrors to equal the engine after chaos", well).await
}

async fn r44_an_engine_that_is_away_restarts_no_actor() -> anyhow::Result<()> {
    let (world, _) = with(3).await?;
    world.engine.down();
    sleep(Duration::from_secs(600)).await;
    for actor in actors(&world) {
        ensure!(actor.last_failure.is_none(), "{} crashed: {:?}", actor.name, actor.last_failure);
        ensure!(actor.restarts == 0, "{} was restarted {} times", actor.name, actor.restarts);
    }
    world.engine.up();
    equal(&world).await?;
    Ok(())
}

/// What a run looks like from outside: which mirrors changed, in which order, and when.
async fn run() -> anyhow::Result<Vec<(Duration, String, String)>> {
    let (world, ids) = with(5).await?;
    let start = tokio::time::Instant::now();
    let told = world.view().log.len();
    world
        .supervisor()
        .chaos()
        .inject(Rule::new("*", Point::Job, Fault::Error).when(When::Probability(0.2)))?;
    for round in 0..40 {
        let id = &ids[round % 5];
        if round % 2 == 0 {
            world.engine.pause(id)
        } else {
            world.engine.unpause(id)
        }
        sleep(Duration::from_millis(70)).await;
    }
    world.supervisor().chaos().clear();
    let view = calm(&world).await?;
    let log = view.log[told..].iter().map(|told| {
        (told.at.duration_since(start), told.mirror.id().to_owned(), told.mirror.state().to_owned())
    });
    Ok(log.collect())
}

async fn r48_the_same_seed_gives_the_same_run() -> anyhow::Result<()> {
    let first = run().await?;
    let second = run().await?;
    ensure!(first.len() > 20, "hardly anything happened");
    ensure!(first == second, "two runs differ:\n{first:?}\n{second:?}");
    Ok(())
}
