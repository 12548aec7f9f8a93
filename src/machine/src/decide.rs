//! Which machine, from what the App says and where the program runs.

use crate::{Config, Error};
use rdd_engine::Endpoint;
use rdd_engine::endpoint::{Platform, Tls};
use std::fmt::Display;

/// The drivers that an App may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// Decided from the surroundings, once (default).
    #[default]
    Auto,
    /// An engine that somebody else runs.
    External,
}

/// What the decision is made from. It is made once and recorded; nothing here is read again later.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// `spec.machine.driver`.
    pub driver: Driver,
    /// `spec.machine.endpoint`; empty counts as absent.
    pub endpoint: Option<&'a str>,
    /// `spec.machine.tls`, for `tcp://` only.
    pub tls: Option<Tls>,
    /// `$DOCKER_HOST`; empty counts as unset.
    pub docker_host: Option<&'a str>,
    /// Where the program runs.
    pub platform: Platform,
}

/// An endpoint that is named wins; then `$DOCKER_HOST`; then the platform's socket.
///
/// # Errors
/// Permanent: a text that is no endpoint, or TLS files for an endpoint without TLS.
pub fn decide(inputs: &Inputs<'_>) -> Result<Config, Error> {
    let named = inputs.endpoint.map(str::trim).filter(|e| !e.is_empty());
    let endpoint = match named {
        Some(text) => text.parse().map_err(|e| wrong("spec.machine.endpoint", &e))?,
        None => Endpoint::from_docker_host(inputs.docker_host, inputs.platform)
            .map_err(|e| wrong("$DOCKER_HOST", &e))?,
    };
    let endpoint = match (endpoint, inputs.tls.clone()) {
        (Endpoint::Tcp { address, .. }, tls) => Endpoint::Tcp { address, tls },
        (endpoint, None) => endpoint,
        (endpoint, Some(_)) => {
            return Err(wrong(
                "spec.machine.tls",
                &format!("{endpoint} has no TLS, only tcp:// endpoints have"),
            ));
        }
    };
    match inputs.driver {
        // Running a dockerd of our own becomes the other branch of `auto`.
        Driver::Auto | Driver::External => Ok(Config::External { endpoint }),
    }
}

fn wrong(field: &str, why: &dyn Display) -> Error {
    Error { message: format!("{field} can not be used: {why}"), permanent: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs<'a>(endpoint: Option<&'a str>, docker_host: Option<&'a str>) -> Inputs<'a> {
        Inputs { driver: Driver::Auto, endpoint, tls: None, docker_host, platform: Platform::Linux }
    }
    fn decided(inputs: &Inputs<'_>) -> String {
        let Config::External { endpoint } = decide(inputs).unwrap();
        endpoint.to_string()
    }

    #[test]
    fn the_spec_wins_over_docker_host_and_docker_host_over_the_platform() {
        let default = "unix:///var/run/docker.sock";
        let table = [
            (Some("tcp://a:1"), Some("tcp://b:1"), "tcp://a:1"),
            (Some(""), Some("tcp://b:1"), "tcp://b:1"),
            (None, Some("unix:///x"), "unix:///x"),
            (None, Some(""), default),
            (None, None, default),
        ];
        for driver in [Driver::Auto, Driver::External] {
            for (endpoint, docker_host, want) in table {
                assert_eq!(decided(&Inputs { driver, ..inputs(endpoint, docker_host) }), want);
            }
        }
        let windows = Inputs { platform: Platform::Windows, ..inputs(None, None) };
        assert_eq!(decided(&windows), "npipe:////./pipe/docker_engine");
    }

    #[test]
    fn a_bad_endpoint_says_where_it_stood_and_what_is_allowed() {
        for (endpoint, docker_host, field) in
            [(Some("ssh://h"), None, "spec.machine.endpoint"), (None, Some("ssh://h"), "$DOCKER_HOST")]
        {
            let error = decide(&inputs(endpoint, docker_host)).unwrap_err();
            assert!(error.permanent);
            assert!(error.message.starts_with(field), "{error}");
            assert!(error.message.contains("unix://, npipe:// or tcp://"), "{error}");
        }
    }

    #[test]
    fn tls_belongs_to_tcp_only() {
        let tls = || Some(Tls { ca_file: "ca".into(), cert_file: "cert".into(), key_file: "key".into() });
        let Config::External { endpoint } =
            decide(&Inputs { tls: tls(), ..inputs(Some("tcp://h:1"), None) }).unwrap();
        assert_eq!(endpoint, Endpoint::Tcp { address: "h:1".to_owned(), tls: tls() });
        let error = decide(&Inputs { tls: tls(), ..inputs(Some("unix:///x"), None) }).unwrap_err();
        assert!(error.message.contains("spec.machine.tls"), "{error}");
    }
}
