//! The house on a real dockerd: threads, files, real time.

mod chaos;
mod common;
mod engine;
mod hostile;
mod live;

use rdd_tests::harness::{self, Need, Test};
use std::process::ExitCode;

fn main() -> ExitCode {
    let groups = [live::tests(), engine::tests(), hostile::tests(), chaos::tests()];
    harness::main(groups.into_iter().flatten().map(|test: Test| test.needs(Need::Dockerd)))
}
