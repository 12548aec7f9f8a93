//! Replays recorded conversations with a real Kubernetes API server, and compares.
//!
//! A recording is a suite of steps in JSON: a request and its answer, a watch and its events, a wait. Values that differ from run to run are placeholders
//! (`$uid1`, `$rv3`, `$time`): the same placeholder is the same value within a suite, and revisions grow with their numbers.
//! What is compared is what a step's `view` leaves of an answer.

mod compare;
mod step;
mod view;

pub use step::{Expected, Request, Step, Suite};

use compare::Bindings;
use futures::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long an event may take unless a step says otherwise.
const EVENT: Duration = Duration::from_secs(5);
/// How long to wait before a request is repeated.
const AGAIN: Duration = Duration::from_millis(20);

/// Gives the client of a user: `admin`, `alice`, `anonymous` (no token), `invalid` (a token that nobody has).
pub trait Users: Sync {
    /// The client of a user; `None`: there is no such user here, and steps of theirs are skipped.
    fn client(&self, user: &str) -> Option<kube::Client>;
}

impl<F: Fn(&str) -> Option<kube::Client> + Sync> Users for F {
    fn client(&self, user: &str) -> Option<kube::Client> {
        self(user)
    }
}

/// What may differ.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tolerance {
    /// `managedFields` are left out on both sides, for servers that do not keep them.
    pub no_managed_fields: bool,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As recorded.
    Equal,
    /// Not as recorded: where, and how.
    Different(String),
    /// Not tried: the user is unknown here.
    Skipped,
}

/// What came of a suite, step by step.
#[derive(Clone, Debug)]
pub struct Report {
    /// The suite.
    pub suite: String,
    /// Names of the steps and what came of them, in order.
    pub steps: Vec<(String, Outcome)>,
}

impl Report {
    /// The steps that went another way than recorded.
    pub fn differences(&self) -> impl Iterator<Item = (&str, &str)> {
        self.steps.iter().filter_map(|(name, outcome)| match outcome {
            Outcome::Different(how) => Some((name.as_str(), how.as_str())),
            Outcome::Equal | Outcome::Skipped => None,
        })
    }
}

/// Replays a suite. It goes on after a difference, so that all are seen.
pub async fn replay(suite: &Suite, users: &dyn Users, tolerance: Tolerance) -> Report {
    let mut run = Run { users, tolerance, bindings: Bindings::default(), watches: HashMap::new() };
    let mut steps = Vec::new();
    for step in &suite.steps {
        let outcome = match run.step(step).await {
            Ok(true) => Outcome::Equal,
            Ok(false) => Outcome::Skipped,
            Err(how) => Outcome::Different(how),
        };
        steps.push((step.name.clone(), outcome));
    }
    Report { suite: suite.suite.clone(), steps }
}

struct Run<'a> {
    users: &'a dyn Users,
    tolerance: Tolerance,
    bindings: Bindings,
    watches: HashMap<String, Lines>,
}

/// The events of an open watch, read by a task of its own so that the client is never slow.
struct Lines {
    events: mpsc::UnboundedReceiver<Value>,
    reader: tokio::task::JoinHandle<()>,
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// An answer.
struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: kube::client::Body,
}

impl Run<'_> {
    async fn step(&mut self, step: &Step) -> Result<bool, String> {
        if let Some(wait) = step.sleep_ms {
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        if let Some(id) = &step.stop_watch {
            self.watches.remove(id);
        }
        if let Some(id) = &step.expect_watch {
            return self.expect(id, step).await.map(|()| true);
        }
        let Some(request) = &step.request else { return Ok(true) };
        let Some(client) = self.users.client(step.user()) else { return Ok(false) };
        let deadline = Instant::now() + Duration::from_millis(step.poll_ms.unwrap_or(0));
        loop {
            match self.exchange(&client, step, request).await {
                Err(_) if Instant::now() < deadline => tokio::time::sleep(AGAIN).await,
                other => return other.map(|()| true),
            }
        }
    }

    async fn exchange(
        &mut self,
        client: &kube::Client,
        step: &Step,
        request: &Request,
    ) -> Result<(), String> {
        let answer = self.send(client, request).await?;
        let Some(expected) = &step.response else { return Ok(()) };
        if answer.status != expected.status {
            let status = answer.status;
            let text = text(answer.body).await?;
            return Err(format!("status {status}, recorded {}: {text}", expected.status));
        }
        if step.setup {
            return Ok(());
        }
        let mut bindings = self.bindings.clone();
        if let Some(id) = &step.start_watch {
            headers(&answer.headers, expected, &mut bindings)?;
            self.watches.insert(id.clone(), read(answer.body));
            self.bindings = bindings;
            return Ok(());
        }
        let (found, text) = (answer.headers, text(answer.body).await?);
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        for (placeholder, pointer) in &step.capture {
            let value = body.pointer(pointer).and_then(Value::as_str);
            bindings.capture(placeholder, value.ok_or_else(|| format!("nothing at {pointer}"))?)?;
        }
        let (headers_too, body_too) = view::compared(&step.view);
        if headers_too {
            headers(&found, expected, &mut bindings)?;
        }
        if let Some(recorded) = expected.body.as_ref().filter(|_| body_too) {
            let seen = view::apply(&step.view, self.reduced(body));
            compare::equal(&self.reduced(recorded.clone()), &seen, &mut bindings)?;
        }
        self.bindings = bindings;
        Ok(())
    }

    async fn send(&self, client: &kube::Client, request: &Request) -> Result<Answer, String> {
        let built = request.build(&self.bindings)?;
        let response =
            client.send(built.map(kube::client::Body::from)).await.map_err(|error| error.to_string())?;
        let (parts, body) = response.into_parts();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    async fn expect(&mut self, id: &str, step: &Step) -> Result<(), String> {
        let lines = self.watches.get_mut(id).ok_or_else(|| format!("watch {id} is not open"))?;
        let limit = step.timeout_ms.map_or(EVENT, Duration::from_millis);
        let mut seen = Vec::new();
        while seen.len() < step.events.len() {
            match tokio::time::timeout(limit, lines.events.recv()).await {
                Ok(Some(event)) => seen.push(event),
                Ok(None) => return Err(format!("the watch ended after {}", json!(seen))),
                Err(_) => {
                    return Err(format!(
                        "no event {} within {limit:?} after {}",
                        seen.len() + 1,
                        json!(seen)
                    ));
                }
            }
        }
        if let Some(quiet) = step.quiet_ms
            && let Ok(Some(event)) =
                tokio::time::timeout(Duration::from_millis(quiet), lines.events.recv()).await
        {
            return Err(format!("one event too many: {event}"));
        }
        if step.closed {
            match tokio::time::timeout(limit, lines.events.recv()).await {
                Ok(None) => {}
                Ok(Some(event)) => return Err(format!("one event too many: {event}")),
                Err(_) => return Err("the watch goes on".into()),
            }
        }
        if step.unordered {
            seen.sort_by_key(|event| {
                let text =
                    |name: &str| event["object"]["metadata"][name].as_str().unwrap_or_default().to_owned();
                (text("namespace"), text("name"))
            });
        }
        let mut bindings = self.bindings.clone();
        for (placeholder, pointer) in &step.capture {
            let pointer = pointer.strip_prefix("/@event").unwrap_or(pointer);
            let all = json!(seen);
            let value = all.pointer(pointer).and_then(Value::as_str);
            bindings.capture(placeholder, value.ok_or_else(|| format!("nothing at {pointer}"))?)?;
        }
        for (recorded, event) in step.events.iter().zip(seen) {
            let seen = view::apply(&step.view, self.reduced(event));
            compare::equal(&self.reduced(recorded.clone()), &seen, &mut bindings)?;
        }
        self.bindings = bindings;
        Ok(())
    }

    fn reduced(&self, mut value: Value) -> Value {
        if self.tolerance.no_managed_fields {
            forget(&mut value, "managedFields");
        }
        value
    }
}

fn forget(value: &mut Value, name: &str) {
    match value {
        Value::Object(map) => {
            map.remove(name);
            map.values_mut().for_each(|inner| forget(inner, name));
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| forget(inner, name)),
        _ => {}
    }
}

/// Compares the recorded headers; a `Warning` that was not recorded is a difference.
fn headers(found: &http::HeaderMap, expected: &Expected, bindings: &mut Bindings) -> Result<(), String> {
    let recorded = expected.headers.clone().unwrap_or_default();
    for (name, value) in &recorded {
        let seen: Vec<Value> = found
            .get_all(name)
            .iter()
            .map(|value| json!(String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let seen = match (value, seen.as_slice()) {
            (Value::Array(_), _) => Value::Array(seen),
            (_, [one]) => one.clone(),
            _ => Value::Array(seen),
        };
        compare::equal(value, &seen, bindings).map_err(|how| format!("header {name}: {how}"))?;
    }
    if !recorded.contains_key("Warning") && found.contains_key("warning") {
        return Err(format!("a warning too many: {:?}", found.get_all("warning")));
    }
    Ok(())
}

async fn text(body: kube::client::Body) -> Result<String, String> {
    let bytes = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read(body: kube::client::Body) -> Lines {
    let (sender, events) = mpsc::unbounded_channel();
    let reader = tokio::spawn(async move {
        let mut stream = body.into_data_stream();
        let mut rest = Vec::new();
        while let Some(Ok(bytes)) = stream.next().await {
            rest.extend_from_slice(&bytes);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                let event = serde_json::from_slice(&line).unwrap_or(Value::Null);
                if sender.send(event).is_err() {
                    return;
                }
            }
        }
    });
    Lines { events, reader }
}
