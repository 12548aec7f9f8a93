//! Reads the health of the supervision tree, as `/debug/supervision` gives it.

use rdd_actors_runtime::health::GroupHealth;
use rdd_engine::memory::Memory;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let engine = Memory::new("example");
    let daemon = rdd_examples::daemon(&engine).await?;
    let id = engine.run("web");
    rdd_examples::mirrored(daemon.client(), &id, |mirror| mirror.status.is_some()).await?;

    print(&daemon.supervisor().health().root, 0);

    daemon.run(async {}).await;
    Ok(())
}

fn print(group: &GroupHealth, depth: usize) {
    let indent = "  ".repeat(depth);
    for member in &group.members {
        println!(
            "{indent}{} {:?}, {} restarts, {} messages waiting",
            member.name, member.state, member.restarts, member.mailbox.depth
        );
    }
    for group in &group.groups {
        println!("{indent}{}/", group.name);
        print(group, depth + 1);
    }
}
