//! What most tests begin or end with.

use rdd_engine::ContainerId;
use rdd_tests::world::{Memories, View, World};
use std::collections::BTreeMap;

/// A world with so many running containers, settled.
pub(crate) async fn with(count: usize) -> anyhow::Result<(World<Memories>, Vec<ContainerId>)> {
    let world = World::paused().await?;
    let ids: Vec<_> = (0..count).map(|n| world.engine.run(&format!("c{n}"))).collect();
    world.attach().await?;
    world.until("all mirrors", |view| view.containers.len() == count && all_are(view, "running")).await?;
    Ok((world, ids))
}

/// Whether all mirrors are complete and in this state.
pub(crate) fn all_are(view: &View, state: &str) -> bool {
    view.containers.values().all(|mirror| mirror.state() == state && mirror.at("/status/pid").is_number())
}

/// The engine's own word, in the API's words.
pub(crate) fn truth(world: &World<Memories>) -> BTreeMap<String, (String, String)> {
    let all = world.engine.containers().into_iter();
    all.map(|facts| (facts.id, (facts.name, format!("{:?}", facts.state).to_lowercase()))).collect()
}

/// What mirrors say, in the same form.
fn mirrored(view: &View) -> BTreeMap<String, (String, String)> {
    let all = view.containers.iter();
    all.map(|(id, mirror)| (id.clone(), (mirror.name().to_owned(), mirror.state().to_owned()))).collect()
}

/// Whether mirrors say what the engine says.
pub(crate) fn agrees(view: &View, world: &World<Memories>) -> bool {
    mirrored(view) == truth(world)
}

/// Waits until mirrors say what the engine says.
pub(crate) async fn equal(world: &World<Memories>) -> anyhow::Result<View> {
    world.until("mirrors to equal the engine", |view| agrees(view, world)).await
}
