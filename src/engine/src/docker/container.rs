//! Containers as Docker writes them.

use super::{date, wire};
use crate::{ContainerFacts, ContainerId, Error, ImageId, Key, Listed, PortBinding, State, Summary};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An entry of `/containers/json`. Whatever may be missing or `null` in some version is optional.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    names: Option<Vec<String>>,
    image: Option<String>,
    #[serde(rename = "ImageID")]
    image_id: Option<String>,
    created: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    state: Option<String>,
}

/// `/containers/{id}/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    name: Option<String>,
    created: Option<String>,
    path: Option<String>,
    args: Option<Vec<String>>,
    image: Option<String>,
    restart_count: Option<i64>,
    state: Option<InspectedState>,
    config: Option<Config>,
    network_settings: Option<Network>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedState {
    status: Option<String>,
    paused: Option<bool>,
    restarting: Option<bool>,
    dead: Option<bool>,
    #[serde(rename = "OOMKilled")]
    oom_killed: Option<bool>,
    pid: Option<i64>,
    exit_code: Option<i64>,
    error: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    health: Option<Health>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Health {
    status: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    stop_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Network {
    ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Binding {
    host_ip: Option<String>,
    host_port: Option<String>,
}

/// The list filtered by a full id: the engine answers it from a snapshot, without the container's lock.
pub(super) fn peek_path(id: &ContainerId) -> String {
    // {"id":["…"]}, escaped.
    format!("/containers/json?all=1&filters=%7B%22id%22%3A%5B%22{id}%22%5D%7D")
}

/// `/containers/json`.
pub(super) fn list(body: &[u8]) -> Result<Vec<Listed>, Error> {
    let entries: Option<Vec<Entry>> = wire::decode(body)?;
    Ok(entries.unwrap_or_default().into_iter().filter_map(listed).collect())
}

fn listed(entry: Entry) -> Option<Listed> {
    let Some(id) = ContainerId::parse(&entry.id) else {
        tracing::warn!(container.id = %entry.id, "container with an unusable id left out");
        return None;
    };
    let summary = Summary::Container {
        name: own_name(entry.names.unwrap_or_default()),
        state: state(entry.state.as_deref()),
        image: entry.image_id.filter(|i| !i.is_empty()).map(ImageId),
        image_ref: entry.image.filter(|i| !i.is_empty()),
        labels: entry.labels.unwrap_or_default(),
        created_at: entry.created.filter(|s| *s > 0).and_then(|s| Timestamp::from_second(s).ok()),
    };
    Some(Listed { key: Key::Container(id), summary })
}

/// With legacy links a list also carries the names under which others know the container (`/other/alias`), in no order.
fn own_name(names: Vec<String>) -> String {
    let own = names.iter().find(|n| !n.trim_start_matches('/').contains('/')).or(names.first());
    own.map(|n| bare(n)).unwrap_or_default()
}

fn bare(name: &str) -> String {
    name.strip_prefix('/').unwrap_or(name).to_owned()
}

/// `/containers/{id}/json`.
pub(super) fn facts(body: &[u8]) -> Result<ContainerFacts, Error> {
    let seen: Inspected = wire::decode(body)?;
    let (now, config) = (seen.state.unwrap_or_default(), seen.config.unwrap_or_default());
    let ports = seen.network_settings.and_then(|n| n.ports).unwrap_or_default();
    Ok(ContainerFacts {
        id: seen.id,
        name: bare(seen.name.as_deref().unwrap_or_default()),
        path: seen.path.unwrap_or_default(),
        args: seen.args.unwrap_or_default(),
        image: seen.image.unwrap_or_default(),
        image_ref: config.image.unwrap_or_default(),
        ports: ports.into_iter().map(|(port, at)| (port, bindings(at))).collect(),
        labels: config.labels.unwrap_or_default(),
        state: state(now.status.as_deref()),
        paused: now.paused.unwrap_or_default(),
        restarting: now.restarting.unwrap_or_default(),
        dead: now.dead.unwrap_or_default(),
        oom_killed: now.oom_killed.unwrap_or_default(),
        health: now.health.and_then(|h| h.status).and_then(health),
        pid: now.pid.unwrap_or_default(),
        exit_code: now.exit_code.unwrap_or_default(),
        restart_count: seen.restart_count.unwrap_or_default(),
        error: now.error.unwrap_or_default(),
        created_at: date(seen.created.as_deref()),
        started_at: date(now.started_at.as_deref()),
        finished_at: date(now.finished_at.as_deref()),
        stop_timeout: config.stop_timeout,
    })
}

/// Sorted, each once; an empty list says the same as none.
fn bindings(at: Option<Vec<Binding>>) -> Option<Vec<PortBinding>> {
    let mut at: Vec<_> = at?
        .into_iter()
        .map(|b| PortBinding {
            host_ip: b.host_ip.unwrap_or_default(),
            host_port: b.host_port.unwrap_or_default(),
        })
        .collect();
    at.sort();
    at.dedup();
    (!at.is_empty()).then_some(at)
}

fn state(text: Option<&str>) -> State {
    match text.unwrap_or_default() {
        "created" => State::Created,
        "running" => State::Running,
        "pausing" => State::Pausing,
        "paused" => State::Paused,
        "restarting" => State::Restarting,
        "removing" => State::Removing,
        "exited" => State::Exited,
        "dead" => State::Dead,
        _ => State::Unknown,
    }
}

/// The four values of the API; the empty text of a container without a health check, and words not known, are none.
fn health(text: String) -> Option<String> {
    matches!(text.as_str(), "none" | "starting" | "healthy" | "unhealthy").then_some(text)
}
