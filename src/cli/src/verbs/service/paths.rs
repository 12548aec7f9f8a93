//! `rdd svc paths`.

use crate::context::Context;
use crate::failure::{Exit, Outcome};
use crate::out;
use rdd_daemon::Paths;
use rdd_daemon::paths::Key;
use serde_json::{Map, Value};

/// Arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this one
    pub(crate) key: Option<String>,
    /// How to print it
    #[arg(short, long, default_value = "table")]
    pub(crate) output: Form,
}

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum Form {
    Table,
    Json,
    Shell,
}

/// Runs it.
pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let paths = context.paths()?;
    let keys = match &args.key {
        Some(name) => vec![Key::parse(name)?],
        None => Key::ALL.to_vec(),
    };
    match args.output {
        // One key in plain is for `cd $(rdd svc paths dir)`.
        Form::Table if args.key.is_some() => out::line(&shown(&paths, keys[0]))?,
        Form::Table => {
            let width = keys.iter().map(|key| key.as_str().len()).max().unwrap_or(0);
            for key in keys {
                out::line(&format!("{:width$}   {}", key.as_str(), shown(&paths, key)))?;
            }
        }
        Form::Json => {
            let object: Map<String, Value> =
                keys.iter().map(|key| (key.to_string(), shown(&paths, *key).into())).collect();
            out::json(&object)?;
        }
        Form::Shell => {
            for key in keys {
                out::line(&export(key, &shown(&paths, key)))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn shown(paths: &Paths, key: Key) -> String {
    paths.get(key).to_string_lossy().into_owned()
}

/// `export RDD_DIR="…"`, safe to evaluate whatever the path has in it.
fn export(key: Key, path: &str) -> String {
    let mut quoted = String::new();
    for c in path.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    format!("export RDD_{}=\"{quoted}\"", key.as_str().to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_can_evaluate_any_path() {
        assert_eq!(export(Key::LogDir, "/a b"), r#"export RDD_LOG_DIR="/a b""#);
        assert_eq!(export(Key::Dir, r#"/$(x)`y`"z\"#), r#"export RDD_DIR="/\$(x)\`y\`\"z\\""#);
    }
}
