//! Releases mirrors that are being deleted; before that, and only when the verdict says so, removes what they stand for.

use crate::api::{Failure, Kube};
use crate::board::{AppView, Board, Error, Flow};
use crate::messages::{Look, Release};
use crate::mirror::{self, Mirrored};
use crate::verdict::{self, Target, Verdict, verdict};
use crate::{attachment, mirror_writer};
use actix::{Actor, Context, Handler};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::ObjectMeta;
use rdd_actors_runtime::{Birth, Due, Fence, Fenced, Supervised};
use rdd_engine::{Engine, Removed};
use rdd_resources::App;
use rdd_resources::app::EngineName;
use rdd_resources::names::{self, finalizer, manager};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How often one release meets a conflict before it gives the slot to others.
const CONFLICTS: usize = 32;

/// Releases the mirrors of one kind.
pub(crate) struct FinalizerProcessor<K> {
    work: Work,
    kind: PhantomData<fn() -> K>,
}

#[derive(Clone)]
struct Work {
    board: Arc<Board>,
    fence: Fence,
    kube: Kube,
}

impl<K: Mirrored> FinalizerProcessor<K> {
    pub(crate) fn new(board: Arc<Board>, birth: &Birth<Self>) -> Self {
        let kube = board.kube(birth.fence.clone(), manager::FINALIZERS);
        FinalizerProcessor { work: Work { board, fence: birth.fence.clone(), kube }, kind: PhantomData }
    }
}

impl<K: Mirrored> Actor for FinalizerProcessor<K> {
    type Context = Context<Self>;
}

impl<K: Mirrored> Supervised for FinalizerProcessor<K> {}

impl<K: Mirrored> Handler<Due<Release>> for FinalizerProcessor<K> {
    type Result = ();

    fn handle(&mut self, due: Due<Release>, _: &mut Context<Self>) {
        let work = self.work.clone();
        let (namespace, name) = due.key().clone();
        let timings = &work.board.config.timings;
        let limit = timings.remove + timings.call * 4;
        due.run(limit, async move {
            let result = work.process::<K>(&namespace, &name).await;
            work.board.conclude("finalizer_processor", &format!("{:?} {namespace}/{name}", K::KIND), result)
        });
    }
}

impl Work {
    async fn process<K: Mirrored>(&self, namespace: &str, name: &str) -> Result<Flow, Error> {
        let mirrors = self.kube.within::<K>(namespace);
        let Some(mut mirror) = mirrors.get(name).await? else { return Ok(Flow::Done) };
        if !held(mirror.meta()) {
            return Ok(Flow::Done);
        }
        let now = self.now::<K>(mirror.meta()).await?;
        match verdict(&mirror::doomed(&mirror), &now) {
            // Whoever brings the engine back, or changes what is wanted, wakes it earlier.
            Verdict::Wait(why) => {
                return Ok(Flow::Wait(self.board.config.timings.look_again * 10, why.to_owned()));
            }
            Verdict::Release(why) => {
                tracing::info!(mirror.kind = ?K::KIND, mirror.name = name, release.why = why, "mirror released, engine not asked");
            }
            Verdict::Forward(target) => {
                // What was read holds for this delete only if the mirror was there all the while: one that went meanwhile, with a
                // namespace or a definition that has been made again since, was never aimed at.
                match mirrors.get(name).await? {
                    None => return Ok(Flow::Done),
                    Some(fresh) if fresh.meta().uid != mirror.meta().uid => {
                        return Ok(Flow::Wait(Duration::ZERO, "another mirror has its name".to_owned()));
                    }
                    Some(fresh) if !held(fresh.meta()) => return Ok(Flow::Done),
                    Some(fresh) => mirror = fresh,
                }
                match self.forward(&now, &target).await? {
                    None => {
                        return Ok(Flow::Wait(
                            self.board.config.timings.look_again,
                            "the engine is not connected".into(),
                        ));
                    }
                    Some(Removed::InUse(text)) => {
                        return Ok(Flow::Wait(
                            self.board.config.timings.look_again * 4,
                            format!("in use: {text}"),
                        ));
                    }
                    Some(removed) => {
                        let id = mirror::annotation_of(mirror.meta(), names::annotation::ID).unwrap_or(name);
                        tracing::info!(mirror.kind = ?K::KIND, object.id = id, removed = ?removed, "engine object removed on request");
                    }
                }
            }
        }
        self.release::<K>(mirror).await?;
        // Whatever is true of the object now, the mirror must say so: made again when it is still there.
        if let (Some(key), true) = (mirror_writer::key_of(name), attachment::KINDS.contains(&K::KIND)) {
            self.board.look(Look::one(key));
        }
        Ok(Flow::Done)
    }

    /// Everything the verdict depends on, read now.
    async fn now<K: Mirrored>(&self, mirror: &ObjectMeta) -> Result<verdict::Now, Error> {
        let namespace = mirror.namespace.as_deref().unwrap_or_default();
        let (apps, namespaces) = (self.kube.cluster::<App>(), self.kube.cluster::<Namespace>());
        let crds = self.kube.cluster::<CustomResourceDefinition>();
        let (app, space, crd) =
            tokio::try_join!(apps.get(names::APP), namespaces.get(namespace), crds.get(K::CRD))?;
        let app = match app {
            None => verdict::App::Absent,
            Some(app) if mirror::deleting(&app.metadata) => verdict::App::Deleting,
            Some(app) if !app.spec.running || app.spec.container_engine.name != EngineName::Moby => {
                verdict::App::NotMirroring
            }
            Some(app) => verdict::App::Mirroring { namespace: app.spec.namespace },
        };
        let going = |n: &Namespace| {
            mirror::deleting(&n.metadata)
                || n.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Terminating")
        };
        Ok(verdict::Now {
            app,
            namespace_active: space.is_some_and(|n| !going(&n) && !younger(&n.metadata, mirror)),
            crd_active: crd.is_some_and(|c| !mirror::deleting(&c.metadata) && !younger(&c.metadata, mirror)),
            attachment: self.engine_state(),
        })
    }

    fn engine_state(&self) -> verdict::Engine {
        let Some(live) = self.board.live() else { return verdict::Engine::Away };
        match live.attachment.link().phase {
            attachment::Phase::Syncing | attachment::Phase::Connected => {
                verdict::Engine::Here(live.attachment.mark.clone())
            }
            attachment::Phase::Connecting | attachment::Phase::Replaced => verdict::Engine::Away,
            attachment::Phase::Unreachable(_) => verdict::Engine::Unreachable,
        }
    }

    /// Removes the engine object, if the attachment is still the one that was judged.
    async fn forward(&self, now: &verdict::Now, target: &Target) -> Result<Option<Removed>, Error> {
        let Some(live) = self.board.live() else { return Ok(None) };
        if now.attachment != verdict::Engine::Here(live.attachment.mark.clone()) {
            return Ok(None);
        }
        let engine: Fenced<Arc<dyn Engine>> = Fenced::new(live.attachment.engine.clone(), self.fence.clone());
        let limit = self.board.config.timings.remove;
        let engine = engine.get().map_err(|e| Error::Api(e.into()))?;
        let removed = timeout(limit, engine.remove(&target.key, &target.only)).await;
        Ok(Some(removed.map_err(|_| rdd_engine::Error::Timeout(limit))??))
    }

    /// Takes the finalizer off, however often somebody else writes meanwhile; the engine is not asked again for that (R13).
    async fn release<K: Mirrored>(&self, mut mirror: K) -> Result<(), Error> {
        let meta = mirror.meta();
        let (namespace, name) =
            (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
        let uid = meta.uid.clone();
        let mirrors = self.kube.within::<K>(&namespace);
        for _ in 0..CONFLICTS {
            if !mirror::drop_finalizer(mirror.meta_mut(), finalizer::MIRROR) {
                return Ok(());
            }
            match mirrors.replace(&mirror).await {
                Ok(_) | Err(Failure::NotFound) => return Ok(()),
                Err(Failure::Conflict) => {}
                Err(e) => return Err(e.into()),
            }
            match mirrors.get(&name).await? {
                Some(fresh) if fresh.meta().uid == uid => mirror = fresh,
                // Another one of the same name is not the one that was judged.
                _ => return Ok(()),
            }
        }
        Err(Error::Contended)
    }
}

/// Whether a mirror is being deleted and waits for us.
fn held(mirror: &ObjectMeta) -> bool {
    mirror::deleting(mirror) && mirror::has_finalizer(mirror, finalizer::MIRROR)
}

/// Whether what a mirror stands on was made after the mirror was marked for deletion: then the one before it was taken away by force
/// while it was being deleted, and the mirror was to go with that, not by itself. Kubernetes knows whole seconds: within one the
/// answer is yes, unless the mirror itself is of that second too.
fn younger(ground: &ObjectMeta, mirror: &ObjectMeta) -> bool {
    let times = (&ground.creation_timestamp, &mirror.creation_timestamp, &mirror.deletion_timestamp);
    matches!(times, (Some(ground), Some(made), Some(marked)) if ground.0 > made.0 && ground.0 >= marked.0)
}

/// Whether an App wants mirrors; for those who decide without an engine call.
pub(crate) fn mirrors_wanted(app: &AppView) -> bool {
    app.spec.running && !app.deleting && app.spec.container_engine.name == EngineName::Moby
}

#[cfg(test)]
mod tests;
