//! An engine in memory, for tests: Docker's semantics without Docker, in no time.
//!
//! One contract suite runs against it and against a real dockerd. A test plays the user with the calls of [`Memory`] (`create`, `start`,
//! `die`, `rename`, …), the program under test sees the [`Engine`]. Faults are [`Rule`]s. Ids, pids and times are the same in every run:
//! the clock is tokio's (paused in most tests) and never gives the same nanosecond twice.
//!
//! # Guarantees
//! * As dockerd: the last 256 events are replayed to a `since`, all earlier ones are lost, and so are all of them when the engine restarts.
//! * As dockerd: an inspect waits while the container is being started or stopped, a peek does not.
//! * As dockerd: a stop goes on when its caller gives up.

mod acts;
mod events;
mod rules;
mod state;

pub use rules::{Call, Effect, Rule, RuleHandle, Seen, When};
pub use state::Spec;

use crate::{
    Action, ContainerFacts, ContainerId, Engine, Error, Facts, Fingerprint, Hint, Identity, Key, Kind,
    Listed, Removed, State, Summary,
};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use jiff::Timestamp;
use parking_lot::Mutex;
use rules::Rules;
use state::World;
use std::sync::Arc;
use tokio::sync::watch;

/// An engine in memory. Clones are the same engine.
#[derive(Clone)]
pub struct Memory {
    identity: Identity,
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    rules: Rules,
    frozen: watch::Sender<bool>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new("memory")
    }
}

impl Memory {
    /// An empty engine; the name is its id and its endpoint `unix:///NAME`.
    pub fn new(name: &str) -> Memory {
        let identity = Identity {
            endpoint: format!("unix:///{name}"),
            id: name.to_owned(),
            data_root: format!("/var/lib/{name}"),
            version: "0.0.0".to_owned(),
        };
        let world = Mutex::new(World::new(identity.clone()));
        let shared = Shared { world, rules: Rules::default(), frozen: watch::Sender::new(false) };
        Memory { identity, shared: Arc::new(shared) }
    }

    /// What a new connection sees: after [`Memory::replace`] this is the new engine, while older clones remain attached to the old one.
    pub fn attach(&self) -> Memory {
        Memory { identity: self.shared.world.lock().identity.clone(), shared: Arc::clone(&self.shared) }
    }

    /// All containers, by id: what `docker ps -a` and `docker inspect` would say.
    pub fn containers(&self) -> Vec<ContainerFacts> {
        self.shared.world.lock().containers.values().map(|c| c.facts.clone()).collect()
    }
    /// One container.
    pub fn container(&self, id: &ContainerId) -> Option<ContainerFacts> {
        self.shared.world.lock().containers.get(id).map(|c| c.facts.clone())
    }
    /// The calls that were made through [`Engine`], in order.
    pub fn calls(&self) -> Vec<Seen> {
        self.shared.rules.seen()
    }
    /// Makes calls hang, wait or fail. Rules are asked in the order they were made; the first that fits and is not used up applies.
    pub fn rule(&self, rule: Rule) -> RuleHandle {
        self.shared.rules.add(rule)
    }

    /// Calls are not answered and no event is sent until [`Memory::thaw`], as with a stopped process. What the test does still happens.
    pub fn freeze(&self) {
        self.shared.frozen.send_replace(true);
    }
    /// Ends [`Memory::freeze`]: waiting calls are answered, events that happened meanwhile arrive.
    pub fn thaw(&self) {
        self.shared.frozen.send_replace(false);
    }
    /// The engine goes away: event streams break, calls find nobody. Its containers stop, as those of a dockerd without live-restore.
    pub fn down(&self) {
        let mut world = self.shared.world.lock();
        world.up = false;
        world.forget_events();
        world.stop_all();
    }
    /// Ends [`Memory::down`]. Events that happened meanwhile were never sent, and the earlier ones are forgotten.
    pub fn up(&self) {
        let mut world = self.shared.world.lock();
        world.forget_events();
        world.up = true;
    }
    /// Event streams break and the event log is forgotten; containers keep running.
    pub fn restart_engine(&self) {
        self.shared.world.lock().forget_events();
    }
    /// Another, empty engine answers from now on at the same endpoint. Whoever is attached to the old one gets [`Error::Replaced`].
    pub fn replace(&self, name: &str) {
        let mut world = self.shared.world.lock();
        let mut identity = Memory::new(name).identity;
        identity.endpoint.clone_from(&self.identity.endpoint);
        world.forget_events();
        world.containers.clear();
        world.identity = identity;
    }

    /// What happens to every call on its way in.
    async fn enter(&self, seen: Seen) -> Result<(), Error> {
        self.shared.rules.apply(&seen, When::Before).await?;
        self.thawed().await;
        self.reachable()?;
        match seen.call {
            // These would notice; the others are answered by whoever answers (ids are unique).
            Call::Ping | Call::Clock | Call::Remove | Call::Act
                if self.shared.world.lock().identity != self.identity =>
            {
                Err(Error::Replaced)
            }
            _ => Ok(()),
        }
    }
    /// And to its answer on the way out.
    async fn leave(&self, seen: &Seen) -> Result<(), Error> {
        self.shared.rules.apply(seen, When::After).await?;
        self.thawed().await;
        self.reachable()
    }
    async fn thawed(&self) {
        if !*self.shared.frozen.borrow() {
            return;
        }
        let mut frozen = self.shared.frozen.subscribe();
        // An error means that the sender is gone; it lives in `self`.
        let _ = frozen.wait_for(|frozen| !frozen).await;
    }
    fn reachable(&self) -> Result<(), Error> {
        if self.shared.world.lock().up { Ok(()) } else { Err(self.away()) }
    }
    fn away(&self) -> Error {
        let why = "connection refused".to_owned();
        Error::Unreachable { endpoint: self.identity.endpoint.clone(), why, permanent: false }
    }

    async fn call<T>(
        &self,
        seen: Seen,
        answer: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        self.shared.rules.note(&seen);
        self.enter(seen.clone()).await?;
        let answer = answer.await?;
        self.leave(&seen).await?;
        Ok(answer)
    }

    async fn do_inspect(&self, key: &Key) -> Option<Facts> {
        let Key::Container(id) = key else { return None };
        let lock = self.shared.world.lock().containers.get(id).map(|c| Arc::clone(&c.lock))?;
        let _waited = lock.lock().await;
        self.container(id).map(|facts| Facts::Container(Box::new(facts)))
    }

    fn do_list(&self, kind: Kind) -> Vec<Listed> {
        let listed = |facts: ContainerFacts| {
            let key = Key::Container(ContainerId::parse(&facts.id)?);
            Some(Listed { key, summary: summary(facts) })
        };
        match kind {
            Kind::Container => self.containers().into_iter().filter_map(listed).collect(),
            Kind::Image | Kind::Volume => Vec::new(),
        }
    }
}

impl Engine for Memory {
    fn identity(&self) -> &Identity {
        &self.identity
    }
    fn ping(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.call(Seen::of(Call::Ping), async { Ok(()) }))
    }
    fn clock(&self) -> BoxFuture<'_, Result<Timestamp, Error>> {
        Box::pin(self.call(Seen::of(Call::Clock), async { Ok(self.shared.world.lock().now()) }))
    }
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Vec<Listed>, Error>> {
        let seen = Seen { kind: Some(kind), ..Seen::of(Call::List) };
        Box::pin(self.call(seen, async move { Ok(self.do_list(kind)) }))
    }
    fn peek<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Summary>, Error>> {
        let answer = async move {
            let Key::Container(id) = key else { return Ok(None) };
            Ok(self.container(id).map(summary))
        };
        Box::pin(self.call(Seen::at(Call::Peek, key), answer))
    }
    fn inspect<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Facts>, Error>> {
        Box::pin(self.call(Seen::at(Call::Inspect, key), async move { Ok(self.do_inspect(key).await) }))
    }
    fn remove<'a>(&'a self, key: &'a Key, only: &'a Fingerprint) -> BoxFuture<'a, Result<Removed, Error>> {
        Box::pin(self.call(Seen::at(Call::Remove, key), self.do_remove(key, only)))
    }
    fn act<'a>(&'a self, id: &'a ContainerId, action: Action) -> BoxFuture<'a, Result<(), Error>> {
        let seen = Seen { action: Some(action), ..Seen::at(Call::Act, &Key::Container(id.clone())) };
        Box::pin(self.call(seen, self.do_act(id.clone(), action)))
    }
    fn events(&self, since: Timestamp) -> BoxStream<'_, Result<Hint, Error>> {
        events::stream(self, since)
    }
}

/// What a list says of a container.
fn summary(facts: ContainerFacts) -> Summary {
    let whole = |t: Timestamp| Timestamp::from_second(t.as_second()).ok();
    Summary::Container {
        name: facts.name,
        state: facts.state,
        image: Some(crate::ImageId(facts.image)),
        image_ref: Some(facts.image_ref),
        labels: facts.labels,
        created_at: facts.created_at.and_then(whole),
    }
}

/// Whether a process runs in that state.
fn runs(state: State) -> bool {
    matches!(state, State::Running | State::Pausing | State::Paused | State::Restarting)
}

#[cfg(test)]
mod tests;
