//! Durable writes per second: objects of 2 KiB, created over HTTPS by clients of another process.

use crate::daemon::Daemon;
use crate::https::Https;
use crate::table::Table;
use anyhow::{Result, ensure};
use bytes::Bytes;
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const OBJECTS: &str = "/apis/bench.example.test/v1/namespaces/default/notes";

/// 1, 16 and 128 clients; the peer is a file that one thread appends 2 KiB to and syncs (fdatasync).
pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let bare = bare_syncs()?;
    let daemon = Daemon::start().await?;
    define(&daemon.https().await?).await?;
    for (clients, total) in [(1, 2_000), (16, 20_000), (128, 40_000)] {
        let rate = create(&daemon, clients, total).await?;
        let (aim, met) = if clients == 128 { ("≥ 5,000/s", Some(rate >= 5_000.0)) } else { ("-", None) };
        let what = format!("durable writes of 2 KiB, {clients} clients");
        table.add(&what, format!("{rate:.0}/s"), format!("{bare:.0}/s (append + fdatasync)"), aim, met);
    }
    daemon.stop()?;
    Ok(())
}

async fn define(https: &Https) -> Result<()> {
    let schema = json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
        "text": { "type": "string" }, "number": { "type": "integer" } } } } });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "notes.bench.example.test" },
        "spec": { "group": "bench.example.test", "scope": "Namespaced", "names": { "plural": "notes", "kind": "Note" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }] },
    });
    let (code, body) = https.send("POST", DEFINITIONS, definition.to_string().into()).await?;
    ensure!(code == 201, "the CRD was refused ({code}): {}", String::from_utf8_lossy(&body));
    let give_up = Instant::now() + Duration::from_secs(10);
    while https.get(OBJECTS).await?.0 != 200 {
        ensure!(Instant::now() < give_up, "the CRD was not served within 10 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn create(daemon: &Daemon, clients: usize, total: usize) -> Result<f64> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    let text: Arc<str> = "x".repeat(1_800).into();
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(daemon.https().await?);
    }
    let begin = Instant::now();
    for https in connections {
        let (next, text) = (next.clone(), text.clone());
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= total {
                    return Ok(());
                }
                let object = json!({ "apiVersion": "bench.example.test/v1", "kind": "Note",
                    "metadata": { "name": format!("n-{clients}-{number}") }, "spec": { "text": &*text, "number": number } });
                let (code, body) = https.send("POST", OBJECTS, Bytes::from(object.to_string())).await?;
                ensure!(code == 201, "a create was refused ({code}): {}", String::from_utf8_lossy(&body));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(total as f64 / begin.elapsed().as_secs_f64())
}

fn bare_syncs() -> Result<f64> {
    let mut file = tempfile::tempfile()?;
    let begin = Instant::now();
    for _ in 0..1_000 {
        file.write_all(&[0x5a; 2048])?;
        file.sync_data()?;
    }
    Ok(1_000.0 / begin.elapsed().as_secs_f64())
}
