//! What a user does through the API.

use super::mirror::{ACTION, Mirror};
use super::view::{View, resource};
use super::{Docker, Memories, NAMESPACE, World};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

/// What names a container: its id as a text, or as the engine's type.
pub trait Id {
    /// The id's text.
    fn text(&self) -> &str;
}

impl Id for str {
    fn text(&self) -> &str {
        self
    }
}

impl Id for String {
    fn text(&self) -> &str {
        self
    }
}

impl Id for rdd_engine::ContainerId {
    fn text(&self) -> &str {
        self.as_str()
    }
}

impl World<Memories> {
    /// Runs the App on the first engine and waits until it has settled.
    pub async fn attach(&self) -> anyhow::Result<View> {
        self.run_on(&self.engine.endpoint()).await
    }
}

impl World<Docker> {
    /// Runs the App on this dockerd and waits until it has settled.
    pub async fn attach(&self) -> anyhow::Result<View> {
        self.run_on(&self.engine.endpoint()).await
    }
}

impl<E> World<E> {
    /// Container mirrors.
    pub fn containers(&self) -> kube::Api<DynamicObject> {
        kube::Api::namespaced_with(self.client.clone(), NAMESPACE, &resource("Container"))
    }
    /// ContainerNamespaces.
    pub fn container_namespaces(&self) -> kube::Api<DynamicObject> {
        kube::Api::namespaced_with(self.client.clone(), NAMESPACE, &resource("ContainerNamespace"))
    }
    /// Apps; there is one, named `app`.
    pub fn apps(&self) -> kube::Api<DynamicObject> {
        kube::Api::all_with(self.client.clone(), &resource("App"))
    }
    /// Namespaces.
    pub fn namespaces(&self) -> kube::Api<Namespace> {
        kube::Api::all(self.client.clone())
    }
    /// Definitions of kinds.
    pub fn crds(&self) -> kube::Api<CustomResourceDefinition> {
        kube::Api::all(self.client.clone())
    }

    /// Merges something into the App's spec, making the App when there is none. Its new generation.
    pub async fn set(&self, spec: Value) -> anyhow::Result<i64> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let app = match self.apps().patch("app", &PatchParams::default(), &patch).await {
            Ok(app) => app,
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let app = json!({
                    "apiVersion": "app.rancherdesktop.io/v1alpha1", "kind": "App", "metadata": { "name": "app" },
                    "spec": spec,
                });
                self.apps().create(&PostParams::default(), &serde_json::from_value(app)?).await?
            }
            Err(error) => return Err(error.into()),
        };
        Ok(app.metadata.generation.unwrap_or_default())
    }
    /// Sets something and waits until the App has settled at that generation.
    pub async fn set_and_settle(&self, spec: Value) -> anyhow::Result<View> {
        let generation = self.set(spec).await?;
        let settled = |view: &View| {
            view.is_settled() && view.app.as_ref().is_some_and(|app| app.generation() >= generation)
        };
        self.until("the App to settle", settled).await
    }
    /// Runs the App on an engine and waits until it has settled.
    pub async fn run_on(&self, endpoint: &str) -> anyhow::Result<View> {
        self.set_and_settle(
            json!({ "running": true, "machine": { "driver": "external", "endpoint": endpoint } }),
        )
        .await
    }
    /// Stops the App and waits until it has settled.
    pub async fn halt(&self) -> anyhow::Result<View> {
        self.set_and_settle(json!({ "running": false })).await
    }

    /// A container mirror as it is now.
    pub async fn get(&self, id: &(impl Id + ?Sized)) -> anyhow::Result<Option<Mirror>> {
        Ok(self.containers().get_opt(id.text()).await?.map(Mirror))
    }
    /// Merges something into a container mirror.
    pub async fn patch(&self, id: &(impl Id + ?Sized), patch: Value) -> anyhow::Result<Mirror> {
        let patched =
            self.containers().patch(id.text(), &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(Mirror(patched))
    }
    /// Requests an action by the annotation.
    pub async fn request(&self, id: &(impl Id + ?Sized), action: &str) -> anyhow::Result<Mirror> {
        self.patch(id, json!({ "metadata": { "annotations": { ACTION: action } } })).await
    }
    /// Deletes a container mirror; returns when the API has taken note.
    pub async fn delete(&self, id: &(impl Id + ?Sized)) -> anyhow::Result<()> {
        self.containers().delete(id.text(), &DeleteParams::default()).await?;
        Ok(())
    }
}
