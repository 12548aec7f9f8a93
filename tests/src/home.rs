//! The `rdd` binary in a home directory of its own, as a user has it.

use crate::harness::wait;
use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, timeout};

/// How long a command of `rdd` may take.
const LIMIT: Duration = Duration::from_secs(100);

/// A home directory with one instance in it. Dropped: the daemon is killed, the directory removed.
pub struct Home {
    directory: tempfile::TempDir,
    binary: PathBuf,
    instance: String,
    environment: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit code; `None`: ended by a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The `rdd` binary: `$RDD_TEST_BINARY`, or the one of this build, which is brought up to date when cargo runs the tests.
///
/// # Errors
/// It does not compile, or is not there.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("RDD_TEST_BINARY") {
        let path = PathBuf::from(path);
        ensure!(path.is_file(), "RDD_TEST_BINARY is not a file");
        return Ok(path);
    }
    let me = std::env::current_exe()?;
    let profile = me.ancestors().find(|dir| ["debug", "release"].iter().any(|name| dir.ends_with(name)));
    let profile = profile.context("this test does not run from a target directory; set RDD_TEST_BINARY")?;
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut command = std::process::Command::new(cargo);
        command.args(["build", "--quiet", "--workspace", "--bin", "rdd", "--target-dir"]);
        command.arg(profile.parent().context("a profile lies in a target directory")?);
        if profile.ends_with("release") {
            command.arg("--release");
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the kit lies in the workspace")?;
        let output = command.current_dir(root).stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "rdd does not build: {}", String::from_utf8_lossy(&output.stderr));
    }
    let binary = profile.join("rdd");
    ensure!(binary.is_file(), "no rdd binary: run cargo build --workspace --bin rdd");
    Ok(binary)
}

impl Home {
    /// A new one. The instance's name is unique on this machine, so that tests run side by side.
    pub fn new() -> anyhow::Result<Home> {
        let directory = tempfile::Builder::new().prefix("rdd-home-").tempdir()?;
        let unique = directory.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let unique: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
        let instance = format!("t-{}", unique.to_ascii_lowercase());
        Ok(Home { directory, binary: binary()?, instance, environment: Vec::new() })
    }
    /// Sets an environment variable of all its commands.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Home {
        self.environment.push((name.to_owned(), value.into()));
        self
    }
    /// The home directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
    /// `dir` of `rdd svc paths`.
    pub fn instance_dir(&self) -> PathBuf {
        self.path().join(".local/share").join(self.name())
    }
    /// The instance's full name.
    pub fn name(&self) -> String {
        format!("rancher-desktop-{}", self.instance)
    }
    /// Its kubeconfig, while the daemon runs.
    pub fn kubeconfig(&self) -> PathBuf {
        self.instance_dir().join("config.yaml")
    }

    /// A command of `rdd`, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path()).env("RDD_INSTANCE", &self.instance);
        command.env("DOCKER_CONFIG", self.path().join(".docker")).current_dir(self.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end, however it ends.
    pub async fn try_run(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        let what = format!("rdd {}", arguments.join(" "));
        let output = wait(&what, timeout(LIMIT, self.command(arguments).output())).await;
        let output = output.with_context(|| format!("{what}: not done after {LIMIT:?}"))??;
        Ok(Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a command, which must succeed; its standard output.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let ended = self.try_run(arguments).await?;
        let Ended { code, stdout, stderr } = ended;
        ensure!(
            code == Some(0),
            "rdd {} ended with {code:?}: {stdout}{stderr}{}",
            arguments.join(" "),
            self.log()
        );
        Ok(stdout)
    }

    /// Starts the daemon and mirrors an engine; returns when everything has settled.
    pub async fn attach(&self, endpoint: &str) -> anyhow::Result<()> {
        let endpoint = format!("machine.endpoint={endpoint}");
        self.run(&["svc", "start"]).await?;
        self.run(&["set", "running=true", "machine.driver=external", &endpoint]).await?;
        Ok(())
    }

    /// A client over TLS, with the token of the kubeconfig.
    pub async fn client(&self) -> anyhow::Result<kube::Client> {
        client(&self.kubeconfig()).await
    }

    /// The daemon's process id.
    pub fn pid(&self) -> anyhow::Result<i32> {
        let text = std::fs::read_to_string(self.instance_dir().join("rdd.pid")).context("no pid file")?;
        let first = text.split_whitespace().next().context("an empty pid file")?;
        first.parse().context("the pid file does not hold a number")
    }

    /// Ends the daemon at once, as a crash does, and waits until the process is gone.
    pub async fn kill(&self) -> anyhow::Result<()> {
        let pid = self.pid()?;
        signal(pid, rustix::process::Signal::KILL)?;
        let gone = async {
            while is_alive(pid) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        wait("the end of the killed daemon", timeout(Duration::from_secs(10), gone)).await?;
        Ok(())
    }

    /// What the daemon logged, for messages of failing tests.
    pub fn log(&self) -> String {
        let directory = self.path().join(".local/state").join(self.name());
        let log = std::fs::read_to_string(directory.join("rdd.stderr.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(30).collect();
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        format!("\nthe daemon's log ends with:\n{}", lines.join("\n"))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Ok(pid) = self.pid() {
            // It may have ended by itself.
            let _ = signal(pid, rustix::process::Signal::KILL);
        }
    }
}

/// A client from a kubeconfig file.
pub async fn client(kubeconfig: &Path) -> anyhow::Result<kube::Client> {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// Sends a signal to a process that a test started.
pub fn signal(pid: i32, signal: rustix::process::Signal) -> anyhow::Result<()> {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else { bail!("{pid} is no process id") };
    rustix::process::kill_process(pid, signal)?;
    Ok(())
}

/// Whether a process runs. A zombie, which nobody has waited for, does not.
pub fn is_alive(pid: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name in parentheses may hold anything: the state follows the last one.
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

/// Waits until something holds, looking again at short intervals: for what can not be watched, such as files and processes.
pub async fn eventually(
    what: &str,
    limit: Duration,
    mut holds: impl AsyncFnMut() -> bool,
) -> anyhow::Result<()> {
    let end = Instant::now() + limit;
    while !wait(what, holds()).await {
        ensure!(Instant::now() < end, "not after {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
