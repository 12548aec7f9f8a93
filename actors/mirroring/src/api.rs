//! A Kubernetes API as the actors call it: fenced, with a deadline on every call, and its refusals as one small enum.

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use kube::core::{ObjectList, Resource};
use kube::{Api, Client};
use rdd_actors_runtime::{Fence, FencedOff};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

/// A Kubernetes API, for one incarnation of one actor.
#[derive(Clone)]
pub(crate) struct Kube {
    client: Client,
    fence: Fence,
    limit: Duration,
    manager: &'static str,
}

/// The objects of one kind, in one namespace or all.
pub(crate) struct Objects<K> {
    api: Api<K>,
    kube: Kube,
}

/// Why a call did not do what was asked. Only [`Failure::NotFound`] proves that something is gone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller's incarnation is over.
    #[error("the caller's time is over")]
    Fenced(#[from] FencedOff),
    /// There is no such object, namespace or kind.
    #[error("not found")]
    NotFound,
    /// It has changed since it was read, or another object has its name.
    #[error("it has changed since it was read")]
    Conflict,
    /// An object of this name exists.
    #[error("it exists already")]
    Exists,
    /// The namespace or the kind's definition is going.
    #[error("{0}")]
    Going(String),
    /// The version asked for is no longer kept.
    #[error("the version asked for is no longer kept")]
    Expired,
    /// The server said no.
    #[error("the API refused ({code}): {text}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// Its message.
        text: String,
    },
    /// It can not be reached, has no answer in time, or is not well.
    #[error("the API is away: {0}")]
    Away(String),
}

/// What the actors store.
pub(crate) trait Stored:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug + Send + Sync + 'static
{
}
impl<K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug + Send + Sync + 'static>
    Stored for K
{
}

impl Kube {
    pub(crate) fn new(client: Client, fence: Fence, limit: Duration, manager: &'static str) -> Kube {
        Kube { client, fence, limit, manager }
    }

    /// The objects of a cluster-wide kind.
    pub(crate) fn cluster<K: Stored + Resource<Scope = ClusterResourceScope>>(&self) -> Objects<K> {
        Objects { api: Api::all(self.client.clone()), kube: self.clone() }
    }

    /// The objects of a kind in one namespace.
    pub(crate) fn within<K: Stored + Resource<Scope = NamespaceResourceScope>>(
        &self,
        namespace: &str,
    ) -> Objects<K> {
        Objects { api: Api::namespaced(self.client.clone(), namespace), kube: self.clone() }
    }

    /// The objects of a kind in all namespaces.
    pub(crate) fn everywhere<K: Stored>(&self) -> Objects<K> {
        Objects { api: Api::all(self.client.clone()), kube: self.clone() }
    }

    async fn call<T>(&self, work: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Failure> {
        self.fence.check()?;
        match tokio::time::timeout(self.limit, work).await {
            Ok(answer) => answer.map_err(Failure::from),
            Err(_) => Err(Failure::Away(format!("no answer within {:?}", self.limit))),
        }
    }

    fn post(&self) -> PostParams {
        PostParams { field_manager: Some(self.manager.to_owned()), ..PostParams::default() }
    }
}

impl<K: Stored> Objects<K> {
    /// One object, or none.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<K>, Failure> {
        self.kube.call(self.api.get_opt(name)).await
    }

    /// All objects, and the version of the list. None where the namespace or the kind does not exist.
    pub(crate) async fn list(&self) -> Result<ObjectList<K>, Failure> {
        self.kube.call(self.api.list(&ListParams::default())).await
    }

    /// All objects; where the kind does not exist there are none.
    pub(crate) async fn list_if_served(&self) -> Result<Vec<K>, Failure> {
        match self.list().await {
            Ok(list) => Ok(list.items),
            Err(Failure::NotFound) => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }

    /// Makes a new one.
    pub(crate) async fn create(&self, object: &K) -> Result<K, Failure> {
        self.kube.call(self.api.create(&self.kube.post(), object)).await
    }

    /// Replaces one that was read; uid and resourceVersion in it must still hold.
    pub(crate) async fn replace(&self, object: &K) -> Result<K, Failure> {
        let name = object.meta().name.clone().unwrap_or_default();
        self.kube.call(self.api.replace(&name, &self.kube.post(), object)).await
    }

    /// Replaces the status of one that was read; uid and resourceVersion in it must still hold.
    pub(crate) async fn replace_status(&self, object: &K) -> Result<K, Failure> {
        let name = object.meta().name.clone().unwrap_or_default();
        self.kube.call(self.api.replace_status(&name, &self.kube.post(), object)).await
    }

    /// Deletes one if it is still this one, at this version.
    pub(crate) async fn delete(
        &self,
        name: &str,
        uid: Option<String>,
        version: Option<String>,
    ) -> Result<(), Failure> {
        let preconditions = Some(Preconditions { uid, resource_version: version });
        let parameters = DeleteParams { preconditions, ..DeleteParams::default() };
        self.kube.call(self.api.delete(name, &parameters)).await.map(drop)
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Failure {
        let kube::Error::Api(status) = error else { return Failure::Away(error.to_string()) };
        let causes = status.details.iter().flat_map(|d| &d.causes);
        let going = causes.into_iter().any(|c| c.reason == "NamespaceTerminating");
        match (status.code, status.reason.as_str()) {
            (403, _) if going => Failure::Going(status.message),
            // What a server says of a kind whose definition is being deleted.
            (405, _) => Failure::Going(status.message),
            (404, _) => Failure::NotFound,
            (409, "AlreadyExists") => Failure::Exists,
            (409, _) => Failure::Conflict,
            (410, _) => Failure::Expired,
            (429 | 500..=599, _) => Failure::Away(status.message),
            (code, _) => Failure::Refused { code, text: status.message },
        }
    }
}
