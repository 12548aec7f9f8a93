//! `rdd svc serve`: the daemon, in the foreground.

use super::Daemon;
use crate::context::Context;
use crate::failure::{Exit, Failure, Outcome, chain};
use crate::service;
use rdd_daemon::controllers::Controllers;
use rdd_daemon::{Config, Port, daemon, logs, pid};
use std::fs::File;
use std::io::Write;
#[cfg(unix)]
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What runs, and where.
    #[command(flatten)]
    pub(crate) daemon: Daemon,
    /// Of `svc start`: leave the session, log to files
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}

/// Runs it: the life of the daemon.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    if args.background {
        service::detach();
    }
    private();
    let stop = signals()?;
    let (claim, mut starter) = match claim(&args, context).await {
        Ok(claimed) => claimed,
        // Stderr is still the pipe to whoever started us: he gets the reason alone, and says it as his own.
        Err(failure) if args.background => {
            tell(&mut std::io::stderr(), &failure);
            return Err(Failure::silent(failure.exit));
        }
        Err(failure) => return Err(failure),
    };
    let served = serve(&args, context, stop, &mut starter).await;
    // Whoever waits for the claim may rely on everything else being done.
    drop(claim);
    if let (Err(failure), Some(mut starter)) = (&served, starter) {
        tell(&mut starter, failure); // the log gets it as well
    }
    served
}

/// Takes the instance. In the background stderr is the log from then on, and the pipe that it was comes back.
async fn claim(args: &Args, context: &Context) -> Result<(pid::Claim, Option<File>), Failure> {
    // Looked at first: a wrong word is refused before anything is made.
    config(args, context)?;
    let paths = context.paths()?;
    rdd_daemon::files::private_dir(&paths.dir)?;
    let claim = pid::Claim::take(&paths.pid_file).await.map_err(|e| match e {
        pid::Error::Running(pid) => Failure::error(format!(
            "control plane \"{}\" is already running (pid {pid}); `rdd svc stop` stops it",
            context.instance
        )),
        other => Failure::error(chain(&other)),
    })?;
    let starter = match args.background {
        true => Some(service::redirect(&paths, &logs::Settings::current())?),
        false => None,
    };
    Ok((claim, starter))
}

/// Tells whoever started us why nothing came of it. He may be gone: then the log has to do.
fn tell(starter: &mut impl Write, failure: &Failure) {
    let _ = starter.write_all(failure.message.as_deref().unwrap_or_default().as_bytes());
}

async fn serve(
    args: &Args,
    context: &Context,
    stop: CancellationToken,
    starter: &mut Option<File>,
) -> Outcome {
    let built = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(Exit::Done),
        built = daemon::Daemon::build(config(args, context)?) => built,
    };
    let daemon = built.map_err(|error| Failure::error(chain(&error)))?;
    // What serves has been created, also when nobody said `create`: else nobody would find what it stored.
    service::create(context, &args.daemon.arguments()?)?;
    // Closing the pipe without a word says "ready".
    drop(starter.take());
    daemon.run(stop.cancelled_owned()).await;
    Ok(Exit::Done)
}

fn config(args: &Args, context: &Context) -> Result<Config, Failure> {
    let mut config = Config::of(&context.instance, context.paths()?);
    if let Some(words) = &args.daemon.controllers {
        config.controllers = Controllers::parse(words)?;
    }
    if let Some(port) = args.daemon.secure_port {
        config.port = Port::Exactly(port);
    }
    config.developer = context.developer;
    config.docker_host = std::env::var("DOCKER_HOST").ok().filter(|value| !value.is_empty());
    Ok(config)
}

/// Whatever is made from now on (the database with its side files, sockets, logs) is for its owner alone.
#[cfg(unix)]
fn private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

#[cfg(not(unix))]
fn private() {}

/// An orderly stop cuts itself off after 20 s; one that can not even do that is ended after this long.
#[cfg(unix)]
const STUCK: Duration = Duration::from_secs(25);

/// The first SIGINT or SIGTERM stops in order, the second at once. They are heard on a thread of their own: a daemon whose workers are all
/// blocked must end as well.
#[cfg(unix)]
fn signals() -> Result<CancellationToken, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |e: std::io::Error| Failure::error(format!("signals can not be handled: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?)
    };
    let stop = CancellationToken::new();
    let first = stop.clone();
    let listening = async move {
        let mut next = async || {
            tokio::select! {
                biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        next().await;
        first.cancel();
        if tokio::time::timeout(STUCK, next()).await.is_err() {
            tracing::error!("the control plane is stuck and ends at once");
        }
        std::process::exit(1);
    };
    let listen = move || runtime.block_on(listening);
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map_err(failed)?;
    Ok(stop)
}

/// The first Ctrl-C stops in order, the second at once.
#[cfg(not(unix))]
fn signals() -> Result<CancellationToken, Failure> {
    let stop = CancellationToken::new();
    let first = stop.clone();
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if first.is_cancelled() {
                std::process::exit(1);
            }
            first.cancel();
        }
    });
    Ok(stop)
}
