//! The daemon under measurement: another process with a home of its own.

use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

/// A running `rdd service serve`.
pub(crate) struct Daemon {
    child: Child,
    home: tempfile::TempDir,
}

/// The binary: `$RDD_TEST_BINARY`, else the `rdd` beside this program.
pub(crate) fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("RDD_TEST_BINARY") {
        return Ok(path.into());
    }
    let beside = std::env::current_exe()?.with_file_name("rdd");
    ensure!(beside.exists(), "{} is missing; build it first: cargo build --release -p rdd", beside.display());
    Ok(beside)
}

impl Daemon {
    /// Starts a daemon in a fresh home and waits until it is ready.
    pub(crate) async fn start() -> Result<Daemon> {
        Self::start_in(tempfile::Builder::new().prefix("rdd-bench").tempdir()?).await
    }

    /// Starts a daemon in a home that may hold an instance already, and waits until it is ready.
    pub(crate) async fn start_in(home: tempfile::TempDir) -> Result<Daemon> {
        let child = Command::new(binary()?)
            .args(["service", "serve"])
            .env_remove("DOCKER_HOST")
            .env_remove("KUBECONFIG")
            .env("HOME", home.path())
            .env("RDD_INSTANCE", "bench")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(std::fs::File::create(home.path().join("serve.log"))?))
            .spawn()?;
        let mut daemon = Daemon { child, home };
        daemon.wait_ready().await?;
        Ok(daemon)
    }

    async fn wait_ready(&mut self) -> Result<()> {
        let give_up = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait()? {
                let log = std::fs::read_to_string(self.home.path().join("serve.log"))?;
                anyhow::bail!("the daemon ended with {status}: {log}");
            }
            if let Ok(kubeconfig) = self.kubeconfig()
                && let Ok(https) = crate::https::Https::connect(&kubeconfig).await
                && https.get("/readyz").await.is_ok_and(|(code, _)| code == 200)
            {
                return Ok(());
            }
            ensure!(Instant::now() < give_up, "the daemon was not ready within 30 s");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Its kubeconfig.
    pub(crate) fn kubeconfig(&self) -> Result<kube::config::Kubeconfig> {
        let path = self.home.path().join(".local/share/rancher-desktop-bench/config.yaml");
        kube::config::Kubeconfig::read_from(&path).with_context(|| path.display().to_string())
    }

    /// A Kubernetes client that speaks to it over HTTPS.
    pub(crate) async fn client(&self) -> Result<kube::Client> {
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(self.kubeconfig()?, &options).await?;
        Ok(kube::Client::try_from(config)?)
    }

    /// A bare HTTPS connection to it.
    pub(crate) async fn https(&self) -> Result<crate::https::Https> {
        crate::https::Https::connect(&self.kubeconfig()?).await
    }

    /// Resident memory in bytes (VmRSS).
    pub(crate) fn resident(&self) -> Result<u64> {
        resident(self.child.id())
    }

    /// Wants the engine at an endpoint, and waits until it is connected and synced. Returns how long that took from the request.
    pub(crate) async fn attach(&self, endpoint: &str) -> Result<Duration> {
        use futures::{StreamExt, TryStreamExt};
        let client = self.client().await?;
        let apps: kube::Api<kube::api::DynamicObject> = kube::Api::all_with(client, &app_resource());
        let app = serde_json::from_value(serde_json::json!({
            "apiVersion": "app.rancherdesktop.io/v1alpha1", "kind": "App", "metadata": { "name": "app" },
            "spec": { "running": true, "machine": { "driver": "external", "endpoint": endpoint } },
        }))?;
        let started = Instant::now();
        apps.create(&Default::default(), &app).await?;
        let watch = kube::runtime::watcher(apps, Default::default()).try_filter_map(async |event| {
            Ok(match event {
                kube::runtime::watcher::Event::Apply(app) | kube::runtime::watcher::Event::InitApply(app) => {
                    Some(app)
                }
                _ => None,
            })
        });
        let mut watch = std::pin::pin!(watch);
        let wait = async {
            while let Some(app) = watch.next().await {
                let app = app?;
                let conditions = app.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
                let connected = |condition: &serde_json::Value| {
                    condition["type"] == "ContainerEngineReady" && condition["reason"] == "Connected"
                };
                if conditions.iter().any(connected) {
                    return Ok(started.elapsed());
                }
            }
            anyhow::bail!("the watch ended")
        };
        tokio::time::timeout(Duration::from_secs(120), wait).await.context("not connected within 120 s")?
    }

    /// Ends it (SIGINT) and gives its home back.
    pub(crate) fn stop(mut self) -> Result<tempfile::TempDir> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
        self.child.wait()?;
        let empty = tempfile::tempdir()?;
        Ok(std::mem::replace(&mut self.home, empty))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Killed only when it was not stopped in order; an error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How the App is addressed.
fn app_resource() -> kube::api::ApiResource {
    kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk(
        "app.rancherdesktop.io",
        "v1alpha1",
        "App",
    ))
}

/// How containers are addressed.
pub(crate) fn container_resource() -> kube::api::ApiResource {
    let kind = kube::api::GroupVersionKind::gvk("containers.rancherdesktop.io", "v1alpha1", "Container");
    kube::api::ApiResource::from_gvk(&kind)
}

/// Resident memory of a process in bytes (VmRSS).
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kib * 1024)
}
