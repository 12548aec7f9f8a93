//! What is finished beside requests: kinds and namespaces.

use crate::kit::{CRDS, MAPS, NAMESPACES, WIDGETS, World, map, namespace, widget, widgets};
use rdd_apiserver::{Api, Config};
use serde_json::{Value, json};

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let list = object["status"]["conditions"].as_array().unwrap();
    list.iter().find(|condition| condition["type"] == kind).unwrap_or(&Value::Null)
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_served_when_its_definition_is_answered() {
    let world = World::new().await;
    assert_eq!(world.get(WIDGETS).await.0, 404);
    let made = world.make(CRDS, &widgets()).await;
    assert!(made["status"]["conditions"].is_null(), "the conditions come with the next version");
    assert_eq!(world.get(WIDGETS).await.0, 200);
    let (_, read) = world.get(&format!("{CRDS}/widgets.x.test")).await;
    assert_eq!(condition(&read, "Established")["status"], "True");
    assert_eq!(read["status"]["acceptedNames"]["listKind"], "WidgetList");
}

#[tokio::test(start_paused = true)]
async fn names_that_become_free_are_given_to_who_waited() {
    let world = World::with_widgets().await;
    let mut other = widgets();
    other["metadata"]["name"] = json!("gadgets.x.test");
    other["spec"]["names"] = json!({"plural": "gadgets", "kind": "Widget", "singular": "gadget"});
    world.make(CRDS, &other).await;
    let (_, waiting) = world.get(&format!("{CRDS}/gadgets.x.test")).await;
    assert_eq!(condition(&waiting, "NamesAccepted")["status"], "False");
    world.delete(&format!("{CRDS}/widgets.x.test")).await;
    world
        .until(&format!("{CRDS}/gadgets.x.test"), |_, crd| condition(crd, "Established")["status"] == "True")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_definition_goes_after_its_objects_and_waits_for_their_finalizers() {
    let world = World::with_widgets().await;
    world.widget("free", json!({})).await;
    let mut held = widget("held", json!({}));
    held["metadata"]["finalizers"] = json!(["x.test/hold"]);
    world.make(WIDGETS, &held).await;
    let path = format!("{CRDS}/widgets.x.test");
    let (_, marked) = world.delete(&path).await;
    assert_eq!(condition(&marked, "Terminating")["reason"], "InstanceDeletionPending");
    world.until(&format!("{WIDGETS}/free"), |code, _| code == 404).await;
    let (code, refused) = world.post(WIDGETS, &widget("late", json!({}))).await;
    assert_eq!((code, &refused["reason"]), (403, &json!("Forbidden")));
    world
        .until(&path, |_, crd| condition(crd, "Terminating")["reason"] == "InstanceDeletionInProgress")
        .await;
    world.patch(&format!("{WIDGETS}/held"), &json!({"metadata": {"finalizers": null}})).await;
    world.until(&path, |code, _| code == 404).await;
    assert_eq!(world.get(WIDGETS).await.0, 404);
    assert_eq!(world.make(CRDS, &widgets()).await["metadata"]["name"], "widgets.x.test", "it may come back");
    assert!(world.get(WIDGETS).await.1["items"].as_array().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_changes_is_that_of_reads_at_once() {
    let world = World::with_widgets().await;
    world.widget("a", json!({"size": 1})).await;
    let mut crd = world.get(&format!("{CRDS}/widgets.x.test")).await.1;
    let spec =
        &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    *spec = json!({"color": {"type": "string", "default": "red"}, "shape": {"type": "string", "default": "round"}});
    let (code, answer) = world.put(&format!("{CRDS}/widgets.x.test"), &crd).await;
    assert_eq!(code, 200, "{answer}");
    let expected = json!({"color": "red", "shape": "round"});
    assert_eq!(world.get(&format!("{WIDGETS}/a")).await.1["spec"], expected);
    assert_eq!(world.get(WIDGETS).await.1["items"][0]["spec"], expected);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_emptied_and_goes() {
    let world = World::with_widgets().await;
    let made = world.make(NAMESPACES, &namespace("n")).await;
    assert_eq!(made["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(made["status"]["phase"], "Active");
    let maps = "/api/v1/namespaces/n/configmaps";
    for number in 0..50 {
        world.make(maps, &map(&format!("m{number}"))).await;
    }
    world.make("/apis/x.test/v1/namespaces/n/widgets", &widget("w", json!({}))).await;
    let (_, marked) = world.delete(&format!("{NAMESPACES}/n")).await;
    assert_eq!(marked["status"]["phase"], "Terminating");
    world.until(&format!("{NAMESPACES}/n"), |code, _| code == 404).await;
    assert!(world.get(maps).await.1["items"].as_array().unwrap().is_empty());
    let (code, refused) = world.post(maps, &map("late")).await;
    assert_eq!((code, &refused["message"]), (404, &json!("namespaces \"n\" not found")));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_waits_for_finalizers_says_so_and_takes_nothing_new() {
    let world = World::with_widgets().await;
    world.make(NAMESPACES, &namespace("n")).await;
    let path = "/apis/x.test/v1/namespaces/n/widgets";
    let mut held = widget("w", json!({}));
    held["metadata"]["finalizers"] = json!(["x.test/hold"]);
    world.make(path, &held).await;
    world.delete(&format!("{NAMESPACES}/n")).await;
    let waiting =
        world.until(&format!("{NAMESPACES}/n"), |_, ns| ns["status"]["conditions"].is_array()).await;
    let remaining = condition(&waiting, "NamespaceContentRemaining");
    assert_eq!(remaining["message"], "Some resources are remaining: widgets.x.test has 1 resource instances");
    let (code, refused) = world.post(path, &widget("late", json!({}))).await;
    assert_eq!((code, &refused["details"]["causes"][0]["reason"]), (403, &json!("NamespaceTerminating")));
    world.patch(&format!("{path}/w"), &json!({"metadata": {"finalizers": null}})).await;
    world.until(&format!("{NAMESPACES}/n"), |code, _| code == 404).await;
}

#[tokio::test(start_paused = true)]
async fn finalizers_in_the_spec_of_a_namespace_are_released_by_its_own_part() {
    let world = World::new().await;
    world.make(NAMESPACES, &namespace("n")).await;
    let mut more = namespace("n");
    more["spec"] = json!({"finalizers": ["kubernetes", "x.test/more"]});
    let (code, _) = world.put(&format!("{NAMESPACES}/n/finalize"), &more).await;
    assert_eq!(code, 200);
    world.delete(&format!("{NAMESPACES}/n")).await;
    let left = json!(["x.test/more"]);
    world.until(&format!("{NAMESPACES}/n"), |_, ns| ns["spec"]["finalizers"] == left).await;
    more["spec"] = json!({"finalizers": []});
    world.put(&format!("{NAMESPACES}/n/finalize"), &more).await;
    world.until(&format!("{NAMESPACES}/n"), |code, _| code == 404).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_being_deleted_at_a_crash_is_finished_after_the_start() {
    let world = World::with_widgets().await;
    world.make(NAMESPACES, &namespace("n")).await;
    world.make("/api/v1/namespaces/n/configmaps", &map("a")).await;
    // From here on nothing is done beside requests; the deletes below only mark.
    let other = Api::open(world.store.clone(), Config::default()).await.unwrap();
    world.api.drain().await;
    other.drain().await;
    let third = Api::open(world.store.clone(), Config::default()).await.unwrap();
    let again = World { client: third.client("test"), api: third, store: world.store.clone() };
    again.delete(&format!("{NAMESPACES}/n")).await;
    again.until(&format!("{NAMESPACES}/n"), |code, _| code == 404).await;
    assert_eq!(again.get(WIDGETS).await.0, 200, "stored kinds are served from the start");
    assert_eq!(again.get(MAPS).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn the_namespaces_that_are_always_there_can_not_be_deleted() {
    let world = World::new().await;
    for name in ["default", "kube-system"] {
        assert_eq!(world.delete(&format!("{NAMESPACES}/{name}")).await.0, 403);
    }
}
