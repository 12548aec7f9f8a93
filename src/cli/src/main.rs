//! The rdd command.

mod arenas;
mod arguments;
mod child;
mod cli;
mod context;
mod duration;
mod failure;
mod follow;
mod log;
mod out;
mod properties;
mod service;
mod settle;
mod tree;
mod verbs;

use arguments::Arguments;
use clap::Parser;
use clap::error::ErrorKind;
use cli::{Cli, Verb};
use context::Context;
use failure::{Exit, Failure, Outcome};
use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = run().unwrap_or_else(|failure| {
        if let Some(message) = &failure.message {
            log::fatal(message);
        }
        failure.exit
    });
    ExitCode::from(exit.code())
}

/// Arguments, logging, surroundings, verb.
fn run() -> Outcome {
    let arguments = Arguments::parse(std::env::args_os()).map_err(Failure::error)?;
    let cli = match Cli::try_parse_from(arguments.rest) {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    let context = Context::new(arguments.instance);
    let developer = context.as_ref().is_ok_and(|context| context.developer);
    log::init(level(&cli, developer)?, cli.log_format);
    match cli.verb {
        // These need no instance, and so no surroundings that make sense.
        Verb::Version(args) => return verbs::version::run(&args),
        Verb::Completion(args) => return verbs::completion::run(&args),
        _ => {}
    }
    let context = context?;
    let runtime = runtime(&cli.verb)?;
    let outcome = runtime.block_on(verb(cli.verb, &context));
    // What still blocks a thread (a lock that is waited for) must not keep the process.
    runtime.shutdown_background();
    outcome
}

async fn verb(verb: Verb, context: &Context) -> Outcome {
    match verb {
        Verb::Service(args) => verbs::service::run(args, context).await,
        Verb::Set(args) => verbs::set::run(args, context).await,
        Verb::Start(args) => verbs::start::run(args, context).await,
        Verb::Stop(args) => verbs::stop::run(args, context).await,
        Verb::Run(args) => verbs::run::run(args, context).await,
        Verb::Container(args) => verbs::container::run(args, context).await,
        Verb::Ctl(args) => verbs::ctl::run(args, context).await,
        Verb::Kubectl(args) => verbs::kubectl::run(args).await,
        Verb::Debug(args) => verbs::debug::run(args, context).await,
        Verb::Version(args) => verbs::version::run(&args),
        Verb::Completion(args) => verbs::completion::run(&args),
    }
}

/// Help and versions go to stdout; everything else is a usage error.
fn unparsed(error: &clap::Error) -> Outcome {
    match error.kind() {
        ErrorKind::DisplayVersion => out::line(verbs::version::VERSION)?,
        ErrorKind::DisplayHelp => out::text(&error.render().to_string())?,
        // No command at all: the help, and success, as `rdd --help`.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => out::text(&error.render().to_string())?,
        _ => return Err(Failure::error(cli::usage(error))),
    }
    Ok(Exit::Done)
}

/// Flag, environment, default.
fn level(cli: &Cli, developer: bool) -> Result<log::Level, Failure> {
    let variable = std::env::var("RDD_LOG_LEVEL").ok().filter(|value| !value.is_empty());
    match cli.log_level.clone().or(variable) {
        Some(word) => log::Level::parse(&word).map_err(Failure::error),
        None if developer => Ok(log::Level::Debug),
        None => Ok(log::Level::Warning),
    }
}

/// One thread for commands; for the daemon as many as its actors are promised.
fn runtime(verb: &Verb) -> Result<tokio::runtime::Runtime, Failure> {
    let serves = matches!(verb, Verb::Service(args) if matches!(args.verb, verbs::service::Verb::Serve(_)));
    let runtime = match serves {
        true => {
            arenas::limit_this();
            rdd_daemon::runtime()
        }
        false => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    runtime.map_err(|e| Failure::error(format!("no runtime: {e}")))
}
