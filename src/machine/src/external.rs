//! An engine that somebody else runs.

use crate::{Error, Machine};
use futures::future::BoxFuture;
use rdd_engine::Endpoint;
use rdd_engine::docker::Docker;

/// An engine that somebody else runs: starting it means finding that it answers, stopping it means leaving it alone.
///
/// One call of [`Machine::start`] is one attempt; whoever keeps the machine repeats it.
#[derive(Clone, Debug)]
pub struct External {
    endpoint: Endpoint,
}

impl External {
    /// The engine at an endpoint. Nothing is contacted yet.
    pub fn new(endpoint: Endpoint) -> External {
        External { endpoint }
    }

    async fn probe(&self) -> Result<Endpoint, Error> {
        let Err(error) = Docker::connect(&self.endpoint).await else { return Ok(self.endpoint.clone()) };
        let permanent = matches!(error, rdd_engine::Error::Unreachable { permanent: true, .. });
        let next = next_step(&self.endpoint, &error, permanent);
        Err(Error { message: format!("{error}; {next}"), permanent })
    }
}

/// What the user can do about it.
fn next_step(endpoint: &Endpoint, error: &rdd_engine::Error, permanent: bool) -> String {
    let forbidden = error.to_string().to_lowercase().contains("permission denied");
    match endpoint {
        Endpoint::Unix(path) if forbidden => {
            format!("join the group that owns {} (often: docker), or name another endpoint", path.display())
        }
        _ if permanent => {
            "name another endpoint with `rdd set machine.endpoint=…` or in $DOCKER_HOST".to_owned()
        }
        Endpoint::Unix(_) | Endpoint::Pipe(_) => {
            "start the engine, or name another endpoint with `rdd set machine.endpoint=…` or in $DOCKER_HOST"
                .to_owned()
        }
        Endpoint::Tcp { .. } => {
            "check that the engine listens there and that the network lets you through".to_owned()
        }
    }
}

impl Machine for External {
    fn driver(&self) -> &'static str {
        "external"
    }
    fn start(&self) -> BoxFuture<'_, Result<Endpoint, Error>> {
        Box::pin(self.probe())
    }
    fn stop(&self) -> BoxFuture<'_, Result<(), Error>> {
        // Detaching is the attachment's work; the engine goes on.
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_engine_that_does_not_run_yet_may_be_tried_again_and_the_message_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let error = External::new(Endpoint::Unix(socket.clone())).start().await.unwrap_err();
        assert!(!error.permanent);
        assert!(error.message.contains(socket.to_str().unwrap()), "{error}");
        assert!(error.message.contains("start the engine"), "{error}");
    }

    #[tokio::test]
    async fn what_is_no_engine_is_not_tried_again() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let endpoint = Endpoint::Tcp { address, tls: None };
        let server = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                tokio::io::AsyncWriteExt::write_all(&mut client, b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
                    .await
                    .unwrap();
            }
        });
        let error = External::new(endpoint).start().await.unwrap_err();
        assert!(error.permanent, "{error}");
        assert!(error.message.contains("does not speak the Docker API"), "{error}");
        assert!(error.message.contains("name another endpoint"), "{error}");
        server.abort();
    }

    #[tokio::test]
    async fn stopping_leaves_it_alone() {
        External::new(Endpoint::Unix("/nowhere".into())).stop().await.unwrap();
    }
}
