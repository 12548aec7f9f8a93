//! HTTPS: TLS, tokens, limits, drain.

use crate::api::Api;
use crate::identity::Identity;
use crate::tls;
use crate::token;
use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// What a listener needs to know.
#[derive(Clone)]
pub struct Config {
    /// Where to listen; port 0 takes any that is free.
    pub address: SocketAddr,
    /// What to serve with.
    pub certificates: tls::Certificates,
    /// What clients must show.
    pub token: String,
}

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process listens there.
    #[error("{address} is in use by another process")]
    InUse {
        /// Where.
        address: SocketAddr,
    },
    /// The address can not be listened on.
    #[error("{address} can not be listened on")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The certificates can not be used.
    #[error("the certificates can not be used")]
    Certificates(#[from] tls::Error),
    /// A token that can not be sent in a header, or an empty one.
    #[error("the token must be visible ASCII and not empty")]
    Token,
}

/// Serves an API over HTTPS: HTTP/1.1 and HTTP/2 on one port.
///
/// # Guarantees
/// * The port is bound when [`Listener::bind`] returns, and nothing is served before [`Listener::run`].
/// * At the end watches end cleanly, requests are answered, and whoever takes longer than the grace of the limits is cut off.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: TlsAcceptor,
    server: Server,
}

/// What every connection needs.
#[derive(Clone)]
struct Server {
    api: Api,
    token: Arc<str>,
    identity: Identity,
    http: auto::Builder<TokioExecutor>,
    ending: CancellationToken,
}

/// Cancelled when the connection that a request came over is to end: watches end with it.
#[derive(Clone)]
pub(crate) struct Ending(pub(crate) CancellationToken);

/// The user behind the token.
const USER: &str = "root";
/// Bytes of the headers of a request.
const HEADERS: u32 = 64 * 1024;
/// Streams of one HTTP/2 connection: informers open one per kind.
const STREAMS: u32 = 256;
/// How long to wait when the system gives no more connections (out of file descriptors).
const PAUSE: Duration = Duration::from_millis(100);

impl Listener {
    /// Binds the port.
    ///
    /// # Errors
    /// The port is busy, or the certificates or the token can not be used.
    pub async fn bind(api: Api, config: Config) -> Result<Listener, Error> {
        if config.token.is_empty() || !config.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Token);
        }
        let tls = TlsAcceptor::from(config.certificates.server_config()?);
        let socket =
            TcpListener::bind(config.address).await.map_err(|source| refused(config.address, source))?;
        let address = socket.local_addr().map_err(|source| refused(config.address, source))?;
        let http = protocol(api.limits().headers);
        let server = Server {
            api,
            token: config.token.into(),
            identity: Identity::new(USER),
            http,
            ending: CancellationToken::new(),
        };
        Ok(Listener { socket, address, tls, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is there, and then until all connections are done, or the grace is over.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let Listener { socket, tls, server, .. } = self;
        let limits = server.api.limits().clone();
        let free = Arc::new(Semaphore::new(limits.connections));
        let graceful = GracefulShutdown::new();
        let mut connections = tokio::task::JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&socket, &free) => accepted,
            };
            let Some((stream, permit)) = accepted else { continue };
            let (server, tls, watcher) = (server.clone(), tls.clone(), graceful.watcher());
            connections.spawn(async move {
                let _permit = permit;
                match tokio::time::timeout(limits.headers, tls.accept(stream)).await {
                    Ok(Ok(stream)) => server.serve(stream, watcher).await,
                    Ok(Err(error)) => tracing::debug!(error = %error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                }
            });
        }
        drop(socket);
        server.ending.cancel();
        if tokio::time::timeout(limits.grace, graceful.shutdown()).await.is_err() {
            tracing::warn!(listener.connections = connections.len(), "connections are cut off");
        }
        connections.shutdown().await;
    }
}

impl Server {
    async fn serve(
        self,
        stream: tokio_rustls::server::TlsStream<TcpStream>,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let http = self.http.clone();
        let service = hyper::service::service_fn(move |request| {
            let this = self.clone();
            async move { this.answer(request).await }
        });
        let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(error = %error, "a connection ended badly");
        }
    }

    async fn answer(&self, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        // Whatever a client managed to put there is not ours.
        request.extensions_mut().remove::<Identity>();
        if token::shown(request.headers(), &self.token) {
            request.extensions_mut().insert(self.identity.clone());
        }
        token::hide(request.headers_mut());
        request.extensions_mut().insert(Ending(self.ending.clone()));
        Ok(self.api.isolated().answer(request.map(Body::new)).await)
    }
}

/// The next connection, when one more may be open.
async fn accept(
    socket: &TcpListener,
    free: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let permit = free.clone().acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, _)) => {
            // Events must not wait for more.
            let _ = stream.set_nodelay(true);
            Some((stream, permit))
        }
        Err(error) => {
            tracing::warn!(error = %error, "a connection could not be accepted");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

fn protocol(headers: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(headers).max_buf_size(HEADERS as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(30));
    builder
}

fn refused(address: SocketAddr, source: std::io::Error) -> Error {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::InUse { address },
        _ => Error::Bind { address, source },
    }
}
