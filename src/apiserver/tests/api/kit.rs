//! What the tests share.

use futures::StreamExt;
use http_body_util::BodyExt;
use kube::client::Body;
use rdd_apiserver::{Api, Config};
use rdd_store::{Location, Store};
use serde_json::{Value, json};
use std::time::Duration;

/// An API of a test's own, and a client of it.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) store: Store,
    pub(crate) client: kube::Client,
}

/// The events of a watch.
pub(crate) struct Events {
    stream: std::pin::Pin<Box<dyn futures::Stream<Item = Vec<u8>> + Send>>,
    rest: Vec<u8>,
}

pub(crate) const WIDGETS: &str = "/apis/x.test/v1/namespaces/default/widgets";
pub(crate) const MAPS: &str = "/api/v1/namespaces/default/configmaps";
pub(crate) const NAMESPACES: &str = "/api/v1/namespaces";
pub(crate) const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

impl World {
    /// An API on an empty store.
    pub(crate) async fn new() -> World {
        World::with(rdd_store::Config::new(Location::Inline), Config { seed: Some(1), ..Config::default() })
            .await
    }

    pub(crate) async fn with(store: rdd_store::Config, config: Config) -> World {
        let (store, _) = Store::open(store).unwrap();
        let api = Api::open(store.clone(), config).await.unwrap();
        let client = api.client("test");
        World { api, store, client }
    }

    /// An API that knows widgets.
    pub(crate) async fn with_widgets() -> World {
        let world = World::new().await;
        let (code, answer) = world.post(CRDS, &widgets()).await;
        assert_eq!(code, 201, "{answer}");
        world
    }

    /// Sends a request; the body is JSON unless the headers say otherwise.
    pub(crate) async fn send(&self, request: http::Request<Vec<u8>>) -> (u16, http::HeaderMap, Value) {
        let response = self.client.send(request.map(Body::from)).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        (parts.status.as_u16(), parts.headers, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
    }

    async fn call(&self, method: &str, path: &str, media: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = http::Request::builder().method(method).uri(path).header("content-type", media);
        let (code, _, answer) = self.send(request.body(body).unwrap()).await;
        (code, answer)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, "application/json", None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("POST", path, "application/json", Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("PUT", path, "application/json", Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call("PATCH", path, "application/merge-patch+json", Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        self.call("DELETE", path, "application/json", None).await
    }

    pub(crate) async fn delete_with(&self, path: &str, options: &Value) -> (u16, Value) {
        self.call("DELETE", path, "application/json", Some(options)).await
    }

    /// Makes something that must be made.
    pub(crate) async fn make(&self, path: &str, body: &Value) -> Value {
        let (code, answer) = self.post(path, body).await;
        assert_eq!(code, 201, "{answer}");
        answer
    }

    /// Makes a widget in `default`.
    pub(crate) async fn widget(&self, name: &str, spec: Value) -> Value {
        self.make(WIDGETS, &widget(name, spec)).await
    }

    /// Opens a watch.
    pub(crate) async fn watch(&self, path: &str) -> Events {
        self.watch_as(path, "application/json").await
    }

    pub(crate) async fn watch_as(&self, path: &str, accept: &str) -> Events {
        let request = http::Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
        let response = self.client.send(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let stream = response.into_body().into_data_stream().map(|bytes| bytes.unwrap().to_vec());
        Events { stream: Box::pin(stream), rest: Vec::new() }
    }

    /// Waits until a path answers something, for up to an hour of paused time.
    pub(crate) async fn until(&self, path: &str, holds: impl Fn(u16, &Value) -> bool) -> Value {
        let reached = async {
            loop {
                let (code, answer) = self.get(path).await;
                if holds(code, &answer) {
                    return answer;
                }
                // The clock moves only when everything else waits: nothing is left out, and nothing is waited for.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3600), reached).await.expect("it never came")
    }
}

impl Events {
    /// The next event; `None`: the watch ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            match self.stream.next().await {
                Some(bytes) => self.rest.extend(bytes),
                None => return None,
            }
        }
    }

    /// Type and name of the next event.
    pub(crate) async fn brief(&mut self) -> (String, String) {
        let event = self.next().await.expect("the watch ended");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }

    /// Asserts type and name of the next event.
    pub(crate) async fn expect(&mut self, happened: &str, name: &str) {
        assert_eq!(self.brief().await, (happened.to_owned(), name.to_owned()));
    }
}

/// The CRD of widgets.
pub(crate) fn widgets() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.x.test"},
        "spec": {
            "group": "x.test",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "singular": "widget", "shortNames": ["wd"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "size": {"type": "integer", "maximum": 100},
                        "color": {"type": "string", "default": "red"},
                    }},
                    "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
                }}},
            }],
        },
    })
}

pub(crate) fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "x.test/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

pub(crate) fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

pub(crate) fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

pub(crate) fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}
