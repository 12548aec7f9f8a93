//! A dockerd as a world has it.

use crate::dockerd::Dockerd;
use crate::harness::{at_exit, wait};
use crate::proxy::Proxy;
use anyhow::Context;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

/// A dockerd, shared or not, perhaps behind a proxy. Names of containers get a prefix that is unique in it.
pub struct Docker {
    dockerd: Holder,
    proxy: Option<Proxy>,
    prefix: String,
}

enum Holder {
    Shared(Arc<Dockerd>),
    Own(Box<Dockerd>),
}

/// The shared one, and the runtime that it lives on: longer than any test's.
static SHARED: Mutex<Option<(Arc<Dockerd>, Runtime)>> = Mutex::const_new(None);

static WORLDS: AtomicUsize = AtomicUsize::new(0);

impl Docker {
    /// The one that all tests of this binary share. It ends after the last test.
    pub async fn shared() -> anyhow::Result<Docker> {
        let mut shared = SHARED.lock().await;
        if let Some((dockerd, _)) = &*shared {
            return Ok(Docker::new(Holder::Shared(dockerd.clone()), None));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let dockerd = Arc::new(wait("the shared dockerd", runtime.spawn(Dockerd::start())).await??);
        *shared = Some((dockerd.clone(), runtime));
        at_exit(|| {
            if let Some((dockerd, runtime)) = SHARED.blocking_lock().take() {
                drop(dockerd);
                runtime.shutdown_background();
            }
        });
        Ok(Docker::new(Holder::Shared(dockerd), None))
    }
    /// One of its own.
    pub async fn alone() -> anyhow::Result<Docker> {
        let dockerd = wait("a dockerd of its own", Dockerd::start()).await?;
        Ok(Docker::new(Holder::Own(Box::new(dockerd)), None))
    }
    /// One of its own, which is reached through a hostile proxy.
    pub async fn hostile() -> anyhow::Result<Docker> {
        let mut docker = Docker::alone().await?;
        docker.proxy = Some(Proxy::start(docker.socket())?);
        Ok(docker)
    }
    fn new(dockerd: Holder, proxy: Option<Proxy>) -> Docker {
        let nth = WORLDS.fetch_add(1, Ordering::SeqCst);
        Docker { dockerd, proxy, prefix: format!("w{nth}-") }
    }

    /// Where actors reach it: the proxy, if there is one.
    pub fn endpoint(&self) -> String {
        match &self.proxy {
            Some(proxy) => proxy.endpoint(),
            None => Dockerd::endpoint(self),
        }
    }
    /// The proxy.
    ///
    /// # Panics
    /// In a world that is not hostile.
    pub fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("this world is not hostile")
    }
    /// The dockerd itself, to stop, kill and restart it.
    ///
    /// # Errors
    /// Others share it.
    pub fn own(&mut self) -> anyhow::Result<&mut Dockerd> {
        match &mut self.dockerd {
            Holder::Own(dockerd) => Ok(dockerd),
            Holder::Shared(_) => None.context("others share this dockerd"),
        }
    }
    /// The name that a container of this world gets.
    pub fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
    /// Runs a container that sleeps and obeys a stop at once; its id.
    pub async fn sleeper(&self, name: &str) -> anyhow::Result<String> {
        self.run(&self.name(name), &OBEDIENT).await
    }
    /// Runs a container that ignores SIGTERM, so that a stop takes its time-out of so many seconds.
    pub async fn stubborn(&self, name: &str, seconds: u32) -> anyhow::Result<String> {
        let body = serde_json::json!({ "Cmd": ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], "StopTimeout": seconds });
        let id = self.create_from(&self.name(name), body).await?;
        self.post(&id, "start").await?;
        Ok(id)
    }
}

/// Process 1 has no default action for signals: this one has a handler.
pub const OBEDIENT: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];

impl Deref for Docker {
    type Target = Dockerd;
    fn deref(&self) -> &Dockerd {
        match &self.dockerd {
            Holder::Shared(dockerd) => dockerd,
            Holder::Own(dockerd) => dockerd,
        }
    }
}
