//! One test on a thread and a runtime of its own.

use super::Body;
use parking_lot::Mutex;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;
use tokio::task::LocalSet;

/// What a test waits for at this moment, the innermost last.
type Waiting = Arc<Mutex<Vec<String>>>;

tokio::task_local! {
    static WAITING: Waiting;
}

/// Awaits a future, and names it as what the test waits for: a test that overruns its limit says so.
pub async fn wait<F: Future>(what: impl Into<String>, future: F) -> F::Output {
    let Ok(waiting) = WAITING.try_with(Waiting::clone) else { return future.await };
    waiting.lock().push(what.into());
    let output = future.await;
    waiting.lock().pop();
    output
}

/// Runs a test to its end or its limit, which is of real time also under a paused clock. A test that overruns is left behind on its
/// thread: there is no way to end it.
pub(super) fn run(name: &str, limit: Duration, paused: bool, body: Body) -> Result<(), String> {
    let waiting = Waiting::default();
    let seen = waiting.clone();
    let (tell, told) = sync_channel(1);
    let work = move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            if paused { on_local_set(waiting, body) } else { on_workers(waiting, body) }
        }));
        // Refused only when the test was given up.
        let _ = tell.send(outcome.unwrap_or_else(|panic| Err(text(&*panic))));
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| format!("no thread for the test: {error}"))?;
    match told.recv_timeout(limit) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => {
            let waiting = seen.lock().join(" → ");
            let waiting = if waiting.is_empty() { "nothing that it named" } else { &waiting };
            Err(format!("not done after {} s; it was waiting for: {waiting}", limit.as_secs()))
        }
        Err(RecvTimeoutError::Disconnected) => Err("the test's thread ended without an answer".to_owned()),
    }
}

fn on_workers(waiting: Waiting, body: Body) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(WAITING.scope(waiting, async move { body().await }));
    // A job that a test blocked on purpose may still hold a worker.
    runtime.shutdown_timeout(Duration::from_secs(2));
    outcome.map_err(|error| format!("{error:#}"))
}

fn on_local_set(waiting: Waiting, body: Body) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let local = LocalSet::new();
    let outcome = runtime.block_on(local.run_until(WAITING.scope(waiting, async move { body().await })));
    // Dropping a LocalSet polls the actor contexts that are left on it: they need a runtime around them.
    let _inside = runtime.enter();
    drop(local);
    outcome.map_err(|error| format!("{error:#}"))
}

/// The text of a panic.
fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("with something that is not text"))
}
