//! From the engine to the API: R01 to R10.

use crate::common::{all_are, equal, with};
use anyhow::{Context, ensure};
use http::Method;
use rdd_engine::memory::{Call, Effect, Rule, Spec};
use rdd_engine::{ContainerId, Error};
use rdd_tests::api_proxy::Fault;
use rdd_tests::harness::Test;
use rdd_tests::test;
use rdd_tests::world::{ENGINE, FINALIZER, ID, Memories, View, What, World};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(containers_that_are_there_are_mirrored_before_the_app_settles),
        test!(r08_every_change_of_a_container_shows),
        test!(r10_the_first_write_names_the_engine_and_the_object),
        test!(r10_a_crash_between_the_two_writes_leaves_nothing_behind),
        test!(r03_a_watcher_that_reconnects_keeps_mirrors_as_they_are),
        test!(r03_a_restart_of_the_actors_keeps_mirrors_as_they_are),
        test!(r02_what_happens_during_a_sync_is_not_missed),
        test!(r02_removals_that_the_engine_no_longer_replays_are_found),
        test!(r04_a_failing_api_is_tried_again_until_the_mirror_is_right),
        test!(r04_a_periodic_sync_heals_what_no_event_told),
        test!(r05_a_container_that_can_not_be_inspected_stops_nobody_else),
        test!(r06_a_failed_inspect_deletes_no_mirror),
        test!(r06_an_incomplete_list_deletes_no_mirror),
        test!(r07_an_event_costs_no_list),
        test!(r09_a_sync_of_unchanged_containers_writes_nothing),
        test!(r14_a_finalizer_that_was_edited_away_comes_back),
        test!(r17_labels_and_annotations_of_users_survive),
        test!(r01_a_watch_of_the_api_that_breaks_is_opened_again),
        test!(r01_a_watch_of_the_api_that_goes_silent_is_opened_again),
        test!(r02_a_frozen_engine_is_noticed_and_healed),
        test!(a_thousand_containers_removed_during_a_sync_lose_their_mirrors),
    ]
}

async fn containers_that_are_there_are_mirrored_before_the_app_settles() -> anyhow::Result<()> {
    let world = World::paused().await?;
    let running = world.engine.run("web");
    let created = world.engine.create("job");
    let view = world.attach().await?;
    ensure!(view.state(&running) == "running", "{}", world.report());
    ensure!(view.state(&created) == "created");
    ensure!(view.app_condition("ContainerEngineReady") == "True/Connected");
    ensure!(view.namespaces.contains_key("moby"));
    Ok(())
}

async fn r08_every_change_of_a_container_shows() -> anyhow::Result<()> {
    let (world, _) = with(0).await?;
    let engine = &world.engine;
    let id = engine.create_from(Spec { health_check: true, ..Spec::named("web") });
    let soon = Duration::from_millis(50);
    world.within(soon, "create", |view| view.state(&id) == "created").await?;
    engine.start(&id);
    world.within(soon, "start", |view| view.state(&id) == "running").await?;
    engine.pause(&id);
    world.within(soon, "pause", |view| view.state(&id) == "paused").await?;
    engine.unpause(&id);
    world.within(soon, "unpause", |view| view.state(&id) == "running").await?;
    engine.rename(&id, "www");
    world.within(soon, "rename", |view| view.named("www").is_some()).await?;
    engine.health(&id, "unhealthy");
    let unhealthy =
        |view: &View| view.container(&id).is_some_and(|m| m.text("/status/health") == "unhealthy");
    world.within(soon, "health", unhealthy).await?;
    engine.stop(&id);
    world.within(soon, "stop", |view| view.state(&id) == "exited").await?;
    engine.start(&id);
    world.within(soon, "start again", |view| view.state(&id) == "running").await?;
    engine.oom(&id);
    let killed = |view: &View| {
        view.container(&id).and_then(|m| m.condition("OOMKilled")).is_some_and(|c| c.status == "True")
    };
    world.within(soon, "out of memory", killed).await?;
    engine.remove_now(&id);
    world.within(soon, "remove", |view| view.container(&id).is_none()).await?;
    Ok(())
}

async fn r10_the_first_write_names_the_engine_and_the_object() -> anyhow::Result<()> {
    let (world, _) = with(0).await?;
    let id = world.engine.run("web");
    let view = world.until("the mirror", |view| view.state(&id) == "running").await?;
    let first = view.log.iter().find(|told| told.mirror.id() == id.as_str()).context("told of it")?;
    ensure!(first.mirror.annotation(ID) == Some(id.as_str()), "{:?}", first.mirror.0);
    ensure!(first.mirror.annotation(ENGINE).is_some_and(|mark| mark.len() == 64));
    ensure!(first.mirror.holds(FINALIZER));
    Ok(())
}

async fn r10_a_crash_between_the_two_writes_leaves_nothing_behind() -> anyhow::Result<()> {
    let (mut world, _) = with(0).await?;
    let status =
        world.api.rule(Fault::Hang, |call| call.method == Method::PUT && call.path.ends_with("/status"));
    let id = world.engine.run("web");
    let view = world.until("the first write", |view| view.container(&id).is_some()).await?;
    ensure!(view.state(&id).is_empty(), "the status was written after all");
    world.stop().await;
    world.engine.remove_silently(&id);
    drop(status);
    world.start()?;
    world.until("the orphan to go", |view| view.container(&id).is_none() && view.is_settled()).await?;
    Ok(())
}

async fn r03_a_watcher_that_reconnects_keeps_mirrors_as_they_are() -> anyhow::Result<()> {
    let (world, ids) = with(20).await?;
    let before = world.view();
    let opened = streams(&world);
    world.engine.restart_engine();
    world.engine.pause(&ids[7]);
    let view = world.until("the change", |view| view.state(&ids[7]) == "paused").await?;
    ensure!(streams(&world) > opened, "the event stream was not opened again");
    ensure!(
        view.log[before.log.len()..].iter().all(|told| told.what == What::Applied),
        "a mirror was deleted"
    );
    let (mut then, mut now) = (before.versions(), view.versions());
    let changed =
        (then.remove(ids[7].as_str()).context("then")?, now.remove(ids[7].as_str()).context("now")?);
    ensure!(changed.0.0 == changed.1.0, "the changed one has another uid");
    ensure!(then == now, "an unchanged mirror was written");
    Ok(())
}

fn streams(world: &World<Memories>) -> usize {
    world.engine.calls().iter().filter(|seen| seen.call == Call::Events).count()
}

async fn r03_a_restart_of_the_actors_keeps_mirrors_as_they_are() -> anyhow::Result<()> {
    let (mut world, _) = with(20).await?;
    let before = world.view();
    world.stop().await;
    let late = world.engine.run("while-nobody-looked");
    world.start()?;
    let view = world.until("the new one", |view| view.state(&late) == "running" && view.is_settled()).await?;
    let mut now = view.versions();
    now.remove(late.as_str());
    ensure!(before.versions() == now, "a restart rewrote mirrors: {}", world.report());
    Ok(())
}

async fn r02_what_happens_during_a_sync_is_not_missed() -> anyhow::Result<()> {
    let world = World::paused().await?;
    let ids: Vec<_> = (0..40).map(|n| world.engine.run(&format!("c{n}"))).collect();
    let held = world.engine.rule(Rule::new(Effect::Hang).on(Call::Inspect));
    world.set(json!({ "running": true, "machine": { "driver": "external", "endpoint": world.engine.endpoint() } })).await?;
    held.hit(1).await;
    for id in ids.iter().step_by(2) {
        world.engine.remove_now(id);
    }
    let late = world.engine.run("late");
    world.engine.rename(&ids[1], "renamed");
    held.release();
    let view = equal(&world).await?;
    ensure!(view.state(&late) == "running" && view.named("renamed").is_some());
    Ok(())
}

async fn r02_removals_that_the_engine_no_longer_replays_are_found() -> anyhow::Result<()> {
    let (mut world, ids) = with(300).await?;
    world.stop().await;
    ids.iter().for_each(|id| world.engine.remove_now(id));
    world.start()?;
    equal(&world).await?;
    Ok(())
}

async fn r04_a_failing_api_is_tried_again_until_the_mirror_is_right() -> anyhow::Result<()> {
    let (world, ids) = with(3).await?;
    for code in [409, 500, 503] {
        let writes = world.api.nth(Fault::Answer(code), 0, 5, |call| {
            call.path.contains("/containers/") && call.method != Method::GET
        });
        world.engine.pause(&ids[0]);
        world.until("paused, in spite of refusals", |view| view.state(&ids[0]) == "paused").await?;
        ensure!(writes.hits() == 5, "{code} was not met five times: {}", writes.hits());
        drop(writes);
        let lost = world.api.nth(Fault::Lose(code), 0, 3, |call| {
            call.path.contains("/containers/") && call.method == Method::PUT
        });
        world.engine.unpause(&ids[0]);
        world.until("running, in spite of lost answers", |view| view.state(&ids[0]) == "running").await?;
        ensure!(lost.hits() >= 1);
        drop(lost);
        let late = world.engine.run(&format!("late-{code}"));
        world.until("a mirror of a new one", |view| view.state(&late) == "running").await?;
    }
    Ok(())
}

async fn r04_a_periodic_sync_heals_what_no_event_told() -> anyhow::Result<()> {
    let (world, ids) = with(3).await?;
    world.engine.edit_silently(&ids[0], |facts| "drifted".clone_into(&mut facts.name));
    world.engine.remove_silently(&ids[1]);
    let drift = Duration::from_secs(5 * 60 + 10);
    world
        .within(drift, "the drift to heal", |view| {
            view.named("drifted").is_some() && view.container(&ids[1]).is_none()
        })
        .await?;
    Ok(())
}

async fn r05_a_container_that_can_not_be_inspected_stops_nobody_else() -> anyhow::Result<()> {
    let world = World::paused().await?;
    let ids: Vec<_> = (0..5).map(|n| world.engine.run(&format!("c{n}"))).collect();
    let broken = Error::Refused { code: 500, text: "broken".to_owned() };
    let rule = world.engine.rule(Rule::new(Effect::Fail(broken)).on(Call::Inspect).of(ids[2].clone()));
    world.attach().await?;
    let others = |view: &View| {
        let complete = |id: &ContainerId| view.container(id).is_some_and(|m| m.at("/status/pid").is_number());
        ids.iter().enumerate().all(|(n, id)| n == 2 || complete(id))
    };
    world.until("the others", others).await?;
    ensure!(rule.hits() > 0);
    rule.release();
    world.until("all of them", |view| view.containers.len() == 5 && all_are(view, "running")).await?;
    Ok(())
}

async fn r06_a_failed_inspect_deletes_no_mirror() -> anyhow::Result<()> {
    let (world, ids) = with(3).await?;
    let before = world.view().versions();
    for code in [500, 503] {
        let error = Error::Refused { code, text: "flaky".to_owned() };
        let rule = world.engine.rule(Rule::new(Effect::Fail(error)).on(Call::Inspect));
        world.engine.restart_engine();
        rule.hit(3).await;
        sleep(Duration::from_secs(30)).await;
        rule.release();
    }
    let rule =
        world.engine.rule(Rule::new(Effect::Fail(Error::Timeout(Duration::from_secs(10)))).on(Call::Inspect));
    world.engine.restart_engine();
    rule.hit(3).await;
    rule.release();
    world.engine.pause(&ids[0]);
    let view = world.until("a change", |view| view.state(&ids[0]) == "paused").await?;
    ensure!(view.log.iter().all(|told| told.what == What::Applied), "a mirror was deleted");
    let (mut then, mut now) = (before, view.versions());
    for versions in [&mut then, &mut now] {
        versions.remove(ids[0].as_str());
    }
    ensure!(then == now, "a mirror was rewritten");
    Ok(())
}

async fn r06_an_incomplete_list_deletes_no_mirror() -> anyhow::Result<()> {
    let (world, _) = with(3).await?;
    let before = world.view();
    let error = Error::Protocol("half a list".to_owned());
    let rule = world.engine.rule(Rule::new(Effect::Fail(error)).on(Call::List));
    world.engine.restart_engine();
    rule.hit(2).await;
    rule.release();
    let late = world.engine.run("late");
    let view = world.until("it to go on", |view| view.state(&late) == "running").await?;
    ensure!(view.log[before.log.len()..].iter().all(|told| told.what == What::Applied));
    Ok(())
}

async fn r07_an_event_costs_no_list() -> anyhow::Result<()> {
    let (world, ids) = with(100).await?;
    let before = world.engine.calls().len();
    world.engine.pause(&ids[42]);
    world.until("the change", |view| view.state(&ids[42]) == "paused").await?;
    sleep(Duration::from_millis(100)).await;
    let calls = world.engine.calls().split_off(before);
    let calls: Vec<_> = calls.into_iter().filter(|seen| seen.call != Call::Ping).collect();
    ensure!(calls.iter().all(|seen| seen.call != Call::List), "an event led to a list: {calls:?}");
    ensure!(calls.len() <= 2, "an event costs a peek and an inspect, not {calls:?}");
    Ok(())
}

async fn r09_a_sync_of_unchanged_containers_writes_nothing() -> anyhow::Result<()> {
    let (world, ids) = with(50).await?;
    let before = world.view();
    let writes = world.api.rule(Fault::Delay(Duration::ZERO), |call| {
        call.method != Method::GET && call.path.contains("/containers/")
    });
    let lists = world.engine.calls().iter().filter(|seen| seen.call == Call::List).count();
    for _ in 0..3 {
        world.engine.restart_engine();
        sleep(Duration::from_secs(10)).await;
    }
    let listed = world.engine.calls().iter().filter(|seen| seen.call == Call::List).count();
    ensure!(listed >= lists + 3, "there was no sync");
    ensure!(writes.hits() == 0, "{} writes for nothing", writes.hits());
    ensure!(world.view().versions() == before.versions());
    world.engine.pause(&ids[0]);
    world.until("a change to be written", |view| view.state(&ids[0]) == "paused").await?;
    ensure!(writes.hits() > 0, "the counter of writes does not count");
    Ok(())
}

async fn r14_a_finalizer_that_was_edited_away_comes_back() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    world.patch(&ids[0], json!({ "metadata": { "finalizers": null } })).await?;
    world.until("the finalizer", |view| view.container(&ids[0]).is_some_and(|m| m.holds(FINALIZER))).await?;
    Ok(())
}

async fn r17_labels_and_annotations_of_users_survive() -> anyhow::Result<()> {
    let (world, ids) = with(1).await?;
    let mine = json!({ "labels": { "mine": "yes" }, "annotations": { "example.com/mine": "too" } });
    world.patch(&ids[0], json!({ "metadata": mine })).await?;
    world.engine.pause(&ids[0]);
    world.until("paused", |view| view.state(&ids[0]) == "paused").await?;
    world.engine.restart_engine();
    sleep(Duration::from_secs(10)).await;
    let mirror = world.get(&ids[0]).await?.context("the mirror")?;
    ensure!(mirror.annotation("example.com/mine") == Some("too"));
    ensure!(mirror.0.metadata.labels.is_some_and(|labels| labels["mine"] == "yes"));
    Ok(())
}

async fn r01_a_watch_of_the_api_that_breaks_is_opened_again() -> anyhow::Result<()> {
    let (mut world, ids) = with(10).await?;
    world.stop().await;
    let cut = world.api.nth(Fault::Cut, 0, 3, |call| call.watch && call.path.ends_with("/containers"));
    world.start()?;
    world.until("the App to settle", View::is_settled).await?;
    cut.release();
    for id in &ids {
        world.delete(id).await?;
        world.until("a mirror to go", |view| view.container(id).is_none()).await?;
    }
    ensure!(cut.hits() == 3, "{} watches were cut", cut.hits());
    Ok(())
}

async fn r01_a_watch_of_the_api_that_goes_silent_is_opened_again() -> anyhow::Result<()> {
    let (mut world, ids) = with(3).await?;
    world.stop().await;
    let mute = world.api.nth(Fault::Mute, 0, 1, |call| call.watch && call.path.ends_with("/containers"));
    world.start()?;
    world.until("the App to settle", View::is_settled).await?;
    world.delete(&ids[0]).await?;
    let silence = Duration::from_secs(310);
    world.within(silence, "the mirror to go", |view| view.container(&ids[0]).is_none()).await?;
    ensure!(mute.hits() == 1, "no watch was silenced");
    Ok(())
}

async fn r02_a_frozen_engine_is_noticed_and_healed() -> anyhow::Result<()> {
    let (world, ids) = with(10).await?;
    let before = world.view();
    world.engine.freeze();
    let noticed = |view: &View| view.app_condition("ContainerEngineReady") == "False/Unreachable";
    world.within(Duration::from_secs(15), "the frozen engine to be noticed", noticed).await?;
    ensure!(world.view().versions() == before.versions(), "mirrors must stay as they are");
    world.engine.pause(&ids[0]);
    world.engine.thaw();
    world.until("all to be well", |view| view.is_settled() && view.state(&ids[0]) == "paused").await?;
    let view = equal(&world).await?;
    let (mut then, mut now) = (before.versions(), view.versions());
    for versions in [&mut then, &mut now] {
        versions.remove(ids[0].as_str());
    }
    ensure!(then == now, "unchanged mirrors were written");
    Ok(())
}

async fn a_thousand_containers_removed_during_a_sync_lose_their_mirrors() -> anyhow::Result<()> {
    let (world, ids) = with(1000).await?;
    let held = world.engine.rule(Rule::new(Effect::Hang).on(Call::Inspect));
    world.engine.restart_engine();
    held.hit(1).await;
    ids.iter().for_each(|id| world.engine.remove_now(id));
    held.release();
    world.within(Duration::from_secs(60), "every mirror to go", |view| view.containers.is_empty()).await?;
    Ok(())
}
