//! Follows one trace: every message between the engine's event and the last write.

use anyhow::Context;
use rdd_engine::memory::Memory;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let engine = Memory::new("example");
    let daemon = rdd_examples::daemon(&engine).await?;
    let id = engine.run("web");
    rdd_examples::mirrored(daemon.client(), &id, |mirror| mirror.status.is_some()).await?;

    engine.rename(&id, "www");
    let named =
        |mirror: &rdd_resources::Container| mirror.status.as_ref().is_some_and(|status| status.name == "www");
    rdd_examples::mirrored(daemon.client(), &id, named).await?;

    // Its first record is the external cause, here the newest event of the engine.
    let trace = daemon.supervisor().trace();
    let records = trace.records();
    let cause =
        records.iter().rev().find(|record| record.kind == "engine event").context("the event's trace")?;
    for record in trace.of(cause.trace) {
        println!(
            "{} → {}  {} {}  waited {:?}, ran {:?}: {:?}",
            record.from,
            record.to,
            record.kind,
            record.key.as_deref().unwrap_or_default(),
            record.wait,
            record.run,
            record.outcome
        );
    }

    daemon.run(async {}).await;
    Ok(())
}
