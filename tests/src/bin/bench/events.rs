//! From an event of the engine (`timeNano`) to the watch event of a client over HTTPS.

use crate::daemon::{Daemon, container_resource};
use crate::numbers::{percentile, spread};
use crate::table::Table;
use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, DynamicObject, WatchEvent, WatchParams};
use rdd_tests::dockerd::Dockerd;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// One step of a container's life: what is asked of the engine, the event that tells it, and what the mirror shows then.
struct Step {
    what: &'static str,
    call: &'static str,
    action: &'static str,
    shows: Shows,
}

#[derive(Clone, Copy)]
enum Shows {
    State(&'static str),
    Renamed,
    Gone,
}

const STEPS: [Step; 7] = [
    Step { what: "create", call: "", action: "create", shows: Shows::State("created") },
    Step { what: "start", call: "start", action: "start", shows: Shows::State("running") },
    Step { what: "rename", call: "rename?name=", action: "rename", shows: Shows::Renamed },
    Step { what: "pause", call: "pause", action: "pause", shows: Shows::State("paused") },
    Step { what: "unpause", call: "unpause", action: "unpause", shows: Shows::State("running") },
    Step { what: "stop", call: "stop?t=0", action: "die", shows: Shows::State("exited") },
    Step { what: "rm", call: "", action: "destroy", shows: Shows::Gone },
];

/// Something seen, and when (nanoseconds of unix time).
struct Seen<T> {
    what: T,
    at: i128,
}

struct Event {
    id: String,
    action: String,
    time_nano: i128,
}

/// Per step and over all: ours p50 / p99; the peer is the bare time from the same event to the answer of a list
/// filtered by id that shows the change.
pub(crate) async fn measure(table: &mut Table, containers: usize) -> Result<()> {
    let engine = Dockerd::start().await?;
    let bare = run(&engine, containers, "bare", None).await?;
    let daemon = Daemon::start().await?;
    daemon.attach(&engine.endpoint()).await?;
    let ours = run(&engine, containers, "ours", Some(&daemon)).await?;
    daemon.stop()?;
    for step in &STEPS {
        let (ours, bare) = (&ours[step.what], &bare[step.what]);
        table.add(
            &format!("event to watch, {} (p50 / p99)", step.what),
            spread(ours),
            spread(bare),
            "-",
            None,
        );
    }
    let all = |samples: BTreeMap<&str, Vec<Duration>>| samples.into_values().flatten().collect::<Vec<_>>();
    let (ours, bare) = (all(ours), all(bare));
    let met = percentile(&ours, 0.99) <= 2 * percentile(&bare, 0.99);
    table.add("event to watch, all (p50 / p99)", spread(&ours), spread(&bare), "p99 ≤ 2× peer", Some(met));
    Ok(())
}

/// Leads containers through their life, one after the other, and times every step.
async fn run(
    engine: &Dockerd,
    containers: usize,
    prefix: &str,
    daemon: Option<&Daemon>,
) -> Result<BTreeMap<&'static str, Vec<Duration>>> {
    let mut events = follow_engine(engine).await?;
    let mut mirrors = match daemon {
        Some(daemon) => Some(follow_mirrors(daemon).await?),
        None => None,
    };
    let mut samples: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    for number in 0..containers {
        let name = format!("{prefix}-{number}");
        let mut id = String::new();
        for step in &STEPS {
            let renamed = format!("{name}-renamed");
            let act = async {
                match step.what {
                    "create" => engine.make(&name, &["/bin/sleep", "3600"]).await,
                    "rm" => engine.remove(&id).await.map(|()| id.clone()),
                    "rename" => {
                        engine.post(&id, &format!("rename?name={renamed}")).await.map(|()| id.clone())
                    }
                    _ => engine.post(&id, step.call).await.map(|()| id.clone()),
                }
            };
            let look = async {
                let event = next_event(&mut events, &id, step.action).await?;
                let at = match &mut mirrors {
                    None => bare(engine, &event.id, step.shows, &renamed).await?,
                    Some(mirrors) => next_mirror(mirrors, &event.id, step.shows, &renamed).await?,
                };
                let nanos = u64::try_from((at - event.time_nano).max(0))?;
                anyhow::Ok(Duration::from_nanos(nanos))
            };
            let (made, took) = timeout(PATIENCE, async { tokio::join!(act, look) })
                .await
                .with_context(|| format!("{} of {name} was not seen within {PATIENCE:?}", step.what))?;
            id = made?;
            samples.entry(step.what).or_default().push(took?);
        }
    }
    Ok(samples)
}

/// Asks for the list filtered by the id until it shows the change: at `die`, dockerd still lists the container as running for a moment.
async fn bare(engine: &Dockerd, id: &str, shows: Shows, renamed: &str) -> Result<i128> {
    loop {
        let list: Value = serde_json::from_slice(&engine.http().peek(id).await?)?;
        let found = &list[0];
        let shown = match shows {
            Shows::State(state) => found["State"] == state,
            Shows::Renamed => {
                found["Names"][0].as_str().is_some_and(|name| name.trim_start_matches('/') == renamed)
            }
            Shows::Gone => found.is_null(),
        };
        if shown {
            return Ok(now());
        }
    }
}

async fn next_event(events: &mut mpsc::Receiver<Event>, id: &str, action: &str) -> Result<Event> {
    loop {
        let event = events.recv().await.context("the event stream ended")?;
        if event.action == action && (id.is_empty() || event.id == id) {
            return Ok(event);
        }
    }
}

type Mirror = Seen<WatchEvent<DynamicObject>>;

async fn next_mirror(
    mirrors: &mut mpsc::Receiver<Mirror>,
    id: &str,
    shows: Shows,
    renamed: &str,
) -> Result<i128> {
    loop {
        let seen = mirrors.recv().await.context("the watch ended")?;
        let fits = match (&seen.what, shows) {
            (WatchEvent::Deleted(object), Shows::Gone) => object.metadata.name.as_deref() == Some(id),
            (WatchEvent::Added(object) | WatchEvent::Modified(object), shows) => {
                let status = &object.data["status"];
                object.metadata.name.as_deref() == Some(id)
                    && match shows {
                        Shows::State(state) => status["status"] == state,
                        Shows::Renamed => status["name"] == renamed,
                        Shows::Gone => false,
                    }
            }
            (WatchEvent::Error(status), _) => anyhow::bail!("the watch failed: {status:?}"),
            _ => false,
        };
        if fits {
            return Ok(seen.at);
        }
    }
}

async fn follow_engine(engine: &Dockerd) -> Result<mpsc::Receiver<Event>> {
    let path = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D";
    let response = engine.http().open("GET", path, None).await?;
    let (sender, receiver) = mpsc::channel(1024);
    let mut body = http_body_util::BodyStream::new(response.into_body());
    tokio::spawn(async move {
        let mut buffer = Vec::new();
        while let Some(Ok(frame)) = body.next().await {
            buffer.extend_from_slice(frame.data_ref().map(|data| &data[..]).unwrap_or_default());
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                let Ok(event) = serde_json::from_slice::<Value>(&line) else { continue };
                let text = |field: &Value| field.as_str().unwrap_or_default().to_string();
                let time_nano = event["timeNano"].as_i64().unwrap_or_default().into();
                let event =
                    Event { id: text(&event["Actor"]["ID"]), action: text(&event["Action"]), time_nano };
                if sender.send(event).await.is_err() {
                    return;
                }
            }
        }
    });
    Ok(receiver)
}

async fn follow_mirrors(daemon: &Daemon) -> Result<mpsc::Receiver<Mirror>> {
    let client = daemon.client().await?;
    let api: Api<DynamicObject> = Api::namespaced_with(client, "rancher-desktop", &container_resource());
    let version =
        api.list(&Default::default()).await?.metadata.resource_version.context("no resourceVersion")?;
    let mut watch = api.watch(&WatchParams::default(), &version).await?.boxed();
    let (sender, receiver) = mpsc::channel(1024);
    tokio::spawn(async move {
        while let Ok(Some(what)) = watch.try_next().await {
            if sender.send(Seen { what, at: now() }).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Unix time in nanoseconds, as the engine's `timeNano`.
fn now() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
}
