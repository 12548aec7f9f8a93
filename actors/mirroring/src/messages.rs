//! What the actors say to each other. A keyed message says *which* object to look at; the handler reads the truth.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rdd_actors_runtime::{Cause, Keyed};
use rdd_engine::{ContainerId, Key, Kind};
use rdd_resources::app::{EngineStatus, MachineStatus, Phase};

/// Look at everything you decide on, and act. For the actors that keep one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reconsider;

/// Bring a mirror up to date, or all of a kind. To the mirror writer.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) at: At,
    pub(crate) why: Why,
}

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum At {
    /// Everything of a kind.
    All(Kind),
    /// One object.
    One(Key),
}

/// Why to look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Why {
    /// The engine reported a change just now: what is known at once is written at once.
    pub(crate) event: bool,
}

/// Release a mirror that is being deleted. To the finalizer processor of its kind.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// Do what a container's annotation asks for. To the action dispatcher.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) id: ContainerId,
    pub(crate) request: Asked,
}

/// A request, and when it was first seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) value: String,
    pub(crate) seen: Timestamp,
}

/// What was observed of one App, for its status. To the condition writer, which alone writes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    /// The App's uid; observations of an earlier App are void.
    pub(crate) uid: String,
    pub(crate) machine: Option<MachineReport>,
    pub(crate) engine: Option<EngineReport>,
}

/// What the machine keeper says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MachineReport {
    /// The generation that was acted on.
    pub(crate) generation: i64,
    pub(crate) status: MachineStatus,
    pub(crate) message: String,
}

/// What the attachment keeper says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EngineReport {
    /// The generation that was acted on.
    pub(crate) generation: i64,
    pub(crate) ready: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// Only with Connected.
    pub(crate) engine: Option<EngineStatus>,
}

impl Keyed for Reconsider {
    type Key = ();
    type Cause = ();
    fn split(self) -> ((), ()) {
        ((), ())
    }
    fn join((): (), (): ()) -> Reconsider {
        Reconsider
    }
}

impl Cause for Why {
    fn merge(&mut self, newer: Why) {
        self.event |= newer.event;
    }
}

impl Keyed for Look {
    type Key = At;
    type Cause = Why;
    fn split(self) -> (At, Why) {
        (self.at, self.why)
    }
    fn join(at: At, why: Why) -> Look {
        Look { at, why }
    }
    fn overflow(key: &At) -> Option<Look> {
        match key {
            At::All(_) => None,
            At::One(key) => Some(Look::all(key.kind())),
        }
    }
}

impl Look {
    /// Look at everything of a kind.
    pub(crate) fn all(kind: Kind) -> Look {
        Look { at: At::All(kind), why: Why::default() }
    }
    /// Look at one object.
    pub(crate) fn one(key: Key) -> Look {
        Look { at: At::One(key), why: Why::default() }
    }
    /// The engine reported a change of one object.
    pub(crate) fn event(key: Key) -> Look {
        Look { at: At::One(key), why: Why { event: true } }
    }
}

impl Keyed for Release {
    type Key = (String, String);
    type Cause = ();
    fn split(self) -> ((String, String), ()) {
        ((self.namespace, self.name), ())
    }
    fn join((namespace, name): (String, String), (): ()) -> Release {
        Release { namespace, name }
    }
}

impl Cause for Asked {
    fn merge(&mut self, newer: Asked) {
        // The same request seen again was first seen before; another one is another request.
        if self.value != newer.value {
            *self = newer;
        }
    }
}

impl Keyed for Act {
    type Key = ContainerId;
    type Cause = Asked;
    fn split(self) -> (ContainerId, Asked) {
        (self.id, self.request)
    }
    fn join(id: ContainerId, request: Asked) -> Act {
        Act { id, request }
    }
}

impl Cause for Observed {
    fn merge(&mut self, newer: Observed) {
        if self.uid != newer.uid {
            *self = newer;
            return;
        }
        if newer.machine.is_some() {
            self.machine = newer.machine;
        }
        if newer.engine.is_some() {
            self.engine = newer.engine;
        }
    }
}

impl Keyed for Observed {
    type Key = ();
    type Cause = Observed;
    fn split(self) -> ((), Observed) {
        ((), self)
    }
    fn join((): (), all: Observed) -> Observed {
        all
    }
}

impl MachineReport {
    /// The reason of the condition Running.
    pub(crate) fn reason(&self) -> &'static str {
        use rdd_resources::condition::reason;
        match self.status.phase {
            Phase::Unknown => reason::RECONCILING,
            Phase::Starting => reason::STARTING,
            Phase::Started => reason::STARTED,
            Phase::Stopping => reason::STOPPING,
            Phase::Stopped => reason::STOPPED,
            Phase::StartFailed => reason::START_FAILED,
            Phase::StopFailed => reason::STOP_FAILED,
        }
    }
}

/// A Kubernetes time.
pub(crate) fn time(at: Timestamp) -> Time {
    Time(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_seen_twice_keeps_the_moment_it_was_first_seen() {
        let asked =
            |value: &str, at: i64| Asked { value: value.into(), seen: Timestamp::from_second(at).unwrap() };
        let mut one = asked("stop", 1);
        one.merge(asked("stop", 2));
        assert_eq!(one, asked("stop", 1));
        one.merge(asked("start", 3));
        assert_eq!(one, asked("start", 3));
    }

    #[test]
    fn observations_of_an_earlier_app_are_void() {
        let report = |reason| EngineReport {
            generation: 1,
            ready: false,
            reason,
            message: String::new(),
            engine: None,
        };
        let mut all = Observed { uid: "a".into(), engine: Some(report("Stopped")), ..Observed::default() };
        all.merge(Observed { uid: "a".into(), ..Observed::default() });
        assert!(all.engine.is_some());
        all.merge(Observed { uid: "b".into(), ..Observed::default() });
        assert!(all.engine.is_none());
    }

    #[test]
    fn too_many_objects_become_a_look_at_their_kind() {
        let key = At::One(Key::Volume("a".into()));
        assert_eq!(Look::overflow(&key).unwrap().at, At::All(Kind::Volume));
        assert!(Look::overflow(&At::All(Kind::Volume)).is_none());
    }
}
