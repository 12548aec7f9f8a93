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
use rdd_actors_runtime::{Birth, Due, Fenced, Supervised};
use rdd_engine::{Engine, Removed};
use rdd_resources::App;
use rdd_resources::app::EngineName;
use rdd_resources::names::{self, finalizer, manager};
use std::marker::PhantomData;
use std::sync::Arc;
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
    scope: rdd_actors_runtime::Scope,
    kube: Kube,
}

impl<K: Mirrored> FinalizerProcessor<K> {
    pub(crate) fn new(board: Arc<Board>, birth: &Birth<Self>) -> Self {
        let kube = board.kube(birth.fence.clone(), manager::FINALIZERS);
        FinalizerProcessor { work: Work { board, scope: birth.scope.clone(), kube }, kind: PhantomData }
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
        let Some(mirror) = self.kube.within::<K>(namespace).get(name).await? else { return Ok(Flow::Done) };
        let meta = mirror.meta();
        if !mirror::deleting(meta) || !mirror::has_finalizer(meta, finalizer::MIRROR) {
            return Ok(Flow::Done);
        }
        let now = self.now::<K>(namespace).await?;
        let id = || mirror::annotation_of(meta, names::annotation::ID).unwrap_or(name);
        match verdict(&mirror::doomed(&mirror), &now) {
            // Whoever brings the engine back, or changes what is wanted, wakes it earlier.
            Verdict::Wait(why) => {
                return Ok(Flow::Wait(self.board.config.timings.look_again * 10, why.to_owned()));
            }
            Verdict::Release(why) => {
                tracing::info!(mirror.kind = ?K::KIND, mirror.name = name, release.why = why, "mirror released, engine not asked");
            }
            Verdict::Forward(target) => match self.forward(&now, &target).await? {
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
                    tracing::info!(mirror.kind = ?K::KIND, object.id = id(), removed = ?removed, "engine object removed on request");
                }
            },
        }
        self.release::<K>(mirror).await?;
        // Whatever is true of the object now, the mirror must say so: made again when it is still there.
        if let (Some(key), true) = (mirror_writer::key_of(name), attachment::KINDS.contains(&K::KIND)) {
            self.board.look(Look::one(key));
        }
        Ok(Flow::Done)
    }

    /// Everything the verdict depends on, read now.
    async fn now<K: Mirrored>(&self, namespace: &str) -> Result<verdict::Now, Error> {
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
            namespace_active: space.is_some_and(|n| !going(&n)),
            crd_active: crd.is_some_and(|c| !mirror::deleting(&c.metadata)),
            attachment: self.engine_state(),
        })
    }

    fn engine_state(&self) -> verdict::Engine {
        // Another endpoint may be wanted already: then this attachment is about to end, and a delete waits for the next.
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
        let engine: Fenced<Arc<dyn Engine>> = self.scope.fenced(live.attachment.engine.clone());
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

/// Whether an App wants mirrors; for those who decide without an engine call.
pub(crate) fn mirrors_wanted(app: &AppView) -> bool {
    app.spec.running && !app.deleting && app.spec.container_engine.name == EngineName::Moby
}
