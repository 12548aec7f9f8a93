//! What the actors are given.

use futures::future::BoxFuture;
use rdd_engine::{Endpoint, Engine};
use rdd_machine::Machine;
use rdd_resources::app::{Driver, MachineSpec};
use std::sync::Arc;
use std::time::Duration;

/// What the actors are given. The wall clock is the supervisor's.
#[derive(Clone)]
pub struct Config {
    /// A Kubernetes API: the embedded one, or a real cluster.
    pub client: kube::Client,
    /// How an endpoint becomes an engine; [`Dockers`] in production.
    pub engines: Arc<dyn Connect>,
    /// How `spec.machine` becomes a machine; [`LocalMachines`] in production.
    pub machines: Arc<dyn Machines>,
    /// Which controllers run.
    pub controllers: Controllers,
    /// What the daemon's surroundings say.
    pub environment: Environment,
    /// Deadlines and intervals.
    pub timings: Timings,
    /// Where the jitter of reconnects comes from.
    pub seed: u64,
}

/// How an endpoint becomes an engine.
pub trait Connect: Send + Sync {
    /// Asks the engine at an endpoint who it is. It may hang: the caller sets the deadline.
    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> BoxFuture<'a, Result<Arc<dyn Engine>, rdd_engine::Error>>;
}

/// How `spec.machine` becomes a machine.
pub trait Machines: Send + Sync {
    /// Makes the machine. With driver `auto` this is where it is decided; the decision is recorded and comes back as `external` or
    /// `process` with its endpoint, so that it is made once.
    fn make<'a>(
        &'a self,
        spec: &'a MachineSpec,
        environment: &'a Environment,
    ) -> BoxFuture<'a, Result<Arc<dyn Machine>, rdd_machine::Error>>;
}

/// Which controllers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controllers {
    /// The App and its machine.
    pub app: bool,
    /// The mirrors.
    pub engine: bool,
}

/// What the daemon's surroundings say about engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `$DOCKER_HOST` of the call that started the daemon.
    pub docker_host: Option<String>,
    /// The platform's default endpoint.
    pub default_endpoint: Endpoint,
}

/// Deadlines and intervals. Promises are made for the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Deadline of inspects, lists and API calls. 10 s.
    pub call: Duration,
    /// Deadline of removing an object in the engine. 60 s.
    pub remove: Duration,
    /// What an action may take beyond the container's stop timeout. 10 s.
    pub action_margin: Duration,
    /// How often the engine is pinged. 5 s.
    pub ping_every: Duration,
    /// Deadline of a ping. 5 s.
    pub ping: Duration,
    /// How long starting or stopping a machine may take. 2 min.
    pub machine: Duration,
    /// How often everything is compared again. 5 min.
    pub resync: Duration,
    /// How long failures heal by themselves before they are reported as terminal. 30 s.
    pub grace: Duration,
    /// How long a sweep waits until the API shows no mirror. 30 s.
    pub sweep: Duration,
    /// How long a deleted `ContainerNamespace` stays away, so that the delete is seen to have happened. 400 ms.
    pub heal: Duration,
    /// How long a delete, an action or a write waits before it looks again whether it may go on. 500 ms.
    pub look_again: Duration,
    /// How long the actors of an attachment may take to end. 5 s.
    pub drain: Duration,
    /// First and longest wait before something away is tried again. 100 ms and 2 s.
    pub retry: (Duration, Duration),
}

/// Engines of Docker's kind, reached through their sockets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dockers;

/// Machines of this computer. Driver `auto` means the engine at `$DOCKER_HOST`, else the platform's socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalMachines;

impl Default for Controllers {
    fn default() -> Controllers {
        Controllers { app: true, engine: true }
    }
}

impl Default for Environment {
    fn default() -> Environment {
        let default_endpoint = rdd_engine::endpoint::Platform::current().default_endpoint();
        Environment { docker_host: None, default_endpoint }
    }
}

impl Default for Timings {
    fn default() -> Timings {
        Timings {
            call: Duration::from_secs(10),
            remove: Duration::from_secs(60),
            action_margin: Duration::from_secs(10),
            ping_every: Duration::from_secs(5),
            ping: Duration::from_secs(5),
            machine: Duration::from_secs(120),
            resync: Duration::from_secs(300),
            grace: Duration::from_secs(30),
            sweep: Duration::from_secs(30),
            heal: Duration::from_millis(400),
            look_again: Duration::from_millis(500),
            drain: Duration::from_secs(5),
            retry: (Duration::from_millis(100), Duration::from_secs(2)),
        }
    }
}

impl Connect for Dockers {
    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
    ) -> BoxFuture<'a, Result<Arc<dyn Engine>, rdd_engine::Error>> {
        Box::pin(async move {
            let docker = rdd_engine::docker::Docker::connect(endpoint).await?;
            Ok(Arc::new(docker) as Arc<dyn Engine>)
        })
    }
}

impl Machines for LocalMachines {
    fn make<'a>(
        &'a self,
        spec: &'a MachineSpec,
        environment: &'a Environment,
    ) -> BoxFuture<'a, Result<Arc<dyn Machine>, rdd_machine::Error>> {
        Box::pin(async move {
            if spec.driver == Driver::Process {
                let message =
                    "machine driver process is not available yet; use driver external, and run an engine"
                        .to_owned();
                return Err(rdd_machine::Error { message, permanent: true });
            }
            let endpoint = endpoint(spec, environment)
                .map_err(|message| rdd_machine::Error { message, permanent: true })?;
            Ok(Arc::new(rdd_machine::External::new(endpoint)) as Arc<dyn Machine>)
        })
    }
}

/// Where the engine listens: as `spec.machine` says, else `$DOCKER_HOST`, else the platform's socket.
fn endpoint(spec: &MachineSpec, environment: &Environment) -> Result<Endpoint, String> {
    let text =
        spec.endpoint.as_deref().or(environment.docker_host.as_deref().filter(|t| !t.trim().is_empty()));
    let Some(text) = text else { return Ok(environment.default_endpoint.clone()) };
    let parsed: Endpoint =
        text.trim().parse().map_err(|e: rdd_engine::endpoint::ParseError| e.to_string())?;
    Ok(match (parsed, &spec.tls) {
        (Endpoint::Tcp { address, .. }, Some(files)) => {
            let tls = rdd_engine::endpoint::Tls {
                ca_file: (&files.ca_file).into(),
                cert_file: (&files.cert_file).into(),
                key_file: (&files.key_file).into(),
            };
            Endpoint::Tcp { address, tls: Some(tls) }
        }
        (other, _) => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spec_goes_before_docker_host_and_that_before_the_platform() {
        let mut spec = MachineSpec::default();
        let mut environment = Environment::default();
        assert_eq!(endpoint(&spec, &environment).unwrap(), environment.default_endpoint);
        environment.docker_host = Some("unix:///run/b.sock".into());
        assert_eq!(endpoint(&spec, &environment).unwrap(), Endpoint::Unix("/run/b.sock".into()));
        spec.endpoint = Some("unix:///run/a.sock".into());
        assert_eq!(endpoint(&spec, &environment).unwrap(), Endpoint::Unix("/run/a.sock".into()));
        spec.endpoint = Some("ssh://host".into());
        assert!(endpoint(&spec, &environment).unwrap_err().contains("unix://"));
    }
}
