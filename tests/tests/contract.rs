//! What every engine must do, on the engine in memory and on dockerd.

fn main() -> std::process::ExitCode {
    rdd_tests::harness::main(rdd_tests::contract::tests())
}
