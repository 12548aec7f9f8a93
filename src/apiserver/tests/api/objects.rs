//! Making, changing and deleting objects.

use crate::kit::{MAPS, WIDGETS, World, map, version, widget};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn an_object_is_made_read_changed_and_deleted() {
    let world = World::new().await;
    let made = world.make(MAPS, &map("a")).await;
    assert_eq!(made["data"], json!({"a": "1"}));
    assert_eq!(made["metadata"]["namespace"], "default");
    let (code, read) = world.get(&format!("{MAPS}/a")).await;
    assert_eq!((code, &read), (200, &made));
    let (code, changed) = world.patch(&format!("{MAPS}/a"), &json!({"data": {"b": "2"}})).await;
    assert_eq!((code, &changed["data"]), (200, &json!({"a": "1", "b": "2"})));
    assert!(version(&changed) > version(&made));
    let (code, status) = world.delete(&format!("{MAPS}/a")).await;
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
    assert_eq!(status["details"]["uid"], made["metadata"]["uid"]);
    assert_eq!(world.get(&format!("{MAPS}/a")).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_gets_no_new_version() {
    let world = World::with_widgets().await;
    let made = world.widget("a", json!({"size": 1})).await;
    let before = world.store.revision();
    let path = format!("{WIDGETS}/a");
    let (_, patched) = world.patch(&path, &json!({"spec": {"size": 1}})).await;
    let (_, put) = world.put(&path, &made).await;
    assert_eq!((&patched, &put), (&made, &made));
    assert_eq!(world.store.revision(), before);
}

#[tokio::test(start_paused = true)]
async fn a_stale_version_is_a_conflict_and_the_current_one_is_not() {
    let world = World::with_widgets().await;
    let first = world.widget("a", json!({"size": 1})).await;
    let path = format!("{WIDGETS}/a");
    let mut next = first.clone();
    next["spec"]["size"] = json!(2);
    assert_eq!(world.put(&path, &next).await.0, 200);
    let (code, refused) = world.put(&path, &next).await;
    assert_eq!((code, &refused["reason"]), (409, &json!("Conflict")));
    next["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    assert_eq!(world.put(&path, &next).await.0, 422, "custom resources must say what they replace");
}

#[tokio::test(start_paused = true)]
async fn of_writers_at_the_same_time_all_are_kept() {
    let world = World::new().await;
    world.make(MAPS, &map("a")).await;
    let writes = (0..10).map(|number| {
        let world = &world;
        async move { world.patch(&format!("{MAPS}/a"), &json!({"data": {format!("k{number}"): "v"}})).await.0 }
    });
    assert_eq!(futures::future::join_all(writes).await, [200; 10]);
    let (_, read) = world.get(&format!("{MAPS}/a")).await;
    assert_eq!(read["data"].as_object().unwrap().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn status_and_everything_else_are_written_apart() {
    let world = World::with_widgets().await;
    let mut both = widget("a", json!({"size": 1}));
    both["status"] = json!({"phase": "Early"});
    let made = world.make(WIDGETS, &both).await;
    assert_eq!(made.get("status"), None, "a new object has no status");
    let path = format!("{WIDGETS}/a");
    let change = json!({"spec": {"size": 9}, "status": {"phase": "Up"}});
    let (_, status) = world.patch(&format!("{path}/status"), &change).await;
    assert_eq!((&status["spec"]["size"], &status["status"]["phase"]), (&json!(1), &json!("Up")));
    assert_eq!(status["metadata"]["generation"], 1);
    let change = json!({"spec": {"size": 9}, "status": {"phase": "Down"}});
    let (_, main) = world.patch(&path, &change).await;
    assert_eq!((&main["spec"]["size"], &main["status"]["phase"]), (&json!(9), &json!("Up")));
    assert_eq!(main["metadata"]["generation"], 2);
}

#[tokio::test(start_paused = true)]
async fn finalizers_hold_an_object_until_the_last_is_released() {
    let world = World::with_widgets().await;
    let mut held = widget("a", json!({}));
    held["metadata"]["finalizers"] = json!(["x.test/one", "x.test/two"]);
    world.make(WIDGETS, &held).await;
    let path = format!("{WIDGETS}/a");
    let (code, marked) = world.delete(&path).await;
    assert_eq!(code, 200);
    assert!(marked["metadata"]["deletionTimestamp"].is_string(), "{marked}");
    let (_, again) = world.delete(&path).await;
    assert_eq!(again, marked, "a second delete changes nothing");
    let more = json!({"metadata": {"finalizers": ["x.test/one", "x.test/three"]}});
    assert_eq!(world.patch(&path, &more).await.0, 422);
    let (code, refused) = world.post(WIDGETS, &widget("a", json!({}))).await;
    assert_eq!(code, 409);
    assert!(refused["message"].as_str().unwrap().starts_with("object is being deleted"), "{refused}");
    assert_eq!(world.patch(&path, &json!({"metadata": {"finalizers": ["x.test/two"]}})).await.0, 200);
    assert_eq!(world.get(&path).await.0, 200);
    let (code, last) = world.patch(&path, &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(code, 200, "{last}");
    assert_eq!(world.get(&path).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn what_a_collector_would_hold_is_not_held_for_ever() {
    let world = World::new().await;
    for policy in ["Foreground", "Orphan"] {
        world.make(MAPS, &map("a")).await;
        let (code, marked) =
            world.delete_with(&format!("{MAPS}/a"), &json!({"propagationPolicy": policy})).await;
        assert_eq!(code, 200);
        assert_eq!(marked["metadata"]["finalizers"].as_array().unwrap().len(), 1, "{marked}");
        world.until(&format!("{MAPS}/a"), |code, _| code == 404).await;
    }
}

#[tokio::test(start_paused = true)]
async fn preconditions_of_a_delete_must_hold() {
    let world = World::new().await;
    let made = world.make(MAPS, &map("a")).await;
    let path = format!("{MAPS}/a");
    for wrong in [json!({"uid": "00000000-0000-0000-0000-000000000001"}), json!({"resourceVersion": "1"})] {
        assert_eq!(world.delete_with(&path, &json!({"preconditions": wrong})).await.0, 409);
    }
    let right =
        json!({"uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"]});
    assert_eq!(world.delete_with(&path, &json!({"preconditions": right})).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_deleted_as_selected() {
    let world = World::new().await;
    for (name, half) in [("a", "low"), ("b", "low"), ("c", "high")] {
        let mut body = map(name);
        body["metadata"]["labels"] = json!({"half": half});
        world.make(MAPS, &body).await;
    }
    let (code, deleted) = world.delete(&format!("{MAPS}?labelSelector=half%3Dlow")).await;
    assert_eq!((code, deleted["items"].as_array().unwrap().len()), (200, 2));
    let (_, left) = world.get(MAPS).await;
    let names: Vec<&str> =
        left["items"].as_array().unwrap().iter().map(|o| o["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["c"]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_answers_and_stores_nothing() {
    let world = World::new().await;
    let before = world.store.revision();
    let (code, tried) = world.post(&format!("{MAPS}?dryRun=All"), &map("a")).await;
    assert_eq!((code, tried["metadata"].get("resourceVersion")), (201, None));
    assert_eq!(world.store.revision(), before);
    let made = world.make(MAPS, &map("a")).await;
    let (_, tried) = world.patch(&format!("{MAPS}/a?dryRun=All"), &json!({"data": {"a": "2"}})).await;
    assert_eq!((&tried["data"]["a"], version(&tried)), (&json!("2"), version(&made)));
    assert_eq!(world.delete(&format!("{MAPS}/a?dryRun=All")).await.0, 200);
    assert_eq!(world.get(&format!("{MAPS}/a")).await.1, made);
}

#[tokio::test(start_paused = true)]
async fn unknown_fields_are_dropped_named_or_refused() {
    let world = World::with_widgets().await;
    let send = async |validation: &str, name: &str| {
        let body = widget(name, json!({"size": 1, "shape": "round"})).to_string().into_bytes();
        let uri = format!("{WIDGETS}?fieldValidation={validation}");
        world.send(http::Request::post(uri).body(body).unwrap()).await
    };
    let (code, headers, made) = send("Warn", "a").await;
    assert_eq!((code, made["spec"].get("shape")), (201, None));
    assert_eq!(headers["warning"], "299 - \"unknown field \\\"spec.shape\\\"\"");
    let (code, headers, _) = send("Ignore", "b").await;
    assert_eq!((code, headers.get("warning")), (201, None));
    assert_eq!(send("Strict", "c").await.0, 400);
    assert_eq!(world.get(&format!("{WIDGETS}/c")).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_generated_name_that_is_taken_is_generated_again() {
    let world = World::new().await;
    let mut body = map("");
    body["metadata"] = json!({"generateName": "g-"});
    let mut names: Vec<String> = Vec::new();
    for _ in 0..50 {
        names.push(world.make(MAPS, &body).await["metadata"]["name"].as_str().unwrap().to_owned());
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_the_schema_is_refused_with_its_cause() {
    let world = World::with_widgets().await;
    let (code, status) = world.post(WIDGETS, &widget("a", json!({"size": 101}))).await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
    assert_eq!(status["details"]["causes"][0]["field"], "spec.size");
    assert_eq!(world.widget("a", json!({})).await["spec"]["color"], "red", "defaults are filled in");
}

#[tokio::test(start_paused = true)]
async fn patches_that_are_not_known_are_refused_so_that_clients_fall_back() {
    let world = World::new().await;
    world.make(MAPS, &map("a")).await;
    for media in [
        "application/strategic-merge-patch+json",
        "application/json-patch+json",
        "application/apply-patch+yaml",
    ] {
        let request = http::Request::patch(format!("{MAPS}/a?fieldManager=m")).header("content-type", media);
        let (code, _, status) = world.send(request.body(b"{}".to_vec()).unwrap()).await;
        assert_eq!((code, &status["reason"]), (415, &json!("UnsupportedMediaType")), "{media}");
    }
}
