//! A hostile proxy in front of a dockerd.
//!
//! HTTP/1.1 requests pass through, chunked streams included (connections that are taken over, as by `exec` and `attach`, do not), until a [`Rule`] says
//! otherwise: requests wait, answers come late, cut, wrong or never, event streams lose, repeat and reorder their lines. The whole
//! proxy can go [`down`](Proxy::down), cut all connections, or lead to [another engine](Proxy::lead_to).

mod lines;
mod pass;
mod rule;

pub use lines::Lines;
pub use rule::{Effect, Request, Rule, RuleHandle};

use anyhow::Result;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rule::Active;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A unix socket that leads to another one. Dropping it ends all connections.
pub struct Proxy {
    dir: TempDir,
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    upstream: Mutex<PathBuf>,
    rules: Mutex<Vec<Arc<Active>>>,
    seen: Mutex<Vec<Request>>,
    /// Grows when all connections are cut.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// A new socket in front of `upstream`.
    pub fn start(upstream: &Path) -> Result<Proxy> {
        let shared = Shared {
            upstream: Mutex::new(upstream.to_owned()),
            rules: Mutex::default(),
            seen: Mutex::default(),
            cuts: watch::Sender::new(0),
        };
        let proxy =
            Proxy { dir: tempfile::tempdir()?, shared: Arc::new(shared), accepting: Mutex::default() };
        proxy.up()?;
        Ok(proxy)
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }
    /// Its socket as `$DOCKER_HOST` has it.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
    /// The requests that came, in order.
    pub fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().clone()
    }
    /// Puts a rule in force. Rules are asked in the order they were made; the first that fits and is not used up applies.
    pub fn rule(&self, rule: Rule) -> RuleHandle {
        let active = Active::new(rule);
        self.shared.rules.lock().push(Arc::clone(&active));
        RuleHandle::new(active)
    }

    /// Breaks all connections, in the middle of whatever they say.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }
    /// Nobody listens any more and all connections are broken.
    pub fn down(&self) {
        if let Some(accepting) = self.accepting.lock().take() {
            accepting.abort();
        }
        // It may be gone: `down` twice.
        let _ = std::fs::remove_file(self.socket());
        self.cut();
    }
    /// Listens again.
    pub fn up(&self) -> Result<()> {
        let mut accepting = self.accepting.lock();
        if accepting.is_none() {
            let listener = UnixListener::bind(self.socket())?;
            *accepting = Some(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
        }
        Ok(())
    }
    /// Breaks all connections; new ones lead to another engine.
    pub fn lead_to(&self, upstream: &Path) {
        upstream.clone_into(&mut self.shared.upstream.lock());
        self.cut();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.down();
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let mut cuts = shared.cuts.subscribe();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(|request| pass::pass(Arc::clone(&shared), request));
            let served =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(client), service);
            tokio::select! { biased;
                _ = cuts.changed() => {}
                // How it ended is the client's business.
                _ = served => {}
            }
        });
    }
}

impl Shared {
    fn first(&self, request: &Request) -> Option<Arc<Active>> {
        let mut rules = self.rules.lock();
        rules.retain(|rule| !rule.is_released());
        rules.iter().find(|rule| rule.takes(request)).cloned()
    }
}

#[cfg(test)]
mod tests;
