//! Every kubectl that is to be found, and what a user does with one.

use crate::harness::Version;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// One kubectl.
#[derive(Clone, Debug)]
pub struct Kubectl {
    /// The program.
    pub path: PathBuf,
    /// Its client version.
    pub version: Version,
}

/// A kubectl that goes on running, such as `get -w`. Dropped: ended.
pub struct Follow {
    _child: Child,
    lines: mpsc::UnboundedReceiver<(Instant, String)>,
}

/// All of them, oldest first, one per version: from PATH with those of other versions beside it (`kubectl.1.27`), and from
/// `RDD_TEST_KUBECTLS` (files or directories, joined by `:`).
pub fn all() -> &'static [Kubectl] {
    static ALL: OnceLock<Vec<Kubectl>> = OnceLock::new();
    ALL.get_or_init(|| {
        let named = std::env::var_os("RDD_TEST_KUBECTLS").unwrap_or_default();
        let named: Vec<PathBuf> =
            std::env::split_paths(&named).filter(|p| !p.as_os_str().is_empty()).collect();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).map(|directory| directory.join("kubectl"));
        let on_path = on_path.filter_map(|link| link.canonicalize().ok());
        let beside = on_path.filter_map(|file| file.parent().map(files)).flatten();
        let files = named.iter().flat_map(|path| files(path)).chain(beside);
        let mut all: Vec<Kubectl> = files.filter_map(|path| probe(&path)).collect();
        all.sort_by_key(|kubectl| kubectl.version);
        all.dedup_by_key(|kubectl| kubectl.version);
        all
    })
}

/// The oldest one that is at least this version, and the newest one: what a matrix should try.
pub fn ends(at_least: Version) -> Vec<&'static Kubectl> {
    let mut good = all().iter().filter(|kubectl| kubectl.version >= at_least);
    let oldest = good.next();
    oldest.into_iter().chain(good.next_back()).collect()
}

/// The newest one.
pub fn newest() -> anyhow::Result<&'static Kubectl> {
    all().last().context("no kubectl")
}

/// The files named `kubectl*` in a directory, or the file itself.
fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = path.read_dir() else { return vec![path.to_owned()] };
    let files = entries.flatten().map(|entry| entry.path());
    files.filter(|file| is_kubectl(file)).collect()
}

/// `kubectl`, or `kubectl.1.27`: not its plugins, which are called `kubectl-…`.
fn is_kubectl(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name == "kubectl" || name.starts_with("kubectl.")
}

/// Asks for the version. Anything that does not answer like a kubectl is none.
fn probe(path: &Path) -> Option<Kubectl> {
    let mut command = std::process::Command::new(path);
    let output = command.args(["version", "--client", "-o", "json"]).stdin(Stdio::null()).output().ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let number = |field: &str| {
        let text = answer["clientVersion"][field].as_str()?;
        text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()
    };
    let version = Version(number("major")?, number("minor")?);
    Some(Kubectl { path: path.to_owned(), version })
}

impl Kubectl {
    fn command(&self, kubeconfig: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments).env("KUBECONFIG", kubeconfig).env_remove("KUBECTL_COMMAND_HEADERS");
        // Each kubeconfig has a cache of its own: discovery of one world must not answer for another.
        command.env("KUBECACHEDIR", kubeconfig.with_extension("cache"));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs it to its end; what it printed on both streams, and whether it succeeded.
    pub async fn try_run(&self, kubeconfig: &Path, arguments: &[&str]) -> anyhow::Result<(bool, String)> {
        let output = self.command(kubeconfig, arguments).output().await.context("kubectl did not start")?;
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), text))
    }

    /// Runs it to its end, which must be a good one. What it printed on both streams.
    pub async fn run(&self, kubeconfig: &Path, arguments: &[&str]) -> anyhow::Result<String> {
        let (good, text) = self.try_run(kubeconfig, arguments).await?;
        ensure!(good, "kubectl {} {} failed: {text}", self.version, arguments.join(" "));
        Ok(text)
    }

    /// Starts it and reads its lines as they come.
    pub fn follow(&self, kubeconfig: &Path, arguments: &[&str]) -> anyhow::Result<Follow> {
        let mut command = self.command(kubeconfig, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdout = child.stdout.take().context("no stdout")?;
        let (tell, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut reader = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                if tell.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Ok(Follow { _child: child, lines })
    }
}

impl Follow {
    /// The next line that satisfies a condition, and when it came. Lines before it are passed over.
    pub async fn line(&mut self, wanted: impl Fn(&str) -> bool) -> anyhow::Result<(Instant, String)> {
        while let Some((at, line)) = self.lines.recv().await {
            if wanted(&line) {
                return Ok((at, line));
            }
        }
        anyhow::bail!("kubectl ended before it printed the line")
    }
}
