//! Waiting until the App has settled (R29 to R31).

use crate::context::Context;
use crate::duration::Limit;
use crate::failure::{Exit, Failure};
use crate::follow::{Seen, Which, follow};
use crate::log::say;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::Api;
use rdd_resources::condition::{self, reason};
use rdd_resources::{App, names};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tokio::time::Instant;

/// What is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The generation of our own change, or a later one.
    pub(crate) generation: i64,
    /// Our request for a new attempt: failures count once the machine has taken it up.
    pub(crate) attempt: Option<String>,
    /// Of this App, not of one that was made after it was deleted.
    pub(crate) uid: Option<String>,
}

/// What a look at the App says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has settled at, or after, the wanted generation.
    Settled,
    /// A failure of this generation that does not heal by itself.
    Failed(String),
    /// Not yet; the state in words.
    Waiting(String),
}

/// Judges an App. Pure.
pub(crate) fn judge(app: &App, wanted: &Wanted) -> Verdict {
    let status = app.status.clone().unwrap_or_default();
    let current = |c: &&Condition| c.observed_generation.unwrap_or(0) >= wanted.generation;
    let attempt = status.machine.as_ref().and_then(|m| m.attempt.clone());
    let ours = wanted.attempt.is_none() || wanted.attempt == attempt;
    let settled = condition::find(&status.conditions, condition::SETTLED).filter(current);
    // An earlier attempt's "settled" is no answer to ours either.
    if ours && settled.is_some_and(|c| c.status == "True") {
        return Verdict::Settled;
    }
    if ours {
        let failed = |c: &&Condition| reason::is_terminal_failure(&c.reason) && c.status != "True";
        if let Some(failure) = status.conditions.iter().filter(current).find(failed) {
            return Verdict::Failed(format!("{} ({})", failure.message, failure.reason));
        }
    }
    Verdict::Waiting(match condition::find(&status.conditions, condition::SETTLED) {
        Some(settled) if current(&settled) => line(settled),
        Some(settled) => format!(
            "Settled is of generation {}, awaited is {}",
            settled.observed_generation.unwrap_or(0),
            wanted.generation
        ),
        None => "no condition Settled yet".to_owned(),
    })
}

/// Whether the App is being deleted, or is another one than that which was changed.
fn is_gone(app: &App, wanted: &Wanted) -> bool {
    let other = wanted.uid.is_some() && app.metadata.uid != wanted.uid;
    app.metadata.deletion_timestamp.is_some() || other
}

/// `TYPE=STATUS: message (Reason)`.
fn line(condition: &Condition) -> String {
    format!("{}={}: {} ({})", condition.type_, condition.status, condition.message, condition.reason)
}

/// Waits until the App has settled, and says what changes on the way.
///
/// # Errors
/// A terminal failure of this generation, the App deleted, Ctrl-C (exit 1); the limit reached (exit 4).
pub(crate) async fn wait(context: &Context, wanted: &Wanted, limit: Limit) -> Result<(), Failure> {
    say("Waiting for App to settle");
    let progress = Progress::new();
    let mut last = String::from("the App has not been seen yet");
    let which = Which { fields: Some(format!("metadata.name={}", names::APP)) };
    let mut said = BTreeMap::new();
    let result = {
        let see = |seen: Seen<App>| {
            let app = match seen {
                Seen::Listed(mut apps) => match apps.pop() {
                    Some(app) => app,
                    None => return Err(deleted()),
                },
                Seen::Changed(app) => app,
                Seen::Gone(_) => return Err(deleted()),
                Seen::Lost(why) => {
                    last = format!("the API does not answer: {why}");
                    progress.show(&last);
                    return Ok(None);
                }
            };
            if is_gone(&app, wanted) {
                return Err(deleted());
            }
            progress.clear();
            tell(&app, wanted, &mut said);
            match judge(&app, wanted) {
                Verdict::Settled => Ok(Some(())),
                Verdict::Failed(why) => Err(Failure::error(format!("App failed: {why}"))),
                Verdict::Waiting(state) => {
                    last = state;
                    progress.show(&last);
                    Ok(None)
                }
            }
        };
        let following = follow(context, Api::<App>::all, &which, see);
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Some(Err(cancelled())),
            result = limit.wait(following) => result,
            never = progress.tick() => match never {},
        }
    };
    progress.clear();
    result.unwrap_or_else(|| {
        Err(Failure::timed_out(format!("App has not settled after {limit}; last seen: {last}")))
    })
}

/// Says the conditions of this generation that changed.
fn tell(app: &App, wanted: &Wanted, said: &mut BTreeMap<String, String>) {
    for condition in app.status.iter().flat_map(|status| &status.conditions) {
        if condition.observed_generation.unwrap_or(0) < wanted.generation {
            continue;
        }
        let line = line(condition);
        if said.get(&condition.type_) != Some(&line) {
            say(&line);
            said.insert(condition.type_.clone(), line);
        }
    }
}

fn deleted() -> Failure {
    Failure::error("App was deleted while waiting for it to settle; `rdd set` creates it again")
}

/// What Ctrl-C during a wait comes to.
pub(crate) fn cancelled() -> Failure {
    Failure {
        exit: Exit::Error,
        message: Some("wait cancelled; what was asked for stays asked for".to_owned()),
    }
}

/// A line on the terminal that says what is awaited and for how long; nothing elsewhere.
struct Progress {
    terminal: bool,
    since: Instant,
    state: RefCell<String>,
}

impl Progress {
    fn new() -> Progress {
        Progress {
            terminal: std::io::stderr().is_terminal(),
            since: Instant::now(),
            state: RefCell::default(),
        }
    }
    fn show(&self, state: &str) {
        self.state.replace(state.to_owned());
        self.draw();
    }
    fn draw(&self) {
        if self.terminal {
            let text = format!("\r\x1b[K… {}, for {}s", self.state.borrow(), self.since.elapsed().as_secs());
            let _ = std::io::stderr().write_all(text.as_bytes());
        }
    }
    /// Keeps the time that the line shows up to date, without end.
    async fn tick(&self) -> Infallible {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.draw();
        }
    }
    fn clear(&self) {
        if self.terminal {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn app(conditions: Value, attempt: Option<&str>) -> App {
        serde_json::from_value(json!({
            "apiVersion": "app.rancherdesktop.io/v1alpha1", "kind": "App", "metadata": {"name": "app"},
            "spec": {"running": true},
            "status": {"machine": {"attempt": attempt}, "conditions": conditions}
        }))
        .unwrap()
    }

    fn condition(kind: &str, status: &str, reason: &str, generation: i64) -> Value {
        json!({"type": kind, "status": status, "reason": reason, "message": "words", "observedGeneration": generation,
               "lastTransitionTime": "2026-01-01T00:00:00Z"})
    }

    fn wanted(generation: i64) -> Wanted {
        Wanted { generation, ..Wanted::default() }
    }

    #[test]
    fn r29_only_settled_at_or_after_the_own_generation_counts() {
        for (generation, settled) in [(1, false), (2, true), (3, true)] {
            let app = app(json!([condition("Settled", "True", "Settled", generation)]), None);
            assert_eq!(judge(&app, &wanted(2)) == Verdict::Settled, settled, "{generation}");
        }
        let app = app(json!([condition("Settled", "False", "Starting", 2)]), None);
        assert_eq!(judge(&app, &wanted(2)), Verdict::Waiting("Settled=False: words (Starting)".into()));
    }

    #[test]
    fn r30_a_terminal_failure_of_this_generation_ends_the_wait() {
        for reason in reason::TERMINAL_FAILURES {
            let now = app(json!([condition("Running", "False", reason, 2)]), None);
            assert_eq!(judge(&now, &wanted(2)), Verdict::Failed(format!("words ({reason})")));
            let before = app(json!([condition("Running", "False", reason, 1)]), None);
            assert!(matches!(judge(&before, &wanted(2)), Verdict::Waiting(_)), "{reason}");
        }
    }

    #[test]
    fn r30_failures_count_only_for_the_own_attempt() {
        let wanted = Wanted { attempt: Some("b".into()), ..wanted(2) };
        let failure = json!([condition("Running", "False", "StartFailed", 2)]);
        assert!(matches!(judge(&app(failure.clone(), Some("a")), &wanted), Verdict::Waiting(_)));
        assert!(matches!(judge(&app(failure.clone(), None), &wanted), Verdict::Waiting(_)));
        assert!(matches!(judge(&app(failure, Some("b")), &wanted), Verdict::Failed(_)));
    }

    #[test]
    fn r31_an_app_that_was_deleted_and_made_anew_is_not_the_one_that_is_waited_for() {
        let with = |uid: &str| {
            let mut app = app(json!([condition("Settled", "True", "Settled", 9)]), None);
            app.metadata.uid = Some(uid.to_owned());
            app
        };
        let ours = Wanted { uid: Some("a".to_owned()), ..wanted(2) };
        assert!(!is_gone(&with("a"), &ours));
        assert!(is_gone(&with("b"), &ours));
    }

    #[test]
    fn an_app_without_status_is_waited_for() {
        let bare: App = serde_json::from_value(json!({
            "apiVersion": "app.rancherdesktop.io/v1alpha1", "kind": "App", "metadata": {"name": "app"}, "spec": {"running": true}
        }))
        .unwrap();
        assert_eq!(judge(&bare, &wanted(1)), Verdict::Waiting("no condition Settled yet".into()));
    }
}
