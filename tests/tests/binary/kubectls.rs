//! Every kubectl that is to be found.

use anyhow::{Context, ensure};
use rdd_tests::dockerd::Dockerd;
use rdd_tests::harness::{Need, Test, Version, wait};
use rdd_tests::home::{Home, eventually};
use rdd_tests::kubectl::{self, Kubectl};
use rdd_tests::test;
use rdd_tests::world::OBEDIENT;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The oldest that is promised to work.
const OLDEST: Version = Version(1, 27);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(r08_kubectl_get_w_shows_what_docker_does_within_50_ms)
            .needs(Need::Dockerd)
            .needs(Need::Kubectl(OLDEST))
            .seconds(120),
        test!(kubectl_1_27_gets_describes_labels_annotates_patches_deletes_and_waits)
            .needs(Need::Dockerd)
            .needs(Need::KubectlExactly(OLDEST))
            .seconds(120),
        test!(the_newest_kubectl_gets_describes_labels_annotates_patches_deletes_and_waits)
            .needs(Need::Dockerd)
            .needs(Need::Kubectl(Version(1, 30)))
            .seconds(120),
        test!(every_other_kubectl_gets_describes_labels_annotates_patches_deletes_and_waits)
            .needs(Need::Dockerd)
            .needs(Need::Kubectl(OLDEST))
            .seconds(300),
    ]
}

async fn attached() -> anyhow::Result<(Dockerd, Home)> {
    let dockerd = Dockerd::start().await?;
    let home = Home::new()?;
    home.attach(&dockerd.endpoint()).await?;
    Ok((dockerd, home))
}

/// Time from the engine's answer to kubectl's line, the median over five rounds (other programs may have the processor for a moment).
async fn r08_kubectl_get_w_shows_what_docker_does_within_50_ms() -> anyhow::Result<()> {
    let (dockerd, home) = attached().await?;
    let arguments = ["get", "containers", "-n", "rancher-desktop", "-w", "--no-headers"];
    let mut follow = kubectl::newest()?.follow(&home.kubeconfig(), &arguments)?;
    // kubectl prints nothing before there is something: the first container shows that it watches.
    let first = dockerd.make("first", &["sleep", "1"]).await?;
    wait("kubectl to watch", timeout(Duration::from_secs(20), follow.line(|line| line.contains(&first))))
        .await??;
    let mut took = Vec::new();
    for round in 0..5 {
        let (name, renamed) = (format!("web{round}"), format!("www{round}"));
        let id = dockerd.run(&name, &OBEDIENT).await?;
        let mut next = async |what: &str, words: [&str; 2]| -> anyhow::Result<Duration> {
            let answered = Instant::now();
            let line =
                follow.line(|line| line.starts_with(&id) && words.iter().all(|word| line.contains(word)));
            let (at, _) = wait(what, timeout(Duration::from_secs(10), line))
                .await
                .with_context(|| what.to_owned())??;
            // A line may come before the engine's answer: then it took no time at all.
            Ok(at.saturating_duration_since(answered))
        };
        took.push(next("docker run", [&name, "running"]).await?);
        dockerd.post(&id, "pause").await?;
        took.push(next("docker pause", [&name, "paused"]).await?);
        dockerd.post(&id, "unpause").await?;
        took.push(next("docker unpause", [&name, "running"]).await?);
        dockerd.post(&id, &format!("rename?name={renamed}")).await?;
        took.push(next("docker rename", [&renamed, "running"]).await?);
        dockerd.post(&id, "stop").await?;
        took.push(next("docker stop", [&renamed, "exited"]).await?);
        dockerd.remove(&id).await?;
    }
    took.sort();
    let median = took[took.len() / 2];
    ensure!(median <= Duration::from_millis(50), "median {median:?} after the engine's answer: {took:?}");
    // -w prints the last state of a deleted object; that it is gone shows in a list.
    let gone = async || {
        let Ok(kubectl) = kubectl::newest() else { return false };
        let text = kubectl.run(&home.kubeconfig(), &["get", "containers", "-A", "--no-headers"]).await;
        text.is_ok_and(|text| !text.contains("www") && text.contains(&first))
    };
    eventually("removed containers to be gone", Duration::from_secs(5), gone).await
}

async fn kubectl_1_27_gets_describes_labels_annotates_patches_deletes_and_waits() -> anyhow::Result<()> {
    let kubectl = kubectl::all().iter().find(|kubectl| kubectl.version == OLDEST).context("kubectl 1.27")?;
    matrix(&[kubectl]).await
}

async fn the_newest_kubectl_gets_describes_labels_annotates_patches_deletes_and_waits() -> anyhow::Result<()>
{
    matrix(&[kubectl::newest()?]).await
}

async fn every_other_kubectl_gets_describes_labels_annotates_patches_deletes_and_waits() -> anyhow::Result<()>
{
    let newest = kubectl::newest()?.version;
    let others =
        kubectl::all().iter().filter(|kubectl| kubectl.version >= OLDEST && kubectl.version != newest);
    matrix(&others.collect::<Vec<_>>()).await
}

async fn matrix(kubectls: &[&Kubectl]) -> anyhow::Result<()> {
    let (dockerd, home) = attached().await?;
    for kubectl in kubectls {
        verbs(kubectl, &dockerd, &home).await.with_context(|| format!("kubectl {}", kubectl.version))?;
    }
    Ok(())
}

/// What a user does with one kubectl.
async fn verbs(kubectl: &Kubectl, dockerd: &Dockerd, home: &Home) -> anyhow::Result<()> {
    let config = &home.kubeconfig();
    let version = kubectl.version.to_string().replace('.', "-");
    let name = format!("web-{version}");
    let id = dockerd.run(&name, &OBEDIENT).await?;
    let object = &format!("container/{id}");
    let in_namespace = ["-n", "rancher-desktop"];
    let run = async |arguments: &[&str]| -> anyhow::Result<String> {
        let arguments: Vec<&str> = arguments.iter().chain(&in_namespace).copied().collect();
        wait(format!("kubectl {}", arguments.join(" ")), kubectl.run(config, &arguments)).await
    };
    // wait, by condition
    let running = ["wait", "--for=condition=Running", object, "--timeout=10s"];
    eventually_runs(kubectl, config, &["get", object, "-n", "rancher-desktop"]).await?;
    run(&running).await?;
    // get: table, short name, category, selectors, JSON
    let table = run(&["get", "containers"]).await?;
    let header = table.lines().next().unwrap_or_default();
    for column in ["NAME", "CONTAINER", "IMAGE", "STATUS", "AGE"] {
        ensure!(header.contains(column), "no column {column} in {header:?}");
    }
    ensure!(
        table.lines().any(|line| line.contains(&id) && line.contains(&name) && line.contains("running")),
        "{table}"
    );
    for kind in ["ctr", "container", "containers.containers.rancherdesktop.io", "all", "rdd"] {
        ensure!(run(&["get", kind]).await?.contains(&id), "get {kind} does not show it");
    }
    let selected =
        run(&["get", "containers", "--field-selector", &format!("status.name={name}"), "-o", "name"]).await?;
    ensure!(selected.trim().ends_with(&id) && selected.lines().count() == 1, "by field: {selected}");
    let state = run(&["get", object, "-o", "jsonpath={.status.status}"]).await?;
    ensure!(state == "running", "{state}");
    run(&["get", "apps", "-o", "wide"]).await?;
    // describe
    let described = run(&["describe", object]).await?;
    ensure!(described.contains("Status:") && described.contains(&name), "{described}");
    // label, annotate, patch
    run(&["label", object, "mine=yes"]).await?;
    ensure!(run(&["get", "ctr", "-l", "mine=yes", "-o", "name"]).await?.contains(&id));
    run(&["annotate", object, "containers.rancherdesktop.io/action=restart"]).await?;
    let restarted = async || {
        let path = "jsonpath={.status.lastAction.action}/{.status.lastAction.state}/{.metadata.annotations.containers\\.rancherdesktop\\.io/action}";
        run(&["get", object, "-o", path]).await.is_ok_and(|text| text == "restart/Succeeded/")
    };
    eventually("the restart to be recorded", Duration::from_secs(20), restarted).await?;
    run(&["patch", object, "--type=merge", "-p", r#"{"metadata":{"labels":{"mine":"patched"}}}"#]).await?;
    ensure!(run(&["get", "ctr", "-l", "mine=patched", "-o", "name"]).await?.contains(&id));
    // delete waits until the object is gone, and with it the container
    run(&["delete", object, "--timeout=20s"]).await?;
    ensure!(!dockerd.ps().await?.iter().any(|row| row.id == id), "the container is still there");
    let (found, text) = kubectl.try_run(config, &["get", object, "-n", "rancher-desktop"]).await?;
    ensure!(!found && text.contains("NotFound"), "{text}");
    Ok(())
}

async fn eventually_runs(kubectl: &Kubectl, config: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let runs = async || kubectl.try_run(config, arguments).await.is_ok_and(|(good, _)| good);
    eventually(&arguments.join(" "), Duration::from_secs(10), runs).await
}
