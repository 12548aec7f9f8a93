//! Following objects: a list and a watch that survive what happens to them.
//!
//! A closed watch is resumed, a 410 leads to another list, and a daemon that restarts (perhaps on another port) is found again through its
//! kubeconfig. Only what can not heal ends it.

use crate::context::Context;
use crate::failure::{Failure, reason};
use futures::{StreamExt, pin_mut};
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;

/// What is seen.
#[derive(Debug)]
pub(crate) enum Seen<K> {
    /// Everything there is now: at the start, and again when a stretch of history was missed.
    Listed(Vec<K>),
    /// One object came or changed.
    Changed(K),
    /// One object went; in its last state.
    Gone(K),
    /// The API does not answer; it is tried again.
    Lost(String),
}

/// Which objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Which {
    /// A field selector.
    pub(crate) fields: Option<String>,
}

/// Between attempts, doubled up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// How a stretch of following ended.
enum Broken {
    /// Go on from here.
    Resume(String),
    /// List again.
    Relist,
    /// Wait, reconnect, list again.
    Failed(kube::Error),
}

/// Shows what happens to objects until `see` returns a result.
///
/// # Errors
/// The server refuses for a reason that does not heal, or `see` fails.
pub(crate) async fn follow<K, T>(
    context: &Context,
    api: impl Fn(Client) -> Api<K>,
    which: &Which,
    mut see: impl FnMut(Seen<K>) -> Result<Option<T>, Failure>,
) -> Result<T, Failure>
where
    K: Clone + DeserializeOwned + Debug + kube::Resource,
{
    let mut pause = SHORTEST;
    loop {
        let error = match context.client().await {
            Ok(client) => match stretch(&api(client), which, &mut see, &mut pause).await? {
                Ok(result) => return Ok(result),
                Err(error) if permanent(&error) => {
                    return Err(Failure::request("the objects can not be watched", &error));
                }
                Err(error) => reason(&error),
            },
            // The daemon is down: its kubeconfig comes back with it.
            Err(failure) => failure.message.unwrap_or_default(),
        };
        if let Some(result) = see(Seen::Lost(error))? {
            return Ok(result);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Follows over one connection until it breaks.
async fn stretch<K, T>(
    api: &Api<K>,
    which: &Which,
    see: &mut impl FnMut(Seen<K>) -> Result<Option<T>, Failure>,
    pause: &mut Duration,
) -> Result<Result<T, kube::Error>, Failure>
where
    K: Clone + DeserializeOwned + Debug + kube::Resource,
{
    let mut version = None;
    loop {
        let from = match version.take() {
            Some(version) => version,
            None => {
                let list = match api.list(&list_params(which)).await {
                    Ok(list) => list,
                    Err(error) => return Ok(Err(error)),
                };
                *pause = SHORTEST;
                let from = list.metadata.resource_version.unwrap_or_default();
                if let Some(result) = see(Seen::Listed(list.items))? {
                    return Ok(Ok(result));
                }
                from
            }
        };
        match watch(api, which, from, see).await? {
            Ok(result) => return Ok(Ok(result)),
            Err(Broken::Resume(at)) => version = Some(at),
            Err(Broken::Relist) => {}
            Err(Broken::Failed(error)) => return Ok(Err(error)),
        }
    }
}

async fn watch<K, T>(
    api: &Api<K>,
    which: &Which,
    from: String,
    see: &mut impl FnMut(Seen<K>) -> Result<Option<T>, Failure>,
) -> Result<Result<T, Broken>, Failure>
where
    K: Clone + DeserializeOwned + Debug + kube::Resource,
{
    let mut params = WatchParams::default();
    params.field_selector.clone_from(&which.fields);
    let stream = match api.watch(&params, &from).await {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(broken(error))),
    };
    pin_mut!(stream);
    let mut at = from.clone();
    while let Some(event) = stream.next().await {
        let (version, seen) = match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                (object.resource_version(), Seen::Changed(object))
            }
            Ok(WatchEvent::Deleted(object)) => (object.resource_version(), Seen::Gone(object)),
            Ok(WatchEvent::Bookmark(bookmark)) => {
                at = bookmark.metadata.resource_version;
                continue;
            }
            Ok(WatchEvent::Error(status)) => return Ok(Err(broken(kube::Error::Api(status)))),
            Err(error) => return Ok(Err(broken(error))),
        };
        at = version.unwrap_or(at);
        if let Some(result) = see(seen)? {
            return Ok(Ok(result));
        }
    }
    // A stream that ends with nothing said is no progress: through the pause, so that a server which keeps closing is not hammered.
    if at == from {
        tokio::time::sleep(SHORTEST).await;
    }
    Ok(Err(Broken::Resume(at)))
}

fn broken(error: kube::Error) -> Broken {
    match &error {
        kube::Error::Api(status) if status.code == 410 => Broken::Relist,
        _ => Broken::Failed(error),
    }
}

fn list_params(which: &Which) -> ListParams {
    let mut params = ListParams::default();
    params.field_selector.clone_from(&which.fields);
    params
}

/// Whether asking again is of no use. A 404 is: a CRD may be about to come back; a 401 too: the kubeconfig is read anew.
fn permanent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 400 | 403 | 405 | 406 | 415 | 422))
}
