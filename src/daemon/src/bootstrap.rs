//! What every API of ours has before anybody works with it: kinds, admission policies, the discovery object.

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Client, Resource, ResourceExt};
use rdd_resources::{admission, names};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Debug;
use std::time::Duration;

/// How long a CRD may take to be established.
const ESTABLISHED: Duration = Duration::from_secs(30);

/// Why the API is not ready for use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object could not be written.
    #[error("{what} could not be installed")]
    Install {
        /// Which.
        what: String,
        /// What the API said.
        source: Box<kube::Error>,
    },
    /// A CRD was not established in time.
    #[error("the kind {0} was not established within {secs} s", secs = ESTABLISHED.as_secs())]
    NotEstablished(String),
}

/// Installs kinds and policies, all at once, and removes the discovery object of the last run. Returns when the kinds can be used.
///
/// # Errors
/// One of them can not be written, or a kind is not established in time.
pub(crate) async fn install(client: &Client) -> Result<(), Error> {
    let all = Api::all;
    let crds = try_join_all(rdd_resources::crds().into_iter().map(|crd| kind(client, crd)));
    let policies =
        try_join_all(admission::policies().into_iter().map(|policy| ensure(all(client.clone()), policy)));
    let bindings = try_join_all(
        admission::bindings().into_iter().map(|binding| ensure(Api::all(client.clone()), binding)),
    );
    let forgotten = forget(client);
    tokio::try_join!(crds, policies, bindings, forgotten)?;
    Ok(())
}

/// One kind, written and established.
async fn kind(client: &Client, crd: CustomResourceDefinition) -> Result<(), Error> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = crd.name_any();
    let written = ensure(crds.clone(), crd).await?;
    if written.metadata.deletion_timestamp.is_some() {
        // Its deletion was cut short by the end of the last run. The actors finish it and make it anew; waiting for them here would be for ever.
        tracing::warn!(crd.name = name, "a kind is being deleted; it comes back once its objects are gone");
        return Ok(());
    }
    let wait = await_condition(crds, &name, conditions::is_crd_established());
    match tokio::time::timeout(ESTABLISHED, wait).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Error::NotEstablished(name)),
    }
}

/// Makes an object be there with our `spec`. What others added to its metadata stays.
async fn ensure<K>(api: Api<K>, wanted: K) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let name = wanted.name_any();
    let failed =
        |source| Error::Install { what: format!("{} {name}", K::kind(&())), source: Box::new(source) };
    loop {
        match api.create(&PostParams::default(), &wanted).await {
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {}
            created => return created.map_err(failed),
        }
        let Some(found) = api.get_opt(&name).await.map_err(failed)? else { continue };
        match api.replace(&name, &PostParams::default(), &with_spec_of(found, &wanted)).await {
            // Somebody else wrote it, or removed it, between the two calls.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            replaced => return replaced.map_err(failed),
        }
    }
}

/// The stored object with the wanted `spec`; the server sees by itself when that changes nothing.
fn with_spec_of<K: Clone + Serialize + DeserializeOwned>(found: K, wanted: &K) -> K {
    let merged = || {
        let mut merged = serde_json::to_value(&found).ok()?;
        merged["spec"] = serde_json::to_value(wanted).ok()?["spec"].take();
        serde_json::from_value(merged).ok()
    };
    merged().unwrap_or_else(|| wanted.clone())
}

/// Removes the discovery object, so that nobody takes the last run's for ours.
async fn forget(client: &Client) -> Result<(), Error> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), names::SYSTEM_NAMESPACE);
    match maps.delete(names::DISCOVERY, &DeleteParams::default()).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => {
            Err(Error::Install { what: "the discovery ConfigMap".to_owned(), source: Box::new(source) })
        }
        Ok(_) => Ok(()),
    }
}

/// Publishes the discovery object: everything is ready.
///
/// # Errors
/// It can not be written.
pub(crate) async fn publish(client: &Client, embedded: &Value) -> Result<(), Error> {
    let failed =
        |source| Error::Install { what: "the discovery ConfigMap".to_owned(), source: Box::new(source) };
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(names::SYSTEM_NAMESPACE.to_owned());
    match namespaces.create(&PostParams::default(), &namespace).await {
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {}
        other => drop(other.map_err(failed)?),
    }
    let mut map = ConfigMap::default();
    map.metadata.name = Some(names::DISCOVERY.to_owned());
    map.metadata.annotations = Some([(names::annotation::READY.to_owned(), "true".to_owned())].into());
    map.data = Some([("embedded".to_owned(), embedded.to_string())].into());
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), names::SYSTEM_NAMESPACE);
    maps.create(&PostParams::default(), &map).await.map_err(failed)?;
    Ok(())
}
