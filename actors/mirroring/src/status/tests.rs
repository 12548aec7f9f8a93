use super::*;
use rdd_engine::PortBinding;
use rdd_resources::container::ActionState;
use std::collections::BTreeMap;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn facts() -> ContainerFacts {
    ContainerFacts {
        id: "a".repeat(64),
        name: "web".into(),
        path: "sleep".into(),
        args: vec!["1d".into()],
        image: "sha256:1".into(),
        image_ref: "busybox:latest".into(),
        state: rdd_engine::State::Running,
        pid: 42,
        created_at: Some(at("2026-01-01T00:00:00.123456789Z")),
        started_at: Some(at("2026-01-01T00:00:01.5Z")),
        ..ContainerFacts::default()
    }
}

fn told(status: &ContainerStatus, type_: &str) -> (String, String, String) {
    let found = condition::find(&status.conditions, type_).unwrap();
    (found.status.clone(), found.reason.clone(), found.message.clone())
}

#[test]
fn a_running_container_is_described_in_full() {
    let status = container(&facts(), None, at("2026-01-01T00:00:02Z"));
    assert_eq!((status.name.as_str(), status.namespace.as_str()), ("web", "moby"));
    assert_eq!(status.status, State::Running);
    assert_eq!((status.pid, status.exit_code, status.restart_count), (Some(42), None, None));
    assert_eq!(told(&status, "Running"), ("True".into(), "Running".into(), "Container is running".into()));
    assert_eq!(
        told(&status, "Paused"),
        ("False".into(), "NotPaused".into(), "Container is not paused".into())
    );
    let types: Vec<&str> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
    assert_eq!(types, ["Running", "Paused", "Restarting", "Dead", "OOMKilled", "Healthy"]);
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["createdAt"], "2026-01-01T00:00:00.123456789Z");
    for absent in ["health", "exitCode", "finishedAt", "ports", "labels", "error", "lastAction"] {
        assert!(json.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn r09_the_same_container_always_gives_the_same_status() {
    let mut one = facts();
    let binding = |ip: &str, port: &str| PortBinding { host_ip: ip.into(), host_port: port.into() };
    one.ports = BTreeMap::from([
        ("80/tcp".into(), Some(vec![binding("::", "8080"), binding("0.0.0.0", "8080")])),
        ("443/tcp".into(), None),
    ]);
    let mut two = one.clone();
    two.ports.get_mut("80/tcp").unwrap().as_mut().unwrap().reverse();
    let first = container(&one, None, at("2026-01-01T00:00:02Z"));
    let again = container(&two, Some(&first), at("2026-01-01T01:00:00Z"));
    assert_eq!(first, again);
    assert_eq!(first.ports[0].name, "443/tcp");
    assert!(serde_json::to_value(&first).unwrap()["ports"][0].get("bindings").is_none());
    assert_eq!(first.ports[1].bindings[0].host_ip, "0.0.0.0");
}

#[test]
fn a_transition_time_moves_with_its_condition_alone() {
    let first = container(&facts(), None, at("2026-01-01T00:00:02Z"));
    let mut paused = facts();
    paused.state = rdd_engine::State::Paused;
    paused.paused = true;
    let second = container(&paused, Some(&first), at("2026-01-01T00:00:09Z"));
    let since = |s: &ContainerStatus, t| condition::find(&s.conditions, t).unwrap().last_transition_time.0;
    assert_eq!(since(&second, "Running"), at("2026-01-01T00:00:02Z"));
    assert_eq!(since(&second, "Paused"), at("2026-01-01T00:00:09Z"));
    assert_eq!(told(&second, "Running").0, "True");
}

#[test]
fn r17_the_last_action_is_carried_over() {
    let mut before = container(&facts(), None, at("2026-01-01T00:00:02Z"));
    before.last_action = Some(LastAction {
        action: rdd_resources::Action::Stop,
        id: Some("1".into()),
        state: ActionState::Succeeded,
        error: None,
        observed_at: at("2026-01-01T00:00:03Z"),
        started_at_before: None,
        completed_at: Some(at("2026-01-01T00:00:04Z")),
    });
    let after = container(&facts(), Some(&before), at("2026-01-01T00:00:05Z"));
    assert_eq!(after.last_action, before.last_action);
}

#[test]
fn r09_what_is_not_known_is_left_out_or_called_unknown() {
    let mut odd = facts();
    odd.state = rdd_engine::State::Unknown;
    odd.health = Some("marvellous".into());
    odd.created_at = None;
    odd.pid = i64::MAX;
    let status = container(&odd, None, at("2026-01-01T00:00:02Z"));
    assert_eq!(status.status, State::Unknown);
    assert_eq!((status.health, status.pid, status.created_at), (None, None, None));
}

#[test]
fn a_list_never_overwrites_what_it_does_not_know() {
    let before = container(&facts(), None, at("2026-01-01T00:00:02Z"));
    let summary = Summary::Container {
        name: "www".into(),
        state: rdd_engine::State::Exited,
        image: None,
        image_ref: Some("sha256:1".into()),
        labels: BTreeMap::new(),
        created_at: Some(at("2026-01-01T00:00:00Z")),
    };
    let after = overlay(&summary, Some(&before), at("2026-01-01T00:00:05Z")).unwrap();
    assert_eq!((after.name.as_str(), after.status, after.pid), ("www", State::Exited, None));
    assert_eq!(after.image_ref.as_deref(), Some("busybox:latest"));
    assert_eq!(after.created_at, before.created_at);
    assert_eq!(after.args, before.args);
    assert_eq!(told(&after, "Running").1, "NotRunning");
}

#[test]
fn a_list_alone_makes_a_valid_first_status() {
    let summary = Summary::Container {
        name: "ns/web".into(),
        state: rdd_engine::State::Created,
        image: Some(rdd_engine::ImageId("sha256:1".into())),
        image_ref: Some("busybox".into()),
        labels: BTreeMap::from([("a".into(), "b".into())]),
        created_at: None,
    };
    let status = overlay(&summary, None, at("2026-01-01T00:00:05Z")).unwrap();
    assert_eq!((status.namespace.as_str(), status.name.as_str()), ("ns", "web"));
    assert_eq!(status.image.as_deref(), Some("sha256:1"));
}
