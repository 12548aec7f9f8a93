//! First sync, and a resync with nothing changed, against the bare time of the list and the same inspects.

use crate::daemon::Daemon;
use crate::numbers::ms;
use crate::table::Table;
use anyhow::{Context, Result, ensure};
use rdd_tests::dockerd::Dockerd;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// 200 and 1,000 containers. Our figures are the daemon's own (from opening the event stream to the last write); the peer is one list
/// and an inspect of each, 32 at once.
pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let engine = Dockerd::start().await?;
    let mut ids = Vec::new();
    for count in [200, 1_000] {
        for number in ids.len()..count {
            ids.push(engine.make(&format!("s{number}"), &["/bin/sleep", "3600"]).await?);
        }
        let bare = bare(&engine, &ids).await?;
        let daemon = Daemon::start().await?;
        let whole = daemon.attach(&engine.endpoint()).await?;
        let first = took(&daemon, None).await?;
        ensure!(first.objects == count, "{} of {count} containers were synced", first.objects);
        let met = whole <= 5 * bare;
        let text = format!("{} ({} from the request to Connected)", ms(first.took), ms(whole));
        table.add(&format!("first sync of {count}"), text, ms(bare), "≤ 5× peer", Some(met));

        let mut best = None;
        for _ in 0..5 {
            let before = took(&daemon, None).await?.at;
            // A prune that can prune nothing: its event makes the daemon compare everything of the kind.
            let filter = "/containers/prune?filters=%7B%22until%22%3A%5B%221%22%5D%7D";
            engine.http().done("POST", filter, None).await?;
            let resync = took(&daemon, Some(&before)).await?.took;
            best = Some(best.map_or(resync, |best: Duration| best.min(resync)));
        }
        let resync = best.context("five resyncs")?;
        let bare = bare_best(&engine, &ids).await?;
        let met = resync.as_secs_f64() <= 1.3 * bare.as_secs_f64();
        table.add(
            &format!("resync of {count}, nothing changed (best of 5)"),
            ms(resync),
            ms(bare),
            "≤ 1.3× peer",
            Some(met),
        );
        daemon.stop()?;
    }
    Ok(())
}

async fn bare(engine: &Dockerd, ids: &[String]) -> Result<Duration> {
    let begin = Instant::now();
    engine.http().list().await?;
    engine.http().inspect_all(ids, 32).await?;
    Ok(begin.elapsed())
}

async fn bare_best(engine: &Dockerd, ids: &[String]) -> Result<Duration> {
    let mut best = bare(engine, ids).await?;
    for _ in 1..5 {
        best = best.min(bare(engine, ids).await?);
    }
    Ok(best)
}

/// A full sync, as the daemon reports it.
struct Sync {
    at: String,
    took: Duration,
    objects: usize,
}

/// The last full sync; with `after`: one that ended later than that.
async fn took(daemon: &Daemon, after: Option<&str>) -> Result<Sync> {
    let https = daemon.https().await?;
    let give_up = Instant::now() + Duration::from_secs(60);
    loop {
        let (code, body) = https.get("/debug/mirroring").await?;
        ensure!(code == 200, "/debug/mirroring answered {code}");
        let snapshot: Value = serde_json::from_slice(&body)?;
        let engine = &snapshot["engine"];
        if let (Some(at), Some(took)) = (engine["syncedAt"].as_str(), engine["syncTookMs"].as_f64())
            && after != Some(at)
        {
            let objects = engine["syncObjects"].as_u64().and_then(|count| usize::try_from(count).ok());
            let took = Duration::from_secs_f64(took / 1e3);
            return Ok(Sync { at: at.into(), took, objects: objects.unwrap_or(0) });
        }
        ensure!(Instant::now() < give_up, "no full sync within 60 s");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
