//! R49, where what was read may not be what is there.

use super::*;
use crate::attachment::Attachment;
use crate::board::Live;
use crate::messages::{Act, Reconsider};
use crate::testing::{self, last};
use rdd_actors_runtime::{Clock, Config, Supervisor};
use rdd_engine::memory::{Call, Memory};
use rdd_engine::{ContainerId, Endpoint};
use rdd_resources::Container;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the API says of the mirror at each look (the last answer is repeated), and when all this was made.
struct Scene {
    looks: Vec<Option<Value>>,
    namespace_made: &'static str,
    definition_made: &'static str,
}

fn mirror(id: &ContainerId, uid: &str, mark: &str) -> Value {
    json!({
        "apiVersion": "containers.rancherdesktop.io/v1alpha1", "kind": "Container",
        "metadata": {
            "name": id.as_str(), "namespace": "ns", "uid": uid, "resourceVersion": "7",
            "creationTimestamp": "2026-01-01T00:00:05Z", "deletionTimestamp": "2026-01-01T00:00:09Z",
            "finalizers": [finalizer::MIRROR], "annotations": { names::annotation::ENGINE: mark },
        },
    })
}

/// Plays a scene on an engine; how often the engine was asked to remove something, and how often the mirror was written.
async fn play(engine: &Memory, id: &ContainerId, scene: Scene) -> (usize, usize) {
    let (looked, written) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let writes = written.clone();
    let name = id.to_string();
    let client = testing::api(move |(method, path, body)| match last(path) {
        end if end == name && method == "GET" => {
            let nth = looked.fetch_add(1, Ordering::SeqCst).min(scene.looks.len() - 1);
            scene.looks[nth].clone().map_or((404, Value::Null), |mirror| (200, mirror))
        }
        end if end == name => {
            writes.fetch_add(1, Ordering::SeqCst);
            (200, body.clone())
        }
        "app" => {
            (200, json!({ "metadata": { "name": "app" }, "spec": { "running": true, "namespace": "ns" } }))
        }
        "ns" => (200, json!({ "metadata": { "name": "ns", "creationTimestamp": scene.namespace_made } })),
        _ => (
            200,
            json!({
                "metadata": { "name": Container::CRD, "creationTimestamp": scene.definition_made },
                "spec": { "group": "", "names": { "kind": "", "plural": "" }, "scope": "", "versions": [] },
            }),
        ),
    });
    let board = testing::board(client);
    let supervisor = Supervisor::start(Config::local());
    let now = Clock::starting_at(jiff::Timestamp::UNIX_EPOCH).now();
    let attachment =
        Attachment::new(Arc::new(engine.clone()), Endpoint::Unix("/memory".into()), 1, "ns".into(), now);
    attachment.syncing(now);
    board.live.send_replace(Some(Arc::new(Live {
        attachment: Arc::new(attachment),
        group: supervisor.root().group("attachment"),
        writer: Arc::new(|_: Look| ()),
        actions: Arc::new(|_: Act| ()),
        guardian: Arc::new(|_: Reconsider| ()),
    })));
    let work =
        Work { kube: board.kube(Fence::default(), manager::FINALIZERS), board, fence: Fence::default() };
    let flow = work.process::<Container>("ns", id.as_str()).await;
    assert!(flow.is_ok(), "{flow:?}");
    let removals = engine.calls().iter().filter(|seen| seen.call == Call::Remove).count();
    (removals, written.load(Ordering::SeqCst))
}

/// Everything is as it should be: older than the mirror, which is there at every look.
fn well(engine: &Memory, id: &ContainerId) -> Scene {
    let looks = vec![Some(mirror(id, "u", &engine.identity().mark()))];
    Scene { looks, namespace_made: "2026-01-01T00:00:05Z", definition_made: "2026-01-01T00:00:01Z" }
}

async fn local(test: impl AsyncFnOnce()) {
    tokio::task::LocalSet::new().run_until(test()).await;
}

#[tokio::test(start_paused = true)]
async fn r11_a_delete_aimed_at_a_mirror_reaches_the_engine_once() {
    local(async || {
        let engine = Memory::new("memory");
        let id = engine.run("web");
        assert_eq!(play(&engine, &id, well(&engine, &id)).await, (1, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn r49_a_mirror_that_went_while_its_ground_was_read_reaches_no_engine() {
    local(async || {
        let engine = Memory::new("memory");
        let id = engine.run("web");
        let mark = engine.identity().mark();
        // It went with its namespace, which was made again before it was read; or it was made again itself.
        let mut released = mirror(&id, "u", &mark);
        released["metadata"]["finalizers"] = json!(["example.com/mine"]);
        for second in [None, Some(mirror(&id, "another", &mark)), Some(released)] {
            let looks = vec![Some(mirror(&id, "u", &mark)), second];
            let (removals, _) = play(&engine, &id, Scene { looks, ..well(&engine, &id) }).await;
            assert_eq!(removals, 0);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn r49_a_mirror_that_was_marked_before_its_namespace_or_its_definition_was_made_is_released() {
    local(async || {
        let engine = Memory::new("memory");
        let id = engine.run("web");
        // Somebody took the finalizer off the namespace, or the definition, that was being deleted; the guardian made it again.
        for made in ["2026-01-01T00:00:09Z", "2026-01-01T00:00:10Z"] {
            let namespace = Scene { namespace_made: made, ..well(&engine, &id) };
            assert_eq!(play(&engine, &id, namespace).await, (0, 1));
            let definition = Scene { definition_made: made, ..well(&engine, &id) };
            assert_eq!(play(&engine, &id, definition).await, (0, 1));
        }
        // One that outlived its namespace, as in a store that lost a row, is still what it was when it is deleted later.
        let salvaged = Scene { namespace_made: "2026-01-01T00:00:08Z", ..well(&engine, &id) };
        assert_eq!(play(&engine, &id, salvaged).await, (1, 1));
    })
    .await;
}
