//! What is read.

use super::{Case, Deed, EngineWorld, Make, case, facts, key, listed, run};
use anyhow::{Result, ensure};
use rdd_engine::{ContainerId, State, Summary};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(it_answers_a_ping_and_its_clock_goes_forward),
        case!(a_created_container_is_listed_peeked_and_inspected_alike),
        case!(a_running_container_has_a_pid_and_a_start_time),
        case!(an_exit_is_seen_with_its_code_and_time),
        case!(a_pause_is_seen),
        case!(a_new_name_is_seen_without_a_slash),
        case!(what_is_not_there_is_none),
    ]
}

async fn it_answers_a_ping_and_its_clock_goes_forward(world: &dyn EngineWorld) -> Result<()> {
    let engine = world.engine();
    engine.ping().await?;
    let (first, second) = (engine.clock().await?, engine.clock().await?);
    ensure!(first < second, "{first} {second}");
    ensure!(engine.identity().mark().len() == 64);
    Ok(())
}

async fn a_created_container_is_listed_peeked_and_inspected_alike(world: &dyn EngineWorld) -> Result<()> {
    let before = world.engine().clock().await?;
    let id = world.create("web", Make { labels: vec![("b", "2"), ("a", "1")], ..Make::default() }).await?;
    let peeked = world.engine().peek(&key(&id)).await?;
    ensure!(peeked == listed(world, &id).await?, "{peeked:?}");
    let Some(Summary::Container { name, state, image, image_ref, labels, created_at }) = peeked else {
        anyhow::bail!("{peeked:?} is no container")
    };
    let facts = facts(world, &id).await?;
    ensure!((name.as_str(), state) == ("web", State::Created));
    ensure!((&facts.name, facts.state, &facts.labels) == (&name, state, &labels), "{facts:?}");
    ensure!(labels.into_iter().eq([("a", "1"), ("b", "2")].map(|(k, v)| (k.to_owned(), v.to_owned()))));
    ensure!(image.is_some_and(|image| image.0 == facts.image && image.0.starts_with("sha256:")));
    ensure!(image_ref.as_deref() == Some("rdd-test:latest") && facts.image_ref == "rdd-test:latest");
    ensure!(facts.id == id.as_str());
    let created = facts.created_at.ok_or_else(|| anyhow::anyhow!("no creation time"))?;
    ensure!(created > before, "{created} is not after {before}");
    ensure!(created_at.map(|t| t.as_second()) == Some(created.as_second()), "{created_at:?}");
    ensure!(facts.started_at.is_none() && facts.finished_at.is_none(), "zero times are left out");
    ensure!((facts.pid, facts.exit_code, facts.restart_count) == (0, 0, 0));
    ensure!(facts.health.is_none() && facts.error.is_empty() && facts.stop_timeout.is_none());
    Ok(())
}

async fn a_running_container_has_a_pid_and_a_start_time(world: &dyn EngineWorld) -> Result<()> {
    let id = run(world, "web", Make { stop_timeout: Some(7), ..Make::default() }).await?;
    let facts = facts(world, &id).await?;
    ensure!(facts.state == State::Running && facts.pid > 0);
    ensure!(facts.started_at > facts.created_at && facts.finished_at.is_none());
    ensure!(facts.stop_timeout == Some(7));
    ensure!(!facts.paused && !facts.restarting && !facts.dead && !facts.oom_killed);
    Ok(())
}

async fn an_exit_is_seen_with_its_code_and_time(world: &dyn EngineWorld) -> Result<()> {
    for (name, deed, code) in [("stopped", Deed::Stop, 0), ("killed", Deed::Kill, 137)] {
        let id = run(world, name, Make::default()).await?;
        world.does(&id, deed).await?;
        // A kill returns when the signal is sent.
        super::actions_until(world, &id, jiff::Timestamp::UNIX_EPOCH, "die").await?;
        let facts = facts(world, &id).await?;
        ensure!(facts.state == State::Exited && facts.pid == 0);
        ensure!(facts.exit_code == code, "{name}: {}", facts.exit_code);
        ensure!(facts.finished_at > facts.started_at);
    }
    Ok(())
}

async fn a_pause_is_seen(world: &dyn EngineWorld) -> Result<()> {
    let id = run(world, "web", Make::default()).await?;
    world.does(&id, Deed::Pause).await?;
    let paused = facts(world, &id).await?;
    ensure!(paused.state == State::Paused && paused.paused && paused.pid > 0);
    world.does(&id, Deed::Unpause).await?;
    let going = facts(world, &id).await?;
    ensure!(going.state == State::Running && !going.paused);
    ensure!(going.started_at == paused.started_at && going.pid == paused.pid);
    Ok(())
}

async fn a_new_name_is_seen_without_a_slash(world: &dyn EngineWorld) -> Result<()> {
    let id = world.create("old", Make::default()).await?;
    world.does(&id, Deed::Rename("new")).await?;
    ensure!(facts(world, &id).await?.name == "new");
    let Some(Summary::Container { name, .. }) = world.engine().peek(&key(&id)).await? else {
        anyhow::bail!("not there")
    };
    ensure!(name == "new");
    Ok(())
}

async fn what_is_not_there_is_none(world: &dyn EngineWorld) -> Result<()> {
    world.create("web", Make::default()).await?;
    let Some(other) = ContainerId::parse(&"0".repeat(64)) else { anyhow::bail!("an id") };
    ensure!(world.engine().peek(&key(&other)).await?.is_none());
    ensure!(world.engine().inspect(&key(&other)).await?.is_none());
    ensure!(listed(world, &other).await?.is_none());
    Ok(())
}
