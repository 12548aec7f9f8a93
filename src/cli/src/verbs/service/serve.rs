//! `rdd svc serve`: the daemon, in the foreground.

use super::Daemon;
use crate::context::Context;
use crate::failure::{Exit, Failure, Outcome, chain};
use crate::service;
use rdd_daemon::controllers::Controllers;
use rdd_daemon::{Config, Port, daemon, logs, pid};
use std::fs::File;
use std::io::Write;
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
    let config = config(&args, context)?;
    let paths = context.paths()?;
    let stop = signals()?;
    rdd_daemon::files::private_dir(&paths.dir)?;
    let claim = pid::Claim::take(&paths.pid_file).await.map_err(|e| match e {
        pid::Error::Running(pid) => Failure::error(format!(
            "control plane \"{}\" is already running (pid {pid}); `rdd svc stop` stops it",
            context.instance
        )),
        other => Failure::error(chain(&other)),
    })?;
    let mut starter = match args.background {
        true => Some(service::redirect(&paths, &logs::Settings::current())?),
        false => None,
    };
    let served = serve(config, stop, &mut starter).await;
    // Whoever waits for the claim may rely on everything else being done.
    drop(claim);
    if let (Err(failure), Some(mut starter)) = (&served, starter) {
        // To whoever started us; the log gets it as well. He may be gone: then the log has to do.
        let _ = starter.write_all(failure.message.as_deref().unwrap_or_default().as_bytes());
    }
    served
}

async fn serve(config: Config, stop: CancellationToken, starter: &mut Option<File>) -> Outcome {
    let built = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(Exit::Done),
        built = daemon::Daemon::build(config) => built,
    };
    let daemon = built.map_err(|error| Failure::error(chain(&error)))?;
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

/// The first SIGINT or SIGTERM stops in order, the second at once.
#[cfg(unix)]
fn signals() -> Result<CancellationToken, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |e: std::io::Error| Failure::error(format!("signals can not be handled: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let stop = CancellationToken::new();
    let first = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if first.is_cancelled() {
                std::process::exit(1);
            }
            first.cancel();
        }
    });
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
