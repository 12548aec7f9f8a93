//! A private dockerd for tests, and the truth about its containers.
//!
//! Nothing here goes through the engine crate: what it says is an independent oracle. Containers have no network, so no bridge and no
//! packet filter is touched.

mod http;
mod image;
mod leftovers;

pub use http::Http;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// The image that [`Dockerd::image`] makes.
pub const IMAGE: &str = "rdd-test:latest";

/// How long dockerd may take to answer after it was started, or to go after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(30);

/// A dockerd with a data root, a socket and a life of its own. Dropping it kills it and all it started.
pub struct Dockerd {
    dir: TempDir,
    http: Http,
    storage: &'static str,
    process: Option<Child>,
}

/// A row of `docker ps -a`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct Row {
    pub id: String,
    /// Without the leading slash.
    pub name: String,
    /// `running`, `exited`, …
    pub state: String,
}

impl Dockerd {
    /// Starts one, waits until it answers, and gives it the test image.
    ///
    /// # Errors
    /// No dockerd or busybox (the message says how to get them), or it does not start: then with the end of its log.
    pub async fn start() -> Result<Dockerd> {
        let engine = Dockerd::bare().await?;
        engine.image().await?;
        Ok(engine)
    }

    /// Starts one without any image.
    pub async fn bare() -> Result<Dockerd> {
        leftovers::sweep();
        let dir = leftovers::directory()?;
        let http = Http::new(dir.path().join("docker.sock"));
        let mut engine = Dockerd { dir, http, storage: "overlay2", process: None };
        // overlay2 needs a file system beneath that allows it (not another overlay); vfs runs everywhere, more slowly.
        if engine.launch().await.is_err() {
            engine.storage = "vfs";
            engine.launch().await?;
        }
        Ok(engine)
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        self.http.socket()
    }
    /// Its socket as `$DOCKER_HOST` has it.
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
    /// Its data root.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("data")
    }
    /// Raw HTTP to it.
    pub fn http(&self) -> &Http {
        &self.http
    }
    /// Its process; `None` while it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Child::id)
    }
    /// The end of its log.
    pub fn log(&self) -> String {
        let text = std::fs::read(self.dir.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(4096)..]).into_owned()
    }

    /// Imports [`IMAGE`]: busybox and nothing else.
    pub async fn image(&self) -> Result<()> {
        let layer = image::layer()?;
        let path = "/images/create?fromSrc=-&repo=rdd-test&tag=latest";
        self.http.done("POST", path, Some(("application/x-tar", layer))).await.map(drop)
    }

    /// Creates a container from a full `POST /containers/create` body, to which image and network are added.
    pub async fn create_from(&self, name: &str, mut body: Value) -> Result<String> {
        let defaults = [("Image", json!(IMAGE)), ("HostConfig", json!({}))];
        for (field, value) in defaults {
            if body[field].is_null() {
                body[field] = value;
            }
        }
        body["HostConfig"]["NetworkMode"] = json!("none");
        let body = Bytes::from(serde_json::to_vec(&body)?);
        let path = format!("/containers/create?name={name}");
        let made = self.http.done("POST", &path, Some(("application/json", body))).await?;
        let made: Value = serde_json::from_slice(&made)?;
        Ok(made["Id"].as_str().context("an id")?.to_owned())
    }
    /// `docker create --name NAME CMD…`.
    pub async fn make(&self, name: &str, command: &[&str]) -> Result<String> {
        self.create_from(name, json!({ "Cmd": command })).await
    }
    /// `docker run -d --name NAME CMD…`.
    pub async fn run(&self, name: &str, command: &[&str]) -> Result<String> {
        let id = self.make(name, command).await?;
        self.post(&id, "start").await?;
        Ok(id)
    }
    /// Creates so many containers, called `c0`, `c1`, …, eight at a time. They are not started.
    pub async fn create(&self, count: usize) -> Result<Vec<String>> {
        let made = (0..count).map(|n| async move { self.make(&format!("c{n}"), &["sleep", "3600"]).await });
        futures::stream::iter(made).buffered(8).try_collect().await
    }
    /// `POST /containers/{id}/{what}`: `start`, `stop?t=0`, `kill`, `pause`, `rename?name=x`, … A 304 is fine.
    pub async fn post(&self, id: &str, what: &str) -> Result<()> {
        self.http.done("POST", &format!("/containers/{id}/{what}"), None).await.map(drop)
    }
    /// `docker rm -f`.
    pub async fn remove(&self, id: &str) -> Result<()> {
        self.http.done("DELETE", &format!("/containers/{id}?force=1"), None).await.map(drop)
    }
    /// `docker ps -a`, by id.
    pub async fn ps(&self) -> Result<Vec<Row>> {
        let list: Vec<Value> = serde_json::from_slice(&self.http.list().await?)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut rows: Vec<Row> = list
            .iter()
            .map(|entry| Row {
                id: text(&entry["Id"]),
                name: text(&entry["Names"][0]).trim_start_matches('/').to_owned(),
                state: text(&entry["State"]),
            })
            .collect();
        rows.sort();
        Ok(rows)
    }

    /// SIGSTOP: connections are accepted by the kernel, and nothing answers.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }
    /// SIGCONT.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }
    /// SIGKILL to dockerd, its containerd and all containers. The data stay.
    pub async fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        if let Some(mut process) = self.process.take() {
            process.wait().await?;
        }
        leftovers::end(self.dir.path());
        Ok(())
    }
    /// SIGTERM, and SIGKILL when that does not help; then everything else it started is ended. The data stay.
    pub async fn stop(&mut self) -> Result<()> {
        // `sleep` as process 1 ignores SIGTERM: dockerd would wait 10 s for each.
        if self.process.is_some() {
            let running = timeout(PATIENCE, self.ps()).await.unwrap_or(Ok(Vec::new())).unwrap_or_default();
            let killed = running.iter().filter(|row| row.state != "exited" && row.state != "created");
            let killed = killed.map(|row| self.post(&row.id, "kill"));
            // One that has just exited by itself refuses.
            futures::future::join_all(killed).await;
            self.signal(Signal::TERM)?;
        }
        if let Some(mut process) = self.process.take()
            && timeout(PATIENCE, process.wait()).await.is_err()
        {
            process.kill().await?;
        }
        leftovers::end(self.dir.path());
        Ok(())
    }
    /// Starts it again on the same data.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.pid().context("dockerd does not run")?;
        let pid = Pid::from_raw(i32::try_from(pid)?).context("a pid")?;
        Ok(kill_process(pid, signal)?)
    }

    async fn launch(&mut self) -> Result<()> {
        let program = program("dockerd").context("no dockerd on PATH: `apt-get install docker.io`")?;
        let at = |name: &str| self.dir.path().join(name);
        let log = File::create(at("log"))?;
        // A pid file of a killed process counts as long as nobody has reaped it. Nothing of ours runs now.
        let _ = std::fs::remove_dir_all(at("exec"));
        let _ = std::fs::remove_file(at("pid"));
        let process = Command::new(program)
            .args(["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"])
            .arg("--storage-driver")
            .arg(self.storage)
            .arg("--data-root")
            .arg(at("data"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("--pidfile")
            .arg(at("pid"))
            .arg("--host")
            .arg(self.endpoint())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("dockerd")?;
        self.process = Some(process);
        let answered = self.wait().await;
        if answered.is_err() {
            // Killed when dropped, if it has not ended by itself.
            self.process = None;
            leftovers::end(self.dir.path());
        }
        answered
    }

    /// Until it answers. There is nothing to wait on but the answer itself, so it is asked again and again.
    async fn wait(&mut self) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if timeout(Duration::from_secs(1), self.http.call("GET", "/_ping", None))
                .await
                .is_ok_and(|a| a.is_ok())
            {
                return Ok(());
            }
            if let Some(status) = self.process.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("dockerd did not start ({status}):\n{}", self.log());
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!("dockerd does not answer after {PATIENCE:?}:\n{}", self.log());
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // A stopped process dies from SIGKILL as well.
        let _ = self.signal(Signal::KILL);
        leftovers::end(self.dir.path());
    }
}

/// On PATH, or where Debian keeps the programs of the super user.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    directories.map(|directory| directory.join(name)).find(|file| file.is_file())
}
