//! A daemon inside another program.

#![allow(missing_docs)]

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use rdd_daemon::paths::{Environment, Platform};
use rdd_daemon::{Config, Controllers, Daemon, Home, Instance, Paths, Port, daemon};
use rdd_resources::{Container, names};
use std::future::Future;

/// A client over TLS, as any other program's; with another token if one is given.
async fn remote(daemon: &Daemon, token: Option<&str>) -> kube::Client {
    let text = match token {
        Some(token) => daemon.kubeconfig().replace(daemon.token(), token),
        None => daemon.kubeconfig(),
    };
    let parsed = Kubeconfig::from_yaml(&text).unwrap();
    let config = kube::Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

async fn get(client: &kube::Client, path: &str) -> Result<String, u16> {
    let request = http::Request::get(path).body(Vec::new()).unwrap();
    client.request_text(request).await.map_err(|error| match error {
        kube::Error::Api(status) => status.code,
        other => panic!("{path}: {other}"),
    })
}

/// Runs a test's body beside a daemon, and stops the daemon in order.
async fn with<F: Future>(config: Config, body: impl FnOnce(Ways) -> F) {
    let daemon = Daemon::build(config).await.unwrap();
    let seen = Ways {
        local: daemon.client(),
        remote: remote(&daemon, None).await,
        stranger: remote(&daemon, Some("wrong-token")).await,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(daemon.run(async {
        let _ = stopped.await;
    }));
    body(seen).await;
    drop(stop);
    running.await.unwrap();
}

/// The names of all actors of a tree.
fn actors(group: &serde_json::Value) -> Vec<String> {
    let members = group["members"].as_array().unwrap().iter();
    let mut names: Vec<String> = members.map(|actor| actor["name"].as_str().unwrap().to_owned()).collect();
    names.extend(group["groups"].as_array().unwrap().iter().flat_map(actors));
    names
}

/// The ways to a daemon.
struct Ways {
    local: kube::Client,
    remote: kube::Client,
    stranger: kube::Client,
}

fn files(home: &std::path::Path) -> Config {
    let environment =
        Environment { home: Some(home.to_string_lossy().into_owned()), ..Environment::default() };
    let paths = Paths::of(&Instance::default(), Platform::current(), &environment).unwrap();
    Config { controllers: Controllers::none(), port: Port::Any, ..Config::of(&Instance::default(), paths) }
}

fn paths(config: &Config) -> &Paths {
    match &config.home {
        Home::Files(paths) => paths,
        Home::Memory { .. } => panic!("a daemon without files"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_in_memory_serves_its_kinds_in_process_and_over_tls() {
    with(Config::memory(), async |daemon| {
        for client in [&daemon.local, &daemon.remote] {
            let containers: Api<Container> = Api::all(client.clone());
            assert_eq!(containers.list(&ListParams::default()).await.unwrap().items.len(), 0);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r46_health_is_public_and_the_inside_is_behind_the_token() {
    with(Config::memory(), async |daemon| {
        for path in ["/readyz", "/livez", "/healthz", "/readyz/store", "/readyz?exclude=store"] {
            assert_eq!(get(&daemon.stranger, path).await, Ok("ok".to_owned()), "{path}");
        }
        assert_eq!(get(&daemon.stranger, "/readyz/nonsense").await, Err(404));
        let verbose = get(&daemon.stranger, "/readyz?verbose").await.unwrap();
        for check in [
            "[+]ping ok\n",
            "[+]supervision ok\n",
            "[+]startup ok\n",
            "[+]store ok\n",
            "readyz check passed\n",
        ] {
            assert!(verbose.contains(check), "{check} in {verbose}");
        }
        for path in
            ["/debug/supervision", "/debug/messages", "/debug/chaos", "/metrics", "/api/v1/namespaces"]
        {
            assert_eq!(get(&daemon.stranger, path).await, Err(401), "{path}");
        }
        let tree: serde_json::Value =
            serde_json::from_str(&get(&daemon.remote, "/debug/supervision").await.unwrap()).unwrap();
        assert!(!actors(&tree["root"]).is_empty(), "{tree}");
        let metrics = get(&daemon.remote, "/metrics").await.unwrap();
        assert!(metrics.contains("rdd_actor_up{actor="), "{metrics}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r46_every_actor_is_a_named_check() {
    with(Config::memory(), async |daemon| {
        let tree: serde_json::Value =
            serde_json::from_str(&get(&daemon.remote, "/debug/supervision").await.unwrap()).unwrap();
        let verbose = get(&daemon.remote, "/readyz?verbose").await.unwrap();
        for name in actors(&tree["root"]) {
            assert!(verbose.contains(&format!("]actor/{name} ")), "{name} in {verbose}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_discovery_object_says_what_runs_and_is_made_anew_at_every_start() {
    let home = tempfile::tempdir().unwrap();
    let mut uids = Vec::new();
    for controllers in [Controllers::none(), Controllers::all()] {
        let expected = if controllers.is_empty() {
            serde_json::Value::Null
        } else {
            serde_json::json!(["app", "engine"])
        };
        with(Config { controllers, ..files(home.path()) }, async |daemon| {
            let maps: Api<ConfigMap> = Api::namespaced(daemon.remote.clone(), names::SYSTEM_NAMESPACE);
            let map = maps.get(names::DISCOVERY).await.unwrap();
            assert_eq!(map.metadata.annotations.unwrap()[names::annotation::READY], "true");
            let embedded: serde_json::Value = serde_json::from_str(&map.data.unwrap()["embedded"]).unwrap();
            assert_eq!(embedded["enabledControllers"], expected);
            uids.push(map.metadata.uid.unwrap());
        })
        .await;
    }
    assert_ne!(uids[0], uids[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_token_and_port_survive_a_restart_and_the_kubeconfig_goes_with_the_daemon() {
    let home = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for start in 0..2 {
        let config = Config { port: Port::Preferably(0), ..files(home.path()) };
        let kubeconfig = paths(&config).config.clone();
        with(config, async |daemon| {
            seen.push(std::fs::read_to_string(&kubeconfig).unwrap());
            let maps: Api<ConfigMap> = Api::namespaced(daemon.remote.clone(), "default");
            let mut map = ConfigMap::default();
            map.metadata.name = Some("kept".to_owned());
            match start {
                0 => drop(maps.create(&PostParams::default(), &map).await.unwrap()),
                _ => drop(maps.get("kept").await.unwrap()),
            }
        })
        .await;
        assert!(!kubeconfig.exists());
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demanded_port_that_is_taken_is_an_error_and_leaves_nothing_running() {
    let home = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refused = Daemon::build(Config { port: Port::Exactly(port), ..files(home.path()) }).await;
    assert!(matches!(refused, Err(daemon::Error::PortTaken(p)) if p == port));
    // The store was let go of: another daemon can have it.
    drop(taken);
    with(Config { port: Port::Exactly(port), ..files(home.path()) }, async |_| {}).await;
}
