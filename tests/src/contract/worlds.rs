//! The two engines that the contract binds.

use super::{Deed, EngineWorld, Make};
use crate::dockerd::Dockerd;
use anyhow::{Context, Result};
use futures::future::LocalBoxFuture;
use rdd_engine::docker::Docker;
use rdd_engine::memory::{Memory, Spec};
use rdd_engine::{ContainerId, Engine};
use serde_json::json;
use std::time::Duration;

/// A dockerd of its own.
pub struct DockerWorld {
    dockerd: Dockerd,
    engine: Docker,
}

/// An engine in memory.
pub struct MemoryWorld {
    engine: Memory,
}

impl DockerWorld {
    /// Starts it and connects.
    pub async fn start() -> Result<DockerWorld> {
        let dockerd = Dockerd::start().await?;
        let engine = Docker::connect(&dockerd.endpoint().parse()?).await?;
        Ok(DockerWorld { dockerd, engine })
    }
    /// Ends it.
    pub async fn stop(&mut self) -> Result<()> {
        self.dockerd.stop().await
    }
}

impl MemoryWorld {
    /// An empty one.
    pub fn new() -> MemoryWorld {
        MemoryWorld { engine: Memory::default() }
    }
}

impl Default for MemoryWorld {
    fn default() -> MemoryWorld {
        MemoryWorld::new()
    }
}

/// Process 1 ignores signals that it does not handle: without the trap a stop would always time out.
const OBEDIENT: [&str; 3] =
    ["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 3600 & wait; done"];
const STUBBORN: [&str; 2] = ["sleep", "3600"];

impl EngineWorld for DockerWorld {
    fn engine(&self) -> &dyn Engine {
        &self.engine
    }
    fn create<'a>(&'a self, name: &'a str, make: Make) -> LocalBoxFuture<'a, Result<ContainerId>> {
        Box::pin(async move {
            let command = match (make.broken, make.stubborn) {
                (true, _) => vec!["no-such-command"],
                (false, true) => STUBBORN.to_vec(),
                (false, false) => OBEDIENT.to_vec(),
            };
            let labels: serde_json::Map<_, _> =
                make.labels.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
            let body = json!({
                "Cmd": command,
                "Labels": labels,
                "StopTimeout": make.stop_timeout,
                "HostConfig": { "AutoRemove": make.auto_remove },
            });
            let id = self.dockerd.create_from(name, body).await?;
            ContainerId::parse(&id).context("an id")
        })
    }
    fn does<'a>(&'a self, id: &'a ContainerId, deed: Deed<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let id = id.as_str();
            match deed {
                Deed::Start => {
                    self.dockerd.post(id, "start").await?;
                    self.ready(id).await
                }
                Deed::Stop => self.dockerd.post(id, "stop").await,
                Deed::Kill => self.dockerd.post(id, "kill").await,
                Deed::Pause => self.dockerd.post(id, "pause").await,
                Deed::Unpause => self.dockerd.post(id, "unpause").await,
                Deed::Rename(name) => self.dockerd.post(id, &format!("rename?name={name}")).await,
                Deed::Remove => self.dockerd.remove(id).await,
            }
        })
    }
}

impl DockerWorld {
    /// Until the trap is set: the command says so.
    async fn ready(&self, id: &str) -> Result<()> {
        let inspected: serde_json::Value = serde_json::from_slice(&self.dockerd.http().inspect(id).await?)?;
        if inspected["Path"] != OBEDIENT[0] {
            return Ok(());
        }
        let path = format!("/containers/{id}/logs?follow=1&stdout=1");
        let mut log = self.dockerd.http().open("GET", &path, None).await?.into_body();
        http_body_util::BodyExt::frame(&mut log).await.context("a line")??;
        Ok(())
    }
}

impl EngineWorld for MemoryWorld {
    fn engine(&self) -> &dyn Engine {
        &self.engine
    }
    fn create<'a>(&'a self, name: &'a str, make: Make) -> LocalBoxFuture<'a, Result<ContainerId>> {
        let labels = make.labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let spec = Spec {
            labels,
            stop_timeout: make.stop_timeout,
            stop_takes: if make.stubborn { Duration::MAX } else { Duration::ZERO },
            auto_remove: make.auto_remove,
            start_fails: make
                .broken
                .then(|| "exec: \"no-such-command\": executable file not found in $PATH".to_owned()),
            ..Spec::named(name)
        };
        Box::pin(async move { Ok(self.engine.create_from(spec)) })
    }
    fn does<'a>(&'a self, id: &'a ContainerId, deed: Deed<'a>) -> LocalBoxFuture<'a, Result<()>> {
        match deed {
            Deed::Start => self.engine.start(id),
            Deed::Stop => self.engine.stop(id),
            Deed::Kill => self.engine.kill(id),
            Deed::Pause => self.engine.pause(id),
            Deed::Unpause => self.engine.unpause(id),
            Deed::Rename(name) => self.engine.rename(id, name),
            Deed::Remove => self.engine.remove_now(id),
        }
        Box::pin(async { Ok(()) })
    }
}
