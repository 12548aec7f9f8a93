//! Removes all mirrors once their writers have drained. Engine objects are not touched.

use crate::api::{Failure, Kube, Objects, Stored};
use crate::board::{Board, Error, Flow, Order, Scope, Swept};
use crate::messages::Reconsider;
use crate::mirror;
use actix::{Actor, Context, Handler};
use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use kube::core::Resource;
use rdd_actors_runtime::{Birth, Due, Supervised};
use rdd_resources::names::{annotation, finalizer, manager};
use rdd_resources::{Container, ContainerNamespace, Image, Volume};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// So many objects are removed at a time.
const PARALLEL: usize = 32;
/// So many leftovers are named.
const NAMED: usize = 10;

/// Removes all mirrors.
pub(crate) struct Sweeper {
    work: Work,
}

#[derive(Clone)]
struct Work {
    board: Arc<Board>,
    kube: Kube,
}

/// What is left after one pass, and why.
type Left = Vec<String>;

impl Sweeper {
    pub(crate) fn new(board: Arc<Board>, birth: &Birth<Sweeper>) -> Sweeper {
        let kube = board.kube(birth.fence.clone(), manager::SWEEPER);
        Sweeper { work: Work { board, kube } }
    }
}

impl Actor for Sweeper {
    type Context = Context<Self>;
}

impl Supervised for Sweeper {}

impl Handler<Due<Reconsider>> for Sweeper {
    type Result = ();

    fn handle(&mut self, due: Due<Reconsider>, _: &mut Context<Self>) {
        let work = self.work.clone();
        let limit = work.board.config.timings.sweep + work.board.config.timings.call * 2;
        due.run(limit, async move {
            let result = work.sweep().await;
            work.board.conclude("sweeper", "mirrors", result)
        });
    }
}

impl Work {
    /// Makes the sweep that is ordered; a newer order, or none, ends it at once.
    async fn sweep(&self) -> Result<Flow, Error> {
        let mut orders = self.board.order.subscribe();
        let Some(order) = orders.borrow_and_update().clone() else { return Ok(Flow::Done) };
        {
            let swept = self.board.swept.borrow();
            if swept.serial == order.serial && swept.incomplete.is_none() {
                return Ok(Flow::Done);
            }
        }
        let left = tokio::select! {
            biased;
            () = Board::changed(&mut orders) => {
                tracing::info!("sweep called off");
                return Ok(Flow::Done);
            }
            left = self.until_clean(&order) => left,
        };
        let incomplete = (!left.is_empty()).then(|| {
            let named = left.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
            let more = left.len().saturating_sub(NAMED);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            format!("{} objects could not be removed: {named}{more}", left.len())
        });
        self.board.swept.send_replace(Swept { serial: order.serial, incomplete: incomplete.clone() });
        self.board.wires.attachments.note(Reconsider);
        match incomplete {
            None => {
                tracing::info!(sweep.scope = ?order.scope, "mirrors swept");
                Ok(Flow::Done)
            }
            Some(why) => Ok(Flow::Wait(self.board.config.timings.retry.1, why)),
        }
    }

    /// Removes and looks again until a reader of the API sees none left, or the time is over.
    async fn until_clean(&self, order: &Order) -> Left {
        let deadline = Instant::now() + self.board.config.timings.sweep;
        let (mut pause, longest) = (Duration::from_millis(10), Duration::from_millis(500));
        loop {
            // A pass over many objects, with an API that answers none of them, would never end in time.
            let left = match timeout_at(deadline, self.pass(&order.scope)).await {
                Ok(Ok(left)) => left,
                Ok(Err(e)) => vec![e.to_string()],
                Err(_) => return self.left(&order.scope).await,
            };
            if left.is_empty() || Instant::now() + pause >= deadline {
                return left;
            }
            // What is left goes when the server, or the owner of a foreign finalizer, is done with it.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// What is there, when nothing more is tried.
    async fn left(&self, scope: &Scope) -> Left {
        let (a, b, c, d) = tokio::join!(
            self.list::<Container>(scope),
            self.list::<Volume>(scope),
            self.list::<Image>(scope),
            self.list::<ContainerNamespace>(scope),
        );
        fn lines<K: Stored>(found: Result<Vec<K>, Failure>) -> Left {
            match found {
                Ok(found) => found.iter().map(describe).collect(),
                Err(e) => vec![format!("{}: {e}", K::kind(&()))],
            }
        }
        let mut left = lines(a);
        left.extend(lines(b));
        left.extend(lines(c));
        left.extend(lines(d));
        left.sort();
        left
    }

    /// One pass over all kinds: what was there at its beginning and could not be shown to be gone.
    async fn pass(&self, scope: &Scope) -> Result<Left, Error> {
        let (a, b, c, d) = tokio::join!(
            self.kind::<Container>(scope),
            self.kind::<Volume>(scope),
            self.kind::<Image>(scope),
            self.kind::<ContainerNamespace>(scope),
        );
        let mut left = a?;
        left.extend(b?);
        left.extend(c?);
        left.extend(d?);
        Ok(left)
    }

    async fn kind<K: Stored + Resource<Scope = NamespaceResourceScope>>(
        &self,
        scope: &Scope,
    ) -> Result<Left, Error> {
        let found = self.list::<K>(scope).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let results: Vec<Result<(), (String, Failure)>> = futures::stream::iter(found)
            .map(|object| async move {
                let name = format!("{} {}", K::kind(&()), object.meta().name.as_deref().unwrap_or_default());
                self.remove(object).await.map_err(|e| (name, e))
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        // Only a list that shows nothing is proof; what failed is told with its error, what stays with its finalizers.
        let mut left: Left = self.list::<K>(scope).await?.iter().map(describe).collect();
        for (name, error) in results.into_iter().filter_map(Result::err) {
            if let Some(line) = left.iter_mut().find(|line| line.starts_with(&name)) {
                line.push_str(&format!(": {error}"));
            }
        }
        left.sort();
        Ok(left)
    }

    async fn list<K: Stored + Resource<Scope = NamespaceResourceScope>>(
        &self,
        scope: &Scope,
    ) -> Result<Vec<K>, Failure> {
        match scope {
            Scope::Namespace(namespace) => self.kube.within::<K>(namespace).list_if_served().await,
            Scope::Everywhere => {
                let mut all = self.kube.everywhere::<K>().list_if_served().await?;
                all.retain(|object| ours(object));
                Ok(all)
            }
        }
    }

    async fn remove<K: Stored + Resource<Scope = NamespaceResourceScope>>(
        &self,
        mut object: K,
    ) -> Result<(), Failure> {
        let meta = object.meta().clone();
        let name = meta.name.unwrap_or_default();
        let objects: Objects<K> = self.kube.within(meta.namespace.as_deref().unwrap_or_default());
        if mirror::drop_finalizer(object.meta_mut(), finalizer::MIRROR) {
            match objects.replace(&object).await {
                Ok(written) => object = written,
                // The next pass reads it again.
                Err(Failure::NotFound | Failure::Conflict) => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        if mirror::deleting(object.meta()) {
            return Ok(());
        }
        match objects.delete(&name, meta.uid, object.meta().resource_version.clone()).await {
            Ok(()) | Err(Failure::NotFound | Failure::Conflict) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

/// Whether an object outside a known namespace was made by us. Kinds without a mark are of our own making as a whole.
fn ours<K: Stored>(object: &K) -> bool {
    let meta = object.meta();
    K::kind(&()) == ContainerNamespace::kind(&())
        || mirror::annotation_of(meta, annotation::ID).is_some()
        || mirror::has_finalizer(meta, finalizer::MIRROR)
}

fn describe<K: Stored>(object: &K) -> String {
    let meta = object.meta();
    let finalizers = meta.finalizers.as_deref().unwrap_or_default().join(", ");
    let held = if finalizers.is_empty() { String::new() } else { format!(" (finalizers: {finalizers})") };
    format!("{} {}{held}", K::kind(&()), meta.name.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use rdd_actors_runtime::Fence;
    use serde_json::{Value, json};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn r27_a_sweep_whose_writes_are_never_answered_is_given_up_in_time() {
        let items: Vec<Value> = (0..200)
            .map(|n| json!({ "metadata": { "name": format!("c{n}"), "namespace": "ns", "finalizers": [finalizer::MIRROR] } }))
            .collect();
        let client = testing::api(move |(method, path, _)| match path.ends_with("/containers") {
            _ if method != "GET" => (0, Value::Null),
            true => (200, json!({ "metadata": {}, "items": items })),
            false => (200, json!({ "metadata": {}, "items": [] })),
        });
        let board = testing::board(client);
        let scope = Scope::Namespace("ns".into());
        board.order.send_replace(Some(Order { serial: 1, generation: 1, scope }));
        let work = Work { kube: board.kube(Fence::default(), manager::SWEEPER), board };
        // Its job may take no longer than this.
        let limit = work.board.config.timings.sweep + Duration::from_secs(11);
        let flow = tokio::time::timeout(limit, work.sweep()).await;
        assert!(matches!(flow, Ok(Ok(Flow::Wait(..)))), "{flow:?}");
        let swept = work.board.swept.borrow().clone();
        let why = swept.incomplete.unwrap_or_default();
        assert!(
            swept.serial == 1 && why.starts_with("200 objects") && why.contains(finalizer::MIRROR),
            "{why}"
        );
    }
}
