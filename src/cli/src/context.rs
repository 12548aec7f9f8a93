//! What every verb knows: which instance, where its files are, how to reach its API.

use crate::failure::Failure;
use kube::config::{KubeConfigOptions, Kubeconfig};
use rdd_daemon::{Instance, Paths};
use std::time::Duration;

/// The surroundings of a verb.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Which instance.
    pub(crate) instance: Instance,
    /// `RDD_DEVELOPER_MODE`.
    pub(crate) developer: bool,
}

impl Context {
    /// From a leading `--instance` and the environment.
    ///
    /// # Errors
    /// A suffix, or `RDD_DEVELOPER_MODE`, that means nothing.
    pub(crate) fn new(flag: Option<String>) -> Result<Context, Failure> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let instance = match flag.or_else(|| variable("RDD_INSTANCE")) {
            Some(suffix) => Instance::parse(&suffix)?,
            None => Instance::default(),
        };
        let developer = variable("RDD_DEVELOPER_MODE").map_or(Ok(false), |text| {
            boolean(&text).ok_or_else(|| {
                Failure::error(format!("RDD_DEVELOPER_MODE is {text:?}; use \"true\" or \"false\""))
            })
        })?;
        Ok(Context { instance, developer })
    }

    /// Its paths; creates nothing.
    ///
    /// # Errors
    /// HOME is unset or unusable.
    pub(crate) fn paths(&self) -> Result<Paths, Failure> {
        Ok(Paths::current(&self.instance)?)
    }

    /// A client for the daemon as its kubeconfig describes it now: read anew each time, since the port may change with a restart.
    ///
    /// # Errors
    /// There is no kubeconfig (the daemon does not run), or it can not be used.
    pub(crate) async fn client(&self) -> Result<kube::Client, Failure> {
        let paths = self.paths()?;
        let file = std::fs::read_to_string(&paths.config).map_err(|e| {
            Failure::error(format!(
                "{} can not be read ({e}); does the control plane run? `rdd svc start` starts it",
                paths.config.display()
            ))
        })?;
        client_of(&file)
            .await
            .map_err(|why| Failure::error(format!("{} can not be used: {why}", paths.config.display())))
    }
}

/// A client for the text of a kubeconfig.
///
/// # Errors
/// It can not be understood.
pub(crate) async fn client_of(kubeconfig: &str) -> Result<kube::Client, String> {
    let parsed = Kubeconfig::from_yaml(kubeconfig).map_err(|e| e.to_string())?;
    let mut config = kube::Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default())
        .await
        .map_err(|e| e.to_string())?;
    // The API is on loopback: a proxy from the environment must not be asked for it.
    config.proxy_url = None;
    config.connect_timeout = Some(Duration::from_secs(5));
    kube::Client::try_from(config).map_err(|e| e.to_string())
}

/// The booleans of the environment, as Go reads them.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => Some(true),
        "0" | "f" | "false" => Some(false),
        _ => None,
    }
}
