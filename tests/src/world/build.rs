//! Putting a house together.

use super::House;
use crate::api_proxy::ApiProxy;
use crate::harness::wait;
use anyhow::Context;
use futures::future::try_join_all;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::runtime::wait::{await_condition, conditions};
use rdd_actors::{Connect, Dockers, LocalMachines, Machines, Timings};
use rdd_actors_runtime::{Config, Supervisor, chaos};
use std::sync::Arc;

/// What outlives the actors.
pub(super) struct Parts {
    api: rdd_apiserver::Api,
    engines: Arc<dyn Connect>,
    machines: Arc<dyn Machines>,
    threads: bool,
    /// Holds the database.
    _directory: Option<tempfile::TempDir>,
}

impl Parts {
    /// Everything in memory and on this thread.
    pub(super) async fn inline(
        engines: Arc<dyn Connect>,
        machines: Arc<dyn Machines>,
    ) -> anyhow::Result<Parts> {
        let api = open(rdd_store::Location::Inline).await?;
        Ok(Parts { api, engines, machines, threads: false, _directory: None })
    }
    /// As the daemon has it: a database in a file, a thread for each actor, Docker.
    pub(super) async fn threads() -> anyhow::Result<Parts> {
        let directory = tempfile::tempdir()?;
        let api = open(rdd_store::Location::File(directory.path().join("rdd.sqlite3"))).await?;
        let (engines, machines) = (Arc::new(Dockers), Arc::new(LocalMachines));
        Ok(Parts { api, engines, machines, threads: true, _directory: Some(directory) })
    }
    /// A client that is known to the API by this name.
    pub(super) fn client(&self, user: &str) -> kube::Client {
        self.api.client(user)
    }
    /// Starts a supervisor and all actors; failures may be injected.
    pub(super) fn start(&self, proxy: &ApiProxy) -> anyhow::Result<House> {
        let mut config =
            if self.threads { Config::threads(tokio::runtime::Handle::current()) } else { Config::local() };
        config.chaos = chaos::Mode::On;
        let supervisor = Supervisor::start(config);
        let mirroring = rdd_actors::start(
            &supervisor,
            rdd_actors::Config {
                client: proxy.wrap(self.client("actors")),
                engines: self.engines.clone(),
                machines: self.machines.clone(),
                controllers: Default::default(),
                environment: Default::default(),
                timings: Timings::default(),
                seed: 0,
            },
        );
        Ok(House { supervisor, mirroring })
    }
}

async fn open(location: rdd_store::Location) -> anyhow::Result<rdd_apiserver::Api> {
    let (store, _) = rdd_store::Store::open(rdd_store::Config::new(location))?;
    Ok(rdd_apiserver::Api::open(store, rdd_apiserver::Config::default()).await?)
}

/// Installs the kinds, as the daemon does at its start, and waits until they are served.
pub(super) async fn install(client: &kube::Client) -> anyhow::Result<()> {
    let crds = kube::Api::<CustomResourceDefinition>::all(client.clone());
    let install = rdd_resources::crds().into_iter().map(async |crd| {
        let name = crd.metadata.name.clone().context("a CRD has a name")?;
        crds.create(&PostParams::default(), &crd).await.with_context(|| format!("creating {name}"))?;
        let established = await_condition(crds.clone(), &name, conditions::is_crd_established());
        wait(format!("{name} to be established"), established).await?;
        anyhow::Ok(())
    });
    try_join_all(install).await?;
    Ok(())
}
