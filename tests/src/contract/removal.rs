//! What goes away.

use super::{Case, Deed, EngineWorld, Make, actions_until, case, key, listed, run};
use anyhow::{Result, ensure};
use rdd_engine::{Error, Fingerprint, Key, Removed};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!(a_running_container_is_removed_by_force_and_only_once),
        case!(a_removed_container_is_in_no_answer),
        case!(two_removals_at_once_both_end_well),
        case!(a_temporary_container_goes_when_it_exits),
        case!(a_fingerprint_of_another_kind_removes_nothing),
    ]
}

async fn a_running_container_is_removed_by_force_and_only_once(world: &dyn EngineWorld) -> Result<()> {
    let id = run(world, "web", Make { stubborn: true, ..Make::default() }).await?;
    let key = key(&id);
    let removed = world.engine().remove(&key, &Fingerprint::Container).await?;
    ensure!(removed == Removed::Done, "{removed:?}");
    let removed = world.engine().remove(&key, &Fingerprint::Container).await?;
    ensure!(removed == Removed::Gone, "{removed:?}");
    Ok(())
}

async fn a_removed_container_is_in_no_answer(world: &dyn EngineWorld) -> Result<()> {
    let id = run(world, "web", Make::default()).await?;
    world.does(&id, Deed::Remove).await?;
    ensure!(world.engine().inspect(&key(&id)).await?.is_none());
    ensure!(world.engine().peek(&key(&id)).await?.is_none());
    ensure!(listed(world, &id).await?.is_none());
    Ok(())
}

async fn two_removals_at_once_both_end_well(world: &dyn EngineWorld) -> Result<()> {
    let key = key(&run(world, "web", Make::default()).await?);
    let remove = || world.engine().remove(&key, &Fingerprint::Container);
    let (one, two) = futures::try_join!(remove(), remove())?;
    for removed in [one, two] {
        ensure!(matches!(removed, Removed::Done | Removed::Gone), "{removed:?}");
    }
    ensure!(world.engine().inspect(&key).await?.is_none());
    Ok(())
}

async fn a_temporary_container_goes_when_it_exits(world: &dyn EngineWorld) -> Result<()> {
    let since = world.engine().clock().await?;
    let id = run(world, "web", Make { auto_remove: true, ..Make::default() }).await?;
    world.does(&id, Deed::Kill).await?;
    let seen = actions_until(world, &id, since, "destroy").await?;
    ensure!(seen == ["create", "start", "kill", "die", "destroy"], "{seen:?}");
    ensure!(world.engine().inspect(&key(&id)).await?.is_none());
    Ok(())
}

async fn a_fingerprint_of_another_kind_removes_nothing(world: &dyn EngineWorld) -> Result<()> {
    let id = world.create("web", Make::default()).await?;
    let volume = Fingerprint::Volume { created_at: None };
    let refused = world.engine().remove(&Key::Container(id.clone()), &volume).await;
    ensure!(matches!(refused, Err(Error::Protocol(_))), "{refused:?}");
    ensure!(listed(world, &id).await?.is_some());
    Ok(())
}
