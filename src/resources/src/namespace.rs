//! A namespace of the engine.

use k8s_openapi::NamespaceResourceScope;

root! {
    /// A namespace of the engine: metadata only. `moby` exists whenever the engine is connected.
    ContainerNamespace = "ContainerNamespace", "containernamespaces", NamespaceResourceScope;
}
