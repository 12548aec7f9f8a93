//! `/metrics`: counters as Prometheus text.

use crate::state::State;
use axum::Router;
use axum::extract::State as Given;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;
use rdd_actors_runtime::Health;
use std::fmt::Write;
use std::sync::Arc;

/// The path.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new().route("/", get(metrics)).with_state(state)
}

async fn metrics(Given(state): Given<Arc<State>>) -> Response {
    let mut text = String::new();
    let revision = state.store().revision().0;
    let started = state.started().as_millisecond() as f64 / 1000.0;
    single(&mut text, "process_start_time_seconds", "gauge", "When the daemon started.", started);
    single(&mut text, "rdd_store_revision", "counter", "Last revision of the store.", revision);
    actors(&mut text, &state.supervisor().health());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

fn actors(text: &mut String, health: &Health) {
    let actors = health.actors();
    head(text, "rdd_actor_restarts_total", "counter", "How often an actor was made anew.");
    for actor in &actors {
        sample(text, "rdd_actor_restarts_total", &[("actor", &actor.name)], actor.restarts);
    }
    head(text, "rdd_actor_up", "gauge", "Whether an actor takes messages.");
    for actor in &actors {
        let up = actor.state == rdd_actors_runtime::State::Running;
        sample(text, "rdd_actor_up", &[("actor", &actor.name)], u8::from(up));
    }
    head(text, "rdd_actor_waiting", "gauge", "Messages and keys that wait.");
    for actor in &actors {
        let waiting = actor.mailbox.depth + actor.lanes.iter().map(|lane| lane.waiting).sum::<usize>();
        sample(text, "rdd_actor_waiting", &[("actor", &actor.name)], waiting);
    }
    head(text, "rdd_actor_failing_keys", "gauge", "Keys whose last try failed.");
    for actor in &actors {
        let failing: usize = actor.lanes.iter().map(|lane| lane.failing.len()).sum();
        sample(text, "rdd_actor_failing_keys", &[("actor", &actor.name)], failing);
    }
    head(text, "rdd_actor_leaked", "gauge", "Blocked jobs and threads that were given up.");
    for actor in &actors {
        sample(text, "rdd_actor_leaked", &[("actor", &actor.name)], actor.leaked.jobs + actor.leaked.threads);
    }
    head(text, "rdd_messages_total", "counter", "What became of messages.");
    for actor in &actors {
        for (kind, counters) in &actor.counters {
            let outcomes = [
                ("handled", counters.handled),
                ("panicked", counters.panicked),
                ("hung", counters.hung),
                ("dropped", counters.dropped),
                ("refused", counters.refused),
                ("done", counters.done),
                ("failed", counters.failed),
            ];
            for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
                let labels = [("actor", actor.name.as_str()), ("kind", kind), ("outcome", outcome)];
                sample(text, "rdd_messages_total", &labels, count);
            }
        }
    }
}

fn single(text: &mut String, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
    head(text, name, kind, help);
    sample(text, name, &[], value);
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String can not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn sample(text: &mut String, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
    let escape = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<String> =
        labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(text, "{name}{labels} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_in_the_text_format() {
        let mut text = String::new();
        single(&mut text, "a", "gauge", "What.", 7);
        sample(&mut text, "b", &[("x", "1\"2"), ("y", "z")], 8);
        assert_eq!(text, "# HELP a What.\n# TYPE a gauge\na 7\nb{x=\"1\\\"2\",y=\"z\"} 8\n");
    }
}
