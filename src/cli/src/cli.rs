//! The commands, as clap knows them.

use crate::log;
use crate::verbs::{completion, container, ctl, debug, kubectl, run, service, set, start, stop, version};
use clap::Parser;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "rdd",
    about = "Your container engine as Kubernetes resources.",
    version = version::VERSION,
    disable_version_flag = true,
    disable_help_subcommand = true,
    help_template = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Options:\n{options}{after-help}",
    before_help = COMMANDS,
    after_help = EXAMPLES,
    override_usage = "rdd [--instance NAME] <COMMAND>",
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// How much is logged: fatal, error, warn, info, debug, trace [default: warn, in developer mode debug; env: RDD_LOG_LEVEL]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: log::Format,
    /// Print the version
    #[arg(long, action = clap::ArgAction::Version)]
    pub(crate) version: Option<bool>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// The daemon: create, start, stop, delete, status, config, log, paths, serve
    #[command(visible_alias = "svc")]
    Service(service::Args),
    /// Change what the App wants, and wait until it is so
    Set(set::Args),
    /// Mirror the engine: `set running=true`
    Start(start::Args),
    /// Stop mirroring: `set running=false`; containers go on
    Stop(stop::Args),
    /// Run a command with this instance's engine as its Docker context
    Run(run::Args),
    /// Containers: ls, inspect, start, stop, restart, pause, unpause, rm
    #[command(visible_alias = "ctr")]
    Container(container::Args),
    /// kubectl on this instance; and `wait-condition`
    Ctl(ctl::Args),
    /// kubectl on the cluster of your KUBECONFIG
    Kubectl(kubectl::Args),
    /// The daemon's inside: messages, chaos, supervision
    Debug(debug::Args),
    /// Print the version
    Version(version::Args),
    /// Print a completion script for your shell
    Completion(completion::Args),
}

/// The commands by what they are for: clap knows no groups of commands. A test holds this list to the commands there are.
const COMMANDS: &str = "\
Service:
  service, svc   The daemon: create, start, stop, delete, status, config, log, paths, serve

Engine:
  start          Mirror the engine: `set running=true`
  stop           Stop mirroring: `set running=false`; containers go on
  set            Change what the App wants, and wait until it is so
  run            Run a command with this instance's engine as its Docker context

Resources:
  container, ctr Containers: ls, inspect, start, stop, restart, pause, unpause, rm
  ctl            kubectl on this instance; and `wait-condition`

Tools:
  kubectl        kubectl on the cluster of your KUBECONFIG
  debug          The daemon's inside: messages, chaos, supervision
  completion     Print a completion script for your shell
  version        Print the version

";

const EXAMPLES: &str = "
Examples:
  rdd start                           start the daemon and mirror the engine it finds
  rdd container ls -w                 the containers, and each change
  rdd container restart web           by name, id or prefix
  rdd ctl get containers -w           the same with kubectl
  rdd ctl delete container <id>       removes the container from the engine
  rdd set machine.endpoint=tcp://127.0.0.1:2375
  rdd --instance test svc start       a second daemon beside the first
  rdd stop                            stops mirroring; the containers run on

The instance is RDD_INSTANCE (default 2), or --instance as the very first argument.";

/// A usage error as one line, in the words users of kubectl know.
pub(crate) fn usage(error: &clap::Error) -> String {
    use clap::error::{ContextKind, ErrorKind};
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::UnknownArgument => {
            let flag = context(ContextKind::InvalidArg);
            match flag.starts_with('-') {
                true => format!("unknown flag: {}", flag.split(['=', ' ']).next().unwrap_or_default()),
                false => format!("unexpected argument {flag:?}"),
            }
        }
        ErrorKind::InvalidSubcommand => {
            format!("unknown command {:?}", context(ContextKind::InvalidSubcommand))
        }
        // The first paragraph, without clap's own prefix, on one line.
        _ => {
            let text = error.render().to_string();
            let first =
                text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default().to_owned();
            first.split_whitespace().collect::<Vec<_>>().join(" ")
        }
    };
    format!("{what}; `rdd --help` shows what there is")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_lists_every_command_with_its_own_words() {
        for command in Cli::command().get_subcommands() {
            let names: Vec<&str> =
                std::iter::once(command.get_name()).chain(command.get_visible_aliases()).collect();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let named = |line: &str| line.trim().starts_with(&names.join(", ")) && line.ends_with(&about);
            assert!(COMMANDS.lines().any(named), "{names:?} {about:?}");
        }
        assert_eq!(
            COMMANDS.lines().filter(|l| l.starts_with("  ")).count(),
            Cli::command().get_subcommands().count()
        );
    }

    #[test]
    fn usage_errors_are_one_line() {
        let cases = [
            (&["rdd", "svc", "--instance", "x"][..], "unknown flag: --instance; "),
            (&["rdd", "svc", "status", "--instance=x"], "unknown flag: --instance; "),
            (&["rdd", "nonsense"], "unknown command \"nonsense\"; "),
            (&["rdd", "svc", "start", "--timeout", "x"], "invalid value 'x' for '--timeout"),
        ];
        for (args, expected) in cases {
            let error = Cli::try_parse_from(args).unwrap_err();
            let line = usage(&error);
            assert!(line.starts_with(expected) && !line.contains('\n'), "{line}");
        }
    }
}
