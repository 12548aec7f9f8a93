//! Where supervision runs, and where actors run: threads of their own, or one LocalSet for all.

use std::{io, time::Duration};

use futures::future::LocalBoxFuture;
use tokio::{runtime::Handle, sync::mpsc, task::LocalSet};

use crate::panics;

/// A future made on the thread on which it will run.
pub(crate) type Make = Box<dyn FnOnce() -> LocalBoxFuture<'static, ()> + Send>;

/// The place of all actors of one supervisor.
pub(crate) enum Host {
    /// Supervision on this runtime, each incarnation on a thread of its own.
    Threads(Handle),
    /// Everything on one LocalSet, through the task that reads this.
    Local(mpsc::UnboundedSender<Make>),
}

impl Host {
    /// A host on the LocalSet within which this is called.
    pub(crate) fn local() -> Host {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Make>();
        tokio::task::spawn_local(async move {
            while let Some(make) = receiver.recv().await {
                tokio::task::spawn_local(make());
            }
        });
        Host::Local(sender)
    }

    /// Runs a supervising future.
    pub(crate) fn supervise(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self {
            Host::Threads(runtime) => drop(runtime.spawn(work)),
            // Fails only when the test's LocalSet has gone, and everything with it.
            Host::Local(sender) => drop(sender.send(Box::new(move || Box::pin(work)))),
        }
    }

    /// Gives an incarnation its place.
    pub(crate) fn seat(&self, name: &str, make: Make) -> io::Result<()> {
        match self {
            Host::Threads(_) => {
                // The kernel cuts thread names at 15 bytes: the last part says most.
                let short = name.rsplit('/').next().unwrap_or(name).to_owned();
                std::thread::Builder::new().name(short).spawn(move || run_here(make)).map(drop)
            }
            Host::Local(sender) => {
                sender.send(make).map_err(|_| io::Error::other("the LocalSet that hosted the actors is gone"))
            }
        }
    }
}

/// The life of an actor's thread.
fn run_here(make: Make) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "an actor's runtime could not be built");
            return; // dropping `make` reports the failed start
        }
    };
    let local = LocalSet::new();
    local.block_on(&runtime, async move { make().await });
    // Dropping it polls and drops what is left in it, which may want the runtime's timers, and may panic.
    let _entered = runtime.enter();
    let _ = panics::catch(move || drop(local));
}

/// Blocks the thread: what chaos does to show that others go on.
#[expect(clippy::disallowed_methods, reason = "blocking is the purpose")]
pub(crate) fn block(time: Duration) {
    std::thread::sleep(time);
}
