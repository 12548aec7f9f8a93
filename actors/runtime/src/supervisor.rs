//! The root of the supervision tree, and who watches it.

use std::{io, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{runtime::Handle, sync::oneshot, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    chaos::{self, Chaos},
    clock::Clock,
    core::{Alarm, Core},
    group::Group,
    health::Health,
    host::Host,
    panics,
    policy::Limit,
    scope::Drained,
    trace::Trace,
};

/// Where actors and their supervision run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Each actor on a thread of its own, supervision and hang detection on another.
    Thread,
    /// Everything on the LocalSet within which the supervisor is started: no threads, so that tokio's clock can be
    /// paused and a run repeats. Nothing may block there.
    Local,
}

/// How a supervisor is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where actors run.
    pub place: Place,
    /// The runtime on which jobs and tasks run.
    pub jobs: Handle,
    /// The source of all randomness: jitter and chaos. Default 0.
    pub seed: u64,
    /// Whether failures may be injected. Default off.
    pub chaos: chaos::Mode,
    /// How many messages the trace remembers; 0 begins with tracing switched off. Default 4,096.
    pub ring: usize,
    /// When more members of a group than this are parked, the whole group is. Default 5 in 10 s.
    pub limit: Limit,
    /// After this time what is parked is tried again. Default 60 s.
    pub park: Duration,
    /// What the wall clock reads at the start. Default: the system's time.
    pub epoch: Option<Timestamp>,
}

impl Config {
    /// Actors on threads of their own, jobs on `jobs`.
    pub fn threads(jobs: Handle) -> Config {
        Config {
            place: Place::Thread,
            jobs,
            seed: 0,
            chaos: chaos::Mode::Off,
            ring: 4096,
            limit: Limit::default(),
            park: Duration::from_secs(60),
            epoch: None,
        }
    }

    /// Everything on the caller's LocalSet and current_thread runtime, with chaos allowed: for tests.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn local() -> Config {
        Config { place: Place::Local, chaos: chaos::Mode::On, ..Config::threads(Handle::current()) }
    }
}

/// The root of the supervision tree. Dropping it without [`shutdown`](Supervisor::shutdown) ends supervision and
/// fences everything off, without waiting.
pub struct Supervisor {
    core: Arc<Core>,
    root: Group,
    /// Ends the supervising thread; dropping it does too.
    thread: Option<oneshot::Sender<()>>,
}

impl Supervisor {
    /// Starts supervision.
    ///
    /// # Panics
    /// On `Place::Local`, when called outside of a LocalSet; on `Place::Thread`, when the system has no thread for it.
    pub fn start(config: Config) -> Supervisor {
        panics::install();
        let (host, thread) = match config.place {
            Place::Local => (Host::local(), None),
            Place::Thread => {
                let (runtime, stop) =
                    supervising_thread().expect("a process that can not start a thread can not run");
                (Host::Threads(runtime), Some(stop))
            }
        };
        let clock = Clock::starting_at(config.epoch.unwrap_or_else(Timestamp::now));
        let core = Arc::new(Core {
            jobs: config.jobs,
            host,
            clock,
            trace: Trace::new(config.ring, clock),
            chaos: Chaos::new(config.chaos, config.seed, config.place == Place::Local),
            seed: config.seed,
            limit: config.limit,
            park: config.park,
            alarm: Alarm::default(),
            outside: Arc::from("outside"),
            over: CancellationToken::new(),
        });
        let root = Group::root(core.clone());
        core.host.supervise(watch(core.clone(), root.clone()));
        Supervisor { core, root, thread }
    }

    /// The root group.
    pub fn root(&self) -> &Group {
        &self.root
    }

    /// The state of the whole tree. Takes no more than a look at each actor; may be called from any thread.
    pub fn health(&self) -> Health {
        Health { at: self.core.clock.now(), root: self.root.health(Instant::now()) }
    }

    /// The message trace.
    pub fn trace(&self) -> &Trace {
        &self.core.trace
    }

    /// Failures on purpose.
    pub fn chaos(&self) -> &Chaos {
        &self.core.chaos
    }

    /// The wall clock.
    pub fn clock(&self) -> &Clock {
        &self.core.clock
    }

    /// Proves that supervision is alive: answered by its own thread. False when no answer comes within `limit`.
    pub async fn alive(&self, limit: Duration) -> bool {
        let (answer, answered) = oneshot::channel();
        self.core.host.supervise(async move {
            let _ = answer.send(()); // who asked may have gone
        });
        tokio::time::timeout(limit, answered).await.is_ok_and(|answer| answer.is_ok())
    }

    /// Stops everything, last started first, within `grace`; see [`Group::stop`].
    pub async fn shutdown(mut self, grace: Duration) -> Drained {
        let drained = self.root.stop(grace).await;
        self.core.over.cancel();
        drop(self.thread.take());
        drained
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.core.over.cancel();
    }
}

/// The hang detector: looks around while there is work, and sleeps without a timer while there is none.
async fn watch(core: Arc<Core>, root: Group) {
    let rounds = async {
        loop {
            core.alarm.armed().await;
            tokio::time::sleep(core.alarm.tick()).await;
            if !root.watch(Instant::now()) {
                core.alarm.disarm();
                // Work that came between the look and the disarming found the alarm armed, and rang no bell.
                if root.watch(Instant::now()) {
                    core.alarm.arm();
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = core.over.cancelled() => {}
        () = rounds => {}
    }
}

/// A thread with a runtime of its own, which lives until the sender is used or dropped.
fn supervising_thread() -> io::Result<(Handle, oneshot::Sender<()>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::Builder::new().name("supervisor".to_owned()).spawn(move || {
        // An error means that the sender was dropped, which is one way to stop it.
        let _ = runtime.block_on(stopped);
    })?;
    Ok((handle, stop))
}
