//! What every engine must do: one suite, run unchanged against dockerd and the engine in memory.
//!
//! A [`Case`] acts on the engine as a user does (through [`EngineWorld`]) and looks at it as the program does (through [`Engine`]). What
//! tests on the engine in memory take for granted is true only as far as it is pinned here.

mod acts;
mod events;
mod reads;
mod removal;
mod worlds;

pub use worlds::{DockerWorld, MemoryWorld};

use crate::harness::{Need, Test};
use anyhow::{Context, Result, bail, ensure};
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use rdd_engine::{Action, ContainerFacts, ContainerId, Engine, Error, Facts, Hint, Key, Kind, Summary};
use std::time::Duration;
use tokio::time::timeout;

/// How an engine is acted on behind the program's back. Names are unique within a test.
pub trait EngineWorld {
    /// The engine as the program sees it.
    fn engine(&self) -> &dyn Engine;
    /// `docker create`.
    fn create<'a>(&'a self, name: &'a str, make: Make) -> LocalBoxFuture<'a, Result<ContainerId>>;
    /// Does this to a container, and returns when it is done.
    fn does<'a>(&'a self, id: &'a ContainerId, deed: Deed<'a>) -> LocalBoxFuture<'a, Result<()>>;
}

/// A container to create: it sleeps for ever and obeys a stop at once, unless said otherwise.
#[derive(Clone, Debug, Default)]
pub struct Make {
    /// Labels.
    pub labels: Vec<(&'static str, &'static str)>,
    /// It ignores a stop and must be killed.
    pub stubborn: bool,
    /// Seconds before a stop kills.
    pub stop_timeout: Option<i64>,
    /// It goes away when it exits.
    pub auto_remove: bool,
    /// Its command does not exist: it can not start.
    pub broken: bool,
}

/// What a user does to a container.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Deed<'a> {
    Start,
    Stop,
    Kill,
    Pause,
    Unpause,
    Rename(&'a str),
    Remove,
}

/// One thing that every engine must do.
pub struct Case {
    /// What it must do, as a test's name.
    pub name: &'static str,
    run: for<'a> fn(&'a dyn EngineWorld) -> LocalBoxFuture<'a, Result<()>>,
}

impl Case {
    /// Runs it. Containers it makes are left behind.
    pub async fn run(&self, world: &dyn EngineWorld) -> Result<()> {
        (self.run)(world).await
    }
}

/// The whole contract.
pub fn cases() -> Vec<Case> {
    [reads::cases(), acts::cases(), removal::cases(), events::cases()].into_iter().flatten().collect()
}

/// Each case twice: on the engine in memory under a paused clock, and on a dockerd of its own binary.
pub fn tests() -> Vec<Test> {
    let memory = cases().into_iter().map(|case| {
        let name = format!("memory_{}", case.name);
        let body = move || -> LocalBoxFuture<'static, Result<()>> {
            Box::pin(async move { case.run(&MemoryWorld::new()).await })
        };
        Test::new(&name, body).paused()
    });
    let docker = cases().into_iter().map(|case| {
        let name = format!("docker_{}", case.name);
        let body = move || -> LocalBoxFuture<'static, Result<()>> {
            Box::pin(async move {
                let mut world = DockerWorld::start().await?;
                let result = case.run(&world).await;
                world.stop().await?;
                result
            })
        };
        Test::new(&name, body).needs(Need::Dockerd).seconds(120)
    });
    memory.chain(docker).collect()
}

/// `case!(f)`: a case named after its function.
macro_rules! case {
    ($function:ident) => {
        $crate::contract::Case { name: stringify!($function), run: |world| Box::pin($function(world)) }
    };
}
use case;

fn key(id: &ContainerId) -> Key {
    Key::Container(id.clone())
}

/// A container that was created and started.
async fn run(world: &dyn EngineWorld, name: &str, make: Make) -> Result<ContainerId> {
    let id = world.create(name, make).await?;
    world.does(&id, Deed::Start).await?;
    Ok(id)
}

/// What an inspect says, of a container that is there.
async fn facts(world: &dyn EngineWorld, id: &ContainerId) -> Result<ContainerFacts> {
    match world.engine().inspect(&key(id)).await? {
        Some(Facts::Container(facts)) => Ok(*facts),
        other => bail!("{other:?} instead of a container"),
    }
}

/// Name and state in the list.
async fn listed(world: &dyn EngineWorld, id: &ContainerId) -> Result<Option<Summary>> {
    let list = world.engine().list(Kind::Container).await?;
    Ok(list.into_iter().find(|listed| listed.key == key(id)).map(|listed| listed.summary))
}

/// The engine says no, with this code and words.
async fn refused(
    world: &dyn EngineWorld,
    id: &ContainerId,
    action: Action,
    code: u16,
    words: &str,
) -> Result<()> {
    match world.engine().act(id, action).await {
        Err(Error::Refused { code: is, text }) => {
            ensure!(is == code, "{action:?} was refused with {is} {text:?} instead of {code}");
            ensure!(text.contains(words), "{action:?}: {text:?} does not say {words:?}");
            Ok(())
        }
        other => bail!("{action:?} must be refused with {code}, was {other:?}"),
    }
}

/// The actions of one container since then, up to and with one. It is an error when that does not come.
async fn actions_until(
    world: &dyn EngineWorld,
    id: &ContainerId,
    since: jiff::Timestamp,
    last: &str,
) -> Result<Vec<String>> {
    let mut events = world.engine().events(since);
    let mut seen = Vec::new();
    let read = async {
        while let Some(hint) = events.next().await {
            if let Hint::Changed { key: of, action, .. } = hint?
                && of == key(id)
            {
                let done = action == last;
                seen.push(action);
                if done {
                    return Ok(());
                }
            }
        }
        bail!("the stream ended")
    };
    let read = timeout(Duration::from_secs(10), read).await;
    read.with_context(|| format!("no {last}")).flatten().with_context(|| format!("after {seen:?}"))?;
    Ok(seen)
}
