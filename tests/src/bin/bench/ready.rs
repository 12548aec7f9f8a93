//! From start to ready.

use crate::daemon::Daemon;
use crate::numbers::ms;
use crate::table::Table;
use std::time::Duration;
use tokio::time::Instant;

/// A fresh instance, and the second start of one. The peer is a bare `rdd version`: process start and nothing else.
pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let begin = Instant::now();
    let version = std::process::Command::new(crate::daemon::binary()?).arg("version").output()?;
    anyhow::ensure!(version.status.success(), "rdd version failed");
    let bare = ms(begin.elapsed());

    let begin = Instant::now();
    let daemon = Daemon::start().await?;
    let fresh = begin.elapsed();
    let home = daemon.stop()?;
    let begin = Instant::now();
    let daemon = Daemon::start_in(home).await?;
    let second = begin.elapsed();
    daemon.stop()?;

    let aim = Duration::from_millis(100);
    table.add(
        "start to ready, fresh instance",
        ms(fresh),
        format!("{bare} (process start)"),
        "≤ 100 ms",
        Some(fresh <= aim),
    );
    table.add(
        "start to ready, second start",
        ms(second),
        format!("{bare} (process start)"),
        "≤ 100 ms",
        Some(second <= aim),
    );
    Ok(())
}
