//! A proxy in front of dockerd that misbehaves.

use crate::common::{equal, rows};
use anyhow::ensure;
use futures::{StreamExt, TryStreamExt};
use http::Method;
use rdd_tests::harness::{Test, wait};
use rdd_tests::proxy::{Effect, Rule};
use rdd_tests::test;
use rdd_tests::world::{View, What, World};
use std::time::Duration;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(a_thousand_containers_removed_during_a_sync_lose_their_mirrors).seconds(600),
        test!(r06_answers_that_are_wrong_delete_no_mirror).seconds(120),
        test!(r01_a_stream_that_breaks_is_opened_again).seconds(120),
    ]
}

/// The inspect of any container.
fn inspects(effect: Effect) -> Rule {
    Rule::new(effect).on(Method::GET, "/containers/*/json")
}

async fn a_thousand_containers_removed_during_a_sync_lose_their_mirrors() -> anyhow::Result<()> {
    let world = World::hostile().await?;
    let ids = wait("a thousand containers", world.engine.create(1000)).await?;
    world.attach().await?;
    let all =
        |view: &View| view.containers.len() == 1000 && rows(view).iter().all(|row| row.state == "created");
    world.within(Duration::from_secs(120), "a thousand mirrors", all).await?;
    let held = world.engine.proxy().rule(inspects(Effect::Hold));
    // The stream breaks: a full sync begins, and is held.
    world.engine.proxy().cut();
    wait("the sync to be held", held.hit(1)).await;
    let removals = futures::stream::iter(&ids).map(|id| world.engine.remove(id)).buffer_unordered(16);
    wait("a thousand removals", removals.try_collect::<()>()).await?;
    held.release();
    world.within(Duration::from_secs(60), "every mirror to go", |view| view.containers.is_empty()).await?;
    Ok(())
}

async fn r06_answers_that_are_wrong_delete_no_mirror() -> anyhow::Result<()> {
    let world = World::hostile().await?;
    let ids = world.engine.create(10).await?;
    world.attach().await?;
    let before = equal(&world).await?;
    let proxy = world.engine.proxy();
    let effects = [
        Effect::Answer(500, "broken"),
        Effect::Answer(503, "busy"),
        Effect::Reset,
        Effect::ResetAfter,
        Effect::Truncate(100),
        Effect::End(100),
    ];
    for effect in effects {
        for rule in [inspects(effect.clone()), Rule::new(effect.clone()).on(Method::GET, "/containers/json")]
        {
            let rule = proxy.rule(rule.times(5));
            proxy.cut();
            wait(format!("{effect:?} to be met"), rule.hit(1)).await;
            let view = world.until("the App to settle again", View::is_settled).await?;
            ensure!(view.containers.len() == 10, "{effect:?} cost a mirror");
            rule.release();
        }
    }
    world.engine.post(&ids[0], "rename?name=still-alive").await?;
    let view = world.until("changes to show", |view| view.named("still-alive").is_some()).await?;
    ensure!(view.log.iter().all(|told| told.what == What::Applied), "a mirror was deleted");
    let (mut then, mut now) = (before.versions(), view.versions());
    for versions in [&mut then, &mut now] {
        versions.remove(&ids[0]);
    }
    ensure!(then == now, "an unchanged mirror was written");
    Ok(())
}

async fn r01_a_stream_that_breaks_is_opened_again() -> anyhow::Result<()> {
    let world = World::hostile().await?;
    world.attach().await?;
    let proxy = world.engine.proxy();
    for round in 0..10 {
        if round % 2 == 0 {
            proxy.cut();
        } else {
            proxy.down();
            proxy.up()?;
        }
        let id = world.engine.sleeper(&format!("c{round}")).await?;
        world.until("a container that was made meanwhile", |view| view.state(&id) == "running").await?;
    }
    equal(&world).await?;
    Ok(())
}
