//! Condition types and reasons, in one place for writers and readers (R26), and the rules for changing a condition.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Condition types of the App.
pub const CREATED: &str = "Created";
/// The machine runs.
pub const RUNNING: &str = "Running";
/// The engine's objects are mirrored. Read the reason, not only the status.
pub const CONTAINER_ENGINE_READY: &str = "ContainerEngineReady";
/// Kubernetes in the machine is ready.
pub const KUBERNETES_READY: &str = "KubernetesReady";
/// The whole chain has caught up with the current generation.
pub const SETTLED: &str = "Settled";

/// Condition types of a Container. Their reasons are the type, or `Not` and the type.
pub mod container {
    #![allow(missing_docs)]
    pub const RUNNING: &str = "Running";
    pub const PAUSED: &str = "Paused";
    pub const RESTARTING: &str = "Restarting";
    pub const DEAD: &str = "Dead";
    pub const OOM_KILLED: &str = "OOMKilled";
    pub const HEALTHY: &str = "Healthy";
}

/// Reasons of the App's conditions.
pub mod reason {
    #![allow(missing_docs)]
    // Created
    pub const CREATED: &str = "Created";
    pub const CREATE_FAILED: &str = "CreateFailed";
    // Running
    pub const RECONCILING: &str = "Reconciling";
    pub const STARTING: &str = "Starting";
    pub const STARTED: &str = "Started";
    pub const STOPPING: &str = "Stopping";
    pub const STOPPED: &str = "Stopped";
    pub const START_FAILED: &str = "StartFailed";
    pub const STOP_FAILED: &str = "StopFailed";
    // ContainerEngineReady; its Stopped is the one above
    pub const CONNECTING: &str = "Connecting";
    pub const CONNECTED: &str = "Connected";
    pub const CONNECT_FAILED: &str = "ConnectFailed";
    pub const UNREACHABLE: &str = "Unreachable";
    pub const NOT_APPLICABLE: &str = "NotApplicable";
    pub const SWEEPING: &str = "Sweeping";
    pub const SWEEP_INCOMPLETE: &str = "SweepIncomplete";
    // KubernetesReady
    pub const PROBING: &str = "Probing";
    pub const MERGE_FAILED: &str = "MergeFailed";
    // Settled
    pub const SETTLED: &str = "Settled";
    pub const APPLYING_CONFIGURATION: &str = "ApplyingConfiguration";
    pub const ENGINE_STALE: &str = "EngineStale";
    pub const WAITING_FOR_ENGINE: &str = "WaitingForEngine";

    /// A wait that sees one of these at its generation fails at once (R30).
    pub const TERMINAL_FAILURES: [&str; 6] =
        [START_FAILED, STOP_FAILED, CREATE_FAILED, CONNECT_FAILED, MERGE_FAILED, SWEEP_INCOMPLETE];

    /// Whether a wait must give up when it sees this reason at its generation.
    pub fn is_terminal_failure(reason: &str) -> bool {
        TERMINAL_FAILURES.contains(&reason)
    }
}

/// Messages that other programs read.
pub mod message {
    #![allow(missing_docs)]
    pub const SYNCED: &str = "Container engine synced";
    pub const STOPPED: &str = "Container engine stopped";
    pub const NOT_APPLICABLE: &str = "Engine mirroring is only supported with the moby backend";
    pub const SETTLED: &str = "App has reached the desired state";
}

/// Finds a condition by its type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Sets a condition as Kubernetes wants it: `lastTransitionTime` moves with the status alone, the list stays sorted by first
/// appearance, and an unchanged condition is left as it is. Answers whether anything changed.
pub fn set(
    conditions: &mut Vec<Condition>,
    now: Timestamp,
    type_: &str,
    status: &str,
    reason: &str,
    message: &str,
    generation: Option<i64>,
) -> bool {
    let wanted = |since: Time| Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: generation,
        last_transition_time: since,
    };
    match conditions.iter_mut().find(|c| c.type_ == type_) {
        None => {
            conditions.push(wanted(Time(now)));
            true
        }
        Some(found) => {
            let since = if found.status == status { found.last_transition_time.clone() } else { Time(now) };
            let next = wanted(since);
            let changed = *found != next;
            *found = next;
            changed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_with_the_status_alone() {
        let (t0, t1): (Timestamp, Timestamp) =
            ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-01-01T00:00:05Z".parse().unwrap());
        let mut list = Vec::new();
        assert!(set(&mut list, t0, RUNNING, "False", reason::STARTING, "", Some(1)));
        assert!(!set(&mut list, t1, RUNNING, "False", reason::STARTING, "", Some(1)));
        assert!(set(&mut list, t1, RUNNING, "False", reason::STARTING, "", Some(2)));
        assert_eq!(list[0].last_transition_time, Time(t0));
        assert!(set(&mut list, t1, RUNNING, "True", reason::STARTED, "", Some(2)));
        assert_eq!(list[0].last_transition_time, Time(t1));
        assert_eq!(list.len(), 1);
    }

    #[test]
    fn r30_terminal_failures_are_one_list() {
        assert!(reason::is_terminal_failure("SweepIncomplete"));
        for progress in ["Starting", "Connecting", "Probing", "Unreachable", "Stopped", "Sweeping"] {
            assert!(!reason::is_terminal_failure(progress), "{progress}");
        }
    }
}
