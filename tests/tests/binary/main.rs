//! The `rdd` binary as users have it: a daemon in a home of its own, reached over TLS.

mod clients;
mod crash;
mod deleting;
mod kubectls;
mod mistakes;

use rdd_tests::harness::{self, Need, Test};
use std::process::ExitCode;

fn main() -> ExitCode {
    let groups = [deleting::tests(), crash::tests(), kubectls::tests(), clients::tests(), mistakes::tests()];
    harness::main(groups.into_iter().flatten().map(|test: Test| test.needs(Need::Binary)))
}
