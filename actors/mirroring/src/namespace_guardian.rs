//! Keeps what the mirrors stand on: their API namespace, the definitions of their kinds, and `ContainerNamespace/moby`.

use crate::api::{Failure, Kube};
use crate::attachment::{Attachment, KINDS};
use crate::board::{Board, Error, Flow};
use crate::messages::{Look, Reconsider};
use crate::mirror;
use actix::{Actor, Context, Handler};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::ObjectMeta;
use parking_lot::Mutex;
use rdd_actors_runtime::{Birth, Due, Note, Supervised};
use rdd_resources::names::{MOBY, manager};
use rdd_resources::{ContainerNamespace, crds};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// While something is going or coming it is looked at this often; watches wake it as well.
const CLOSE: Duration = Duration::from_millis(100);

/// Keeps what the mirrors stand on.
pub(crate) struct NamespaceGuardian {
    work: Work,
}

#[derive(Clone)]
struct Work {
    board: Arc<Board>,
    attachment: Arc<Attachment>,
    writer: Arc<dyn Note<Look>>,
    kube: Kube,
    /// What `moby` was when it was last seen: only one that was there can have been deleted.
    moby: Arc<Mutex<Option<String>>>,
    /// Something was missing or going since the last resync: mirrors may be missing too.
    shaken: Arc<AtomicBool>,
}

/// How it stands with what the mirrors stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// All is there.
    Firm,
    /// Something was made: mirrors may be missing.
    Mended,
    /// Something is still going, and is made again once it is gone; or it was made and is not served yet.
    Going,
}

impl NamespaceGuardian {
    pub(crate) fn new(
        board: Arc<Board>,
        attachment: Arc<Attachment>,
        writer: Arc<dyn Note<Look>>,
        birth: &Birth<NamespaceGuardian>,
    ) -> NamespaceGuardian {
        let kube = board.kube(birth.fence.clone(), manager::GUARDIAN);
        // What a dead predecessor made and did not tell is told by a resync.
        let shaken = Arc::new(AtomicBool::new(birth.incarnation > 1));
        NamespaceGuardian { work: Work { board, attachment, writer, kube, moby: Arc::default(), shaken } }
    }
}

impl Actor for NamespaceGuardian {
    type Context = Context<Self>;
}

impl Supervised for NamespaceGuardian {}

impl Handler<Due<Reconsider>> for NamespaceGuardian {
    type Result = ();

    fn handle(&mut self, due: Due<Reconsider>, _: &mut Context<Self>) {
        let work = self.work.clone();
        let limit = work.board.config.timings.call * 8;
        due.run(limit, async move {
            let result = work.guard().await;
            work.board.conclude("namespace_guardian", &work.attachment.namespace, result)
        });
    }
}

impl Work {
    async fn guard(&self) -> Result<Flow, Error> {
        let namespace = &self.attachment.namespace;
        let ground = ground(&self.kube, namespace).await?;
        if ground != Ground::Firm {
            self.shaken.store(true, Ordering::Release);
            // Gone with the namespace or its definition, it is not a delete of its own.
            *self.moby.lock() = None;
        }
        if ground == Ground::Going {
            return Ok(Flow::Wait(
                CLOSE,
                "what was deleted is still going, or what was made is still coming".to_owned(),
            ));
        }
        if self.shaken.swap(false, Ordering::AcqRel) {
            self.board.relist.notify_waiters();
            for kind in KINDS {
                self.writer.note(Look::all(kind));
            }
        }
        let spaces = self.kube.within::<ContainerNamespace>(namespace);
        let found = match spaces.get(MOBY).await? {
            Some(found) if mirror::deleting(&found.metadata) => {
                return Ok(Flow::Wait(
                    CLOSE,
                    "the deleted ContainerNamespace has finalizers of others".to_owned(),
                ));
            }
            Some(found) => found,
            None => {
                let was_there = self.moby.lock().is_some();
                if was_there {
                    // So that whoever deleted it sees that it happened.
                    tokio::time::sleep(self.board.config.timings.heal).await;
                }
                let metadata = ObjectMeta {
                    name: Some(MOBY.to_owned()),
                    namespace: Some(namespace.clone()),
                    ..ObjectMeta::default()
                };
                match spaces.create(&ContainerNamespace { metadata }).await {
                    Ok(made) => made,
                    Err(Failure::Exists | Failure::NotFound | Failure::Going(_)) => {
                        return Ok(Flow::Wait(CLOSE, "what it stands on has changed".to_owned()));
                    }
                    Err(e) => return Err(e.into()),
                }
            }
        };
        *self.moby.lock() = found.metadata.uid;
        Ok(Flow::Done)
    }
}

/// Makes the namespace and the definitions of mirrored kinds where they are missing.
pub(crate) async fn ground(kube: &Kube, namespace: &str) -> Result<Ground, Error> {
    let mut ground = Ground::Firm;
    let definitions = kube.cluster::<CustomResourceDefinition>();
    for wanted in crds() {
        let name = wanted.metadata.name.clone().unwrap_or_default();
        if !rdd_resources::crds::MIRRORED.contains(&name.as_str()) {
            continue;
        }
        match definitions.get(&name).await? {
            Some(found) if mirror::deleting(&found.metadata) => return Ok(Ground::Going),
            Some(found) if established(&found) => {}
            Some(_) => return Ok(Ground::Going),
            None => {
                tracing::info!(crd.name = %name, "definition made again");
                ground = Ground::Mended;
                match definitions.create(&wanted).await {
                    Ok(made) if established(&made) => {}
                    Ok(_) | Err(Failure::Exists) => return Ok(Ground::Going),
                    Err(e) => return Err(e.into()),
                }
            }
        }
    }
    let namespaces = kube.cluster::<Namespace>();
    match namespaces.get(namespace).await? {
        Some(found) if mirror::deleting(&found.metadata) => Ok(Ground::Going),
        Some(_) => Ok(ground),
        None => {
            let metadata = ObjectMeta { name: Some(namespace.to_owned()), ..ObjectMeta::default() };
            match namespaces.create(&Namespace { metadata, ..Namespace::default() }).await {
                Ok(_) => {
                    tracing::info!(namespace.name = namespace, "namespace made");
                    Ok(Ground::Mended)
                }
                Err(Failure::Exists) => Ok(Ground::Mended),
                Err(e) => Err(e.into()),
            }
        }
    }
}

fn established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.iter().flat_map(|s| s.conditions.iter().flatten());
    conditions.into_iter().any(|c| c.type_ == "Established" && c.status == "True")
}
