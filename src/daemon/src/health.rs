//! `/healthz`, `/readyz`, `/livez` in the Kubernetes manner.
//!
//! `livez` says whether the process is worth keeping: supervision answers, on a thread of its own that no blocked worker can stop. `readyz` (and
//! `healthz`, its old name) says whether it does its work: every part is named, and a part is healthy when it makes progress, not when it
//! exists. `?verbose` lists the checks, `?exclude=NAME` leaves one out, `/readyz/NAME` asks for one alone. Who shows the token reads why a check
//! fails; others read `reason withheld`.
//!
//! # Caveats
//! Requests are served by the shared workers: when all of them are blocked no answer comes, which is how a prober notices.

use crate::state::{Phase, State};
use axum::Router;
use axum::extract::{Extension, Path, RawQuery, State as Given};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use rdd_actors_runtime::health::ActorHealth;
use rdd_apiserver::Identity;
use std::sync::Arc;
use std::time::Duration;

/// Which question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Shall the process be kept?
    Live,
    /// Does it do its work?
    Ready,
    /// The same, by its old name.
    Health,
}

/// One part, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Check {
    name: String,
    failure: Option<String>,
}

/// How long supervision may take to answer.
const ALIVE: Duration = Duration::from_secs(1);
/// A message or key that nobody takes up for this long is no progress.
const WAITING: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Probed {
    state: Arc<State>,
    probe: Probe,
}

/// The paths of a probe.
pub(crate) fn router(state: Arc<State>, probe: Probe) -> Router {
    Router::new().route("/", get(all)).route("/{*name}", get(one)).with_state(Probed { state, probe })
}

async fn all(
    Given(probed): Given<Probed>,
    identity: Option<Extension<Identity>>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let words: Vec<(&str, &str)> =
        query.split('&').filter(|w| !w.is_empty()).map(|w| w.split_once('=').unwrap_or((w, ""))).collect();
    let verbose = words.iter().any(|(key, _)| *key == "verbose");
    let excluded = |check: &Check| words.iter().any(|(key, value)| *key == "exclude" && *value == check.name);
    let checks: Vec<Check> = probed.checks().await.into_iter().filter(|check| !excluded(check)).collect();
    answer(&checks, verbose, identity.is_some(), probed.probe)
}

async fn one(
    Given(probed): Given<Probed>,
    identity: Option<Extension<Identity>>,
    Path(name): Path<String>,
) -> Response {
    let found: Vec<Check> = probed.checks().await.into_iter().filter(|check| check.name == name).collect();
    if found.is_empty() {
        return text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned());
    }
    answer(&found, false, identity.is_some(), probed.probe)
}

/// `ok`, or each check on a line.
fn answer(checks: &[Check], verbose: bool, trusted: bool, probe: Probe) -> Response {
    let name = match probe {
        Probe::Live => "livez",
        Probe::Ready => "readyz",
        Probe::Health => "healthz",
    };
    let healthy = checks.iter().all(|check| check.failure.is_none());
    if healthy && !verbose {
        return text(StatusCode::OK, "ok".to_owned());
    }
    let line = |check: &Check| match &check.failure {
        None => format!("[+]{} ok\n", check.name),
        Some(why) if trusted => format!("[-]{} failed: {why}\n", check.name),
        Some(_) => format!("[-]{} failed: reason withheld\n", check.name),
    };
    let lines: String = checks.iter().map(line).collect();
    match healthy {
        true => text(StatusCode::OK, format!("{lines}{name} check passed\n")),
        false => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{lines}{name} check failed\n")),
    }
}

fn text(code: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache, private"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (code, headers, body).into_response()
}

impl Probed {
    async fn checks(&self) -> Vec<Check> {
        let check = |name: &str, failure: Option<String>| Check { name: name.to_owned(), failure };
        let alive = self.state.supervisor().alive(ALIVE).await;
        let silent = || format!("supervision did not answer within {} s", ALIVE.as_secs());
        let mut checks = vec![check("ping", None), check("supervision", (!alive).then(silent))];
        if self.probe == Probe::Live {
            return checks;
        }
        checks.push(check("startup", startup(self.state.phase())));
        checks.push(check("store", self.state.store().damaged()));
        checks.push(check("salvage", salvage(self.state.salvage())));
        checks.extend(actors(&self.state));
        checks
    }
}

fn startup(phase: Phase) -> Option<String> {
    match phase {
        Phase::Starting => Some("kinds and actors are being started".to_owned()),
        Phase::Ready => None,
        Phase::Stopping => Some("the daemon is stopping".to_owned()),
    }
}

/// Rows that could not be saved from a damaged database are a loss that somebody has to look at; until the next start.
fn salvage(salvage: &rdd_store::Salvage) -> Option<String> {
    let aside = salvage.set_aside.as_ref().filter(|_| salvage.lost > 0)?;
    Some(format!(
        "the database was damaged: {} rows were kept and {} lost; the damaged file is {}",
        salvage.kept,
        salvage.lost,
        aside.display()
    ))
}

/// A check per actor and task.
fn actors(state: &State) -> Vec<Check> {
    let health = state.supervisor().health();
    let problems = health.problems();
    let of = |actor: &ActorHealth| {
        let own = format!("{} ", actor.name);
        let mut found: Vec<String> =
            problems.iter().filter_map(|problem| problem.strip_prefix(&own)).map(str::to_owned).collect();
        found.extend(waiting(actor.oldest_waiting_ms));
        (!found.is_empty()).then(|| found.join("; "))
    };
    health
        .actors()
        .into_iter()
        .map(|actor| Check { name: format!("actor/{}", actor.name), failure: of(actor) })
        .collect()
}

fn waiting(oldest_ms: Option<u64>) -> Option<String> {
    let oldest = oldest_ms.filter(|ms| u128::from(*ms) > WAITING.as_millis())?;
    Some(format!("its oldest message waits for {} s", oldest / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn said(checks: &[Check], verbose: bool, trusted: bool) -> (u16, String) {
        let answer = answer(checks, verbose, trusted, Probe::Ready);
        let code = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }

    fn check(name: &str, failure: Option<&str>) -> Check {
        Check { name: name.to_owned(), failure: failure.map(str::to_owned) }
    }

    #[tokio::test]
    async fn r46_a_healthy_daemon_says_ok_and_names_its_checks_when_asked() {
        let checks = [check("ping", None), check("store", None)];
        assert_eq!(said(&checks, false, false).await, (200, "ok".into()));
        let old = answer(&checks, true, false, Probe::Health).into_body().collect().await.unwrap().to_bytes();
        assert!(old.ends_with(b"healthz check passed\n"), "{old:?}");
        assert_eq!(
            said(&checks, true, false).await,
            (200, "[+]ping ok\n[+]store ok\nreadyz check passed\n".into())
        );
    }

    #[tokio::test]
    async fn r46_a_failure_is_named_to_all_and_explained_to_who_shows_the_token() {
        let checks = [check("ping", None), check("store", Some("on fire"))];
        let (code, text) = said(&checks, false, false).await;
        assert_eq!(
            (code, text.as_str()),
            (500, "[+]ping ok\n[-]store failed: reason withheld\nreadyz check failed\n")
        );
        let (_, text) = said(&checks, false, true).await;
        assert!(text.contains("[-]store failed: on fire\n"), "{text}");
    }

    #[test]
    fn startup_fails_before_and_after_the_daemon_works() {
        assert!(startup(Phase::Starting).is_some());
        assert!(startup(Phase::Ready).is_none());
        assert!(startup(Phase::Stopping).is_some());
    }

    #[test]
    fn work_that_nobody_takes_up_is_no_progress() {
        assert_eq!(waiting(None), None);
        assert_eq!(waiting(Some(9_999)), None);
        assert_eq!(waiting(Some(12_345)), Some("its oldest message waits for 12 s".into()));
    }

    #[test]
    fn only_lost_rows_make_a_salvage_unhealthy() {
        let of = |lost| rdd_store::Salvage { set_aside: Some("/x".into()), kept: 3, lost };
        assert_eq!(salvage(&of(0)), None);
        assert!(salvage(&of(1)).unwrap().contains("3 rows were kept and 1 lost"));
    }
}
