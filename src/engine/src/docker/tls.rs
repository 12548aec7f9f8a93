//! TLS towards a TCP endpoint, with client certificates as Docker wants them.

use crate::endpoint::Tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// Reads the files. The error says which one is unusable and why.
pub(super) fn connector(address: &str, files: &Tls) -> Result<(TlsConnector, ServerName<'static>), String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca_file)? {
        roots.add(certificate).map_err(|e| unusable(&files.ca_file, &e))?;
    }
    let chain = certificates(&files.cert_file)?;
    let key = PrivateKeyDer::from_pem_file(&files.key_file).map_err(|e| unusable(&files.key_file, &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|e| unusable(&files.cert_file, &e))?;
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name =
        ServerName::try_from(host.to_owned()).map_err(|e| format!("{host:?} is no TLS server name: {e}"))?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|e| unusable(file, &e))?.collect();
    let found = found.map_err(|e| unusable(file, &e))?;
    if found.is_empty() { Err(format!("{} contains no certificate", file.display())) } else { Ok(found) }
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{} can not be used: {error}", file.display())
}
