//! `kill -9` at random points.

use anyhow::{Context, ensure};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdd_tests::dockerd::{Dockerd, Row};
use rdd_tests::harness::{Need, Test, wait};
use rdd_tests::home::Home;
use rdd_tests::test;
use rdd_tests::world::{View, Watching};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(crate) fn tests() -> Vec<Test> {
    vec![test!(kill_nine_at_random_points_loses_nothing).needs(Need::Dockerd).seconds(600)]
}

const ROUNDS: u64 = 10;
/// Containers created over all rounds; most of them are removed again.
const PER_ROUND: usize = 20;

/// While 200 containers come and go over ten rounds, the daemon is killed in each at a random moment, and started again. Then mirrors
/// equal `docker ps -a`, those that were there before keep their uid, and every write that the API acknowledged is there.
async fn kill_nine_at_random_points_loses_nothing() -> anyhow::Result<()> {
    let seed = 7;
    let mut random = StdRng::seed_from_u64(seed);
    let dockerd = Dockerd::start().await?;
    let home = Home::new()?;
    home.attach(&dockerd.endpoint()).await?;
    let mut acknowledged = BTreeSet::new();
    let mut uids = BTreeMap::new();
    for round in 0..ROUNDS {
        let client = home.client().await?;
        let die_after = Duration::from_millis(random.random_range(0..1500));
        let alive: Vec<String> = dockerd.ps().await?.into_iter().map(|row| row.id).collect();
        let come = stream::iter(0..PER_ROUND)
            .map(|n| make(&dockerd, round, n))
            .buffer_unordered(4)
            .collect::<Vec<anyhow::Result<String>>>();
        let go = stream::iter(alive.iter().take(PER_ROUND * 3 / 4)).for_each_concurrent(4, async |id| {
            // Gone already is as good.
            let _ = dockerd.remove(id).await;
        });
        let write = write(client, round, &mut acknowledged);
        let die = async {
            sleep(die_after).await;
            home.kill().await
        };
        // Writing ends by itself when the daemon is gone.
        let (made, (), (), died) = futures::join!(come, go, write, die);
        died?;
        made.into_iter().collect::<anyhow::Result<Vec<String>>>()?;

        home.run(&["svc", "start"]).await.with_context(|| format!("round {round}, seed {seed}"))?;
        let watching = Watching::start(&home.client().await?);
        let truth = dockerd.ps().await?;
        let equal = |view: &View| rows(view) == truth && view.is_settled();
        let view =
            wait("mirrors to equal docker ps -a", timeout(Duration::from_secs(30), watching.until(equal)))
                .await;
        let Ok(view) = view else {
            anyhow::bail!(
                "round {round}, seed {seed}: mirrors differ: {:?} instead of {truth:?}{}",
                rows(&watching.now()),
                home.log()
            );
        };
        for (id, mirror) in &view.containers {
            let uid = uids.entry(id.clone()).or_insert_with(|| mirror.uid().to_owned());
            ensure!(uid == mirror.uid(), "round {round}, seed {seed}: {id} has another uid");
        }
    }
    let maps = kube::Api::<ConfigMap>::namespaced(home.client().await?, "default");
    let found: BTreeSet<String> =
        maps.list(&Default::default()).await?.into_iter().filter_map(|m| m.metadata.name).collect();
    let lost: Vec<&String> = acknowledged.difference(&found).collect();
    ensure!(acknowledged.len() > 100, "hardly anything was written: {}", acknowledged.len());
    ensure!(lost.is_empty(), "acknowledged writes are lost: {lost:?}");
    Ok(())
}

/// Creates a container, and starts every other one.
async fn make(dockerd: &Dockerd, round: u64, n: usize) -> anyhow::Result<String> {
    let name = format!("c-{round}-{n}");
    if n.is_multiple_of(2) {
        dockerd.make(&name, &["sleep", "3600"]).await
    } else {
        dockerd.run(&name, &["sleep", "3600"]).await
    }
}

/// Writes as fast as it can until the daemon is gone; remembers what was acknowledged.
async fn write(client: kube::Client, round: u64, acknowledged: &mut BTreeSet<String>) {
    let maps = kube::Api::<ConfigMap>::namespaced(client, "default");
    for n in 0.. {
        let name = format!("write-{round}-{n}");
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let map = ConfigMap { metadata, ..ConfigMap::default() };
        match maps.create(&PostParams::default(), &map).await {
            Ok(_) => drop(acknowledged.insert(name)),
            Err(_) => return,
        }
    }
}

/// Mirrors in the form of `docker ps -a`.
fn rows(view: &View) -> Vec<Row> {
    let all = view.containers.values();
    let rows =
        all.map(|m| Row { id: m.id().to_owned(), name: m.name().to_owned(), state: m.state().to_owned() });
    let mut rows: Vec<Row> = rows.collect();
    rows.sort();
    rows
}
