//! The vocabulary of `rdd`, and no I/O: the kinds with their schemas, what mirrors are called, the words of conditions, actions,
//! and the admission rules as data.
//!
//! Everything two rooms must agree on is a constant, a type or a pure function here, so that writers and readers can not drift.

#[macro_use]
mod root;

pub mod action;
pub mod admission;
pub mod app;
pub mod condition;
pub mod container;
pub mod crds;
pub mod image;
pub mod names;
pub mod namespace;
pub mod settled;
pub mod volume;

pub use action::{Action, ActionRequest};
pub use app::{App, AppSpec, AppStatus};
pub use container::{Container, ContainerStatus};
pub use crds::crds;
pub use image::{Image, ImageStatus};
pub use namespace::ContainerNamespace;
pub use settled::settled;
pub use volume::{Volume, VolumeStatus};

/// The version all kinds are served and stored in.
pub const VERSION: &str = "v1alpha1";

/// API groups. All of them end in `.rancherdesktop.io`.
pub mod group {
    /// The group of [`App`](crate::App).
    pub const APP: &str = "app.rancherdesktop.io";
    /// The group of everything an engine has.
    pub const CONTAINERS: &str = "containers.rancherdesktop.io";
}
