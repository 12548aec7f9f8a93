//! TLS, tokens, mounts, panics, limits.

use crate::kit::{MAPS, World, map};
use axum::Router;
use axum::routing::get;
use http::Request;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api as Objects, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};
use rdd_apiserver::listener::{self, Listener};
use rdd_apiserver::{Access, Config, Identity, Limits, tls::Certificates};
use rdd_store::Location;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::oneshot;

struct Server {
    world: World,
    address: SocketAddr,
    certificates: Certificates,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start() -> Server {
        let world = World::new().await;
        let certificates = Certificates::ephemeral().unwrap();
        let config = listener::Config {
            address: ([127, 0, 0, 1], 0).into(),
            certificates: certificates.clone(),
            token: "secret".into(),
        };
        let listener = Listener::bind(world.api.clone(), config).await.unwrap();
        let address = listener.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(listener.run(async {
            let _ = stopped.await;
        }));
        Server { world, address, certificates, stop: Some(stop), task }
    }

    async fn client(&self, token: &str) -> kube::Client {
        use base64::Engine;
        let authority = base64::engine::general_purpose::STANDARD.encode(&self.certificates.ca_pem);
        let cluster = Cluster {
            server: Some(format!("https://{}", self.address)),
            certificate_authority_data: Some(authority),
            ..Cluster::default()
        };
        let token =
            (!token.is_empty()).then(|| serde_json::from_value::<AuthInfo>(json!({"token": token})).unwrap());
        let context = Context { cluster: "c".into(), user: Some("u".into()), ..Context::default() };
        let config = Kubeconfig {
            clusters: vec![NamedCluster { name: "c".into(), cluster: Some(cluster), ..Default::default() }],
            auth_infos: vec![NamedAuthInfo {
                name: "u".into(),
                auth_info: Some(token.unwrap_or_default()),
                ..Default::default()
            }],
            contexts: vec![NamedContext { name: "x".into(), context: Some(context), ..Default::default() }],
            current_context: Some("x".into()),
            ..Kubeconfig::default()
        };
        let config =
            kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(5), self.task).await.expect("the listener ends").unwrap();
    }
}

#[tokio::test]
async fn kube_works_over_tls() {
    use futures::StreamExt;
    let server = Server::start().await;
    let objects: Objects<ConfigMap> = Objects::namespaced(server.client("secret").await, "default");
    let made =
        objects.create(&PostParams::default(), &serde_json::from_value(map("a")).unwrap()).await.unwrap();
    let mut events = objects
        .watch(&WatchParams::default(), made.metadata.resource_version.as_deref().unwrap())
        .await
        .unwrap()
        .boxed();
    let patch = Patch::Merge(json!({"data": {"b": "2"}}));
    objects.patch("a", &PatchParams::default(), &patch).await.unwrap();
    let event = events.next().await.unwrap().unwrap();
    assert!(matches!(event, WatchEvent::Modified(object) if object.data.as_ref().unwrap()["b"] == "2"));
    assert_eq!(objects.list(&ListParams::default()).await.unwrap().items.len(), 1);
    server.stop().await;
    assert!(events.next().await.is_none_or(|event| event.is_err()), "watches end with their listener");
}

#[tokio::test]
async fn nobody_comes_in_without_the_token() {
    let server = Server::start().await;
    server.world.api.mount("/healthz", Access::Public, Router::new().fallback(|| async { "ok" }));
    server.world.api.mount("/debug", Access::Token, Router::new().fallback(|| async { "secrets" }));
    for token in ["", "wrong"] {
        let client = server.client(token).await;
        for path in [MAPS, "/apis", "/nope", "/debug", "/version"] {
            let response =
                client.send(Request::get(path).body(kube::client::Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 401, "{path}");
        }
        let response =
            client.send(Request::get("/healthz").body(kube::client::Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    let client = server.client("secret").await;
    let response =
        client.send(Request::get("/debug").body(kube::client::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_as_such() {
    let server = Server::start().await;
    let config = listener::Config {
        address: server.address,
        certificates: server.certificates.clone(),
        token: "secret".into(),
    };
    let refused = Listener::bind(server.world.api.clone(), config.clone()).await;
    assert!(matches!(refused, Err(listener::Error::InUse { .. })));
    let refused =
        Listener::bind(server.world.api.clone(), listener::Config { token: String::new(), ..config }).await;
    assert!(matches!(refused, Err(listener::Error::Token)));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn requests_without_an_identity_are_refused() {
    let world = World::new().await;
    let nobody = kube::Client::new(world.api.router(), "default");
    let response = nobody.send(Request::get(MAPS).body(kube::client::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 401);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_answer_and_the_next_request_is_served() {
    let world = World::new().await;
    let panics = get(|| async {
        if true {
            panic!("a fault in a handler");
        }
    });
    world.api.mount("/panics", Access::Token, Router::new().route("/", panics));
    let (code, status) = world.get("/panics").await;
    assert_eq!((code, &status["kind"], &status["reason"]), (500, &json!("Status"), &json!("InternalError")));
    assert_eq!(world.get(MAPS).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_stop_a_write() {
    let world = World::new().await;
    let (begun, reading) = oneshot::channel();
    let (gate, opened) = oneshot::channel::<()>();
    let body = futures::stream::once(async move {
        begun.send(()).unwrap();
        opened.await.unwrap();
        Ok::<_, std::convert::Infallible>(map("a").to_string())
    });
    let mut request = Request::post(MAPS).body(axum::body::Body::from_stream(body)).unwrap();
    request.extensions_mut().insert(Identity::new("test"));
    let caller = tokio::spawn(tower::ServiceExt::oneshot(world.api.router(), request));
    reading.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    gate.send(()).unwrap();
    world.until(&format!("{MAPS}/a"), |code, _| code == 200).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_or_too_deep_is_refused() {
    let limits = Limits { body: 10_000, ..Limits::default() };
    let config = Config { limits, ..Config::default() };
    let world = World::with(rdd_store::Config::new(Location::Inline), config).await;
    let mut large = map("a");
    large["data"]["a"] = json!("x".repeat(10_000));
    let (code, status) = world.post(MAPS, &large).await;
    assert_eq!((code, &status["reason"]), (413, &json!("RequestEntityTooLarge")));
    let deep = format!("{{\"data\":{}{}}}", "[".repeat(4000), "]".repeat(4000)).into_bytes();
    assert_eq!(world.send(Request::post(MAPS).body(deep).unwrap()).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn a_full_store_refuses_writes_and_goes_on_reading() {
    let store = rdd_store::Config { max_pages: Some(64), ..rdd_store::Config::new(Location::Inline) };
    let world = World::with(store, Config::default()).await;
    let mut large = map("");
    large["data"]["a"] = json!("x".repeat(50_000));
    let mut code = 201;
    for number in 0..20 {
        large["metadata"]["name"] = json!(format!("m{number}"));
        code = world.post(MAPS, &large).await.0;
        if code != 201 {
            break;
        }
    }
    assert_eq!(code, 507);
    assert_eq!(world.get(&format!("{MAPS}/m0")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn mounts_see_the_path_behind_them_and_can_be_replaced() {
    let world = World::new().await;
    let echo = |word: &'static str| {
        Router::new().fallback(move |uri: http::Uri| async move { format!("{word} {}", uri.path()) })
    };
    world.api.mount("/debug", Access::Token, echo("first"));
    assert_eq!(world.get("/debug/a/b").await.1, json!("first /a/b"));
    world.api.mount("/debug", Access::Token, echo("second"));
    world.api.mount("/debug/deeper", Access::Token, echo("third"));
    assert_eq!(world.get("/debug").await.1, json!("second /"));
    assert_eq!(world.get("/debug/deeper/x").await.1, json!("third /x"));
    assert_eq!(world.get("/debugger").await.0, 404);
}
