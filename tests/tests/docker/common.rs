//! What most tests begin or end with.

use anyhow::Context;
use rdd_actors_runtime::health::{ActorHealth, GroupHealth};
use rdd_tests::dockerd::Row;
use rdd_tests::world::{Docker, View, World};

/// Mirrors in the form of `docker ps -a`.
pub(crate) fn rows(view: &View) -> Vec<Row> {
    let row = |mirror: &rdd_tests::world::Mirror| Row {
        id: mirror.id().to_owned(),
        name: mirror.name().to_owned(),
        state: mirror.state().to_owned(),
    };
    let mut rows: Vec<Row> = view.containers.values().map(|mirror| row(mirror)).collect();
    rows.sort();
    rows
}

/// Waits until mirrors say what `docker ps -a` says, on a dockerd that nobody else uses and where nothing goes on.
pub(crate) async fn equal(world: &World<Docker>) -> anyhow::Result<View> {
    let truth = world.engine.ps().await?;
    world.until("mirrors to equal docker ps -a", |view| rows(view) == truth).await
}

/// An actor by the last part of its path.
pub(crate) fn actor(world: &World<Docker>, name: &str) -> anyhow::Result<ActorHealth> {
    fn find(group: GroupHealth, name: &str) -> Option<ActorHealth> {
        let mut members = group.members.into_iter();
        let here = members.find(|member| member.name.rsplit('/').next() == Some(name));
        here.or_else(|| group.groups.into_iter().find_map(|group| find(group, name)))
    }
    find(world.supervisor().health().root, name).with_context(|| format!("no {name} in the tree"))
}
