//! What a daemon is given.

use crate::{Controllers, Instance, Paths};
use rdd_actors::{Connect, Dockers, LocalMachines, Machines, Timings};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a daemon is given. [`Config::of`] an instance, or [`Config::memory`] for tests and programs that embed one.
#[derive(Clone)]
pub struct Config {
    /// Its name in texts, `rancher-desktop-2`.
    pub name: String,
    /// Where it keeps what must last.
    pub home: Home,
    /// Where it listens, on 127.0.0.1.
    pub port: Port,
    /// Which controllers run. Default all.
    pub controllers: Controllers,
    /// Chaos may be injected. Default off.
    pub developer: bool,
    /// `$DOCKER_HOST` of the call that started it, for driver `auto`. Default none.
    pub docker_host: Option<String>,
    /// How an endpoint becomes an engine. Default Docker.
    pub engines: Arc<dyn Connect>,
    /// How `spec.machine` becomes a machine. Default those of this computer.
    pub machines: Arc<dyn Machines>,
    /// Deadlines and intervals of the actors.
    pub timings: Timings,
    /// Makes jitter, uids and chaos repeatable. Default random.
    pub seed: Option<u64>,
    /// How long an orderly stop may take. Default 20 s.
    pub grace: Duration,
}

/// Where a daemon keeps what must last.
#[derive(Clone, Debug)]
pub enum Home {
    /// In the files of an instance.
    Files(Box<Paths>),
    /// Nowhere: store, certificates and token end with it. A kubeconfig is written if a path is given.
    Memory {
        /// Where to write a kubeconfig.
        kubeconfig: Option<PathBuf>,
    },
}

/// Where a daemon listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Here, or not at all.
    Exactly(u16),
    /// The one last used, else this one, else a free one.
    Preferably(u16),
    /// A free one.
    Any,
}

impl Config {
    /// That of an instance, with all defaults.
    pub fn of(instance: &Instance, paths: Paths) -> Config {
        Config {
            name: instance.name(),
            home: Home::Files(Box::new(paths)),
            port: Port::Preferably(instance.port()),
            ..Config::memory()
        }
    }

    /// A daemon that leaves nothing behind, on a free port.
    pub fn memory() -> Config {
        Config {
            name: Instance::default().name(),
            home: Home::Memory { kubeconfig: None },
            port: Port::Any,
            controllers: Controllers::all(),
            developer: false,
            docker_host: None,
            engines: Arc::new(Dockers),
            machines: Arc::new(LocalMachines),
            timings: Timings::default(),
            seed: None,
            grace: Duration::from_secs(20),
        }
    }
}
