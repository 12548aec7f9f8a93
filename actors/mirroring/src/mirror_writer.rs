//! Brings mirrors up to date: inspect, compare, write. Level-triggered, one object at a time.

use crate::api::{Failure, Kube, Objects};
use crate::attachment::Attachment;
use crate::board::{Board, Error, Flow};
use crate::ledger::Entry;
use crate::messages::{At, Look, Reconsider, Why};
use crate::{mirror, status};
use actix::{Actor, Context, Handler};
use kube::core::ObjectMeta;
use rdd_actors_runtime::{Birth, Due, Fence, Fenced, Note, Supervised};
use rdd_engine::{Engine, Facts, Key, Kind};
use rdd_resources::Container;
use rdd_resources::container::ContainerStatus;
use rdd_resources::names::{finalizer, manager};
use std::sync::Arc;
use tokio::time::{Instant, timeout};

/// How often one piece of work meets a conflict before it gives the slot to others.
const CONFLICTS: usize = 8;

/// Brings mirrors up to date.
pub(crate) struct MirrorWriter {
    work: Work,
}

/// What a job needs; every call asks the fence.
#[derive(Clone)]
struct Work {
    board: Arc<Board>,
    attachment: Arc<Attachment>,
    engine: Fenced<Arc<dyn Engine>>,
    fence: Fence,
    kube: Kube,
    /// Ourselves. Not through the board: the attachment's actors run before it is there.
    me: Arc<dyn Note<Look>>,
}

/// Tells the full sync under way that an object was tried, however that ended; unless it did not, because the incarnation did: then
/// the next one tries it, and the sync is not over before.
struct Tried {
    board: Arc<Board>,
    attachment: Arc<Attachment>,
    key: Key,
    fence: Fence,
    ended: bool,
}

impl MirrorWriter {
    pub(crate) fn new(
        board: Arc<Board>,
        attachment: Arc<Attachment>,
        birth: &Birth<MirrorWriter>,
    ) -> MirrorWriter {
        let engine = birth.scope.fenced(attachment.engine.clone());
        let kube = board.kube(birth.fence.clone(), manager::ENGINE);
        let me = birth.handle.noter();
        MirrorWriter { work: Work { board, attachment, engine, fence: birth.fence.clone(), kube, me } }
    }
}

impl Actor for MirrorWriter {
    type Context = Context<Self>;
}

impl Supervised for MirrorWriter {}

impl Handler<Due<Look>> for MirrorWriter {
    type Result = ();

    fn handle(&mut self, due: Due<Look>, _: &mut Context<Self>) {
        let work = self.work.clone();
        let at = due.key().clone();
        let why = *due.cause();
        // A few calls, each with a deadline of its own.
        let limit = work.board.config.timings.call * 4;
        due.run(limit, async move {
            let (what, result) = match &at {
                At::All(kind) => (format!("{kind:?}"), work.all(*kind).await),
                At::One(key) => {
                    let mut tried = Tried::begin(&work, key);
                    let result = work.one(key, why).await;
                    tried.ended = !matches!(result, Err(Error::Api(Failure::Fenced(_))));
                    (key.to_string(), result)
                }
            };
            work.board.conclude("mirror_writer", &what, result)
        });
    }
}

impl Tried {
    fn begin(work: &Work, key: &Key) -> Tried {
        let (board, attachment) = (work.board.clone(), work.attachment.clone());
        Tried { board, attachment, key: key.clone(), fence: work.fence.clone(), ended: false }
    }
}

impl Drop for Tried {
    fn drop(&mut self) {
        if !self.ended && self.fence.check().is_err() {
            return;
        }
        if let Some(over) = self.attachment.rounds.tried(&self.key) {
            finish(&self.board, &self.attachment, over);
        }
    }
}

/// A full sync is over.
pub(crate) fn finish(board: &Board, attachment: &Attachment, over: crate::rounds::Over) {
    let connected = attachment.synced(over, board.clock.now());
    tracing::debug!(sync.objects = over.objects, sync.connected = connected, "full sync over");
    if connected {
        board.wires.attachments.note(Reconsider);
    }
}

impl Work {
    fn engine(&self) -> Result<&Arc<dyn Engine>, Error> {
        self.engine.get().map_err(|e| Error::Api(e.into()))
    }

    fn mirrors(&self) -> Objects<Container> {
        self.kube.within(&self.attachment.namespace)
    }

    /// Looks at everything of a kind: the union of what the engine lists and what is mirrored. The list only nominates.
    async fn all(&self, kind: Kind) -> Result<Flow, Error> {
        if kind != Kind::Container {
            return Ok(Flow::Done);
        }
        let began = Instant::now();
        let epoch = self.attachment.link().epoch;
        let limit = self.board.config.timings.call;
        let listed = timeout(limit, self.engine()?.list(kind));
        let mirrors = self.mirrors();
        let (listed, mirrored) = tokio::join!(listed, mirrors.list());
        let listed = listed.map_err(|_| rdd_engine::Error::Timeout(limit))??;
        let mirrored = match mirrored {
            Ok(list) => list,
            Err(Failure::NotFound) => return Ok(self.not_yet()),
            Err(e) => return Err(e.into()),
        };
        let version = mirrored.metadata.resource_version.clone().unwrap_or_default();
        let mut entries = Vec::with_capacity(mirrored.items.len());
        for object in mirrored.items {
            let Some(name) = object.metadata.name.clone() else { continue };
            let entry = Entry::of(&object, &self.attachment.mark);
            if entry.deleting {
                self.board.release(kind, &self.attachment.namespace, &name);
            }
            entries.push((name, entry));
        }
        let mut keys: Vec<Key> = entries.iter().filter_map(|(name, _)| key_of(name)).collect();
        keys.extend(listed.into_iter().map(|l| l.key));
        keys.extend(self.attachment.ledger.refresh(&version, entries).iter().filter_map(|name| key_of(name)));
        keys.sort();
        keys.dedup();
        if let Some(over) = self.attachment.rounds.open(epoch, began, keys.iter().cloned()) {
            finish(&self.board, &self.attachment, over);
        }
        for key in keys {
            self.me.note(Look::one(key));
        }
        Ok(Flow::Done)
    }

    /// Looks at one object. After an event what is known at once is written at once, and the inspect completes it.
    async fn one(&self, key: &Key, why: Why) -> Result<Flow, Error> {
        let Key::Container(id) = key else { return Ok(Flow::Done) };
        let limit = self.board.config.timings.call;
        let engine = self.engine()?;
        let mut inspect = std::pin::pin!(timeout(limit, engine.inspect(key)));
        let mut first = None;
        if why.event {
            tokio::select! {
                biased;
                answer = &mut inspect => first = Some(answer),
                // A peek that fails or finds nothing proves nothing: the inspect decides.
                peeked = timeout(limit, engine.peek(key)) => if let Ok(Ok(Some(summary))) = peeked {
                    let now = self.board.clock.now();
                    let wait = self
                        .write(id.as_str(), |before| status::overlay(&summary, before, now))
                        .await?;
                    if matches!(wait, Flow::Wait(..)) {
                        return Ok(wait);
                    }
                },
            }
        }
        let answer = match first {
            Some(answer) => answer,
            None => inspect.await,
        };
        match answer.map_err(|_| rdd_engine::Error::Timeout(limit))?? {
            Some(Facts::Container(facts)) => {
                let now = self.board.clock.now();
                self.write(id.as_str(), |before| Some(status::container(&facts, before, now))).await
            }
            Some(_) => Err(rdd_engine::Error::Protocol(format!("{key} is not a container")).into()),
            None => self.remove(id.as_str()).await,
        }
    }

    /// Makes the mirror say what `make` says, with as few calls as that takes: none when it says so already.
    async fn write(
        &self,
        name: &str,
        make: impl Fn(Option<&ContainerStatus>) -> Option<ContainerStatus>,
    ) -> Result<Flow, Error> {
        let (mirrors, ledger) = (self.mirrors(), &self.attachment.ledger);
        for _ in 0..CONFLICTS {
            let entry = match ledger.known(name) {
                Some(entry) => entry,
                None => match mirrors.get(name).await? {
                    Some(object) => self.record(name, &object),
                    None => match self.create(&mirrors, name).await? {
                        Some(entry) => entry,
                        None => return Ok(self.not_yet()),
                    },
                },
            };
            if !entry.proper && !entry.deleting {
                self.repair(&mirrors, name).await?;
                continue;
            }
            let Some(next) = make(entry.status.as_deref()) else { return Ok(Flow::Done) };
            if entry.status.as_deref() == Some(&next) {
                return Ok(Flow::Done);
            }
            let next = Arc::new(next);
            ledger.expect(name, &next);
            let metadata = entry.precondition(&self.attachment.namespace, name);
            let object = Container { metadata, spec: None, status: Some(next.as_ref().clone()) };
            match mirrors.replace_status(&object).await {
                Ok(object) => {
                    self.record(name, &object);
                    return Ok(Flow::Done);
                }
                Err(Failure::Conflict | Failure::NotFound) => ledger.forget(name),
                Err(e) => {
                    // Whether it was written is not known.
                    ledger.forget(name);
                    return Err(e.into());
                }
            }
        }
        Err(Error::Contended)
    }

    /// Makes a new mirror: its names, ids and finalizer first, so that it can be found whatever happens next (R10).
    async fn create(&self, mirrors: &Objects<Container>, name: &str) -> Result<Option<Entry>, Error> {
        let ledger = &self.attachment.ledger;
        let mut metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.attachment.namespace.clone()),
            ..ObjectMeta::default()
        };
        mirror::make_proper(&mut metadata, name, &self.attachment.mark);
        ledger.making(name);
        match mirrors.create(&Container { metadata, ..Container::default() }).await {
            Ok(object) => Ok(Some(self.record(name, &object))),
            Err(e) => {
                ledger.forget(name);
                match e {
                    Failure::Exists => match mirrors.get(name).await? {
                        Some(object) => Ok(Some(self.record(name, &object))),
                        None => Err(Failure::Conflict.into()),
                    },
                    Failure::NotFound | Failure::Going(_) => Ok(None),
                    e => Err(e.into()),
                }
            }
        }
    }

    /// Puts back what a user edited away (R14).
    async fn repair(&self, mirrors: &Objects<Container>, name: &str) -> Result<(), Error> {
        let ledger = &self.attachment.ledger;
        let Some(mut object) = mirrors.get(name).await? else {
            ledger.forget(name);
            return Ok(());
        };
        if mirror::deleting(&object.metadata) || mirror::proper(&object.metadata, name, &self.attachment.mark)
        {
            self.record(name, &object);
            return Ok(());
        }
        mirror::make_proper(&mut object.metadata, name, &self.attachment.mark);
        match mirrors.replace(&object).await {
            Ok(object) => drop(self.record(name, &object)),
            Err(Failure::Conflict | Failure::NotFound) => ledger.forget(name),
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    /// Removes a mirror whose object is gone: the finalizer first, so that the delete reaches no engine, then the object, if it is
    /// still the one that was read.
    async fn remove(&self, name: &str) -> Result<Flow, Error> {
        let (mirrors, ledger) = (self.mirrors(), &self.attachment.ledger);
        for _ in 0..CONFLICTS {
            let Some(mut object) = mirrors.get(name).await? else {
                ledger.forget(name);
                return Ok(Flow::Done);
            };
            let uid = object.metadata.uid.clone();
            ledger.removing(name, uid.as_deref().unwrap_or_default());
            if mirror::drop_finalizer(&mut object.metadata, finalizer::MIRROR) {
                match mirrors.replace(&object).await {
                    Ok(released) => object = released,
                    Err(Failure::Conflict) => continue,
                    Err(Failure::NotFound) => return Ok(Flow::Done),
                    Err(e) => {
                        ledger.forget(name);
                        return Err(e.into());
                    }
                }
            }
            if mirror::deleting(&object.metadata) {
                return Ok(Flow::Done);
            }
            match mirrors.delete(name, uid, object.metadata.resource_version.clone()).await {
                Ok(()) | Err(Failure::NotFound) => return Ok(Flow::Done),
                Err(Failure::Conflict) => {}
                Err(e) => {
                    ledger.forget(name);
                    return Err(e.into());
                }
            }
        }
        ledger.forget(name);
        Err(Error::Contended)
    }

    fn record(&self, name: &str, object: &Container) -> Entry {
        let entry = Entry::of(object, &self.attachment.mark);
        self.attachment.ledger.record(name, entry.clone());
        entry
    }

    /// The namespace or the kind is not there, or is going: the guardian makes it again.
    fn not_yet(&self) -> Flow {
        if let Some(live) = self.board.live() {
            live.guardian.note(Reconsider);
        }
        let why = "the namespace or the kind of the mirrors is not there yet".to_owned();
        Flow::Wait(self.board.config.timings.look_again, why)
    }
}

/// The engine object a mirror's name stands for.
pub(crate) fn key_of(name: &str) -> Option<Key> {
    rdd_engine::ContainerId::parse(name).map(Key::Container)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use parking_lot::Mutex;
    use rdd_actors_runtime::{Config, Supervisor};
    use rdd_engine::Endpoint;
    use rdd_engine::memory::Memory;
    use serde_json::json;
    use std::time::Duration;

    /// A writer of an engine with one container, an API that has nothing, and what the writer tells itself.
    fn work(fence: Fence) -> (Work, Key, Arc<Mutex<Vec<At>>>) {
        let engine = Memory::new("memory");
        let key = Key::Container(engine.run("web"));
        let client = testing::api(|_| (200, json!({ "metadata": { "resourceVersion": "1" }, "items": [] })));
        let board = testing::board(client);
        let (endpoint, now) = (Endpoint::Unix("/memory".into()), board.clock.now());
        let attachment = Arc::new(Attachment::new(Arc::new(engine), endpoint, 1, "ns".into(), now));
        let looks = Arc::new(Mutex::new(Vec::new()));
        let told = looks.clone();
        let work = Work {
            engine: Fenced::new(attachment.engine.clone(), fence.clone()),
            kube: board.kube(fence.clone(), manager::ENGINE),
            me: Arc::new(move |look: Look| told.lock().push(look.at)),
            attachment,
            board,
            fence,
        };
        (work, key, looks)
    }

    #[tokio::test]
    async fn r02_a_sync_before_the_attachment_is_on_the_board_looks_at_everything() {
        let (work, key, looks) = work(Fence::default());
        assert!(work.board.live().is_none());
        assert!(matches!(work.all(Kind::Container).await, Ok(Flow::Done)));
        // Each object of the round, or the sync would never be over.
        assert_eq!(*looks.lock(), [At::One(key)]);
    }

    #[tokio::test(start_paused = true)]
    async fn r25_work_that_a_crash_interrupted_does_not_end_a_sync() {
        let closed = tokio::task::LocalSet::new().run_until(fence_of_the_dead()).await;
        assert!(closed.check().is_err());
        for (fence, ended, over) in
            [(Fence::default(), false, true), (closed.clone(), true, true), (closed, false, false)]
        {
            let (work, key, _) = work(fence);
            work.attachment.rounds.open(1, Instant::now(), [key.clone()]);
            let mut tried = Tried::begin(&work, &key);
            tried.ended = ended;
            drop(tried);
            assert_eq!(work.attachment.link().synced.is_some(), over);
        }
    }

    /// The fence of an incarnation that is over.
    async fn fence_of_the_dead() -> Fence {
        let supervisor = Supervisor::start(Config::local());
        let (board, attachment) = {
            let (work, ..) = work(Fence::default());
            (work.board, work.attachment)
        };
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = Mutex::new(Some(tell));
        supervisor.root().actor("mirror_writer", move |birth| {
            if let Some(tell) = tell.lock().take() {
                drop(tell.send(birth.fence.clone()));
            }
            Ok(MirrorWriter::new(board.clone(), attachment.clone(), birth))
        });
        let fence = told.await.unwrap();
        supervisor.shutdown(Duration::from_secs(1)).await;
        fence
    }
}
