//! Lists, pages, versions, shapes, discovery.

use crate::kit::{MAPS, WIDGETS, World, map, version};
use http::Request;
use rdd_store::{Location, Revision};
use serde_json::{Value, json};

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap())
        .collect()
}

async fn read_as(world: &World, path: &str, accept: &str) -> (u16, http::HeaderMap, Value) {
    world.send(Request::get(path).header("accept", accept).body(Vec::new()).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn pages_show_one_state_whatever_happens_between_them() {
    let world = World::new().await;
    for name in ["a", "b", "c", "d", "e"] {
        world.make(MAPS, &map(name)).await;
    }
    let (_, first) = world.get(&format!("{MAPS}?limit=2")).await;
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a", "b"], &json!(3)));
    world.make(MAPS, &map("bb")).await;
    world.delete(&format!("{MAPS}/d")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = world.get(&format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let token = second["metadata"]["continue"].as_str().unwrap();
    let (_, third) = world.get(&format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!((names(&third), third["metadata"].get("continue")), (vec!["e"], None));
}

#[tokio::test(start_paused = true)]
async fn pages_of_a_selection_are_full_though_others_lie_between() {
    let world = World::new().await;
    for number in 0..9 {
        let mut body = map(&format!("m{number}"));
        body["metadata"]["labels"] = json!({"odd": (number % 2).to_string()});
        world.make(MAPS, &body).await;
    }
    let (_, first) = world.get(&format!("{MAPS}?limit=2&labelSelector=odd%3D1")).await;
    assert_eq!(names(&first), ["m1", "m3"]);
    assert_eq!(first["metadata"].get("remainingItemCount"), None);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = world.get(&format!("{MAPS}?limit=5&labelSelector=odd%3D1&continue={token}")).await;
    assert_eq!((names(&second), second["metadata"].get("continue")), (vec!["m5", "m7"], None));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_no_longer_known_comes_with_a_token_to_go_on() {
    let config = rdd_store::Config {
        keep_for: std::time::Duration::ZERO,
        keep_revisions: 1,
        ..rdd_store::Config::new(Location::Inline)
    };
    let world = World::with(config, rdd_apiserver::Config::default()).await;
    for name in ["a", "b", "c"] {
        world.make(MAPS, &map(name)).await;
    }
    let (_, first) = world.get(&format!("{MAPS}?limit=1")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    world.make(MAPS, &map("bb")).await;
    world.make(MAPS, &map("d")).await;
    world.store.compact().await.unwrap();
    assert!(world.store.oldest() > Revision(version(&json!({"metadata": first["metadata"]}))));
    let (code, expired) = world.get(&format!("{MAPS}?limit=10&continue={token}")).await;
    assert_eq!((code, &expired["reason"]), (410, &json!("Expired")));
    let fresh = expired["metadata"]["continue"].as_str().unwrap();
    let (code, rest) = world.get(&format!("{MAPS}?limit=10&continue={fresh}")).await;
    assert_eq!((code, names(&rest)), (200, vec!["b", "bb", "c", "d"]));
}

#[tokio::test(start_paused = true)]
async fn a_version_may_be_exact_at_least_or_too_new() {
    let world = World::new().await;
    let first = version(&world.make(MAPS, &map("a")).await);
    world.make(MAPS, &map("b")).await;
    let read = async |query: String| world.get(&format!("{MAPS}?{query}")).await;
    let (_, exact) = read(format!("resourceVersion={first}&resourceVersionMatch=Exact")).await;
    assert_eq!(names(&exact), ["a"]);
    let (_, later) = read(format!("resourceVersion={first}&resourceVersionMatch=NotOlderThan")).await;
    assert_eq!(names(&later), ["a", "b"]);
    let ahead = world.store.revision().0 + 1;
    for matching in ["", "&resourceVersionMatch=Exact", "&resourceVersionMatch=NotOlderThan"] {
        let (code, status) = read(format!("resourceVersion={ahead}{matching}")).await;
        assert_eq!((code, &status["reason"]), (504, &json!("Timeout")), "{matching}");
    }
    assert_eq!(world.get(&format!("{MAPS}/a?resourceVersion={ahead}")).await.0, 504);
    assert_eq!(world.get(&format!("{MAPS}/a?resourceVersion={first}")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn one_object_is_selected_by_name_in_its_namespace_and_in_all() {
    let world = World::new().await;
    for path in [MAPS, "/api/v1/namespaces/kube-system/configmaps"] {
        for name in ["a", "ab"] {
            world.make(path, &map(name)).await;
        }
    }
    let (_, one) = world.get(&format!("{MAPS}?fieldSelector=metadata.name%3Da")).await;
    assert_eq!(names(&one), ["a"]);
    let (_, all) = world.get("/api/v1/configmaps?fieldSelector=metadata.name%3Da").await;
    assert_eq!(names(&all), ["a", "a"]);
    let (_, none) = world.get(&format!("{MAPS}?fieldSelector=metadata.name%3Dabc")).await;
    assert!(names(&none).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_long_list_is_streamed_and_whole() {
    let world = World::new().await;
    let mut body = map("");
    body["data"]["a"] = json!("x".repeat(10_000));
    for number in 0..40 {
        body["metadata"]["name"] = json!(format!("m{number:02}"));
        world.make(MAPS, &body).await;
    }
    let (_, list) = world.get(MAPS).await;
    assert_eq!(list["kind"], "ConfigMapList");
    assert_eq!(names(&list).len(), 40);
    assert!(list["items"].as_array().unwrap().iter().all(|object| object["data"] == body["data"]));
}

#[tokio::test(start_paused = true)]
async fn answers_come_in_the_shape_that_was_asked_for() {
    let world = World::with_widgets().await;
    world.widget("a", json!({"size": 1})).await;
    let (_, _, table) =
        read_as(&world, WIDGETS, "application/json;as=Table;v=v1;g=meta.k8s.io,application/json").await;
    assert_eq!((&table["kind"], &table["rows"][0]["cells"][0]), (&json!("Table"), &json!("a")));
    let (_, _, list) =
        read_as(&world, WIDGETS, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io").await;
    assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
    assert_eq!(list["items"][0].get("spec"), None);
    let (_, headers, yaml) = read_as(&world, &format!("{WIDGETS}/a"), "application/yaml").await;
    assert_eq!(headers["content-type"], "application/yaml");
    assert!(yaml.as_str().unwrap().contains("\nkind: Widget\n"), "{yaml}");
    assert_eq!(read_as(&world, WIDGETS, "text/html").await.0, 406);
}

#[tokio::test(start_paused = true)]
async fn discovery_is_tagged_and_answered_with_nothing_new() {
    let world = World::new().await;
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let (_, headers, before) = read_as(&world, "/apis", accept).await;
    assert_eq!(before["kind"], "APIGroupDiscoveryList");
    let tag = headers["etag"].clone();
    let again = || Request::get("/apis").header("accept", accept).header("if-none-match", tag.clone());
    assert_eq!(world.send(again().body(Vec::new()).unwrap()).await.0, 304);
    world.make(crate::kit::CRDS, &crate::kit::widgets()).await;
    let (code, _, after) = world.send(again().body(Vec::new()).unwrap()).await;
    assert_eq!(code, 200);
    let groups: Vec<&Value> =
        after["items"].as_array().unwrap().iter().map(|g| &g["metadata"]["name"]).collect();
    assert!(groups.contains(&&json!("x.test")), "{groups:?}");
}

#[tokio::test(start_paused = true)]
async fn discovery_knows_kinds_and_their_parts() {
    let world = World::with_widgets().await;
    world.api.connect("x.test", "widgets", "log", |target: rdd_apiserver::connect::Target, _| async move {
        http::Response::new(axum::body::Body::from(format!("log of {}/{}", target.namespace, target.name)))
    });
    let (_, kinds) = world.get("/apis/x.test/v1").await;
    let names: Vec<&str> =
        kinds["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["widgets", "widgets/status", "widgets/log"]);
    assert_eq!(world.get(&format!("{WIDGETS}/a/log")).await, (200, json!("log of default/a")));
    let versions = world.client.apiserver_version().await.unwrap();
    assert_eq!((versions.major.as_str(), versions.minor.as_str()), ("1", "35"));
}

#[tokio::test(start_paused = true)]
async fn paths_that_are_nobodys_are_told_as_kubernetes_tells_them() {
    let world = World::with_widgets().await;
    for path in [
        "/apis/nope.test",
        "/apis/nope.test/v1/things",
        "/apis/x.test/v9/widgets",
        "/apis/x.test/v1/nothings",
    ] {
        assert_eq!(world.get(path).await, (404, json!("404 page not found\n")), "{path}");
    }
    for path in ["/api/v2", "/api/v1/nothings", "/api/v1/namespaces/default/configmaps/a/nothing"] {
        let (code, status) = world.get(path).await;
        assert_eq!(
            (code, &status["message"]),
            (404, &json!("the server could not find the requested resource"))
        );
    }
    assert_eq!(world.get("/openapi/v3").await.0, 404);
}
