//! What the four programs beside this file share: a daemon in this process, on an engine in memory.

use anyhow::Context;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use rdd_actors::{Connect, Environment, Machines};
use rdd_daemon::{Config, Daemon};
use rdd_engine::memory::Memory;
use rdd_engine::{ContainerId, Endpoint, Engine};
use rdd_machine::Machine;
use rdd_resources::app::MachineSpec;
use rdd_resources::{App, Container};
use std::sync::Arc;
use std::time::Duration;

/// How long the programs wait for something before they say that it did not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// An engine in memory in place of Docker, and the machine it runs on.
struct Simulated(Memory);

impl Connect for Simulated {
    fn connect<'a>(&'a self, _: &'a Endpoint) -> BoxFuture<'a, Result<Arc<dyn Engine>, rdd_engine::Error>> {
        Box::pin(async { Ok(Arc::new(self.0.attach()) as Arc<dyn Engine>) })
    }
}

impl Machines for Simulated {
    fn make<'a>(
        &'a self,
        _: &'a MachineSpec,
        environment: &'a Environment,
    ) -> BoxFuture<'a, Result<Arc<dyn Machine>, rdd_machine::Error>> {
        let machine = Running(environment.default_endpoint.clone());
        Box::pin(async { Ok(Arc::new(machine) as Arc<dyn Machine>) })
    }
}

/// A machine that always runs.
struct Running(Endpoint);

impl Machine for Running {
    fn driver(&self) -> &'static str {
        "external"
    }
    fn start(&self) -> BoxFuture<'_, Result<Endpoint, rdd_machine::Error>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
    fn stop(&self) -> BoxFuture<'_, Result<(), rdd_machine::Error>> {
        Box::pin(async { Ok(()) })
    }
}

/// A daemon in developer mode that mirrors an engine in memory, and has an App that wants it running.
pub async fn daemon(engine: &Memory) -> anyhow::Result<Daemon> {
    let simulated = Arc::new(Simulated(engine.clone()));
    let config =
        Config { engines: simulated.clone(), machines: simulated, developer: true, ..Config::memory() };
    let daemon = Daemon::build(config).await?;
    let app: App = serde_json::from_value(serde_json::json!({
        "apiVersion": "app.rancherdesktop.io/v1alpha1", "kind": "App", "metadata": { "name": "app" },
        "spec": { "running": true },
    }))?;
    Api::<App>::all(daemon.client()).create(&Default::default(), &app).await?;
    Ok(daemon)
}

/// Waits until a container's mirror shows what is looked for.
pub async fn mirrored(
    client: kube::Client,
    id: &ContainerId,
    shows: impl Fn(&Container) -> bool,
) -> anyhow::Result<Container> {
    let api = Api::<Container>::namespaced(client, "rancher-desktop");
    let config = watcher::Config::default().fields(&format!("metadata.name={id}"));
    let mut changes = watcher(api, config).applied_objects().boxed();
    let seen = async {
        while let Some(container) = changes.try_next().await? {
            if shows(&container) {
                return anyhow::Ok(container);
            }
        }
        anyhow::bail!("the watch ended")
    };
    tokio::time::timeout(PATIENCE, seen).await.context("the mirror did not show it in time")?
}

/// The state that a mirror shows, `running` for instance.
pub fn state(container: &Container) -> String {
    let status = container.status.as_ref().map(|status| serde_json::json!(status.status));
    status.as_ref().and_then(|value| value.as_str()).unwrap_or("-").to_owned()
}
