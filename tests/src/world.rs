//! The whole house in one process: store, API server, supervisor and actors, composed with their production constructors.
//!
//! * [`World::paused`]: on an engine in memory and a store in memory, on one thread with tokio's clock paused. Hours take milliseconds.
//! * [`World::docker`]: on a dockerd, with threads, files and real time.
//! * [`World::hostile`]: the same with a proxy between the actors and dockerd that misbehaves on command.
//!
//! In each of them an [`ApiProxy`] stands between the actors and the API, and does nothing until a test gives it a rule. The test
//! itself looks past both, with an honest [`View`] of the API and the engine's own word.

mod build;
mod docker;
mod memory;
mod mirror;
mod report;
mod user;
mod view;

pub use docker::{Docker, OBEDIENT};
pub use memory::Memories;
pub use mirror::{ACTION, Condition, ENGINE, FINALIZER, ID, Mirror};
pub use user::Id;
pub use view::{Told, View, Watching, What, resource};

use crate::api_proxy::ApiProxy;
use crate::harness::wait;
use rdd_actors::Mirroring;
use rdd_actors_runtime::Supervisor;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The namespace of the mirrors.
pub const NAMESPACE: &str = "rancher-desktop";

/// How long [`World::until`] waits, in the time of the world. Promises that are tighter are tested with [`World::within`].
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A house with an engine.
pub struct World<E> {
    /// The engine, as its user touches it.
    pub engine: E,
    /// The API as a well-meant client sees it.
    pub client: kube::Client,
    /// What stands between the actors and the API.
    pub api: ApiProxy,
    parts: build::Parts,
    house: Option<House>,
    watching: Watching,
}

/// What dies with the daemon: the actors and their supervisor.
struct House {
    supervisor: Supervisor,
    mirroring: Mirroring,
}

impl World<Memories> {
    /// On an engine in memory, with the clock paused. The test must be [`paused`](crate::harness::Test::paused).
    pub async fn paused() -> anyhow::Result<World<Memories>> {
        let engine = Memories::new();
        let parts = build::Parts::inline(Arc::new(engine.clone()), Arc::new(engine.clone())).await?;
        World::build(engine, parts).await
    }
}

impl World<Docker> {
    /// On the dockerd that the tests of one binary share.
    pub async fn docker() -> anyhow::Result<World<Docker>> {
        World::on(Docker::shared().await?).await
    }
    /// On a dockerd of its own, for tests that freeze it, kill it, or count everything in it.
    pub async fn alone() -> anyhow::Result<World<Docker>> {
        World::on(Docker::alone().await?).await
    }
    /// On a dockerd of its own behind a hostile proxy.
    pub async fn hostile() -> anyhow::Result<World<Docker>> {
        World::on(Docker::hostile().await?).await
    }
    async fn on(engine: Docker) -> anyhow::Result<World<Docker>> {
        World::build(engine, build::Parts::threads().await?).await
    }
}

impl<E> World<E> {
    async fn build(engine: E, parts: build::Parts) -> anyhow::Result<World<E>> {
        let proxy = ApiProxy::default();
        let client = parts.client("user");
        build::install(&client).await?;
        let watching = Watching::start(&client);
        let mut world = World { engine, client, api: proxy, parts, house: None, watching };
        world.start()?;
        Ok(world)
    }

    /// Starts the actors, after [`World::stop`].
    pub fn start(&mut self) -> anyhow::Result<()> {
        self.house = Some(self.parts.start(&self.api)?);
        Ok(())
    }
    /// Stops the actors as the daemon does at its end. The API stays.
    pub async fn stop(&mut self) {
        if let Some(house) = self.house.take() {
            wait("the actors to stop", house.mirroring.stop(Duration::from_secs(20))).await;
            wait("the supervisor to stop", house.supervisor.shutdown(Duration::from_secs(20))).await;
        }
    }
    /// The supervisor: health, trace, chaos.
    ///
    /// # Panics
    /// When the actors are stopped.
    pub fn supervisor(&self) -> &Supervisor {
        &self.house.as_ref().expect("the actors run").supervisor
    }
    /// What the actors say of themselves.
    ///
    /// # Panics
    /// When the actors are stopped.
    pub fn mirroring(&self) -> &Mirroring {
        &self.house.as_ref().expect("the actors run").mirroring
    }

    /// The present view.
    pub fn view(&self) -> View {
        self.watching.now()
    }
    /// Waits until the API shows something, and fails with the last messages between actors and the last view when it does not within
    /// [`PATIENCE`].
    pub async fn until(&self, what: &str, holds: impl Fn(&View) -> bool) -> anyhow::Result<View> {
        self.within(PATIENCE, what, holds).await
    }
    /// The same with a limit of its own.
    pub async fn within(
        &self,
        limit: Duration,
        what: &str,
        holds: impl Fn(&View) -> bool,
    ) -> anyhow::Result<View> {
        match wait(what, timeout(limit, self.watching.until(holds))).await {
            Ok(view) => Ok(view),
            Err(_) => anyhow::bail!("not within {limit:?}: {what}\n{}", self.report()),
        }
    }
}
