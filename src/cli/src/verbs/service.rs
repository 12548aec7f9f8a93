//! `rdd service`: the daemon of an instance.

pub(crate) mod config;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod log;
pub(crate) mod paths;
pub(crate) mod serve;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;

use crate::context::Context;
use crate::failure::Outcome;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Create the instance; start nothing
    Create(Daemon),
    /// Start the daemon, creating the instance if it is absent
    Start(start::Args),
    /// Stop the daemon; containers go on, and so do mirrors' data
    Stop(stop::Args),
    /// Stop the daemon and remove everything it stored; containers go on
    Delete(delete::Args),
    /// Say whether it is created and runs
    Status(status::Args),
    /// Print the kubeconfig
    Config,
    /// Print the daemon's log
    #[command(visible_alias = "logs")]
    Log(log::Args),
    /// Print where files are
    Paths(paths::Args),
    /// Run the daemon in the foreground
    Serve(serve::Args),
}

/// Settings of the daemon.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(args_override_self = true)]
pub(crate) struct Daemon {
    /// Comma list of *, groups (app, containers) and names (app, engine); a leading - excludes; empty: the API server alone [default: *]
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(crate) controllers: Option<String>,
    /// Port of the API; it must be free [default: 6443 + the instance's index, or a free one]
    #[arg(long, value_name = "PORT")]
    pub(crate) secure_port: Option<u16>,
}

impl Daemon {
    /// As arguments of `serve`. Checked here, so that a wrong word is refused before anything is saved or started.
    ///
    /// # Errors
    /// An unknown controller.
    pub(crate) fn arguments(&self) -> Result<Vec<String>, rdd_daemon::controllers::Error> {
        let mut arguments = Vec::new();
        if let Some(words) = &self.controllers {
            rdd_daemon::Controllers::parse(words)?;
            arguments.push(format!("--controllers={words}"));
        }
        if let Some(port) = self.secure_port {
            arguments.push(format!("--secure-port={port}"));
        }
        Ok(arguments)
    }
}

/// Runs it.
pub(crate) async fn run(args: Args, context: &Context) -> Outcome {
    match args.verb {
        Verb::Create(args) => create::run(&args, context),
        Verb::Start(args) => start::run(args, context).await,
        Verb::Stop(args) => stop::run(args, context).await,
        Verb::Delete(args) => delete::run(args, context).await,
        Verb::Status(args) => status::run(args, context).await,
        Verb::Config => config::run(context).await,
        Verb::Log(args) => log::run(args, context).await,
        Verb::Paths(args) => paths::run(&args, context),
        Verb::Serve(args) => serve::run(args, context).await,
    }
}
