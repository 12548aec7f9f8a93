//! What the program does to containers.

use super::{Case, Deed, EngineWorld, Make, case, facts, key, refused, run};
use anyhow::{Result, ensure};
use rdd_engine::{Action, ContainerId, State};
use std::time::Duration;
use tokio::time::{Instant, timeout};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(start_and_stop_are_done_when_they_return_and_may_be_repeated),
        case!(restart_starts_anew_from_every_state),
        case!(pause_and_unpause_say_no_where_they_do_not_fit),
        case!(stop_and_restart_work_on_a_paused_container_and_start_does_not),
        case!(a_failed_start_says_why_and_leaves_the_error_behind),
        case!(an_action_on_what_is_not_there_is_a_404),
        case!(a_stop_waits_for_the_containers_own_timeout),
        case!(a_peek_does_not_wait_for_a_stop_and_the_stop_outlives_its_caller),
    ]
}

async fn start_and_stop_are_done_when_they_return_and_may_be_repeated(world: &dyn EngineWorld) -> Result<()> {
    let id = world.create("web", Make { stop_timeout: Some(1), ..Make::default() }).await?;
    for _ in 0..2 {
        world.engine().act(&id, Action::Start).await?;
        ensure!(facts(world, &id).await?.state == State::Running);
    }
    for _ in 0..2 {
        world.engine().act(&id, Action::Stop).await?;
        ensure!(facts(world, &id).await?.state == State::Exited);
    }
    let fresh = world.create("fresh", Make::default()).await?;
    world.engine().act(&fresh, Action::Stop).await?;
    ensure!(facts(world, &fresh).await?.state == State::Created, "it never ran");
    Ok(())
}

async fn restart_starts_anew_from_every_state(world: &dyn EngineWorld) -> Result<()> {
    let id = world.create("web", Make { stop_timeout: Some(1), ..Make::default() }).await?;
    let mut started = None;
    for state in [State::Created, State::Running, State::Exited] {
        if state == State::Exited {
            world.does(&id, Deed::Stop).await?;
        }
        ensure!(facts(world, &id).await?.state == state);
        world.engine().act(&id, Action::Restart).await?;
        let now = facts(world, &id).await?;
        ensure!(now.state == State::Running, "{:?}", now.state);
        ensure!(now.started_at > started, "{:?} is not after {started:?}", now.started_at);
        started = now.started_at;
    }
    Ok(())
}

async fn pause_and_unpause_say_no_where_they_do_not_fit(world: &dyn EngineWorld) -> Result<()> {
    let id = world.create("web", Make::default()).await?;
    refused(world, &id, Action::Pause, 409, "not running").await?;
    refused(world, &id, Action::Unpause, 500, "is not paused").await?;
    world.does(&id, Deed::Start).await?;
    refused(world, &id, Action::Unpause, 500, "is not paused").await?;
    world.engine().act(&id, Action::Pause).await?;
    ensure!(facts(world, &id).await?.state == State::Paused);
    refused(world, &id, Action::Pause, 409, "already paused").await?;
    world.engine().act(&id, Action::Unpause).await?;
    ensure!(facts(world, &id).await?.state == State::Running);
    Ok(())
}

async fn stop_and_restart_work_on_a_paused_container_and_start_does_not(
    world: &dyn EngineWorld,
) -> Result<()> {
    let id = run(world, "web", Make { stop_timeout: Some(1), ..Make::default() }).await?;
    world.does(&id, Deed::Pause).await?;
    refused(world, &id, Action::Start, 409, "cannot start a paused container").await?;
    world.engine().act(&id, Action::Restart).await?;
    ensure!(facts(world, &id).await?.state == State::Running);
    world.does(&id, Deed::Pause).await?;
    world.engine().act(&id, Action::Stop).await?;
    let stopped = facts(world, &id).await?;
    ensure!(stopped.state == State::Exited && !stopped.paused);
    Ok(())
}

async fn a_failed_start_says_why_and_leaves_the_error_behind(world: &dyn EngineWorld) -> Result<()> {
    let id = world.create("web", Make { broken: true, ..Make::default() }).await?;
    refused(world, &id, Action::Start, 400, "no-such-command").await?;
    let left = facts(world, &id).await?;
    ensure!(left.state == State::Created && left.exit_code == 127, "{:?} {}", left.state, left.exit_code);
    ensure!(left.error.contains("no-such-command"), "{}", left.error);
    Ok(())
}

async fn an_action_on_what_is_not_there_is_a_404(world: &dyn EngineWorld) -> Result<()> {
    let Some(id) = ContainerId::parse(&"0".repeat(64)) else { anyhow::bail!("an id") };
    for action in [Action::Start, Action::Stop, Action::Pause, Action::Unpause, Action::Restart] {
        refused(world, &id, action, 404, "No such container").await?;
    }
    Ok(())
}

async fn a_stop_waits_for_the_containers_own_timeout(world: &dyn EngineWorld) -> Result<()> {
    let make = Make { stubborn: true, stop_timeout: Some(1), ..Make::default() };
    let id = run(world, "web", make).await?;
    let start = Instant::now();
    world.engine().act(&id, Action::Stop).await?;
    let took = start.elapsed();
    ensure!(took >= Duration::from_secs(1) && took < Duration::from_secs(8), "{took:?}");
    ensure!(facts(world, &id).await?.exit_code == 137);
    Ok(())
}

async fn a_peek_does_not_wait_for_a_stop_and_the_stop_outlives_its_caller(
    world: &dyn EngineWorld,
) -> Result<()> {
    let make = Make { stubborn: true, stop_timeout: Some(2), ..Make::default() };
    let id = run(world, "web", make).await?;
    let since = world.engine().clock().await?;
    let start = Instant::now();
    tokio::select! { biased;
        done = world.engine().act(&id, Action::Stop) => anyhow::bail!("{done:?} before it could be done"),
        seen = super::actions_until(world, &id, since, "kill") => drop(seen?),
    }
    let key = key(&id);
    let peeked = timeout(Duration::from_secs(1), world.engine().peek(&key)).await??;
    ensure!(peeked.is_some() && start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    super::actions_until(world, &id, since, "stop").await?;
    ensure!(facts(world, &id).await?.state == State::Exited);
    Ok(())
}
