//! What happens to the command line before clap sees it.
//!
//! `--instance` counts only as the very first argument, and everything behind `ctl`, `kubectl` and `run` belongs to somebody else.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// A command line, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The value of a leading `--instance`.
    pub(crate) instance: Option<String>,
    /// What clap gets, program name first.
    pub(crate) rest: Vec<OsString>,
}

/// Flags of ours that may stand before the verb and take a value as a word of its own.
const WITH_VALUE: [&str; 2] = ["--log-level", "--log-format"];

impl Arguments {
    /// Takes a command line apart.
    ///
    /// # Errors
    /// A leading `--instance` without its value.
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
        let mut args = args.into_iter();
        let program = args.next().unwrap_or_else(|| "rdd".into());
        let mut args: Vec<OsString> = args.collect();
        let mut rest: Vec<OsString> = vec!["rdd".into()];
        if called_kubectl(&program) {
            rest.extend(["kubectl".into(), "--".into()]);
            rest.append(&mut args);
            return Ok(Arguments { instance: None, rest });
        }
        let instance = leading_instance(&mut args)?;
        if let Some(verb) = position_of_verb(&args) {
            let next = args.get(verb + 1).and_then(|a| a.to_str());
            let foreign = match args[verb].to_str() {
                Some("kubectl") => true,
                Some("ctl") => next != Some("wait-condition"),
                Some("run") => !matches!(next, None | Some("-h" | "--help")),
                _ => false,
            };
            if foreign {
                args.insert(verb + 1, "--".into());
            }
        }
        rest.append(&mut args);
        Ok(Arguments { instance, rest })
    }
}

/// Whether the program is called by the name of kubectl.
fn called_kubectl(program: &OsStr) -> bool {
    let name = Path::new(program).file_name().and_then(OsStr::to_str);
    matches!(name, Some("kubectl" | "kubectl.exe" | "kubectl.rdd"))
}

fn leading_instance(args: &mut Vec<OsString>) -> Result<Option<String>, String> {
    let Some(first) = args.first().and_then(|a| a.to_str()) else { return Ok(None) };
    if let Some(value) = first.strip_prefix("--instance=") {
        let value = value.to_owned();
        args.remove(0);
        return Ok(Some(value));
    }
    if first != "--instance" {
        return Ok(None);
    }
    args.remove(0);
    if args.is_empty() {
        return Err("flag needs an argument: --instance".into());
    }
    Ok(Some(args.remove(0).to_string_lossy().into_owned()))
}

/// Where the first word is that is not a flag, nor a flag's value.
fn position_of_verb(args: &[OsString]) -> Option<usize> {
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        match arg.to_str() {
            Some(flag) if WITH_VALUE.contains(&flag) => at += 2,
            Some("--") => return None,
            Some(flag) if flag.starts_with('-') => at += 1,
            _ => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> (Option<String>, Vec<String>) {
        let parsed = Arguments::parse(args.iter().map(OsString::from)).unwrap();
        let rest = parsed.rest.into_iter().map(|a| a.into_string().unwrap()).collect();
        (parsed.instance, rest)
    }

    #[test]
    fn the_instance_counts_only_as_the_very_first_argument() {
        for args in [&["rdd", "--instance", "x", "svc"][..], &["rdd", "--instance=x", "svc"]] {
            assert_eq!(parsed(args), (Some("x".into()), vec!["rdd".into(), "svc".into()]));
        }
        let (instance, rest) = parsed(&["rdd", "svc", "--instance", "x"]);
        assert_eq!((instance, rest.len()), (None, 4));
        assert!(Arguments::parse(["rdd", "--instance"].map(OsString::from)).is_err());
    }

    #[test]
    fn what_stands_behind_a_foreign_verb_is_passed_through() {
        let cases: [(&[&str], &[&str]); 8] = [
            (&["rdd", "ctl", "get", "-w"], &["rdd", "ctl", "--", "get", "-w"]),
            (&["rdd", "ctl", "--instance", "x"], &["rdd", "ctl", "--", "--instance", "x"]),
            (
                &["rdd", "--log-level", "debug", "ctl", "-h"],
                &["rdd", "--log-level", "debug", "ctl", "--", "-h"],
            ),
            (
                &["rdd", "kubectl", "exec", "p", "--", "ls"],
                &["rdd", "kubectl", "--", "exec", "p", "--", "ls"],
            ),
            (&["rdd", "run", "docker", "ps", "--help"], &["rdd", "run", "--", "docker", "ps", "--help"]),
            (&["rdd", "run", "--help"], &["rdd", "run", "--help"]),
            (&["rdd", "ctl", "wait-condition", "app/app"], &["rdd", "ctl", "wait-condition", "app/app"]),
            (&["rdd", "set", "ctl"], &["rdd", "set", "ctl"]),
        ];
        for (args, expected) in cases {
            assert_eq!(parsed(args).1, expected, "{args:?}");
        }
    }

    #[test]
    fn a_program_called_kubectl_is_kubectl() {
        for name in ["kubectl", "/opt/x/kubectl", "/opt/x/kubectl.rdd", "kubectl.exe"] {
            let (instance, rest) = parsed(&[name, "--instance", "x"]);
            assert_eq!(
                (instance, rest),
                (None, ["rdd", "kubectl", "--", "--instance", "x"].map(String::from).into())
            );
        }
    }
}
