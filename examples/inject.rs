//! Injects a failure: the mirror writer panics at its next message, is restarted, and the container is mirrored all the same.

use anyhow::Context;
use rdd_actors_runtime::chaos::{Fault, Point, Rule, When};
use rdd_engine::memory::Memory;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let engine = Memory::new("example");
    let daemon = rdd_examples::daemon(&engine).await?;
    let before = engine.run("before");
    rdd_examples::mirrored(daemon.client(), &before, |mirror| mirror.status.is_some()).await?;

    let rule = Rule {
        actor: "*mirror_writer".into(),
        point: Point::Handler,
        kind: None,
        when: When::Nth(1),
        fault: Fault::Panic,
        times: Some(1),
    };
    daemon.supervisor().chaos().inject(rule)?;
    let after = engine.run("after");
    rdd_examples::mirrored(daemon.client(), &after, |mirror| rdd_examples::state(mirror) == "running")
        .await?;

    let health = daemon.supervisor().health();
    let actors = health.actors();
    let writer = actors.iter().find(|actor| actor.name.ends_with("mirror_writer")).context("a writer")?;
    let failure = writer.last_failure.as_ref().context("a failure")?;
    println!("{} was restarted {} time(s) after: {}", writer.name, writer.restarts, failure.text);
    println!("the container that came meanwhile is mirrored");

    daemon.run(async {}).await;
    Ok(())
}
