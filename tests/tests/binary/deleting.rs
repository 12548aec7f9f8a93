//! Nobody's containers are deleted by accident: five ways, ten running containers each (R49).

use anyhow::ensure;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject};
use rdd_tests::dockerd::Dockerd;
use rdd_tests::harness::{Need, Test, wait};
use rdd_tests::home::Home;
use rdd_tests::test;
use rdd_tests::world::{NAMESPACE, View, Watching, resource};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) fn tests() -> Vec<Test> {
    let tests = [
        test!(r49_ten_containers_survive_the_end_of_the_namespace),
        test!(r49_ten_containers_survive_the_end_of_the_kind),
        test!(r49_ten_containers_survive_the_end_of_the_app),
        test!(r49_ten_containers_survive_the_end_of_the_instance),
        test!(r49_ten_containers_survive_a_switch_to_another_engine),
    ];
    tests.into_iter().map(|test| test.needs(Need::Dockerd).seconds(120)).collect()
}

/// A daemon on a dockerd with ten running containers, all of them mirrored.
struct Ten {
    dockerd: Dockerd,
    home: Home,
    client: kube::Client,
    watching: Watching,
    ids: BTreeSet<String>,
}

async fn ten() -> anyhow::Result<Ten> {
    let dockerd = Dockerd::start().await?;
    let mut ids = BTreeSet::new();
    for n in 0..10 {
        ids.insert(dockerd.run(&format!("c{n}"), &["sleep", "3600"]).await?);
    }
    let home = Home::new()?;
    home.attach(&dockerd.endpoint()).await?;
    let client = home.client().await?;
    let watching = Watching::start(&client);
    let ten = Ten { dockerd, home, client, watching, ids };
    ten.within(Duration::from_secs(10), "ten mirrors", |view| ten.all_mirrored(view)).await?;
    Ok(ten)
}

impl Ten {
    fn all_mirrored(&self, view: &View) -> bool {
        view.containers.len() == 10
            && view.containers.values().all(|m| m.state() == "running" && self.ids.contains(m.id()))
    }
    async fn within(
        &self,
        limit: Duration,
        what: &str,
        holds: impl Fn(&View) -> bool,
    ) -> anyhow::Result<View> {
        let view = wait(what, timeout(limit, self.watching.until(holds))).await;
        view.map_err(|_| {
            anyhow::anyhow!(
                "not within {limit:?}: {what}; seen: {:?}{}",
                self.watching.now(),
                self.home.log()
            )
        })
    }
    /// All ten run, the very same ones.
    async fn all_run(&self) -> anyhow::Result<()> {
        let rows = self.dockerd.ps().await?;
        let running: BTreeSet<String> =
            rows.into_iter().filter(|row| row.state == "running").map(|row| row.id).collect();
        ensure!(running == self.ids, "of ten containers {} run", running.len());
        Ok(())
    }
    /// All mirrors are back as new objects, within three seconds.
    async fn reborn(&self, before: &View) -> anyhow::Result<()> {
        let old: BTreeSet<&str> = before.containers.values().map(|mirror| mirror.uid()).collect();
        let back = |view: &View| {
            self.all_mirrored(view)
                && view.containers.values().all(|m| !old.contains(m.uid()) && !m.is_terminating())
        };
        self.within(Duration::from_secs(3), "namespace, kind and all mirrors to be back", back).await?;
        self.all_run().await
    }
}

async fn r49_ten_containers_survive_the_end_of_the_namespace() -> anyhow::Result<()> {
    let ten = ten().await?;
    let before = ten.watching.now();
    let namespaces = kube::Api::<Namespace>::all(ten.client.clone());
    namespaces.delete(NAMESPACE, &DeleteParams::default()).await?;
    ten.reborn(&before).await
}

async fn r49_ten_containers_survive_the_end_of_the_kind() -> anyhow::Result<()> {
    let ten = ten().await?;
    let before = ten.watching.now();
    let crds = kube::Api::<CustomResourceDefinition>::all(ten.client.clone());
    crds.delete("containers.containers.rancherdesktop.io", &DeleteParams::default()).await?;
    ten.reborn(&before).await
}

async fn r49_ten_containers_survive_the_end_of_the_app() -> anyhow::Result<()> {
    let ten = ten().await?;
    let apps = kube::Api::<DynamicObject>::all_with(ten.client.clone(), &resource("App"));
    apps.delete("app", &DeleteParams::default()).await?;
    let gone = |view: &View| view.app.is_none() && view.containers.is_empty();
    ten.within(Duration::from_secs(35), "App and mirrors to go", gone).await?;
    ten.all_run().await
}

async fn r49_ten_containers_survive_the_end_of_the_instance() -> anyhow::Result<()> {
    let ten = ten().await?;
    ten.home.run(&["svc", "delete"]).await?;
    ensure!(!ten.home.instance_dir().exists(), "the instance's directory is still there");
    ten.all_run().await
}

async fn r49_ten_containers_survive_a_switch_to_another_engine() -> anyhow::Result<()> {
    let ten = ten().await?;
    let other = Dockerd::start().await?;
    let there = other.run("elsewhere", &["sleep", "3600"]).await?;
    ten.home.attach(&other.endpoint()).await?;
    let only = |view: &View| view.containers.len() == 1 && view.state(&there) == "running";
    ten.within(Duration::from_secs(10), "the new engine's mirrors alone", only).await?;
    ten.all_run().await?;
    let rows = other.ps().await?;
    ensure!(rows.len() == 1 && rows[0].state == "running", "the other engine's container suffered: {rows:?}");
    Ok(())
}
