//! Bad input: each a clear error with the next step, a non-zero exit or a condition, and nothing lost.

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams};
use rdd_tests::dockerd::Dockerd;
use rdd_tests::harness::{Need, Test, wait};
use rdd_tests::home::{Ended, Home};
use rdd_tests::test;
use rdd_tests::world::{OBEDIENT, View, Watching};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::time::timeout;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test!(an_endpoint_where_nobody_listens_is_said_and_healed).needs(Need::Dockerd).seconds(120),
        test!(r30_an_endpoint_that_is_not_docker_fails_at_once),
        test!(an_endpoint_of_another_scheme_names_those_that_work),
        test!(a_port_that_is_taken_is_stepped_round_unless_it_was_asked_for),
        test!(an_instance_directory_that_can_not_be_written_is_named),
        test!(a_second_daemon_on_the_same_instance_is_refused),
        test!(r42_an_unknown_controller_is_an_error_that_lists_the_known),
        test!(a_corrupt_database_is_set_aside_and_mirrors_are_rebuilt).needs(Need::Dockerd).seconds(120),
        test!(r51_a_caller_is_not_held_by_the_daemon_it_started),
        test!(r29_a_set_that_is_wrong_is_refused_with_the_right_words),
    ]
}

/// It failed with this code, on one line that says these words.
fn refused(ended: &Ended, code: i32, words: &[&str]) -> anyhow::Result<()> {
    ensure!(ended.code == Some(code), "ended with {:?}: {}{}", ended.code, ended.stdout, ended.stderr);
    let fatal: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("level=fatal")).collect();
    ensure!(fatal.len() == 1, "not one line at level fatal: {:?}", ended.stderr);
    for word in words {
        // Quotes are escaped in a log line.
        let line = fatal[0].replace("\\\"", "\"");
        ensure!(line.contains(word), "{line:?} does not say {word:?}");
    }
    Ok(())
}

async fn an_endpoint_where_nobody_listens_is_said_and_healed() -> anyhow::Result<()> {
    let dockerd = Dockerd::start().await?;
    let id = dockerd.run("web", &OBEDIENT).await?;
    let home = Home::new()?;
    let socket = home.path().join("later.sock");
    let endpoint = format!("machine.endpoint=unix://{}", socket.display());
    home.run(&["svc", "start"]).await?;
    let wait_3 = ["set", "running=true", "machine.driver=external", &endpoint, "--timeout=3s"];
    let ended = home.try_run(&wait_3).await?;
    refused(&ended, 4, &["context deadline exceeded"])?;
    // It heals by itself as soon as somebody listens there.
    std::os::unix::fs::symlink(dockerd.socket(), &socket)?;
    let watching = Watching::start(&home.client().await?);
    let healed = |view: &View| view.is_settled() && view.state(&id) == "running";
    wait("it to heal", timeout(Duration::from_secs(20), watching.until(healed)))
        .await
        .context("it did not heal")?;
    Ok(())
}

async fn r30_an_endpoint_that_is_not_docker_fails_at_once() -> anyhow::Result<()> {
    let home = Home::new()?;
    let socket = home.path().join("web.sock");
    let listener = UnixListener::bind(&socket)?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
                // Who asked may have gone.
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    let endpoint = format!("machine.endpoint=unix://{}", socket.display());
    let ended =
        home.try_run(&["set", "running=true", "machine.driver=external", &endpoint, "--timeout=60s"]).await?;
    refused(&ended, 1, &[])
}

async fn an_endpoint_of_another_scheme_names_those_that_work() -> anyhow::Result<()> {
    let home = Home::new()?;
    let endpoint = "machine.endpoint=ssh://somewhere";
    let ended =
        home.try_run(&["set", "running=true", "machine.driver=external", endpoint, "--timeout=20s"]).await?;
    ensure!(ended.code != Some(0), "it was accepted");
    ensure!(ended.stderr.contains("unix://") && ended.stderr.contains("tcp://"), "{}", ended.stderr);
    Ok(())
}

/// The port of the API.
fn port(home: &Home) -> anyhow::Result<u16> {
    let config = std::fs::read_to_string(home.kubeconfig())?;
    let (_, rest) = config.split_once("https://127.0.0.1:").context("a server in the kubeconfig")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}

async fn a_port_that_is_taken_is_stepped_round_unless_it_was_asked_for() -> anyhow::Result<()> {
    let home = Home::new()?;
    home.run(&["svc", "start"]).await?;
    let wanted = port(&home)?;
    home.run(&["svc", "stop"]).await?;
    let taken = std::net::TcpListener::bind(("127.0.0.1", wanted))?;
    home.run(&["svc", "start"]).await?;
    let other = port(&home)?;
    ensure!(other != wanted, "the kubeconfig names the port of another program");
    home.client().await?.apiserver_version().await?;
    home.run(&["svc", "stop"]).await?;
    let ended = home.try_run(&["svc", "start", "--secure-port", &wanted.to_string()]).await?;
    refused(&ended, 1, &[&wanted.to_string(), "--secure-port"])?;
    drop(taken);
    // Clients keep the port that they know.
    home.run(&["svc", "start"]).await?;
    ensure!(port(&home)? == other, "another port than the last time");
    Ok(())
}

async fn an_instance_directory_that_can_not_be_written_is_named() -> anyhow::Result<()> {
    let home = Home::new()?;
    // The super user may write everywhere, but not below a file.
    let parent = home.instance_dir();
    let share = parent.parent().context("a parent")?;
    std::fs::create_dir_all(share.parent().context("another")?)?;
    std::fs::write(share, "not a directory")?;
    let ended = home.try_run(&["svc", "start"]).await?;
    refused(&ended, 1, &[&share.display().to_string()])?;
    std::fs::remove_file(share)?;
    std::fs::create_dir_all(share)?;
    if !rustix::process::geteuid().is_root() {
        std::fs::set_permissions(share, std::fs::Permissions::from_mode(0o500))?;
        let ended = home.try_run(&["svc", "start"]).await?;
        refused(&ended, 1, &[&share.display().to_string()])?;
        std::fs::set_permissions(share, std::fs::Permissions::from_mode(0o700))?;
    }
    home.run(&["svc", "start"]).await?;
    Ok(())
}

async fn a_second_daemon_on_the_same_instance_is_refused() -> anyhow::Result<()> {
    let home = Home::new()?;
    home.run(&["svc", "start"]).await?;
    let pid = home.pid()?;
    let ended = home.try_run(&["svc", "serve"]).await?;
    refused(&ended, 1, &["is already running"])?;
    ensure!(home.pid()? == pid && rdd_tests::home::is_alive(pid), "the first daemon suffered");
    home.client().await?.apiserver_version().await?;
    let again = home.try_run(&["svc", "start"]).await?;
    ensure!(again.code == Some(0) && again.stderr.contains("already running"), "{}", again.stderr);
    Ok(())
}

async fn r42_an_unknown_controller_is_an_error_that_lists_the_known() -> anyhow::Result<()> {
    let home = Home::new()?;
    let ended = home.try_run(&["svc", "create", "--controllers", "app,engin"]).await?;
    refused(&ended, 1, &["engin", "app", "engine"])?;
    ensure!(!home.instance_dir().exists(), "an instance was made all the same");
    Ok(())
}

async fn a_corrupt_database_is_set_aside_and_mirrors_are_rebuilt() -> anyhow::Result<()> {
    let dockerd = Dockerd::start().await?;
    let id = dockerd.run("web", &OBEDIENT).await?;
    let home = Home::new()?;
    home.attach(&dockerd.endpoint()).await?;
    let maps = kube::Api::<ConfigMap>::namespaced(home.client().await?, "default");
    for n in 0..200 {
        let metadata = ObjectMeta { name: Some(format!("mine-{n}")), ..ObjectMeta::default() };
        maps.create(&PostParams::default(), &ConfigMap { metadata, ..ConfigMap::default() }).await?;
    }
    let before: u64 =
        maps.list(&Default::default()).await?.metadata.resource_version.context("a version")?.parse()?;
    home.run(&["svc", "stop"]).await?;
    let database = home.instance_dir().join("rdd.sqlite3");
    let mut bytes = std::fs::read(&database)?;
    // The schema stays; some pages in the middle are noise.
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    std::fs::write(&database, &bytes)?;
    home.run(&["svc", "start"]).await?;
    let watching = Watching::start(&home.client().await?);
    // The App is what the user wrote: if its row was lost, they say again what they want.
    home.attach(&dockerd.endpoint()).await?;
    let rebuilt = |view: &View| view.is_settled() && view.state(&id) == "running";
    wait("the mirrors", timeout(Duration::from_secs(20), watching.until(rebuilt)))
        .await
        .context("no mirror")?;
    let aside = home.instance_dir().read_dir()?.flatten();
    let aside = aside.filter(|entry| entry.file_name().to_string_lossy().contains("corrupt")).count();
    ensure!(aside > 0, "the damaged file was not set aside{}", home.log());
    let maps = kube::Api::<ConfigMap>::namespaced(home.client().await?, "default");
    let list = maps.list(&Default::default()).await?;
    let after: u64 = list.metadata.resource_version.context("a version")?.parse()?;
    ensure!(after > before, "revisions went back from {before} to {after}");
    ensure!(list.items.len() > 100, "only {} of 200 rows were salvaged", list.items.len());
    Ok(())
}

async fn r51_a_caller_is_not_held_by_the_daemon_it_started() -> anyhow::Result<()> {
    let home = Home::new()?;
    // `output()` waits until every copy of the pipes is closed, as $(…) does.
    home.run(&["svc", "start"]).await?;
    let pid = home.pid()?;
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
        let Ok(target) = std::fs::read_link(entry.path()) else { continue };
        let mine =
            std::fs::read_dir("/proc/self/fd")?.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
        let shared = target.to_string_lossy().starts_with("pipe:") && mine.into_iter().any(|fd| fd == target);
        ensure!(!shared, "the daemon holds {target:?} of its caller");
    }
    Ok(())
}

async fn r29_a_set_that_is_wrong_is_refused_with_the_right_words() -> anyhow::Result<()> {
    let home = Home::new()?;
    let wrong = [
        ("running", "expected PROPERTY=VALUE format"),
        ("=value", "property name must not be empty"),
        ("nonexistent=v", "unknown property \"nonexistent\"; valid properties: "),
        (
            "containerEngine=moby",
            "\"containerEngine\" is an object; set its fields, e.g. \"containerEngine.name\"",
        ),
        ("running.x=1", "\"running\" is not an object and has no sub-properties"),
        ("running=yes", "invalid value \"yes\" for \"running\": expected boolean"),
        (
            "containerEngine.name=docker",
            "invalid value \"docker\" for \"containerEngine.name\": valid values: moby, containerd",
        ),
    ];
    for (argument, words) in wrong {
        let ended = home.try_run(&["set", argument]).await?;
        refused(&ended, 1, &[words]).with_context(|| argument.to_owned())?;
    }
    Ok(())
}
