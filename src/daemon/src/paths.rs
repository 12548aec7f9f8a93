//! Where an instance keeps its files. Pure: asking for a path creates nothing.

use crate::Instance;
use std::fmt;
use std::path::{Path, PathBuf};

/// The places of one instance. [`Key`] names them for `rdd svc paths`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// State: database, certificates, arguments, pid file, kubeconfig.
    pub dir: PathBuf,
    /// Logs of the daemon and of an engine it runs.
    pub log_dir: PathBuf,
    /// Short enough for a unix socket's path.
    pub short_dir: PathBuf,
    /// The engine's socket, or a link to it.
    pub docker_socket: PathBuf,
    /// Certificates.
    pub tls_dir: PathBuf,
    /// The kubeconfig; there while the daemon runs.
    pub config: PathBuf,
    /// The daemon's pid.
    pub pid_file: PathBuf,
    /// The saved arguments of `serve`; its presence means "created".
    pub args_file: PathBuf,
    /// The API's database.
    pub database: PathBuf,
    /// Token and port, kept across restarts so that clients survive them. Not a key of `svc paths`: nobody else's business.
    pub serving_file: PathBuf,
}

/// A place that can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Key {
    Dir,
    LogDir,
    ShortDir,
    DockerSocket,
    TlsDir,
    Config,
    PidFile,
    ArgsFile,
    Database,
}

/// How directories are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Platform {
    Linux,
    MacOs,
    Windows,
}

/// What of the environment decides where files are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `HOME`; on Windows `USERPROFILE`.
    pub home: Option<String>,
    /// `LOCALAPPDATA`, on Windows.
    pub local_app_data: Option<String>,
    /// `RDD_LOG_DIR`: replaces the log directory.
    pub log_dir: Option<String>,
}

/// Why there are no paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A variable is missing or empty.
    #[error("{0} is not set; set it to a directory of yours that can be written")]
    Unset(&'static str),
    /// A variable is not an absolute path, so that files would land in whatever the current directory is.
    #[error(
        "{variable} is {value:?}, which is not an absolute path; set it to a directory of yours that can be written"
    )]
    Relative {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// `svc paths` was asked for something else.
    #[error("unknown key {0:?}; valid keys: {keys}", keys = Key::list())]
    UnknownKey(String),
}

impl Platform {
    /// The one this was built for; what is neither macOS nor Windows is laid out as Linux.
    pub const fn current() -> Platform {
        if cfg!(windows) {
            Platform::Windows
        } else if cfg!(target_os = "macos") {
            Platform::MacOs
        } else {
            Platform::Linux
        }
    }

    /// Joins as the platform does, whatever this was built for.
    fn join(self, base: &str, rest: &[&str]) -> PathBuf {
        let separator = if self == Platform::Windows { '\\' } else { '/' };
        let mut path = base.trim_end_matches(['/', separator]).to_owned();
        for part in rest {
            path.push(separator);
            path.push_str(part);
        }
        PathBuf::from(path)
    }

    fn absolute(self, path: &str) -> bool {
        match self {
            Platform::Windows => {
                let bytes = path.as_bytes();
                path.starts_with(r"\\")
                    || (bytes.len() >= 3 && bytes[0].is_ascii_alphabetic() && &bytes[1..3] == br":\")
            }
            _ => path.starts_with('/'),
        }
    }
}

impl Environment {
    /// That of this process.
    pub fn current() -> Environment {
        let variable = |name| std::env::var(name).ok();
        let home = if cfg!(windows) { variable("USERPROFILE") } else { variable("HOME") };
        Environment { home, local_app_data: variable("LOCALAPPDATA"), log_dir: variable("RDD_LOG_DIR") }
    }
}

impl Paths {
    /// The paths of an instance here and now.
    ///
    /// # Errors
    /// As [`Paths::of`].
    pub fn current(instance: &Instance) -> Result<Paths, Error> {
        Paths::of(instance, Platform::current(), &Environment::current())
    }

    /// The paths of an instance on a platform.
    ///
    /// # Errors
    /// A variable that decides them is unset or not an absolute path.
    pub fn of(instance: &Instance, platform: Platform, environment: &Environment) -> Result<Paths, Error> {
        let usable = |variable: &'static str, value: &Option<String>| match value.as_deref() {
            None | Some("") => Err(Error::Unset(variable)),
            Some(value) if !platform.absolute(value) => {
                Err(Error::Relative { variable, value: value.to_owned() })
            }
            Some(value) => Ok(value.to_owned()),
        };
        let name = instance.name();
        let home_variable = if platform == Platform::Windows { "USERPROFILE" } else { "HOME" };
        let home = usable(home_variable, &environment.home)?;
        let (dir, log_dir) = match platform {
            Platform::Linux => (
                platform.join(&home, &[".local", "share", &name]),
                platform.join(&home, &[".local", "state", &name]),
            ),
            Platform::MacOs => (
                platform.join(&home, &["Library", "Application Support", &name]),
                platform.join(&home, &["Library", "Logs", &name]),
            ),
            Platform::Windows => {
                let base = usable("LOCALAPPDATA", &environment.local_app_data)?;
                (platform.join(&base, &[&name]), platform.join(&base, &[&format!("{name}-logs")]))
            }
        };
        let log_dir = match environment.log_dir.as_deref() {
            None | Some("") => log_dir,
            Some(_) => PathBuf::from(usable("RDD_LOG_DIR", &environment.log_dir)?),
        };
        let short_dir = platform.join(&home, &[&format!(".rd{}", instance.suffix())]);
        let docker_socket = match platform {
            Platform::Windows => PathBuf::from(format!(r"\\.\pipe\rancher-desktop-{}", instance.suffix())),
            _ => platform.join(&text(&short_dir), &["docker.sock"]),
        };
        let inside = |file: &str| platform.join(&text(&dir), &[file]);
        Ok(Paths {
            tls_dir: inside("tls"),
            config: inside("config.yaml"),
            pid_file: inside("rdd.pid"),
            args_file: inside("args.json"),
            database: inside("rdd.sqlite3"),
            serving_file: inside("serving.json"),
            dir,
            log_dir,
            short_dir,
            docker_socket,
        })
    }

    /// One of them.
    pub fn get(&self, key: Key) -> &Path {
        match key {
            Key::Dir => &self.dir,
            Key::LogDir => &self.log_dir,
            Key::ShortDir => &self.short_dir,
            Key::DockerSocket => &self.docker_socket,
            Key::TlsDir => &self.tls_dir,
            Key::Config => &self.config,
            Key::PidFile => &self.pid_file,
            Key::ArgsFile => &self.args_file,
            Key::Database => &self.database,
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Key {
    /// All of them, in the order they are shown.
    pub const ALL: [Key; 9] = [
        Key::Dir,
        Key::LogDir,
        Key::ShortDir,
        Key::DockerSocket,
        Key::TlsDir,
        Key::Config,
        Key::PidFile,
        Key::ArgsFile,
        Key::Database,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Key::Dir => "dir",
            Key::LogDir => "log_dir",
            Key::ShortDir => "short_dir",
            Key::DockerSocket => "docker_socket",
            Key::TlsDir => "tls_dir",
            Key::Config => "config",
            Key::PidFile => "pid_file",
            Key::ArgsFile => "args_file",
            Key::Database => "database",
        }
    }

    /// A key from its name.
    ///
    /// # Errors
    /// [`Error::UnknownKey`], which lists those there are.
    pub fn parse(name: &str) -> Result<Key, Error> {
        let found = Key::ALL.into_iter().find(|key| key.as_str() == name);
        found.ok_or_else(|| Error::UnknownKey(name.to_owned()))
    }

    fn list() -> String {
        Key::ALL.map(Key::as_str).join(", ")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
