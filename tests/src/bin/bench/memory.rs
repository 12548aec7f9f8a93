//! Resident memory of the daemon.

use crate::daemon::Daemon;
use crate::table::Table;
use anyhow::Result;
use rdd_tests::dockerd::Dockerd;
use std::time::Duration;

/// VmRSS so many seconds after ready: idle, with 200 and with 1,000 mirrors. The peer is the dockerd of the same run.
pub(crate) async fn measure(table: &mut Table, settle: u64) -> Result<()> {
    let daemon = Daemon::start().await?;
    let idle = settled(&daemon, settle).await?;
    daemon.stop()?;
    table.add("resident memory, idle", mib(idle), "-".into(), "≤ 20 MiB", Some(idle <= 20 << 20));

    let engine = Dockerd::start().await?;
    let mut made = 0;
    for (count, aim) in [(200, None), (1_000, Some(50 << 20))] {
        for number in made..count {
            engine.make(&format!("m{number}"), &["/bin/sleep", "3600"]).await?;
        }
        made = count;
        let daemon = Daemon::start().await?;
        daemon.attach(&engine.endpoint()).await?;
        let bytes = settled(&daemon, settle).await?;
        daemon.stop()?;
        let peer = engine
            .pid()
            .map(crate::daemon::resident)
            .transpose()?
            .map_or("-".into(), |bytes| format!("{} (dockerd)", mib(bytes)));
        let text = if aim.is_some() { "≤ 50 MiB" } else { "-" };
        table.add(
            &format!("resident memory, {count} mirrors"),
            mib(bytes),
            peer,
            text,
            aim.map(|aim| bytes <= aim),
        );
    }
    Ok(())
}

async fn settled(daemon: &Daemon, seconds: u64) -> Result<u64> {
    // The figure is defined as "so long after ready": this is a measurement, not a wait for something.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    daemon.resident()
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1048576.0)
}
