//! The App: what the user wants, and how far it has come. There is one, named [`APP`](crate::names::APP).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the user wants.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "app.rancherdesktop.io",
    version = "v1alpha1",
    kind = "App",
    status = "AppStatus",
    derive = "PartialEq",
    schema = "disabled"
)]
#[serde(rename_all = "camelCase")]
pub struct AppSpec {
    /// Whether the engine is wanted: its machine runs and its objects are mirrored.
    pub running: bool,
    /// API namespace of the mirrors. It can not be changed later.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// The container engine.
    #[serde(default)]
    pub container_engine: ContainerEngine,
    /// Where the engine runs.
    #[serde(default)]
    pub machine: MachineSpec,
    /// Kubernetes inside the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Kubernetes>,
}

/// The container engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerEngine {
    /// Which engine. Only moby is mirrored.
    #[serde(default)]
    pub name: EngineName,
}

/// Which engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum EngineName {
    #[default]
    Moby,
    Containerd,
}

/// Where the engine runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineSpec {
    /// How the engine is run. With auto it is decided once and recorded in status.machine: a reachable engine at $DOCKER_HOST or the platform's socket, else a dockerd of its own.
    #[serde(default)]
    pub driver: Driver,
    /// Where the engine listens, for driver external: unix://, npipe:// or tcp://. Absent: $DOCKER_HOST, else the platform's socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// TLS files, for tcp:// endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// How the engine is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Driver {
    #[default]
    Auto,
    External,
    Process,
}

/// TLS files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// Certificate authority, PEM.
    pub ca_file: String,
    /// Client certificate, PEM.
    pub cert_file: String,
    /// Client key, PEM.
    pub key_file: String,
}

/// Kubernetes inside the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kubernetes {
    /// Whether Kubernetes is wanted.
    #[serde(default)]
    pub enabled: bool,
    /// Which version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How far it has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppStatus {
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineStatus>,
    /// The engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineStatus>,
    /// Created, Running, ContainerEngineReady, KubernetesReady, Settled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// The driver that was decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Where the engine listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Digest of the spec.machine that driver and endpoint were decided for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_for: Option<String>,
    /// What the machine does.
    #[serde(default)]
    pub phase: Phase,
    /// Newest generation whose configuration the machine has.
    #[serde(default)]
    pub applied_generation: i64,
    /// Grows with every start; kept across a restart of the daemon when the engine's identity is unchanged.
    #[serde(default)]
    pub incarnation: i64,
    /// Last start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// Last retry request acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
}

/// What a machine does. Each is a reason of the condition Running; Unknown is its Reconciling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub enum Phase {
    #[default]
    Unknown,
    Starting,
    Started,
    Stopping,
    Stopped,
    StartFailed,
    StopFailed,
}

/// The engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EngineStatus {
    /// Who it is: the mark on its mirrors.
    pub identity: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Generation that the last Connected was for.
    #[serde(default)]
    pub generation: i64,
    /// Machine's incarnation that the last Connected was for.
    #[serde(default)]
    pub incarnation: i64,
}

impl EngineName {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            EngineName::Moby => "moby",
            EngineName::Containerd => "containerd",
        }
    }
}

impl Driver {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Driver::Auto => "auto",
            Driver::External => "external",
            Driver::Process => "process",
        }
    }
}

impl MachineSpec {
    /// A digest, for `status.machine.decidedFor`.
    pub fn digest(&self) -> String {
        use sha2::Digest;
        let tls = self.tls.as_ref().map(|t| [&t.ca_file, &t.cert_file, &t.key_file]);
        let text = format!("{:?}\0{:?}\0{tls:?}", self.driver.as_str(), self.endpoint);
        hex::encode(&sha2::Sha256::digest(text)[..8])
    }
}

fn default_namespace() -> String {
    crate::names::DEFAULT_NAMESPACE.into()
}
