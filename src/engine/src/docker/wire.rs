//! Connections to an engine: one per request, so that dropping a call ends it and a restarted engine leaves no stale ones behind.

use super::tls;
use crate::{Endpoint, Error};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

/// The largest answer that is read into memory: a list of 100,000 containers is about 100 MB.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

/// A way to one engine.
pub(super) struct Wire {
    endpoint: Endpoint,
    name: String,
    host: String,
    tls: Option<(TlsConnector, rustls::pki_types::ServerName<'static>)>,
    /// How often the engine was found gone, or another process at its socket.
    breaks: AtomicU64,
    /// The value of `breaks` for which the identity is known.
    verified: AtomicU64,
    /// The process that listens on the unix socket; 0: not known.
    peer: AtomicI32,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}
type Stream = TokioIo<Box<dyn Io>>;
type Driven = Pin<Box<Connection<Stream, Empty<Bytes>>>>;

/// An answer whose connection lives in it: whoever reads the body drives the socket, and dropping it closes the socket.
pub(super) struct Flow {
    connection: Option<Driven>,
    body: Incoming,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

impl Wire {
    /// Nothing is connected yet; only TLS files are read.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Wire, Error> {
        let name = endpoint.to_string();
        let host = match endpoint {
            Endpoint::Tcp { address, .. } => address.clone(),
            Endpoint::Unix(_) | Endpoint::Pipe(_) => "docker".to_owned(),
        };
        let tls = match endpoint {
            Endpoint::Tcp { address, tls: Some(files) } => {
                Some(tls::connector(address, files).map_err(|why| Error::Unreachable {
                    endpoint: name.clone(),
                    why,
                    permanent: true,
                })?)
            }
            _ => None,
        };
        let (breaks, verified, peer) = Default::default();
        Ok(Wire { endpoint: endpoint.clone(), name, host, tls, breaks, verified, peer })
    }

    pub(super) fn breaks(&self) -> u64 {
        self.breaks.load(Ordering::Acquire)
    }
    /// The identity was asked, and was right, after the count of breaks was read.
    pub(super) fn verified(&self, breaks: u64) {
        self.verified.fetch_max(breaks, Ordering::AcqRel);
    }
    pub(super) fn doubtful(&self) -> bool {
        self.breaks() != self.verified.load(Ordering::Acquire)
    }

    /// The body of a successful answer.
    pub(super) async fn get(&self, path: &str) -> Result<Bytes, Error> {
        self.call(http::Method::GET, path).await
    }
    /// A request without a body; the whole answer, if it is a success.
    pub(super) async fn call(&self, method: http::Method, path: &str) -> Result<Bytes, Error> {
        let (mut sender, connection) = self.open().await?;
        let request = self.request(method, path)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|e| self.broken(e))?;
            self.read(response).await
        };
        drive(connection, answer).await
    }
    /// The body of a successful answer, decoded.
    pub(super) async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        decode(&self.get(path).await?)
    }

    /// A successful answer whose body goes on.
    pub(super) async fn flow(&self, path: &str) -> Result<Flow, Error> {
        let (mut sender, connection) = self.open().await?;
        let request = self.request(http::Method::GET, path)?;
        let mut connection = Box::pin(connection);
        let sent = async { sender.send_request(request).await.map_err(|e| self.broken(e)) };
        let response = drive(connection.as_mut(), sent).await?;
        if !response.status().is_success() {
            return match drive(connection, self.read(response)).await {
                Ok(_) => Err(Error::Protocol("a refusal that is a success".to_owned())),
                Err(error) => Err(error),
            };
        }
        Ok(Flow { connection: Some(connection), body: response.into_body() })
    }

    fn request(&self, method: http::Method, path: &str) -> Result<Request<Empty<Bytes>>, Error> {
        let request = Request::builder().method(method).uri(path).header(header::HOST, &self.host);
        request.body(Empty::new()).map_err(|e| Error::Protocol(format!("{path:?} can not be asked for: {e}")))
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Bytes, Error> {
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
        let body = body.map_err(|e| match e.downcast::<hyper::Error>() {
            Ok(e) => self.broken(*e),
            Err(e) => Error::Protocol(e.to_string()),
        })?;
        let body = body.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let text = match serde_json::from_slice::<Message>(&body) {
            Ok(said) => said.message,
            Err(_) => String::from_utf8_lossy(&body[..body.len().min(1024)]).trim().to_owned(),
        };
        Err(Error::Refused { code: status.as_u16(), text })
    }

    async fn open<B>(&self) -> Result<(SendRequest<B>, Connection<Stream, B>), Error>
    where
        B: Body + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let stream = self.connect().await.map_err(|e| self.refused(&e))?;
        http1::handshake(TokioIo::new(stream)).await.map_err(|e| self.broken(e))
    }

    async fn connect(&self) -> io::Result<Box<dyn Io>> {
        match &self.endpoint {
            #[cfg(unix)]
            Endpoint::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                self.meet(stream.peer_cred().ok().and_then(|c| c.pid()));
                Ok(Box::new(stream))
            }
            #[cfg(windows)]
            Endpoint::Pipe(pipe) => {
                let options = tokio::net::windows::named_pipe::ClientOptions::new();
                Ok(Box::new(options.open(pipe.replace('/', "\\"))?))
            }
            Endpoint::Tcp { address, .. } => {
                let stream = tokio::net::TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    Some((tls, name)) => Ok(Box::new(tls.connect(name.clone(), stream).await?)),
                    None => Ok(Box::new(stream)),
                }
            }
            #[allow(unreachable_patterns)]
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "this platform has no such endpoints")),
        }
    }

    /// The system says for nothing who listens at a unix socket.
    #[cfg_attr(not(unix), allow(dead_code))]
    pub(super) fn meet(&self, peer: Option<i32>) {
        let Some(peer) = peer else { return };
        let known = self.peer.swap(peer, Ordering::AcqRel);
        if known != 0 && known != peer {
            self.breaks.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn lost(&self, why: String, permanent: bool) -> Error {
        self.breaks.fetch_add(1, Ordering::AcqRel);
        Error::Unreachable { endpoint: self.name.clone(), why, permanent }
    }
    /// A failure that can not heal by itself.
    pub(super) fn never(&self, why: String) -> Error {
        self.lost(why, true)
    }
    pub(super) fn refused(&self, error: &io::Error) -> Error {
        use io::ErrorKind as K;
        // A missing socket or a refused connection is an engine that does not run yet.
        let permanent =
            matches!(error.kind(), K::PermissionDenied | K::InvalidInput | K::InvalidData | K::Unsupported);
        self.lost(error.to_string(), permanent)
    }
    pub(super) fn broken(&self, error: hyper::Error) -> Error {
        // hyper's own text names the layer only ("error reading a body from connection"); the cause says what happened.
        let why = match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        // A server that speaks first (SSH, SMTP) is no HTTP either; hyper has only words for that.
        let unasked = error.is_canceled() && why.contains("unexpected message");
        if error.is_parse() || unasked { Error::Protocol(why) } else { self.lost(why, false) }
    }
    /// The event stream broke off.
    pub(super) fn ended(&self) {
        self.breaks.fetch_add(1, Ordering::AcqRel);
    }

    /// Bollard's error in our terms.
    pub(super) fn command_failed(&self, error: bollard::errors::Error) -> Error {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError { status_code, message } => {
                Error::Refused { code: status_code, text: message.trim().to_owned() }
            }
            E::IOError { err } => match err.downcast::<Error>() {
                Ok(ours) => ours,
                Err(err) => self.lost(err.to_string(), false),
            },
            E::HyperResponseError { err } => self.broken(err),
            E::RequestTimeoutError => Error::Timeout(std::time::Duration::from_secs(super::NO_LIMIT)),
            other => Error::Protocol(other.to_string()),
        }
    }

    /// Sends what bollard made. Its connection ends when bollard drops the answer, or the wait for it.
    async fn forward<B>(self: Arc<Wire>, request: Request<B>) -> Result<Response<Incoming>, Error>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let (mut sender, connection) = self.open().await?;
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |p| p.as_str());
        head.uri =
            path.parse().map_err(|e| Error::Protocol(format!("{path:?} can not be asked for: {e}")))?;
        let host =
            self.host.parse().map_err(|e| Error::Protocol(format!("{:?} is no host: {e}", self.host)))?;
        head.headers.insert(header::HOST, host);
        // Its failures are told to the sender and to the reader of the body.
        tokio::spawn(connection);
        sender.send_request(Request::from_parts(head, body)).await.map_err(|e| self.broken(e))
    }
}

impl Flow {
    /// The next piece; `None` at an orderly end.
    pub(super) async fn next(&mut self, wire: &Wire) -> Option<Result<Bytes, Error>> {
        let Flow { connection, body } = self;
        loop {
            let frame = poll_fn(|cx| {
                if let Some(running) = connection
                    && running.as_mut().poll(cx).is_ready()
                {
                    *connection = None;
                }
                Pin::new(&mut *body).poll_frame(cx)
            });
            match frame.await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_trailers) => {}
                },
                Err(error) => return Some(Err(wire.broken(error))),
            }
        }
    }
}

/// Bollard over this wire.
pub(super) fn bollard(wire: &Arc<Wire>, limit: u64) -> Result<bollard::Docker, Error> {
    let wire = Arc::clone(wire);
    let transport = move |request: bollard::BollardRequest| {
        let sent = Arc::clone(&wire).forward(request);
        async move { sent.await.map_err(|e| io::Error::other(e).into()) }
    };
    bollard::Docker::connect_with_custom_transport(
        transport,
        Some("http://docker"),
        limit,
        bollard::API_DEFAULT_VERSION,
    )
    .map_err(|e| Error::Protocol(e.to_string()))
}

/// JSON as a value.
pub(super) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|e| Error::Protocol(e.to_string()))
}

/// One path segment, with everything escaped that could end it.
pub(super) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => {
                out.push(byte.into())
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Polls a connection beside the work that needs it. The work may outlast the connection: what was received stays readable.
async fn drive<C: Future, W: Future>(connection: C, work: W) -> W::Output {
    let (mut connection, mut work) = (pin!(connection), pin!(work));
    let mut open = true;
    poll_fn(|cx| {
        if open && connection.as_mut().poll(cx).is_ready() {
            open = false;
        }
        work.as_mut().poll(cx)
    })
    .await
}
