//! Plain records: what an engine says of its objects.

use crate::{ContainerId, ImageId, Key, Kind};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Who an engine is. Two `dockerd` on one host report the same id, so the endpoint and data root belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The endpoint as a URL.
    pub endpoint: String,
    /// The id it reports.
    pub id: String,
    /// Its data root.
    pub data_root: String,
    /// Its version, which is not part of who it is.
    pub version: String,
}

impl Identity {
    /// Hex SHA-256 of endpoint, id and data root (NUL between them): the mark on mirrors.
    pub fn mark(&self) -> String {
        use sha2::Digest;
        hex::encode(sha2::Sha256::digest(format!("{}\0{}\0{}", self.endpoint, self.id, self.data_root)))
    }
}

/// An entry of a list: a nomination, not the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which object.
    pub key: Key,
    /// What the list says of it.
    pub summary: Summary,
}

/// What is known at once, without the object's lock. What is not known is `None` and must not overwrite what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Summary {
    /// A container.
    Container {
        /// Name without the leading slash.
        name: String,
        /// State.
        state: State,
        /// Image id.
        image: Option<ImageId>,
        /// The image as given at creation (may show an id when the tag moved).
        image_ref: Option<String>,
        /// Labels.
        labels: BTreeMap<String, String>,
        /// When it was created, in whole seconds.
        created_at: Option<Timestamp>,
    },
    /// An image.
    Image {
        /// Its tags, sorted; none: dangling.
        tags: Vec<String>,
    },
    /// A volume.
    Volume {
        /// When it was created.
        created_at: Option<Timestamp>,
    },
}

/// Everything of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Facts {
    /// A container.
    Container(Box<ContainerFacts>),
    /// An image.
    Image(Box<ImageFacts>),
    /// A volume.
    Volume(Box<VolumeFacts>),
}

/// A container's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum State {
    Created,
    Running,
    Pausing,
    Paused,
    Restarting,
    Removing,
    Exited,
    Dead,
    #[default]
    Unknown,
}

/// A host address that a port is published at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct PortBinding {
    pub host_ip: String,
    pub host_port: String,
}

/// A container, inspected.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct ContainerFacts {
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    pub path: String,
    pub args: Vec<String>,
    /// Image id.
    pub image: String,
    /// The image as given at creation.
    pub image_ref: String,
    /// `80/tcp` → where it is published; `None`: exposed only. Bindings are sorted.
    pub ports: BTreeMap<String, Option<Vec<PortBinding>>>,
    pub labels: BTreeMap<String, String>,
    pub state: State,
    pub paused: bool,
    pub restarting: bool,
    pub dead: bool,
    pub oom_killed: bool,
    /// `None`: no health check.
    pub health: Option<String>,
    pub pid: i64,
    pub exit_code: i64,
    pub restart_count: i64,
    pub error: String,
    /// A date that is zero or can not be parsed is left out.
    pub created_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// Seconds that a stop waits before it kills; `None`: the engine's default of 10.
    pub stop_timeout: Option<i64>,
}

/// An image, inspected.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct ImageFacts {
    pub id: String,
    pub tags: Vec<String>,
    pub digests: Vec<String>,
    pub created_at: Option<Timestamp>,
    pub architecture: String,
    pub os: String,
    pub size: i64,
    pub labels: BTreeMap<String, String>,
}

/// A volume, inspected.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct VolumeFacts {
    pub name: String,
    pub driver: String,
    pub mountpoint: String,
    pub scope: String,
    pub labels: BTreeMap<String, String>,
    pub options: BTreeMap<String, String>,
    pub created_at: Option<Timestamp>,
}

/// What an object must still be when it is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fingerprint {
    /// A container: its id says it all.
    Container,
    /// Only this tag, and only while it means this image; without a tag: the image itself.
    Image {
        /// The tag.
        tag: Option<String>,
        /// What it meant.
        id: ImageId,
    },
    /// Only if created then.
    Volume {
        /// The first creation time seen.
        created_at: Option<Timestamp>,
    },
}

/// How a removal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is removed.
    Done,
    /// It was gone already.
    Gone,
    /// Somebody uses it; with the engine's words.
    InUse(String),
    /// The name has come to mean another object: nothing was removed.
    Replaced,
}

/// What a container can be made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Action {
    Start,
    Stop,
    Pause,
    Unpause,
    Restart,
}

/// Where to look, after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// This object may have changed, come or gone.
    Changed {
        /// Which.
        key: Key,
        /// The engine's action (`start`, `die`, …), for traces.
        action: String,
        /// The engine's own time of the event in nanoseconds, for traces and benchmarks.
        time_nano: i64,
    },
    /// Anything of this kind may have changed.
    Resync(Kind),
}

impl From<ContainerId> for Key {
    fn from(id: ContainerId) -> Key {
        Key::Container(id)
    }
}
