//! Where an engine listens.

use std::path::PathBuf;

/// `unix://`, `npipe://` or `tcp://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// A Windows named pipe.
    Pipe(String),
    /// A TCP address `host:port`, with TLS when files are given.
    Tcp {
        /// `host:port`.
        address: String,
        /// TLS files.
        tls: Option<Tls>,
    },
}

/// TLS files of a TCP endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Tls {
    pub ca_file: PathBuf,
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
}
