//! Raw HTTP over a unix socket: one connection per call, nothing decoded.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// A way to talk to an engine without any client library.
#[derive(Clone, Debug)]
pub struct Http {
    socket: PathBuf,
}

impl Http {
    /// Over that socket.
    pub fn new(socket: PathBuf) -> Http {
        Http { socket }
    }
    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Status and whole body of an answer. A body is given with its content type.
    pub async fn call(&self, method: &str, path: &str, body: Option<(&str, Bytes)>) -> Result<(u16, Bytes)> {
        let response = self.open(method, path, body).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
    /// The same, where anything but 2xx and 304 is an error.
    pub async fn done(&self, method: &str, path: &str, body: Option<(&str, Bytes)>) -> Result<Bytes> {
        let (status, body) = self.call(method, path, body).await?;
        if !(200..300).contains(&status) && status != 304 {
            bail!("{method} {path}: {status} {}", String::from_utf8_lossy(&body).trim());
        }
        Ok(body)
    }
    /// The answer as soon as its head is there.
    pub async fn open(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, Bytes)>,
    ) -> Result<hyper::Response<Incoming>> {
        let stream = UnixStream::connect(&self.socket).await.context("connect")?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the answer.
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("Host", "docker");
        if let Some((kind, _)) = body {
            request = request.header("Content-Type", kind);
        }
        let body = body.map(|(_, body)| body).unwrap_or_default();
        Ok(sender.send_request(request.body(Full::new(body))?).await?)
    }

    /// `GET /containers/json?all=1`.
    pub async fn list(&self) -> Result<Bytes> {
        self.done("GET", "/containers/json?all=1", None).await
    }
    /// The list filtered by one id.
    pub async fn peek(&self, id: &str) -> Result<Bytes> {
        let path = format!("/containers/json?all=1&filters=%7B%22id%22%3A%5B%22{id}%22%5D%7D");
        self.done("GET", &path, None).await
    }
    /// `GET /containers/{id}/json`.
    pub async fn inspect(&self, id: &str) -> Result<Bytes> {
        self.done("GET", &format!("/containers/{id}/json"), None).await
    }
    /// The inspects of all these, so many at once, in order.
    pub async fn inspect_all(&self, ids: &[String], at_once: usize) -> Result<Vec<Bytes>> {
        let all = ids.iter().map(|id| self.inspect(id));
        futures::stream::iter(all).buffered(at_once).try_collect().await
    }
}
