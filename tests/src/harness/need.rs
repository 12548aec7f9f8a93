//! What a test needs of the machine.

use crate::{home, kubectl};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Something that a machine may lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// A `dockerd` on PATH, and the privilege to run it.
    Dockerd,
    /// The `rdd` binary (built on demand).
    Binary,
    /// Any kubectl that is not older than this.
    Kubectl(Version),
    /// A kubectl of exactly this minor version.
    KubectlExactly(Version),
    /// An image registry: `docker-registry` on PATH.
    Registry,
    /// The super user.
    Root,
}

/// Major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl Need {
    /// Why it is not met; `None`: it is.
    pub fn missing(&self) -> Option<String> {
        match self {
            Need::Dockerd if program("dockerd").is_none() => {
                Some("no dockerd on PATH: install docker.io".to_owned())
            }
            Need::Dockerd | Need::Root if !rustix::process::geteuid().is_root() => {
                Some("needs root to run a dockerd".to_owned())
            }
            Need::Dockerd if program("busybox").is_none() => {
                Some("no busybox on PATH for a test image: install busybox-static".to_owned())
            }
            Need::Dockerd | Need::Root => None,
            Need::Binary => binary().as_ref().err().cloned(),
            Need::Kubectl(version) => {
                let enough = kubectl::all().iter().any(|kubectl| kubectl.version >= *version);
                (!enough).then(|| format!("no kubectl {version} or newer on PATH nor in RDD_TEST_KUBECTLS"))
            }
            Need::KubectlExactly(version) => {
                let found = kubectl::all().iter().any(|kubectl| kubectl.version == *version);
                (!found).then(|| format!("no kubectl {version} on PATH nor in RDD_TEST_KUBECTLS"))
            }
            Need::Registry => {
                program("docker-registry").is_none().then(|| "no docker-registry on PATH".to_owned())
            }
        }
    }
}

/// The `rdd` binary, looked for once.
fn binary() -> &'static Result<PathBuf, String> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BINARY.get_or_init(|| home::binary().map_err(|error| format!("{error:#}")))
}

/// Where a program is: on PATH, or in the directories where Debian keeps those of the super user.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    directories.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    directories.iter().map(|directory| directory.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}
