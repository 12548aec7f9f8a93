//! What is told.

use super::{Case, Deed, EngineWorld, Make, actions_until, case, key, run};
use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use rdd_engine::{Action, Hint};
use std::time::Duration;
use tokio::time::timeout;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(every_deed_is_told_in_order),
        case!(what_the_program_does_is_told_as_well),
        case!(a_stream_tells_what_happens_after_it_was_opened),
        case!(what_happened_before_since_is_not_told),
        case!(only_the_last_256_events_are_told_again),
    ]
}

async fn every_deed_is_told_in_order(world: &dyn EngineWorld) -> Result<()> {
    let since = world.engine().clock().await?;
    let id = world.create("web", Make { stop_timeout: Some(1), ..Make::default() }).await?;
    let deeds = [Deed::Start, Deed::Pause, Deed::Unpause, Deed::Rename("www"), Deed::Stop, Deed::Start];
    for deed in deeds {
        world.does(&id, deed).await?;
    }
    world.does(&id, Deed::Remove).await?;
    let seen = actions_until(world, &id, since, "destroy").await?;
    let want = "create start pause unpause rename kill die stop start kill die destroy";
    ensure!(seen.join(" ") == want, "{seen:?}");
    Ok(())
}

async fn what_the_program_does_is_told_as_well(world: &dyn EngineWorld) -> Result<()> {
    let id = world.create("web", Make { stop_timeout: Some(1), ..Make::default() }).await?;
    let since = world.engine().clock().await?;
    for action in [Action::Start, Action::Pause, Action::Unpause, Action::Restart, Action::Stop] {
        world.engine().act(&id, action).await?;
    }
    world.engine().remove(&key(&id), &rdd_engine::Fingerprint::Container).await?;
    let seen = actions_until(world, &id, since, "destroy").await?;
    let want = "start pause unpause kill die stop start restart kill die stop destroy";
    ensure!(seen.join(" ") == want, "{seen:?}");
    Ok(())
}

async fn a_stream_tells_what_happens_after_it_was_opened(world: &dyn EngineWorld) -> Result<()> {
    let since = world.engine().clock().await?;
    let first = world.create("first", Make::default()).await?;
    let mut events = world.engine().events(since);
    // Replayed: the stream is open.
    let mut next = async || -> Result<Hint> {
        let hint = timeout(Duration::from_secs(10), events.next()).await.context("nothing came")?;
        Ok(hint.context("the stream ended")??)
    };
    let Hint::Changed { key: of, action, time_nano } = next().await? else { anyhow::bail!("no change") };
    ensure!(of == key(&first) && action == "create");
    ensure!(i128::from(time_nano) >= since.as_nanosecond(), "{time_nano} is before {since}");
    let second = world.create("second", Make::default()).await?;
    let Hint::Changed { key: of, action, time_nano: later } = next().await? else {
        anyhow::bail!("no change")
    };
    ensure!(of == key(&second) && action == "create" && later > time_nano);
    Ok(())
}

async fn what_happened_before_since_is_not_told(world: &dyn EngineWorld) -> Result<()> {
    let id = run(world, "web", Make::default()).await?;
    let since = world.engine().clock().await?;
    world.does(&id, Deed::Rename("www")).await?;
    let seen = actions_until(world, &id, since, "rename").await?;
    ensure!(seen == ["rename"], "{seen:?}");
    Ok(())
}

async fn only_the_last_256_events_are_told_again(world: &dyn EngineWorld) -> Result<()> {
    let since = world.engine().clock().await?;
    let id = world.create("n0", Make::default()).await?;
    for n in 1..=300 {
        world.does(&id, Deed::Rename(&format!("n{n}"))).await?;
    }
    world.does(&id, Deed::Remove).await?;
    let seen = actions_until(world, &id, since, "destroy").await?;
    ensure!(seen.len() == 256, "{}", seen.len());
    ensure!(seen.iter().filter(|action| *action == "rename").count() == 255);
    Ok(())
}
