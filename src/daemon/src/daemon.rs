//! The daemon: what it is made of, in which order it comes up, and how it ends.

use crate::config::{Config, Home, Port};
use crate::controllers::Controller;
use crate::serving::Serving;
use crate::state::{Phase, State};
use crate::{Paths, bootstrap, debug, discovery, files, health, kubeconfig, metrics};
use rdd_actors::Mirroring;
use rdd_actors_runtime::Supervisor;
use rdd_apiserver::{Access, Api, Listener, listener, tls};
use rdd_store::{OpenError, Store};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A daemon that is ready: its API answers, its kinds are established, its actors run.
///
/// # Guarantees
/// * [`Daemon::build`] returns when the daemon is ready, or has undone what it did.
/// * [`Daemon::run`] returns when everything has ended, at the latest [`Config::grace`] after its signal. Mirrors stay in the store, and
///   no engine object is touched.
///
/// # Assumptions
/// * It runs on a multi-thread runtime ([`crate::runtime`]).
/// * Whoever gives it an instance's files holds the claim on that instance ([`crate::pid::Claim`]).
pub struct Daemon {
    api: Api,
    store: Store,
    address: SocketAddr,
    token: String,
    ca_pem: String,
    state: Arc<State>,
    mirroring: Option<Mirroring>,
    kubeconfig: Option<Kubeconfig>,
    listener: JoinHandle<()>,
    /// Ends the listener; also when the daemon is dropped without having run.
    intake: DropGuard,
    grace: Duration,
}

/// Why there is no daemon.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A directory or file of the instance can not be written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The database can not be used.
    #[error("the database can not be opened{next}", next = next_step(source))]
    Store {
        /// Why.
        source: OpenError,
    },
    /// The certificates can not be made.
    #[error("the certificates can not be made")]
    Certificates(#[from] tls::Error),
    /// The API does not open.
    #[error("the API can not be opened")]
    Api(#[from] rdd_apiserver::Error),
    /// The port that was demanded is taken.
    #[error(
        "port {0} is in use by another process; choose another with --secure-port, or leave it out to take a free one"
    )]
    PortTaken(u16),
    /// No port can be listened on.
    #[error("the API can not listen")]
    Listen(#[source] listener::Error),
    /// Kinds or policies are not installed.
    #[error(transparent)]
    Bootstrap(#[from] bootstrap::Error),
}

/// How long a store may still be held by a process that was killed.
const DYING: Duration = Duration::from_secs(5);

/// The user that the daemon's own parts are for the API.
const USER: &str = "system:rdd";

impl Daemon {
    /// Brings a daemon up: store, API, kubeconfig, kinds, actors.
    ///
    /// # Errors
    /// The first step that fails; what was begun is undone.
    pub async fn build(config: Config) -> Result<Daemon, Error> {
        let seed = config.seed.unwrap_or_else(rand::random);
        let paths = config.paths();
        let mut serving = paths.map_or_else(Serving::fresh, |paths| Serving::load(&paths.serving_file));
        if let Some(paths) = paths {
            files::private_dir(&paths.dir)?;
            // One that a killed daemon left would send clients to a port that may be anybody's by now.
            files::remove(&paths.config)?;
        }

        let (store, salvage) = open(&config).await?;
        let certificates = match paths {
            Some(paths) => tls::Certificates::ensure(&paths.tls_dir)?,
            None => tls::Certificates::ephemeral()?,
        };
        let ca_pem = certificates.ca_pem.clone();
        let api = Api::open(store.clone(), rdd_apiserver::Config { seed: config.seed, ..Default::default() })
            .await?;
        let supervisor = Supervisor::start(supervision(&config, seed));
        let state = Arc::new(State::new(supervisor, store.clone(), salvage, config.developer));
        api.mount("/healthz", Access::Public, health::router(state.clone(), health::Probe::Health));
        api.mount("/readyz", Access::Public, health::router(state.clone(), health::Probe::Ready));
        api.mount("/livez", Access::Public, health::router(state.clone(), health::Probe::Live));
        api.mount("/metrics", Access::Token, metrics::router(state.clone()));
        api.mount("/debug", Access::Token, debug::router(state.clone()));

        let bound = bind(&api, &config, &serving, certificates).await?;
        let address = bound.address();
        let stop = CancellationToken::new();
        let listener = tokio::spawn(bound.run(stop.clone().cancelled_owned()));
        let intake = stop.drop_guard();
        serving.port = Some(address.port());
        if let Some(paths) = paths {
            serving.save(&paths.serving_file)?;
        }
        let kubeconfig = Kubeconfig::write(&config, address, &ca_pem, &serving.token)?;

        let client = api.client(USER);
        bootstrap::install(&client).await?;
        let mirroring = actors(&config, seed, &state, client.clone());
        if let Some(mirroring) = &mirroring {
            state.mirrors(mirroring.clone());
            mirroring.ready().await;
        }
        bootstrap::publish(&client, &discovery::embedded(address, &config.controllers, state.started()))
            .await?;
        state.enter(Phase::Ready);
        tracing::info!(
            daemon.name = config.name,
            daemon.address = %address,
            daemon.start_ms = u64::try_from(state.age().as_millis()).unwrap_or(u64::MAX),
            "the control plane is ready"
        );
        let grace = config.grace;
        let token = serving.token;
        Ok(Daemon {
            api,
            store,
            address,
            token,
            ca_pem,
            state,
            mirroring,
            kubeconfig,
            listener,
            intake,
            grace,
        })
    }

    /// Serves until `shutdown`, then ends in order: intake closed, actors stopped in the reverse order of their start, API, store.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        tracing::info!("the control plane is stopping");
        let until = Instant::now() + self.grace;
        let state = self.state.clone();
        if tokio::time::timeout_at(until, self.end(until)).await.is_err() {
            tracing::warn!(daemon.health = ?state.supervisor().health(), "not everything ended in time; the rest is cut off");
        }
    }

    async fn end(self, until: Instant) {
        self.state.enter(Phase::Stopping);
        drop(self.kubeconfig);
        drop(self.intake);
        if let Some(mirroring) = self.mirroring {
            mirroring.stop(until.saturating_duration_since(Instant::now()) / 2).await;
        }
        let left = until.saturating_duration_since(Instant::now());
        self.state.supervisor().root().stop(left / 2).await;
        self.api.drain().await;
        // It can only have panicked, and then it has ended as well.
        let _ = self.listener.await;
        self.store.close().await;
    }

    /// A client that reaches the API in-process, without a socket.
    pub fn client(&self) -> kube::Client {
        self.api.client(USER)
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The authority of its certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The kubeconfig's text.
    pub fn kubeconfig(&self) -> String {
        kubeconfig::render(self.address, &self.ca_pem, &self.token)
    }

    /// The API itself.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The root of its actors: health, message trace, chaos.
    pub fn supervisor(&self) -> &Supervisor {
        self.state.supervisor()
    }

    /// The mirroring actors; `None`: no controller is enabled.
    pub fn mirroring(&self) -> Option<&Mirroring> {
        self.mirroring.as_ref()
    }
}

/// A kubeconfig on disk. It goes with the daemon, however that ends, short of being killed.
struct Kubeconfig {
    path: std::path::PathBuf,
}

impl Kubeconfig {
    fn write(
        config: &Config,
        address: SocketAddr,
        ca_pem: &str,
        token: &str,
    ) -> Result<Option<Kubeconfig>, files::Error> {
        let path = match &config.home {
            Home::Files(paths) => Some(paths.config.clone()),
            Home::Memory { kubeconfig } => kubeconfig.clone(),
        };
        let Some(path) = path else { return Ok(None) };
        files::replace(&path, kubeconfig::render(address, ca_pem, token).as_bytes())?;
        Ok(Some(Kubeconfig { path }))
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        if let Err(error) = files::remove(&self.path) {
            tracing::warn!(error = %error, "the kubeconfig is left behind");
        }
    }
}

impl Config {
    fn paths(&self) -> Option<&Paths> {
        match &self.home {
            Home::Files(paths) => Some(paths),
            Home::Memory { .. } => None,
        }
    }
}

/// Opens the store, waiting for a killed predecessor to let go of it. What was salvaged is reported.
async fn open(config: &Config) -> Result<(Store, rdd_store::Salvage), Error> {
    let location = match config.paths() {
        Some(paths) => rdd_store::Location::File(paths.database.clone()),
        None => rdd_store::Location::Inline,
    };
    let until = Instant::now() + DYING;
    let (store, salvage) = loop {
        let wanted = rdd_store::Config::new(location.clone());
        match Store::open(wanted) {
            Err(OpenError::InUse { .. }) if Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            opened => break opened.map_err(|source| Error::Store { source })?,
        }
    };
    if let Some(aside) = &salvage.set_aside {
        tracing::error!(
            store.set_aside = %aside.display(),
            store.kept = salvage.kept,
            store.lost = salvage.lost,
            "the database was damaged: it was set aside, what could be read was kept; mirrors are rebuilt from the engine"
        );
    }
    Ok((store, salvage))
}

fn next_step(error: &OpenError) -> &'static str {
    match error {
        OpenError::NotWritable { .. } => " (make it writable for you, or set HOME to another directory)",
        OpenError::InUse { .. } => {
            " (end the process that holds it, or choose another instance with --instance)"
        }
        OpenError::TooNew { .. } => " (use the newer rdd that wrote it, or `rdd svc delete`)",
        OpenError::Other { .. } => "",
    }
}

/// Listens on the first port that is wanted and free.
async fn bind(
    api: &Api,
    config: &Config,
    serving: &Serving,
    certificates: tls::Certificates,
) -> Result<Listener, Error> {
    let ports = match config.port {
        Port::Exactly(port) => vec![port],
        Port::Preferably(port) => serving.port.into_iter().chain([port, 0]).collect(),
        Port::Any => vec![0],
    };
    let mut refused = None;
    for port in ports {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let wanted =
            listener::Config { address, certificates: certificates.clone(), token: serving.token.clone() };
        match Listener::bind(api.clone(), wanted).await {
            Ok(listener) => return Ok(listener),
            Err(listener::Error::InUse { .. }) if matches!(config.port, Port::Exactly(_)) => {
                return Err(Error::PortTaken(port));
            }
            // A low port may be forbidden rather than taken: another one will do all the same.
            Err(error @ (listener::Error::InUse { .. } | listener::Error::Bind { .. })) => {
                tracing::info!(daemon.port = port, error = %error, "taking another port");
                refused = Some(error);
            }
            Err(error) => return Err(Error::Listen(error)),
        }
    }
    // The list of ports is never empty.
    Err(refused.map_or(Error::PortTaken(0), Error::Listen))
}

fn supervision(config: &Config, seed: u64) -> rdd_actors_runtime::Config {
    let mut supervision = rdd_actors_runtime::Config::threads(tokio::runtime::Handle::current());
    supervision.seed = seed;
    supervision.chaos = match config.developer {
        true => rdd_actors_runtime::chaos::Mode::On,
        false => rdd_actors_runtime::chaos::Mode::Off,
    };
    supervision
}

/// Starts the controllers that are enabled.
fn actors(config: &Config, seed: u64, state: &Arc<State>, client: kube::Client) -> Option<Mirroring> {
    if config.controllers.is_empty() {
        return None;
    }
    let environment = rdd_actors::Environment {
        docker_host: config.docker_host.clone(),
        ..rdd_actors::Environment::default()
    };
    let wanted = rdd_actors::Config {
        client,
        engines: config.engines.clone(),
        machines: config.machines.clone(),
        controllers: rdd_actors::Controllers {
            app: config.controllers.has(Controller::App),
            engine: config.controllers.has(Controller::Engine),
        },
        environment,
        timings: config.timings.clone(),
        seed,
    };
    let mirroring = rdd_actors::start(state.supervisor(), wanted);
    Some(mirroring)
}
