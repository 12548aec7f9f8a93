use super::create::guard_namespace;
use super::*;
use crate::registry;
use crate::verbs::Part;
use futures::FutureExt;
use rdd_store::{Location, Store};
use serde_json::{Value, json};
use std::cell::Cell;
use std::sync::Mutex;

async fn shared() -> Arc<Shared> {
    let (store, _) = Store::open(rdd_store::Config::new(Location::Inline)).unwrap();
    let shared = Arc::new(Shared::new(store, crate::Config::default()));
    shared.registry.rebuild(&shared.store).await.unwrap();
    lifecycle::bootstrap(&shared).await.unwrap();
    let widgets = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.x.test"},
        "spec": {"group": "x.test", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}]},
    });
    let crds = subject(&shared, "apiextensions.k8s.io", "v1", "customresourcedefinitions", "");
    make(&shared, &crds, widgets).await.unwrap();
    shared
}

fn subject(shared: &Shared, group: &str, version: &str, plural: &str, name: &str) -> Subject {
    let kind = shared.registry.current().find(group, version, plural).unwrap().clone();
    let namespace = if kind.resource.is_namespaced() { "default" } else { "" };
    Subject { kind, namespace: namespace.into(), name: name.into(), part: Part::Main }
}

fn draft(value: Value) -> Draft {
    Draft { object: Object::from_value(value).unwrap(), duplicates: Vec::new() }
}

async fn make(shared: &Arc<Shared>, subject: &Subject, value: Value) -> Result<Written, Failure> {
    let draft = draft(value);
    write(shared, subject, &options::Write::default(), |_| Ok(Proposal::Create(draft.clone()))).await
}

fn widget(name: &str) -> Value {
    json!({"apiVersion": "x.test/v1", "kind": "Widget", "metadata": {"name": name}})
}

#[tokio::test]
async fn losing_a_race_for_an_object_does_not_read_all_kinds_anew() {
    let shared = shared().await;
    let subject = subject(&shared, "x.test", "v1", "widgets", "a");
    make(&shared, &Subject { name: String::new(), ..subject.clone() }, widget("a")).await.unwrap();
    let kinds = shared.registry.changes();
    let tries = Mutex::new(Cell::new(0));
    let change = |old: Option<&Object>| {
        let tries = tries.lock().unwrap();
        tries.set(tries.get() + 1);
        let mut object = old.unwrap().clone();
        if tries.get() == 1 {
            let key = keys::object(&subject.kind.resource, "default", "a");
            let value = shared.store.get(&key).now_or_never().unwrap().unwrap().unwrap().value;
            let again = Txn { guards: Vec::new(), ops: vec![Op::Put { key, value }] };
            shared.store.commit(again).now_or_never().unwrap().unwrap();
        }
        object.metadata_mut().insert("labels".into(), json!({"a": "b"}));
        object.metadata_mut().remove("resourceVersion");
        Ok(Proposal::Update(Draft { object, duplicates: Vec::new() }))
    };
    let written = write(&shared, &subject, &options::Write::default(), change).await.unwrap();
    assert_eq!((written.done, tries.lock().unwrap().get()), (Done::Changed, 2));
    assert!(!kinds.has_changed().unwrap());
}

#[tokio::test]
async fn a_namespace_that_changes_before_the_commit_is_looked_at_again() {
    let shared = shared().await;
    let subject = subject(&shared, "x.test", "v1", "widgets", "");
    let key = keys::namespace("default");
    let entry = shared.store.get(&key).await.unwrap().unwrap();
    let kind = &subject.kind;
    let early = guard_namespace(&shared, kind, "default", "w").await.unwrap();
    assert_eq!(early, (key.clone(), Expect::At(entry.modified)));
    let mut namespace = registry::object(&entry.value).unwrap();
    namespace.metadata_mut().insert("deletionTimestamp".into(), json!("2026-01-01T00:00:00Z"));
    let op = Op::Put { key: key.clone(), value: crate::respond::bytes(&namespace) };
    shared.store.commit(Txn { guards: Vec::new(), ops: vec![op] }).await.unwrap();
    let stored = Stored { value: Bytes::from_static(b"{}"), revision: None };
    let written = Written { stored, done: Done::Created, warnings: Vec::new() };
    let value = Some(Bytes::from_static(b"{}"));
    let place = keys::object(&kind.resource, "default", "w");
    let ready = Ready { key: place, guards: vec![early], value, written };
    let lost = commit(&shared, ready).await.unwrap();
    assert!(matches!(lost, Attempt::Lost { key: lost, .. } if lost == key));
    let refused = make(&shared, &subject, widget("w")).await.unwrap_err();
    assert_eq!(refused, Failure::namespace_terminating(&kind.resource, "w", "default"));
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_also_when_it_is_only_tried_and_a_made_up_one_is_made_anew() {
    let shared = shared().await;
    let subject = subject(&shared, "x.test", "v1", "widgets", "");
    make(&shared, &subject, widget("w")).await.unwrap();
    for dry_run in [false, true] {
        let options = options::Write { dry_run, ..options::Write::default() };
        let draft = draft(widget("w"));
        let taken = write(&shared, &subject, &options, |_| Ok(Proposal::Create(draft.clone()))).await;
        assert!(matches!(taken, Err(Failure::AlreadyExists { .. })), "{dry_run}: {taken:?}");
    }
    // The same random numbers twice: the first made-up name is taken.
    let again = Shared::new(shared.store.clone(), crate::Config { seed: Some(7), ..Default::default() });
    let first = format!("w-{}", again.stamp().suffix);
    make(&shared, &subject, widget(&first)).await.unwrap();
    let again = Shared::new(shared.store.clone(), crate::Config { seed: Some(7), ..Default::default() });
    again.registry.rebuild(&again.store).await.unwrap();
    let mut unnamed = widget("");
    unnamed["metadata"] = json!({"generateName": "w-"});
    let made = make(&Arc::new(again), &subject, unnamed).await.unwrap();
    let name = registry::object(&made.stored.value).unwrap().name().to_owned();
    assert!(name.starts_with("w-") && name != first, "{name}");
}

#[tokio::test]
async fn creates_that_lose_to_their_definition_read_it_once_for_all() {
    let shared = shared().await;
    let early = subject(&shared, "x.test", "v1", "widgets", "");
    let revision = early.kind.definition.as_ref().unwrap().revision;
    // The CRD changes behind the registry, as between the commit and the rebuild of another request.
    let key = keys::definition("widgets.x.test");
    let value = shared.store.get(&key).await.unwrap().unwrap().value;
    shared.store.commit(Txn { guards: Vec::new(), ops: vec![Op::Put { key, value }] }).await.unwrap();
    let mut kinds = shared.registry.changes();
    let before = *kinds.borrow_and_update();
    let all = (0..20).map(|n| make(&shared, &early, widget(&format!("w{n}"))));
    futures::future::try_join_all(all.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(*kinds.borrow_and_update() - before, 1);
    let now = subject(&shared, "x.test", "v1", "widgets", "").kind;
    assert!(now.definition.as_ref().unwrap().revision > revision);
}

#[tokio::test]
async fn objects_are_sent_as_stored_after_a_change_of_the_definition_that_is_none_of_the_schema() {
    let shared = shared().await;
    let widgets = subject(&shared, "x.test", "v1", "widgets", "");
    let stored = make(&shared, &widgets, widget("w")).await.unwrap().stored;
    let crd = subject(&shared, "apiextensions.k8s.io", "v1", "customresourcedefinitions", "widgets.x.test");
    let label = |old: Option<&Object>| {
        let mut object = old.unwrap().clone();
        object.metadata_mut().insert("labels".into(), json!({"a": "b"}));
        Ok(Proposal::Update(Draft { object, duplicates: Vec::new() }))
    };
    write(&shared, &crd, &options::Write::default(), label).await.unwrap();
    let now = subject(&shared, "x.test", "v1", "widgets", "").kind;
    assert!(now.definition.as_ref().unwrap().revision > stored.revision.unwrap());
    assert_eq!(now.renewed(&stored.value, stored.revision.unwrap()), None);
    change_schema(&shared, json!({"a": {"type": "string", "default": "x"}})).await;
    let now = subject(&shared, "x.test", "v1", "widgets", "").kind;
    assert!(now.renewed(&stored.value, stored.revision.unwrap()).is_some());
}

/// The CRD of widgets with other properties.
async fn change_schema(shared: &Arc<Shared>, properties: Value) {
    let name = "widgets.x.test";
    let subject = subject(shared, "apiextensions.k8s.io", "v1", "customresourcedefinitions", name);
    let change = |old: Option<&Object>| {
        let mut value = Value::Object(old.unwrap().0.clone());
        value["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"] = properties.clone();
        Ok(Proposal::Update(draft(value)))
    };
    write(shared, &subject, &options::Write::default(), change).await.unwrap();
}
