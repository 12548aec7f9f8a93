//! What things are called: mirrors, annotations, finalizers, field managers, well-known objects.

use sha2::{Digest, Sha256};

/// The one App.
pub const APP: &str = "app";
/// The engine's namespace that objects without a prefix belong to, and the `ContainerNamespace` that stands for it.
pub const MOBY: &str = "moby";
/// The API namespace of the mirrors when the App says nothing else.
pub const DEFAULT_NAMESPACE: &str = "rancher-desktop";
/// The namespace of the daemon's own objects.
pub const SYSTEM_NAMESPACE: &str = "rdd-system";
/// The discovery ConfigMap in [`SYSTEM_NAMESPACE`].
pub const DISCOVERY: &str = "rdd-controller-manager";

/// Annotations.
pub mod annotation {
    /// On every mirror: the object's id in the engine (a volume's name).
    pub const ID: &str = "engine.rancherdesktop.io/id";
    /// On every mirror: the engine that has the object, as the hex SHA-256 of endpoint, engine id and data root.
    pub const ENGINE: &str = "engine.rancherdesktop.io/engine";
    /// On a Container: a request to act, see [`ActionRequest`](crate::ActionRequest).
    pub const ACTION: &str = "containers.rancherdesktop.io/action";
    /// On the App: asks for a new attempt after a failure; `status.machine.attempt` echoes it.
    pub const RETRY: &str = "rdd.rancherdesktop.io/retry";
    /// On the discovery ConfigMap: the daemon is ready.
    pub const READY: &str = "rdd.rancherdesktop.io/ready";
}

/// Finalizers.
pub mod finalizer {
    /// On Container, Image and Volume: the engine object goes first.
    pub const MIRROR: &str = "engine.rancherdesktop.io/mirror";
    /// On the App: the mirrors are swept and the machine stopped first.
    pub const CLEANUP: &str = "rdd.rancherdesktop.io/cleanup";
}

/// Field managers.
pub mod manager {
    /// Writes mirrors.
    pub const ENGINE: &str = "engine-controller";
    /// Writes `lastAction` and removes action annotations.
    pub const ACTIONS: &str = "engine-controller-actions";
    /// Releases finalizers.
    pub const FINALIZERS: &str = "engine-controller-finalizers";
    /// Keeps the bootstrap objects.
    pub const GUARDIAN: &str = "engine-controller-guardian";
    /// Removes mirrors when the engine goes.
    pub const SWEEPER: &str = "engine-controller-sweeper";
    /// Writes the App's status and finalizer.
    pub const APP: &str = "app-controller";
}

/// The mirror of an image: one per tag; a dangling image has none.
pub fn image(id: &str, tag: Option<&str>) -> String {
    match tag {
        Some(tag) => format!("img-{}", sha256(&format!("{id}\0{tag}"))),
        None => format!("img-{}", sha256(id)),
    }
}

/// The mirror of a volume.
pub fn volume(name: &str) -> String {
    format!("vol-{}", sha256(name))
}

/// Splits the engine's name of a container into namespace and name: `/ns/x` is `x` in `ns`, `x` and `/x` are `x` in [`MOBY`].
pub fn container(engine_name: &str) -> (&str, &str) {
    let bare = engine_name.strip_prefix('/').unwrap_or(engine_name);
    match bare.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => (namespace, name),
        _ => (MOBY, bare),
    }
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_names_are_the_documented_hashes() {
        // printf 'sha256:aa\0busybox:latest' | sha256sum
        let tagged = image("sha256:aa", Some("busybox:latest"));
        assert_eq!(tagged.len(), 4 + 64);
        assert_ne!(tagged, image("sha256:aa", None));
        assert_ne!(tagged, image("sha256:aa", Some("busybox:1")));
        // printf data | sha256sum
        assert_eq!(volume("data"), "vol-3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7");
    }

    #[test]
    fn a_name_with_a_prefix_names_its_namespace() {
        assert_eq!(container("/web"), ("moby", "web"));
        assert_eq!(container("web"), ("moby", "web"));
        assert_eq!(container("/k8s.io/web"), ("k8s.io", "web"));
        assert_eq!(container("k8s.io/web"), ("k8s.io", "web"));
    }
}
