//! The whole house on an engine in memory, with the clock paused: what it promises, and when.

mod acting;
mod bootstrap;
mod chaos;
mod common;
mod deleting;
mod mirroring;
mod stuck;

use rdd_tests::harness::{self, Test};
use std::process::ExitCode;

fn main() -> ExitCode {
    let groups = [
        mirroring::tests(),
        acting::tests(),
        stuck::tests(),
        deleting::tests(),
        bootstrap::tests(),
        chaos::tests(),
    ];
    harness::main(groups.into_iter().flatten().map(Test::paused))
}
