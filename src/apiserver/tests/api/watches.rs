//! Following changes.

use crate::kit::{MAPS, WIDGETS, World, map, version};
use rdd_apiserver::{Config, Limits};
use rdd_store::Location;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_version_tells_every_change_after_it() {
    let world = World::new().await;
    let first = world.make(MAPS, &map("a")).await;
    world.make(MAPS, &map("b")).await;
    let mut watch = world.watch(&format!("{MAPS}?watch=true&resourceVersion={}", version(&first))).await;
    watch.expect("ADDED", "b").await;
    world.patch(&format!("{MAPS}/a"), &json!({"data": {"a": "2"}})).await;
    watch.expect("MODIFIED", "a").await;
    world.delete(&format!("{MAPS}/b")).await;
    let gone = watch.next().await.unwrap();
    assert_eq!((&gone["type"], &gone["object"]["metadata"]["name"]), (&json!("DELETED"), &json!("b")));
    assert_eq!(version(&gone["object"]), world.store.revision().0, "a deletion has a version of its own");
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_a_version_begins_with_what_is_there() {
    let world = World::new().await;
    world.make(MAPS, &map("a")).await;
    for query in ["watch=true", "watch=true&resourceVersion=0"] {
        let mut watch = world.watch(&format!("{MAPS}?{query}")).await;
        watch.expect("ADDED", "a").await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_initial_events_end_with_a_bookmark() {
    let world = World::new().await;
    world.make(MAPS, &map("a")).await;
    let query =
        "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = world.watch(&format!("{MAPS}?{query}")).await;
    watch.expect("ADDED", "a").await;
    let end = watch.next().await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    assert_eq!(end["object"]["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    assert_eq!(version(&end["object"]), world.store.revision().0);
    world.make(MAPS, &map("b")).await;
    watch.expect("ADDED", "b").await;
}

#[tokio::test(start_paused = true)]
async fn what_enters_a_selector_is_added_and_what_leaves_is_deleted() {
    let world = World::with_widgets().await;
    let mut labels = world.watch(&format!("{WIDGETS}?watch=true&labelSelector=app%3Dx")).await;
    let mut fields = world.watch(&format!("{WIDGETS}?watch=true&fieldSelector=spec.color%3Dblue")).await;
    world.widget("a", json!({})).await;
    let path = format!("{WIDGETS}/a");
    world.patch(&path, &json!({"metadata": {"labels": {"app": "x"}}, "spec": {"color": "blue"}})).await;
    world.patch(&path, &json!({"spec": {"size": 1}})).await;
    let (_, left) =
        world.patch(&path, &json!({"metadata": {"labels": null}, "spec": {"color": "red"}})).await;
    world.delete(&path).await;
    for watch in [&mut labels, &mut fields] {
        watch.expect("ADDED", "a").await;
        watch.expect("MODIFIED", "a").await;
        let gone = watch.next().await.unwrap();
        assert_eq!((&gone["type"], &gone["object"]["spec"]["color"]), (&json!("DELETED"), &json!("blue")));
        assert_eq!(version(&gone["object"]), version(&left));
    }
}

#[tokio::test(start_paused = true)]
async fn one_object_is_watched_by_its_name() {
    let world = World::new().await;
    let mut watch = world.watch(&format!("{MAPS}?watch=true&fieldSelector=metadata.name%3Da")).await;
    for name in ["ab", "a", "b"] {
        world.make(MAPS, &map(name)).await;
    }
    watch.expect("ADDED", "a").await;
    world.delete(&format!("{MAPS}/ab")).await;
    world.delete(&format!("{MAPS}/a")).await;
    watch.expect("DELETED", "a").await;
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_every_minute_and_before_the_end() {
    let world = World::new().await;
    let start = Instant::now();
    let mut watch =
        world.watch(&format!("{MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=100")).await;
    world.make("/api/v1/namespaces/kube-system/configmaps", &map("other")).await;
    let first = watch.next().await.unwrap();
    assert_eq!((&first["type"], start.elapsed().as_secs()), (&json!("BOOKMARK"), 60));
    assert_eq!(version(&first["object"]), world.store.revision().0, "also while only others change");
    assert_eq!(watch.brief().await.0, "BOOKMARK");
    assert_eq!(start.elapsed().as_secs(), 98);
    assert_eq!(watch.next().await, None);
    assert_eq!(start.elapsed().as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_a_time_ends_between_thirty_minutes_and_an_hour() {
    let world = World::new().await;
    let start = Instant::now();
    let mut watch = world.watch(&format!("{MAPS}?watch=true")).await;
    assert_eq!(watch.next().await, None);
    assert!((1800..=3600).contains(&start.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_time_beyond_all_clocks_is_a_long_time() {
    let world = World::new().await;
    let mut watch = world.watch(&format!("{MAPS}?watch=true&timeoutSeconds={}", i64::MAX)).await;
    world.make(MAPS, &map("a")).await;
    watch.expect("ADDED", "a").await;
}

#[tokio::test(start_paused = true)]
async fn a_version_before_history_is_an_expired_event() {
    let world = World::new().await;
    let mut watch = world.watch(&format!("{MAPS}?watch=true&resourceVersion=1")).await;
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(event["object"]["reason"], "Expired");
    assert_eq!(watch.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_version_to_come_is_waited_for_in_silence() {
    let world = World::new().await;
    let ahead = world.store.revision().0 + 2;
    let mut watch = world.watch(&format!("{MAPS}?watch=true&resourceVersion={ahead}")).await;
    for name in ["a", "b", "c"] {
        world.make(MAPS, &map(name)).await;
    }
    watch.expect("ADDED", "c").await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_too_slow_is_sent_away_and_comes_back_without_loss() {
    let store = rdd_store::Config { watch_buffer: 8, ..rdd_store::Config::new(Location::Inline) };
    let world = World::with(store, Config::default()).await;
    let first = world.make(MAPS, &map("m00")).await;
    let mut watch = world.watch(&format!("{MAPS}?watch=true&resourceVersion={}", version(&first))).await;
    world.make(MAPS, &map("m01")).await;
    watch.expect("ADDED", "m01").await;
    for number in 2..40 {
        world.make(MAPS, &map(&format!("m{number:02}"))).await;
    }
    let mut last = version(&first) + 1;
    let mut seen = vec!["m01".to_owned()];
    while seen.len() < 39 {
        while let Some(event) = watch.next().await {
            last = version(&event["object"]);
            seen.push(event["object"]["metadata"]["name"].as_str().unwrap().to_owned());
            if seen.len() == 39 {
                break;
            }
        }
        watch = world.watch(&format!("{MAPS}?watch=true&resourceVersion={last}")).await;
    }
    let all: Vec<String> = (1..40).map(|number| format!("m{number:02}")).collect();
    assert_eq!(seen, all);
}

#[tokio::test(start_paused = true)]
async fn tables_say_their_columns_once() {
    let world = World::with_widgets().await;
    world.widget("a", json!({})).await;
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let mut watch = world.watch_as(&format!("{WIDGETS}?watch=true"), table).await;
    let first = watch.next().await.unwrap();
    assert_eq!(
        (&first["object"]["kind"], &first["object"]["rows"][0]["cells"][0]),
        (&json!("Table"), &json!("a"))
    );
    assert!(first["object"]["columnDefinitions"].is_array());
    world.widget("b", json!({})).await;
    let second = watch.next().await.unwrap();
    assert!(second["object"]["columnDefinitions"].is_null());
}

#[tokio::test(start_paused = true)]
async fn metadata_can_be_watched_alone() {
    let world = World::with_widgets().await;
    let partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let mut watch = world.watch_as(&format!("{WIDGETS}?watch=true"), partial).await;
    world.widget("a", json!({"size": 1})).await;
    let event = watch.next().await.unwrap();
    assert_eq!(
        (&event["object"]["kind"], event["object"].get("spec")),
        (&json!("PartialObjectMetadata"), None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_with_its_kind_after_the_last_deletion() {
    let world = World::with_widgets().await;
    world.widget("a", json!({})).await;
    let mut watch = world.watch(&format!("{WIDGETS}?watch=true")).await;
    watch.expect("ADDED", "a").await;
    world.delete(&format!("{}/widgets.x.test", crate::kit::CRDS)).await;
    watch.expect("DELETED", "a").await;
    assert_eq!(watch.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn draining_ends_watches_and_refuses_requests() {
    let world = World::new().await;
    let mut watch = world.watch(&format!("{MAPS}?watch=true")).await;
    world.api.drain().await;
    assert_eq!(watch.next().await, None);
    assert_eq!(world.get(MAPS).await.0, 503);
}

#[tokio::test(start_paused = true)]
async fn bookmarks_can_be_asked_for_more_often() {
    let limits = Limits { bookmarks: Duration::from_secs(1), ..Limits::default() };
    let world =
        World::with(rdd_store::Config::new(Location::Inline), Config { limits, ..Config::default() }).await;
    let start = Instant::now();
    let mut watch = world.watch(&format!("{MAPS}?watch=true&allowWatchBookmarks=true")).await;
    assert_eq!(watch.brief().await.0, "BOOKMARK");
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}
