//! A mirror as a client without our types sees it: an oracle that does not share code with what it judges.

use kube::api::DynamicObject;
use serde_json::Value;
use std::fmt;

/// The finalizer of mirrors.
pub const FINALIZER: &str = "engine.rancherdesktop.io/mirror";
/// The annotation that names the object in the engine.
pub const ID: &str = "engine.rancherdesktop.io/id";
/// The annotation that names the engine.
pub const ENGINE: &str = "engine.rancherdesktop.io/engine";
/// The annotation that requests an action.
pub const ACTION: &str = "containers.rancherdesktop.io/action";

/// One object of one of our kinds.
#[derive(Clone, PartialEq)]
pub struct Mirror(pub DynamicObject);

impl Mirror {
    /// `metadata.name`: of a container, its engine id.
    pub fn id(&self) -> &str {
        self.0.metadata.name.as_deref().unwrap_or_default()
    }
    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        self.0.metadata.uid.as_deref().unwrap_or_default()
    }
    /// `metadata.resourceVersion`.
    pub fn version(&self) -> &str {
        self.0.metadata.resource_version.as_deref().unwrap_or_default()
    }
    /// `metadata.generation`.
    pub fn generation(&self) -> i64 {
        self.0.metadata.generation.unwrap_or_default()
    }
    /// An annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.0.metadata.annotations.as_ref()?.get(name).map(String::as_str)
    }
    /// Whether it is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.0.metadata.deletion_timestamp.is_some()
    }
    /// Whether it carries a finalizer.
    pub fn holds(&self, finalizer: &str) -> bool {
        self.0.metadata.finalizers.iter().flatten().any(|one| one == finalizer)
    }
    /// A value by its path below the object, such as `/status/name`.
    pub fn at(&self, pointer: &str) -> &Value {
        self.0.data.pointer(pointer).unwrap_or(&Value::Null)
    }
    /// A text by its path; empty when there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }
    /// `status.name`: the name in the engine.
    pub fn name(&self) -> &str {
        self.text("/status/name")
    }
    /// `status.status`: the state in the engine.
    pub fn state(&self) -> &str {
        self.text("/status/status")
    }
    /// A condition by its type.
    pub fn condition(&self, kind: &str) -> Option<Condition<'_>> {
        let conditions = self.at("/status/conditions").as_array()?;
        let found = conditions.iter().find(|condition| condition["type"] == kind)?;
        let text = |field: &str| found[field].as_str().unwrap_or_default();
        Some(Condition {
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
            generation: found["observedGeneration"].as_i64().unwrap_or_default(),
        })
    }
    /// Whether a condition is True at the object's own generation.
    pub fn is(&self, kind: &str) -> bool {
        self.condition(kind)
            .is_some_and(|found| found.status == "True" && found.generation == self.generation())
    }
    /// `status.lastAction` in words: `restart Succeeded`; empty when there is none.
    pub fn last_action(&self) -> String {
        let state = self.text("/status/lastAction/state");
        format!("{} {state}", self.text("/status/lastAction/action")).trim().to_owned()
    }
}

/// A condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Condition<'a> {
    pub status: &'a str,
    pub reason: &'a str,
    pub message: &'a str,
    pub generation: i64,
}

impl fmt::Debug for Mirror {
    /// One line: what tests look at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id: String = self.id().chars().take(12).collect();
        write!(f, "{id} {:?} {:?} version {}", self.name(), self.state(), self.version())?;
        if self.is_terminating() {
            write!(f, " terminating, held by {:?}", self.0.metadata.finalizers)?;
        }
        for condition in self.at("/status/conditions").as_array().into_iter().flatten() {
            if self.at("/kind") == "App" || condition["type"] == "Settled" {
                write!(f, " {}={}/{}", condition["type"], condition["status"], condition["reason"])?;
            }
        }
        let last = self.last_action();
        if last.is_empty() { Ok(()) } else { write!(f, " lastAction {last}") }
    }
}
