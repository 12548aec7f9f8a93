//! The daemon as a service: making it, starting it, waiting for it, ending it.

use crate::context::{Context, client_of};
use crate::duration::Limit;
use crate::failure::{Exit, Failure};
use crate::log::say;
use rdd_daemon::{Paths, args, files, pid};
use std::time::Duration;
use tokio::time::Instant;

mod spawn;

pub(crate) use spawn::{detach, redirect};

/// How long whoever needs the service waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at a daemon that is starting.
const LOOK: Duration = Duration::from_millis(5);

/// What came of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// It runs since now.
    Now,
    /// It ran already.
    Already,
}

/// Creates the instance. Returns whether it was absent.
///
/// # Errors
/// Its directory can not be written.
pub(crate) fn create(context: &Context, arguments: &[String]) -> Result<bool, Failure> {
    let paths = context.paths()?;
    if args::created(&paths) {
        return Ok(false);
    }
    args::save(&paths, arguments)?;
    say(&format!("successfully created \"{}\" control plane", context.instance));
    Ok(true)
}

/// Makes sure that the service is up: creates the instance when it is absent, starts the daemon when it does not run, waits until it is ready.
///
/// # Errors
/// It does not start, or is not ready within [`PATIENCE`].
pub(crate) async fn up(context: &Context) -> Result<kube::Client, Failure> {
    let paths = context.paths()?;
    // The way most commands go: it runs and is ready.
    if pid::running(&paths.pid_file).is_some()
        && let Ok(client) = ready(&paths).await
    {
        return Ok(client);
    }
    create(context, &[])?;
    let limit = Limit(PATIENCE);
    start(context, &[], Some(limit)).await?;
    context.client().await
}

/// Starts the daemon, if it does not run, and waits for readiness; without a limit given it does not wait.
///
/// # Errors
/// It does not start (with the daemon's own words), or is not ready in time.
pub(crate) async fn start(
    context: &Context,
    arguments: &[String],
    wait: Option<Limit>,
) -> Result<Started, Failure> {
    let paths = context.paths()?;
    let name = &context.instance;
    if pid::running(&paths.pid_file).is_some() {
        if let Some(limit) = wait {
            await_ready(context, &paths, limit, None).await?;
        }
        return Ok(Started::Already);
    }
    say(&format!("starting \"{name}\" control plane"));
    let saved = args::load(&paths)?.unwrap_or_default();
    files::private_dir(&paths.dir)?;
    let child = spawn::daemon(context, &paths, saved.iter().chain(arguments))?;
    match wait {
        Some(limit) => {
            await_ready(context, &paths, limit, Some(child)).await?;
            say(&format!("\"{name}\" control plane is ready"));
        }
        None => say(&format!("\"{name}\" control plane is starting")),
    }
    Ok(Started::Now)
}

/// Waits until the daemon says that it is ready. A child that we started and that ends instead is an error at once.
async fn await_ready(
    context: &Context,
    paths: &Paths,
    limit: Limit,
    child: Option<spawn::Child>,
) -> Result<(), Failure> {
    let name = &context.instance;
    let started = Instant::now();
    let mut last = String::from("it does not answer yet");
    let wait = async {
        if let Some(child) = child {
            let said = child.startup().await;
            // Another start may have been faster: then its daemon is the one to wait for.
            if !said.is_empty() && pid::running(&paths.pid_file).is_none() {
                return Err(Failure::error(said));
            }
        }
        loop {
            match ready(paths).await {
                Ok(_) => return Ok(()),
                Err(why) => last = why,
            }
            if pid::running(&paths.pid_file).is_none() && started.elapsed() > Duration::from_secs(2) {
                let log = rdd_daemon::logs::Name::Stderr.path(paths);
                return Err(Failure::error(format!(
                    "the \"{name}\" control plane ended while it started; {} says why",
                    log.display()
                )));
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let done = limit.wait(wait).await;
    done.unwrap_or_else(|| {
        Err(Failure::timed_out(format!("\"{name}\" control plane is not ready after {limit}: {last}")))
    })
}

/// A client, if the daemon answers that it is ready; else the last thing it said.
async fn ready(paths: &Paths) -> Result<kube::Client, String> {
    let kubeconfig =
        std::fs::read_to_string(&paths.config).map_err(|_| "it has no kubeconfig yet".to_owned())?;
    let client = client_of(&kubeconfig).await?;
    let request = http::Request::get("/readyz/startup").body(Vec::new()).map_err(|e| e.to_string())?;
    let asked = tokio::time::timeout(Duration::from_secs(5), client.request_text(request)).await;
    match asked {
        Ok(Ok(_)) => Ok(client),
        Ok(Err(error)) => Err(crate::failure::reason(&error)),
        Err(_) => Err("/readyz/startup does not answer".to_owned()),
    }
}

/// Ends the daemon: SIGINT, and SIGTERM at the deadline. Returns whether it ran.
///
/// # Errors
/// It still ran at the deadline.
pub(crate) async fn stop(context: &Context, wait: Option<Limit>) -> Result<bool, Failure> {
    let paths = context.paths()?;
    let Some(pid) = pid::running(&paths.pid_file) else { return Ok(false) };
    spawn::interrupt(pid)
        .map_err(|e| Failure::error(format!("the daemon (pid {pid}) can not be stopped: {e}")))?;
    let Some(limit) = wait else { return Ok(true) };
    let file = paths.pid_file.clone();
    let (gone, ended) = tokio::sync::oneshot::channel();
    // A thread, not a blocking task: at the deadline the process exits without waiting for it.
    std::thread::spawn(move || {
        pid::wait_until_gone(&file);
        let _ = gone.send(());
    });
    if limit.wait(ended).await.is_none() {
        let _ = spawn::terminate(pid);
        return Err(Failure {
            exit: Exit::TimedOut,
            message: Some(format!(
                "\"{}\" control plane (pid {pid}) has not stopped after {limit} and was told to end at once: context deadline exceeded",
                context.instance
            )),
        });
    }
    Ok(true)
}
