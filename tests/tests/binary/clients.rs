//! kube-rs over TLS.

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt};
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, reflector};
use rdd_tests::dockerd::Dockerd;
use rdd_tests::harness::{Need, Test, wait};
use rdd_tests::home::{Home, eventually};
use rdd_tests::test;
use rdd_tests::world::{Mirror, NAMESPACE, OBEDIENT, resource};
use std::time::Duration;
use tokio::time::timeout;

pub(crate) fn tests() -> Vec<Test> {
    let tests = [
        test!(a_kube_watcher_sees_containers_over_tls_by_list_and_by_streaming_list),
        test!(a_kube_reflector_over_tls_survives_a_restart_of_the_daemon),
    ];
    let mut tests: Vec<Test> = tests.into_iter().map(|test| test.needs(Need::Dockerd).seconds(120)).collect();
    tests.push(test!(without_the_token_nothing_is_told));
    tests
}

fn containers(client: kube::Client) -> kube::Api<DynamicObject> {
    kube::Api::namespaced_with(client, NAMESPACE, &resource("Container"))
}

async fn a_kube_watcher_sees_containers_over_tls_by_list_and_by_streaming_list() -> anyhow::Result<()> {
    let dockerd = Dockerd::start().await?;
    let home = Home::new()?;
    let before = dockerd.run("before", &OBEDIENT).await?;
    home.attach(&dockerd.endpoint()).await?;
    let ways =
        [("list", watcher::Config::default()), ("streaming", watcher::Config::default().streaming_lists())];
    for (way, config) in ways {
        let stream = watcher::watcher(containers(home.client().await?), config);
        let mut stream = std::pin::pin!(stream);
        let late = dockerd.run(&format!("late-{way}"), &OBEDIENT).await?;
        let mut listed = false;
        let mut seen = (false, false, false);
        let watch = async {
            while let Some(event) = stream.try_next().await? {
                match event {
                    Event::InitDone => listed = true,
                    Event::InitApply(object) | Event::Apply(object) => {
                        let mirror = Mirror(object);
                        seen.0 |= mirror.id() == before && mirror.state() == "running";
                        if mirror.id() == late && mirror.state() == "running" && !seen.1 {
                            seen.1 = true;
                            dockerd.remove(&late).await?;
                        }
                    }
                    Event::Delete(object) => seen.2 |= Mirror(object).id() == late,
                    Event::Init => {}
                }
                if listed && seen == (true, true, true) {
                    return anyhow::Ok(());
                }
            }
            anyhow::bail!("the stream ended")
        };
        wait("list, changes and a delete", timeout(Duration::from_secs(20), watch)).await??;
    }
    Ok(())
}

async fn a_kube_reflector_over_tls_survives_a_restart_of_the_daemon() -> anyhow::Result<()> {
    let dockerd = Dockerd::start().await?;
    let home = Home::new()?;
    let first = dockerd.run("first", &OBEDIENT).await?;
    home.attach(&dockerd.endpoint()).await?;
    let kind = resource("Container");
    let writer = reflector::store::Writer::<DynamicObject>::new(kind);
    let store = writer.as_reader();
    let stream = watcher::watcher(containers(home.client().await?), watcher::Config::default());
    let reflect = reflector::reflector(writer, stream).default_backoff().for_each(async |_| {});
    let check = async {
        store.wait_until_ready().await?;
        let uid = |id: &str| {
            store
                .find(|object| object.metadata.name.as_deref() == Some(id))
                .and_then(|o| o.metadata.uid.clone())
        };
        let known = async || uid(&first).is_some();
        eventually("the first container in the reflector", Duration::from_secs(10), known).await?;
        let before = uid(&first);
        home.kill().await?;
        home.run(&["svc", "start"]).await?;
        let second = dockerd.run("second", &OBEDIENT).await?;
        let known = async || uid(&second).is_some();
        eventually("the second container in the same reflector", Duration::from_secs(60), known).await?;
        ensure!(before == uid(&first), "the first one has another uid");
        anyhow::Ok(())
    };
    tokio::select! {
        biased;
        outcome = check => outcome,
        () = reflect => anyhow::bail!("the reflector ended"),
    }
}

async fn without_the_token_nothing_is_told() -> anyhow::Result<()> {
    let home = Home::new()?;
    home.run(&["svc", "start"]).await?;
    let mut kubeconfig = kube::config::Kubeconfig::read_from(home.kubeconfig())?;
    for user in &mut kubeconfig.auth_infos {
        if let Some(info) = &mut user.auth_info {
            info.token = Some("wrong".to_owned().into());
        }
    }
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    let client = kube::Client::try_from(config)?;
    let answer = containers(client).list(&Default::default()).await;
    ensure!(matches!(&answer, Err(kube::Error::Api(status)) if status.code == 401), "{answer:?}");
    ensure!(home.client().await?.apiserver_version().await.is_ok(), "the right token does not work either");
    Ok(())
}
