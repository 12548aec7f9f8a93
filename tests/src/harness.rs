//! Tests that can skip at run time, over `libtest-mimic`: targets with `harness = false`.
//!
//! A [`Test`] is an async function with [`Need`]s. What the machine lacks makes it *ignored*, never passed; skips are listed with
//! their reason at the end, and are failures when `RDD_REQUIRE_ALL=1`. Each test has a runtime of its own and a hard limit in real
//! time; one that overruns says what it was [waiting](wait) for.
//!
//! `RDD_TEST_LOG` (a `tracing` filter such as `rdd_actors=debug`) prints the logs of everything on stderr.

mod clean;
mod need;
mod run;

pub use clean::at_exit;
pub use need::{Need, Version};
pub use run::wait;

use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How long a test may take, unless it says otherwise.
pub const LIMIT: Duration = Duration::from_secs(60);

/// One test.
pub struct Test {
    name: String,
    needs: Vec<Need>,
    limit: Duration,
    clock: Clock,
    body: Body,
}

/// What a test runs.
type Body = Box<dyn FnOnce() -> LocalBoxFuture<'static, anyhow::Result<()>> + Send>;

/// Which runtime and clock a test gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// Several workers, real time.
    Real,
    /// One thread, a `LocalSet`, and a clock that jumps to the next timer whenever nothing is left to do.
    Paused,
}

/// What was skipped: reason → how many.
type Skipped = Arc<Mutex<BTreeMap<String, usize>>>;

impl Test {
    /// A test from its name and an async function. See [`test!`](crate::test!).
    pub fn new(
        name: &str,
        body: impl FnOnce() -> LocalBoxFuture<'static, anyhow::Result<()>> + Send + 'static,
    ) -> Test {
        let name = name.rsplit("::").next().unwrap_or(name).trim().to_owned();
        Test { name, needs: Vec::new(), limit: LIMIT, clock: Clock::Real, body: Box::new(body) }
    }
    /// Runs only where this is there.
    pub fn needs(mut self, need: Need) -> Test {
        self.needs.push(need);
        self
    }
    /// Runs on one thread with tokio's clock paused.
    pub fn paused(mut self) -> Test {
        self.clock = Clock::Paused;
        self
    }
    /// May take this many seconds of real time instead of [`LIMIT`].
    pub fn seconds(mut self, seconds: u64) -> Test {
        self.limit = Duration::from_secs(seconds);
        self
    }

    fn into_trial(self, skipped: Skipped) -> Trial {
        let Test { name, needs, limit, clock, body } = self;
        let title = name.clone();
        Trial::ignorable_test(name, move || {
            if let Some(reason) = needs.iter().find_map(|need| need.missing()) {
                *skipped.lock().entry(reason.clone()).or_default() += 1;
                return Ok(Completion::ignored_with(reason));
            }
            run::run(&title, limit, clock == Clock::Paused, body).map_err(Failed::from)?;
            Ok(Completion::Completed)
        })
    }
}

/// Runs tests with the arguments of `cargo test`, and says at the end what was skipped and why.
///
/// The exit code is 101 when a test failed, or when one was skipped and `RDD_REQUIRE_ALL=1`.
pub fn main(tests: impl IntoIterator<Item = Test>) -> ExitCode {
    let arguments = Arguments::from_args();
    log();
    let skipped = Skipped::default();
    let trials = tests.into_iter().map(|test| test.into_trial(skipped.clone())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    clean::run();
    let skipped = skipped.lock();
    for (reason, count) in &*skipped {
        println!("skipped: {count} ({reason})");
    }
    let strict = std::env::var("RDD_REQUIRE_ALL").is_ok_and(|value| value == "1");
    if strict && !skipped.is_empty() {
        println!("RDD_REQUIRE_ALL=1: a skip is a failure");
        return ExitCode::from(101);
    }
    conclusion.exit_code()
}

/// Prints logs on stderr when `RDD_TEST_LOG` asks for them.
fn log() {
    let Ok(filter) = std::env::var("RDD_TEST_LOG") else { return };
    let filter = tracing_subscriber::EnvFilter::new(filter);
    // Refused only when there is a subscriber already, which then prints.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// A [`Test`] named like the async function it runs: `test!(r20_a_restart_happens_once)`.
#[macro_export]
macro_rules! test {
    ($function:path) => {
        $crate::harness::Test::new(stringify!($function), || Box::pin($function()))
    };
}
