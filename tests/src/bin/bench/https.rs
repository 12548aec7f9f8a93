//! A bare HTTPS client: one connection, HTTP/1.1, no more work than a request needs.

use anyhow::{Context, Result};
use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::sync::Mutex;

/// One kept-alive connection.
pub(crate) struct Https {
    sender: Mutex<SendRequest<Full<Bytes>>>,
    token: String,
    host: String,
}

impl Https {
    /// Connects as a kubeconfig says (first cluster, first user).
    pub(crate) async fn connect(kubeconfig: &kube::config::Kubeconfig) -> Result<Https> {
        use secrecy::ExposeSecret;
        let cluster =
            kubeconfig.clusters.first().and_then(|named| named.cluster.as_ref()).context("no cluster")?;
        let user =
            kubeconfig.auth_infos.first().and_then(|named| named.auth_info.as_ref()).context("no user")?;
        let token = user.token.as_ref().context("no token")?.expose_secret().to_string();
        let server = cluster.server.as_deref().context("no server")?;
        let host = server.trim_start_matches("https://").to_string();
        let authority = cluster.certificate_authority_data.as_deref().context("no CA")?;
        let pem = base64::engine::general_purpose::STANDARD.decode(authority)?;
        let connector = connector(&pem)?;
        let tcp = tokio::net::TcpStream::connect(&host).await?;
        tcp.set_nodelay(true)?;
        let tls = connector.connect(rustls::pki_types::ServerName::try_from("127.0.0.1")?, tcp).await?;
        let (sender, connection) = handshake(TokioIo::new(tls)).await?;
        tokio::spawn(connection);
        Ok(Https { sender: Mutex::new(sender), token, host })
    }

    /// GET; the code and the body.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, Bytes)> {
        self.send("GET", path, Bytes::new()).await
    }

    /// A request with a JSON body; the code and the body of the answer.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Bytes) -> Result<(u16, Bytes)> {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(Full::new(body))?;
        let response = self.sender.lock().await.send_request(request).await?;
        let code = response.status().as_u16();
        Ok((code, response.into_body().collect().await?.to_bytes()))
    }
}

fn connector(pem: &[u8]) -> Result<tokio_rustls::TlsConnector> {
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rustls::pki_types::CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(tokio_rustls::TlsConnector::from(Arc::new(config)))
}
