//! Engine record → resource status: pure, and canonical, so that the same container always gives the same bytes.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use rdd_engine::{ContainerFacts, Summary};
use rdd_resources::condition::{self, container as type_};
use rdd_resources::container::{Binding, ContainerStatus, Health, LastAction, Port, State};
use rdd_resources::names;

/// The status of a container, inspected. `before` gives what the engine does not know: the last action, and since when conditions hold.
pub(crate) fn container(
    facts: &ContainerFacts,
    before: Option<&ContainerStatus>,
    now: Timestamp,
) -> ContainerStatus {
    let (namespace, name) = names::container(&facts.name);
    let mut status = ContainerStatus {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        path: some(&facts.path),
        args: facts.args.clone(),
        image: some(&facts.image),
        image_ref: some(&facts.image_ref),
        ports: ports(facts),
        labels: facts.labels.clone(),
        status: state(facts.state),
        health: facts.health.as_deref().and_then(health),
        pid: number(facts.pid),
        exit_code: number(facts.exit_code),
        restart_count: number(facts.restart_count),
        error: some(&facts.error),
        created_at: facts.created_at,
        started_at: facts.started_at,
        finished_at: facts.finished_at,
        conditions: Vec::new(),
        last_action: before.and_then(|b| b.last_action.clone()),
    };
    let flags = Flags {
        paused: facts.paused || status.status == State::Paused,
        restarting: facts.restarting || status.status == State::Restarting,
        dead: facts.dead || status.status == State::Dead,
        oom_killed: facts.oom_killed,
    };
    status.conditions = conditions(&status, flags, before, now);
    status
}

/// What a list says, laid over what is known: what the list does not know is kept, what the new state rules out is dropped.
pub(crate) fn overlay(
    summary: &Summary,
    before: Option<&ContainerStatus>,
    now: Timestamp,
) -> Option<ContainerStatus> {
    let Summary::Container { name, state: is, image, image_ref, labels, created_at } = summary else {
        return None;
    };
    let (namespace, name) = names::container(name);
    let mut status = before.cloned().unwrap_or_default();
    status.name = name.to_owned();
    status.namespace = namespace.to_owned();
    status.status = state(*is);
    status.labels = labels.clone();
    if status.image.is_none() {
        status.image = image.as_ref().map(|id| id.0.clone());
    }
    // A list shows an id once the tag has moved; what was given at creation never changes.
    if status.image_ref.is_none() {
        status.image_ref = image_ref.clone();
    }
    // A list knows whole seconds, an inspect more.
    if status.created_at.is_none() {
        status.created_at = *created_at;
    }
    let alive = matches!(status.status, State::Running | State::Paused | State::Pausing);
    if !alive {
        status.pid = None;
    }
    let flags = Flags {
        paused: status.status == State::Paused,
        restarting: status.status == State::Restarting,
        dead: status.status == State::Dead,
        oom_killed: !alive && is_true(before, type_::OOM_KILLED),
    };
    status.conditions = conditions(&status, flags, before, now);
    Some(status)
}

/// The engine's word for a state, as ours.
pub(crate) fn state(state: rdd_engine::State) -> State {
    match state {
        rdd_engine::State::Created => State::Created,
        rdd_engine::State::Running => State::Running,
        rdd_engine::State::Pausing => State::Pausing,
        rdd_engine::State::Paused => State::Paused,
        rdd_engine::State::Restarting => State::Restarting,
        rdd_engine::State::Removing => State::Removing,
        rdd_engine::State::Exited => State::Exited,
        rdd_engine::State::Dead => State::Dead,
        rdd_engine::State::Unknown => State::Unknown,
    }
}

/// A status with another last action, all else the same.
pub(crate) fn with_action(status: &ContainerStatus, action: LastAction) -> ContainerStatus {
    ContainerStatus { last_action: Some(action), ..status.clone() }
}

struct Flags {
    paused: bool,
    restarting: bool,
    dead: bool,
    oom_killed: bool,
}

fn conditions(
    status: &ContainerStatus,
    flags: Flags,
    before: Option<&ContainerStatus>,
    now: Timestamp,
) -> Vec<Condition> {
    let running = matches!(status.status, State::Running | State::Pausing | State::Paused);
    // Kubernetes keeps whole seconds: what comes back must equal what was sent.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let healthy = status.health == Some(Health::Healthy);
    [
        (type_::RUNNING, running, "running"),
        (type_::PAUSED, flags.paused, "paused"),
        (type_::RESTARTING, flags.restarting, "restarting"),
        (type_::DEAD, flags.dead, "dead"),
        (type_::OOM_KILLED, flags.oom_killed, "OOM killed"),
        (type_::HEALTHY, healthy, "healthy"),
    ]
    .into_iter()
    .map(|(type_, holds, word)| {
        let status = if holds { "True" } else { "False" };
        let since = before
            .and_then(|b| condition::find(&b.conditions, type_))
            .filter(|c| c.status == status)
            .map_or_else(|| Time(now), |c| c.last_transition_time.clone());
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: if holds { type_.to_owned() } else { format!("Not{type_}") },
            message: format!("Container is {}{word}", if holds { "" } else { "not " }),
            last_transition_time: since,
            observed_generation: None,
        }
    })
    .collect()
}

fn ports(facts: &ContainerFacts) -> Vec<Port> {
    let port = |(name, bindings): (&String, &Option<Vec<rdd_engine::PortBinding>>)| {
        let mut bindings: Vec<Binding> = bindings
            .iter()
            .flatten()
            .map(|b| Binding { host_ip: b.host_ip.clone(), host_port: b.host_port.clone() })
            .collect();
        bindings.sort();
        Port { name: name.clone(), bindings }
    };
    facts.ports.iter().map(port).collect()
}

fn health(word: &str) -> Option<Health> {
    match word {
        "none" => Some(Health::None),
        "starting" => Some(Health::Starting),
        "healthy" => Some(Health::Healthy),
        "unhealthy" => Some(Health::Unhealthy),
        // Docker says nothing, or a word of a later version: no health is known.
        _ => None,
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn number(value: i64) -> Option<i32> {
    i32::try_from(value).ok().filter(|n| *n != 0)
}

fn is_true(status: Option<&ContainerStatus>, type_: &str) -> bool {
    status.and_then(|s| condition::find(&s.conditions, type_)).is_some_and(|c| c.status == "True")
}

#[cfg(test)]
mod tests;
