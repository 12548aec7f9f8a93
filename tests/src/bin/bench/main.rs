//! Benchmarks: every figure with its peer in the same run.
//!
//! `cargo run --release -p rdd-tests --bin bench [ROW…]` prints a table; without a row, all of them. The daemon is another process (the
//! release build of `rdd`, or `$RDD_TEST_BINARY`), the engine a `dockerd` of its own, clients speak HTTPS over loopback.

mod daemon;
mod events;
mod https;
mod memory;
mod numbers;
mod ready;
mod size;
mod sync;
mod table;
mod writes;

use clap::Parser;
use table::Table;

/// Which rows to measure.
#[derive(Parser)]
#[command(about = "Measures rdd and prints a table")]
struct Arguments {
    /// Rows: ready, events, sync, memory, writes, size (default: all)
    rows: Vec<String>,
    /// Seconds between ready and the reading of VmRSS
    #[arg(long, default_value_t = 60)]
    settle: u64,
    /// Containers in the event row
    #[arg(long, default_value_t = 200)]
    containers: usize,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

const ROWS: [&str; 6] = ["size", "ready", "writes", "events", "sync", "memory"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(unknown) = arguments.rows.iter().find(|row| !ROWS.contains(&row.as_str())) {
        anyhow::bail!("unknown row {unknown:?}; rows: {}", ROWS.join(", "));
    }
    let wanted = |row: &str| arguments.rows.is_empty() || arguments.rows.iter().any(|name| name == row);
    let mut table = Table::default();
    for row in ROWS.into_iter().filter(|row| wanted(row)) {
        eprintln!("measuring {row} …");
        let done = match row {
            "size" => size::measure(&mut table),
            "ready" => ready::measure(&mut table).await,
            "writes" => writes::measure(&mut table).await,
            "events" => events::measure(&mut table, arguments.containers).await,
            "sync" => sync::measure(&mut table).await,
            _ => memory::measure(&mut table, arguments.settle).await,
        };
        if let Err(why) = done {
            table.failed(row, &format!("{why:#}"));
        }
    }
    println!("{}", if arguments.json { table.json() } else { table.text() });
    anyhow::ensure!(!table.has_failures(), "some rows could not be measured");
    Ok(())
}
