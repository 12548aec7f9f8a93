//! What is in the engine, and how a test changes it.

use super::{Memory, runs};
use crate::{ContainerFacts, ContainerId, Hint, Identity, Key, PortBinding, State};
use futures::channel::mpsc::UnboundedSender;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Docker replays this many events, and no more.
const REPLAYED: usize = 256;
/// 2025-01-01T00:00:00Z: when every engine in memory was born.
const BIRTH: i64 = 1_735_689_600;

/// A container to create. The default is one called `box` that stops at once when told to.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Name without the leading slash.
    pub name: String,
    /// The image as given.
    pub image_ref: String,
    /// The command.
    pub path: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Ports.
    pub ports: BTreeMap<String, Option<Vec<PortBinding>>>,
    /// It has a health check.
    pub health_check: bool,
    /// Seconds before a stop kills; `None`: 10.
    pub stop_timeout: Option<i64>,
    /// How long its process takes to obey a stop; the stop timeout cuts it short.
    pub stop_takes: Duration,
    /// How long a start takes.
    pub start_takes: Duration,
    /// Every start fails with this text.
    pub start_fails: Option<String>,
    /// It goes away when it exits (`--rm`).
    pub auto_remove: bool,
}

pub(super) struct Container {
    pub(super) facts: ContainerFacts,
    pub(super) spec: Spec,
    /// Held while it is started or stopped.
    pub(super) lock: Arc<tokio::sync::Mutex<()>>,
}

pub(super) struct World {
    pub(super) identity: Identity,
    pub(super) up: bool,
    pub(super) containers: BTreeMap<ContainerId, Container>,
    log: VecDeque<(Timestamp, Hint)>,
    listeners: Vec<UnboundedSender<Hint>>,
    created: u64,
    pids: i64,
    started: Instant,
    last: Timestamp,
}

impl Default for Spec {
    fn default() -> Spec {
        Spec {
            name: "box".to_owned(),
            image_ref: "rdd-test:latest".to_owned(),
            path: "sleep".to_owned(),
            args: vec!["3600".to_owned()],
            labels: BTreeMap::new(),
            ports: BTreeMap::new(),
            health_check: false,
            stop_timeout: None,
            stop_takes: Duration::ZERO,
            start_takes: Duration::ZERO,
            start_fails: None,
            auto_remove: false,
        }
    }
}

impl Spec {
    /// A default container of that name.
    pub fn named(name: &str) -> Spec {
        Spec { name: name.to_owned(), ..Spec::default() }
    }
}

impl World {
    pub(super) fn new(identity: Identity) -> World {
        World {
            identity,
            up: true,
            containers: BTreeMap::new(),
            log: VecDeque::new(),
            listeners: Vec::new(),
            created: 0,
            pids: 1000,
            started: Instant::now(),
            last: Timestamp::UNIX_EPOCH,
        }
    }

    /// Later than every time given before.
    pub(super) fn now(&mut self) -> Timestamp {
        let birth = Timestamp::from_second(BIRTH).unwrap_or_default();
        let age = SignedDuration::try_from(self.started.elapsed()).unwrap_or_default();
        let least = self.last.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(self.last);
        self.last = birth.saturating_add(age).unwrap_or(birth).max(least);
        self.last
    }

    pub(super) fn tell(&mut self, id: &ContainerId, action: &str) {
        let at = self.now();
        let time_nano = i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX);
        let hint = Hint::Changed { key: Key::Container(id.clone()), action: action.to_owned(), time_nano };
        if !self.up {
            return;
        }
        if self.log.len() == REPLAYED {
            self.log.pop_front();
        }
        self.log.push_back((at, hint.clone()));
        self.listeners.retain(|to| to.unbounded_send(hint.clone()).is_ok());
    }
    /// What is left of the events since then; later ones are sent.
    pub(super) fn listen(&mut self, since: Timestamp, to: UnboundedSender<Hint>) -> Vec<Hint> {
        self.listeners.push(to);
        self.log.iter().filter(|(at, _)| *at >= since).map(|(_, hint)| hint.clone()).collect()
    }
    pub(super) fn forget_events(&mut self) {
        self.log.clear();
        self.listeners.clear();
    }
    pub(super) fn stop_all(&mut self) {
        let ids: Vec<_> = self.containers.keys().cloned().collect();
        for id in ids {
            let _ = self.exited(&id, 0);
        }
    }

    fn create(&mut self, spec: Spec) -> ContainerId {
        self.created += 1;
        let text = hex::encode(Sha256::digest(format!("{}\0{}", self.identity.id, self.created)));
        #[allow(clippy::expect_used)]
        let id = ContainerId::parse(&text).expect("a SHA-256 has 64 hex digits");
        let facts = ContainerFacts {
            id: text,
            name: spec.name.clone(),
            path: spec.path.clone(),
            args: spec.args.clone(),
            image: format!("sha256:{}", hex::encode(Sha256::digest(&spec.image_ref))),
            image_ref: spec.image_ref.clone(),
            ports: spec.ports.clone(),
            labels: spec.labels.clone(),
            state: State::Created,
            stop_timeout: spec.stop_timeout,
            created_at: Some(self.now()),
            ..ContainerFacts::default()
        };
        self.containers.insert(id.clone(), Container { facts, spec, lock: Arc::default() });
        self.tell(&id, "create");
        id
    }

    pub(super) fn facts(&mut self, id: &ContainerId) -> Option<&mut ContainerFacts> {
        self.containers.get_mut(id).map(|c| &mut c.facts)
    }

    pub(super) fn started(&mut self, id: &ContainerId) {
        let (at, pid) = (self.now(), self.pids + 1);
        let Some(container) = self.containers.get_mut(id) else { return };
        let health = container.spec.health_check.then(|| "starting".to_owned());
        let facts = &mut container.facts;
        *facts = ContainerFacts {
            state: State::Running,
            pid,
            exit_code: 0,
            error: String::new(),
            oom_killed: false,
            dead: false,
            started_at: Some(at),
            health,
            ..std::mem::take(facts)
        };
        self.pids = pid;
        self.tell(id, "start");
    }

    /// Its process ended: `die`, and with `--rm` the container goes away.
    pub(super) fn exited(&mut self, id: &ContainerId, exit_code: i64) -> Option<()> {
        let at = self.now();
        let facts = self.facts(id).filter(|f| runs(f.state))?;
        (facts.state, facts.paused, facts.restarting, facts.pid) = (State::Exited, false, false, 0);
        (facts.exit_code, facts.finished_at) = (exit_code, Some(at));
        if let Some(health) = &mut facts.health {
            "unhealthy".clone_into(health);
        }
        self.tell(id, "die");
        Some(())
    }
    pub(super) fn gone_if_temporary(&mut self, id: &ContainerId) {
        if self.containers.get(id).is_some_and(|c| c.spec.auto_remove && !runs(c.facts.state)) {
            self.destroy(id);
        }
    }
    pub(super) fn destroy(&mut self, id: &ContainerId) {
        if self.containers.remove(id).is_some() {
            self.tell(id, "destroy");
        }
    }
}

/// The user's side. Unless said otherwise a call on a container that is not there, or not in the state it needs, does nothing.
impl Memory {
    /// `docker create --name`.
    pub fn create(&self, name: &str) -> ContainerId {
        self.create_from(Spec::named(name))
    }
    /// `docker create` with everything.
    pub fn create_from(&self, spec: Spec) -> ContainerId {
        self.shared.world.lock().create(spec)
    }
    /// `docker run -d --name`.
    pub fn run(&self, name: &str) -> ContainerId {
        let id = self.create(name);
        self.start(&id);
        id
    }
    /// `docker start`, at once.
    pub fn start(&self, id: &ContainerId) {
        let mut world = self.shared.world.lock();
        if world.facts(id).is_some_and(|f| !runs(f.state)) {
            world.started(id);
        }
    }
    /// `docker stop`, at once.
    pub fn stop(&self, id: &ContainerId) {
        self.end(id, &["kill"], 0, &["stop"]);
    }
    /// `docker kill`.
    pub fn kill(&self, id: &ContainerId) {
        self.end(id, &["kill"], 137, &[]);
    }
    /// Its process exits by itself.
    pub fn die(&self, id: &ContainerId, exit_code: i64) {
        self.end(id, &[], exit_code, &[]);
    }
    /// The system kills it for its memory.
    pub fn oom(&self, id: &ContainerId) {
        if let Some(facts) = self.shared.world.lock().facts(id).filter(|f| runs(f.state)) {
            facts.oom_killed = true;
        }
        self.end(id, &["oom"], 137, &[]);
    }
    fn end(&self, id: &ContainerId, before: &[&str], exit_code: i64, after: &[&str]) {
        let mut world = self.shared.world.lock();
        if world.facts(id).is_some_and(|f| runs(f.state)) {
            before.iter().for_each(|action| world.tell(id, action));
            let _ = world.exited(id, exit_code);
            after.iter().for_each(|action| world.tell(id, action));
            world.gone_if_temporary(id);
        }
    }
    /// `docker pause`.
    pub fn pause(&self, id: &ContainerId) {
        self.change(id, "pause", |f| {
            let fits = f.state == State::Running;
            if fits {
                (f.state, f.paused) = (State::Paused, true);
            }
            fits
        });
    }
    /// `docker unpause`.
    pub fn unpause(&self, id: &ContainerId) {
        self.change(id, "unpause", |f| {
            let fits = f.state == State::Paused;
            if fits {
                (f.state, f.paused) = (State::Running, false);
            }
            fits
        });
    }
    /// `docker rename`.
    pub fn rename(&self, id: &ContainerId, name: &str) {
        self.change(id, "rename", |f| {
            name.clone_into(&mut f.name);
            true
        });
    }
    /// Its health check says so.
    pub fn health(&self, id: &ContainerId, health: &str) {
        self.change(id, "health_status", |f| {
            f.health = Some(health.to_owned());
            true
        });
    }
    /// `docker rm -f`.
    pub fn remove_now(&self, id: &ContainerId) {
        let mut world = self.shared.world.lock();
        if world.facts(id).is_some_and(|f| runs(f.state)) {
            world.tell(id, "kill");
            let _ = world.exited(id, 137);
        }
        world.destroy(id);
    }
    /// Any change, with an event of that action.
    pub fn edit(&self, id: &ContainerId, action: &str, change: impl FnOnce(&mut ContainerFacts)) {
        self.change(id, action, |f| {
            change(f);
            true
        });
    }
    /// A change that the engine tells nobody, as a reader that was too slow would miss it.
    pub fn edit_silently(&self, id: &ContainerId, change: impl FnOnce(&mut ContainerFacts)) {
        if let Some(facts) = self.shared.world.lock().facts(id) {
            change(facts);
        }
    }
    /// A removal that the engine tells nobody.
    pub fn remove_silently(&self, id: &ContainerId) {
        self.shared.world.lock().containers.remove(id);
    }
    fn change(&self, id: &ContainerId, action: &str, change: impl FnOnce(&mut ContainerFacts) -> bool) {
        let mut world = self.shared.world.lock();
        if world.facts(id).is_some_and(change) {
            world.tell(id, action);
        }
    }
}
