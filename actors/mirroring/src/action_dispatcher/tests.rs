//! R19 and R20, with an API that fails between the record and the clean-up.

use super::*;
use crate::testing;
use parking_lot::Mutex;
use rdd_actors_runtime::Fence;
use rdd_engine::Endpoint;
use rdd_engine::memory::{Call, Memory};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// One mirror in an API of which the first writes of metadata fail, or lose their answers.
struct Scene {
    engine: Memory,
    id: ContainerId,
    mirror: Arc<Mutex<Value>>,
    refused: Arc<AtomicUsize>,
    work: Work,
}

fn scene(request: &str, last: Value) -> Scene {
    let engine = Memory::new("memory");
    let id = engine.run("web");
    let mirror = json!({
        "apiVersion": "containers.rancherdesktop.io/v1alpha1", "kind": "Container",
        "metadata": {
            "name": id.as_str(), "namespace": "ns", "uid": "u", "resourceVersion": "1",
            "annotations": { annotation::ENGINE: engine.identity().mark(), annotation::ACTION: request },
        },
        "status": { "name": "web", "namespace": "moby", "status": "running", "lastAction": last },
    });
    let (mirror, refused) = (Arc::new(Mutex::new(mirror)), Arc::new(AtomicUsize::new(0)));
    let (stored, left) = (mirror.clone(), refused.clone());
    let client = testing::api(move |(method, path, body)| {
        let mut stored = stored.lock();
        let part = if path.ends_with("/status") { "status" } else { "metadata" };
        if method == "PUT" {
            let version = stored["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse::<u64>().ok());
            if part == "metadata"
                && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
            {
                return (503, Value::Null);
            }
            stored[part] = body[part].clone();
            stored["metadata"]["resourceVersion"] = (version.unwrap_or_default() + 1).to_string().into();
        }
        (200, stored.clone())
    });
    let board = testing::board(client);
    let now = board.clock.now();
    let endpoint = Endpoint::Unix("/memory".into());
    let attachment = Arc::new(Attachment::new(Arc::new(engine.clone()), endpoint, 1, "ns".into(), now));
    let work = Work {
        engine: Fenced::new(attachment.engine.clone(), Fence::default()),
        kube: board.kube(Fence::default(), manager::ACTIONS),
        attachment,
        board,
        patience: Arc::default(),
    };
    Scene { engine, id, mirror, refused, work }
}

impl Scene {
    async fn dispatch(&self) -> Result<Flow, Error> {
        let asked = Asked { value: String::new(), seen: self.work.board.clock.now() };
        self.work.dispatch(&self.id, &asked, STOP_TIMEOUT).await
    }
    fn acts(&self) -> usize {
        self.engine.calls().iter().filter(|seen| seen.call == Call::Act).count()
    }
    fn request(&self) -> Value {
        self.mirror.lock()["metadata"]["annotations"][annotation::ACTION].clone()
    }
    fn ask(&self, request: &str) {
        self.mirror.lock()["metadata"]["annotations"][annotation::ACTION] = request.into();
    }
}

#[tokio::test(start_paused = true)]
async fn r20_a_clean_up_that_fails_is_repeated_without_the_restart() {
    let scene = scene("restart", Value::Null);
    scene.refused.store(3, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(scene.dispatch().await.is_err());
        assert_eq!(scene.acts(), 1);
    }
    assert!(matches!(scene.dispatch().await, Ok(Flow::Done)));
    assert_eq!((scene.acts(), scene.request()), (1, Value::Null));
    assert!(scene.work.board.acted.is_empty());
    // The same word, asked for again, is another request.
    scene.ask("restart");
    assert!(matches!(scene.dispatch().await, Ok(Flow::Done)));
    assert_eq!((scene.acts(), scene.request()), (2, Value::Null));
}

#[tokio::test(start_paused = true)]
async fn r19_the_id_of_the_last_action_is_never_dispatched_again_whatever_the_action() {
    let last =
        json!({ "action": "restart", "id": "a", "state": "Succeeded", "observedAt": "2026-01-01T00:00:00Z" });
    let scene = scene("stop/a", last);
    assert!(matches!(scene.dispatch().await, Ok(Flow::Done)));
    assert_eq!((scene.acts(), scene.request()), (0, Value::Null));
    scene.ask("stop/b");
    assert!(matches!(scene.dispatch().await, Ok(Flow::Done)));
    assert_eq!((scene.acts(), scene.request()), (1, Value::Null));
}

#[tokio::test(start_paused = true)]
async fn r19_a_restart_that_was_withdrawn_does_not_swallow_the_next_one() {
    let begun = json!({
        "action": "restart", "state": "InProgress", "observedAt": "2026-01-01T00:00:00Z",
        "startedAtBefore": "2026-01-01T00:00:00Z",
    });
    let scene = scene("restart", begun);
    scene.mirror.lock()["metadata"]["annotations"].as_object_mut().unwrap().remove(annotation::ACTION);
    assert!(matches!(scene.dispatch().await, Ok(Flow::Done)));
    assert_eq!(scene.mirror.lock()["status"]["lastAction"]["state"], "Failed");
    scene.ask("restart");
    assert!(matches!(scene.dispatch().await, Ok(Flow::Done)));
    assert_eq!((scene.acts(), scene.request()), (1, Value::Null));
}
