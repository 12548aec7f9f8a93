//! Where an engine listens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// `unix://`, `npipe://` or `tcp://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// A Windows named pipe, written with forward slashes: `//./pipe/docker_engine`.
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

/// A system that decides where an engine listens by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Platform {
    Linux,
    MacOs,
    Windows,
}

/// Why a text is no endpoint.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseError {
    /// Another scheme, or none.
    #[error("{0:?} is not an engine endpoint: it must begin with unix://, npipe:// or tcp://")]
    Scheme(String),
    /// The scheme is known, what follows it is not usable.
    #[error("{text:?} is not an engine endpoint: {why}")]
    Address {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Docker's registered port without TLS, used when a TCP endpoint names none.
const TCP_PORT: u16 = 2375;

impl Platform {
    /// The one this program was built for; what is neither macOS nor Windows counts as Linux.
    pub fn current() -> Platform {
        if cfg!(windows) {
            Platform::Windows
        } else if cfg!(target_os = "macos") {
            Platform::MacOs
        } else {
            Platform::Linux
        }
    }

    /// Where Docker listens when nobody says otherwise.
    pub fn default_endpoint(self) -> Endpoint {
        match self {
            Platform::Linux | Platform::MacOs => Endpoint::Unix(PathBuf::from("/var/run/docker.sock")),
            Platform::Windows => Endpoint::Pipe("//./pipe/docker_engine".to_owned()),
        }
    }
}

impl Endpoint {
    /// What `$DOCKER_HOST` says; the platform's default when it is unset or empty.
    ///
    /// # Errors
    /// The text is no endpoint.
    pub fn from_docker_host(text: Option<&str>, platform: Platform) -> Result<Endpoint, ParseError> {
        match text.map(str::trim) {
            None | Some("") => Ok(platform.default_endpoint()),
            Some(text) => text.parse(),
        }
    }
}

impl FromStr for Endpoint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Endpoint, ParseError> {
        let wrong = |why| Err(ParseError::Address { text: text.to_owned(), why });
        if let Some(path) = text.strip_prefix("unix://") {
            // A relative path would mean another file for each working directory.
            if !path.starts_with('/') {
                return wrong("the path of a unix socket must be absolute");
            }
            return Ok(Endpoint::Unix(PathBuf::from(path)));
        }
        if let Some(pipe) = text.strip_prefix("npipe://") {
            let pipe = pipe.replace('\\', "/");
            let (host, name) =
                pipe.strip_prefix("//").and_then(|p| p.split_once("/pipe/")).unwrap_or_default();
            if host.is_empty() || name.is_empty() {
                return wrong("a named pipe is written npipe:////./pipe/NAME");
            }
            return Ok(Endpoint::Pipe(pipe));
        }
        if let Some(address) = text.strip_prefix("tcp://") {
            let address = address.strip_suffix('/').unwrap_or(address);
            return match with_port(address) {
                Ok(address) => Ok(Endpoint::Tcp { address, tls: None }),
                Err(why) => wrong(why),
            };
        }
        Err(ParseError::Scheme(text.to_owned()))
    }
}

/// `host:port`, `[v6]:port` or either without a port.
fn with_port(address: &str) -> Result<String, &'static str> {
    if address.contains(['/', '?', '#', '@']) || address.contains(char::is_whitespace) {
        return Err("a TCP endpoint is written tcp://HOST:PORT");
    }
    let (host, rest) = match address.strip_prefix('[').and_then(|a| a.split_once(']')) {
        Some((host, rest)) => (format!("[{host}]"), rest),
        None => {
            let end = address.find(':').unwrap_or(address.len());
            (address[..end].to_owned(), &address[end..])
        }
    };
    if host.is_empty() || host == "[]" {
        return Err("the host is missing");
    }
    let port = match rest.strip_prefix(':') {
        Some(port) => port.parse::<u16>().ok().filter(|p| *p > 0).ok_or("the port must be 1 to 65535")?,
        None if rest.is_empty() => TCP_PORT,
        None => return Err("a TCP endpoint is written tcp://HOST:PORT"),
    };
    Ok(format!("{host}:{port}"))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "unix://{}", path.display()),
            Endpoint::Pipe(pipe) => write!(f, "npipe://{pipe}"),
            Endpoint::Tcp { address, .. } => write!(f, "tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Endpoint, ParseError> {
        text.parse()
    }

    #[test]
    fn each_form_is_read_and_written_the_same() {
        for text in [
            "unix:///var/run/docker.sock",
            "unix:///home/a b/.rd2/docker.sock",
            "npipe:////./pipe/docker_engine",
            "npipe:////server/pipe/x",
            "tcp://10.0.0.1:2376",
            "tcp://[::1]:2375",
            "tcp://host.example:1",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_pipe_with_backslashes_is_the_same_pipe() {
        assert_eq!(parse(r"npipe://\\.\pipe\docker_engine"), parse("npipe:////./pipe/docker_engine"));
    }

    #[test]
    fn a_missing_port_is_dockers() {
        assert_eq!(parse("tcp://h").unwrap().to_string(), "tcp://h:2375");
        assert_eq!(parse("tcp://[::1]/").unwrap().to_string(), "tcp://[::1]:2375");
    }

    #[test]
    fn another_scheme_is_refused_and_the_three_are_named() {
        for text in ["ssh://host", "http://h:1", "fd://", "/var/run/docker.sock", "h:2375", ""] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, ParseError::Scheme(text.to_owned()));
            for scheme in ["unix://", "npipe://", "tcp://"] {
                assert!(error.to_string().contains(scheme), "{error}");
            }
        }
    }

    #[test]
    fn an_unusable_address_is_refused() {
        for text in [
            "unix://",
            "unix://docker.sock",
            "npipe://",
            "npipe://docker_engine",
            "npipe:////./pipe/",
            "tcp://",
            "tcp://:2375",
            "tcp://h:0",
            "tcp://h:70000",
            "tcp://h:x",
            "tcp://h:1/path",
            "tcp://u@h:1",
            "tcp://[]:1",
            "tcp://[::1]x",
        ] {
            assert!(matches!(parse(text), Err(ParseError::Address { .. })), "{text}");
        }
    }

    #[test]
    fn docker_host_wins_over_the_default_of_each_platform() {
        let defaults = [
            (Platform::Linux, "unix:///var/run/docker.sock"),
            (Platform::MacOs, "unix:///var/run/docker.sock"),
            (Platform::Windows, "npipe:////./pipe/docker_engine"),
        ];
        for (platform, default) in defaults {
            let from = |text| Endpoint::from_docker_host(text, platform).map(|e| e.to_string());
            assert_eq!(from(None).unwrap(), default);
            assert_eq!(from(Some("")).unwrap(), default);
            assert_eq!(from(Some("tcp://h:1")).unwrap(), "tcp://h:1");
            assert!(from(Some("ssh://h")).is_err());
        }
    }
}
