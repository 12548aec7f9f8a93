//! Certificates of the listener: a certificate authority of our own, and a server certificate signed by it.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long the authority is trusted.
const AUTHORITY: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// How long a server certificate is good for.
const SERVER: Duration = Duration::from_secs(5 * 365 * 24 * 3600);
/// What has less than this left is made anew.
const RENEW: Duration = Duration::from_secs(365 * 24 * 3600);
/// How far back certificates begin, for clocks that go wrong.
const SLACK: Duration = Duration::from_secs(24 * 3600);

/// The names and addresses that the server answers to.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate authority, and a server certificate signed by it (ECDSA P-256).
#[derive(Clone)]
pub struct Certificates {
    /// The authority's certificate, which clients must trust.
    pub ca_pem: String,
    /// The server's certificate.
    pub certificate_pem: String,
    /// The server's private key.
    pub key_pem: String,
}

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path} can not be used")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A certificate could not be made.
    #[error("a certificate can not be made")]
    Generate(#[from] rcgen::Error),
    /// The certificate and its key do not fit.
    #[error("the certificate can not be served")]
    Serve(#[from] rustls::Error),
    /// A file holds no certificate or no key.
    #[error("{what} can not be read: {why}")]
    Parse {
        /// What was looked for.
        what: &'static str,
        /// What was found.
        why: String,
    },
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Certificates {
    /// The certificates of a directory. They are made when they are missing, damaged or about to expire (the server certificate alone, while
    /// the authority is good), and kept otherwise. Files: `ca.crt`, `ca.key`, `server.crt`, `server.key`, readable only for their owner.
    ///
    /// # Errors
    /// The directory can not be written.
    pub fn ensure(dir: &Path) -> Result<Certificates, Error> {
        create_dir(dir)?;
        let (authority, renewed) = match load_authority(dir) {
            Some(authority) => (authority, false),
            None => (make_authority(Some(dir))?, true),
        };
        if !renewed && let Some(kept) = load_server(dir, &authority.pem) {
            return Ok(kept);
        }
        let made = authority.certify()?;
        write(&dir.join("server.key"), &made.key_pem)?;
        write(&dir.join("server.crt"), &made.certificate_pem)?;
        Ok(made)
    }

    /// Certificates that are kept nowhere, for tests.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn ephemeral() -> Result<Certificates, Error> {
        make_authority(None)?.certify()
    }

    /// What rustls needs to serve them: HTTP/2 and HTTP/1.1, TLS 1.2 and later.
    pub(crate) fn server_config(&self) -> Result<Arc<rustls::ServerConfig>, Error> {
        let chain = parse_certificate(&self.certificate_pem)?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())
            .map_err(|error| Error::Parse { what: "server.key", why: error.to_string() })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl Authority {
    fn certify(&self) -> Result<Certificates, Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec())?;
        params.distinguished_name.push(DnType::CommonName, "rdd");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        valid(&mut params, SERVER);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Certificates {
            ca_pem: self.pem.clone(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}

fn make_authority(dir: Option<&Path>) -> Result<Authority, Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // Each authority has a name of its own: clients look issuers up by name, and must not find an earlier one's.
    let name = format!("rdd {}", uuid::Uuid::new_v4());
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, AUTHORITY);
    let pem = params.self_signed(&key)?.pem();
    if let Some(dir) = dir {
        write(&dir.join("ca.key"), &key.serialize_pem())?;
        write(&dir.join("ca.crt"), &pem)?;
    }
    Ok(Authority { pem, issuer: Issuer::new(params, key) })
}

fn valid(params: &mut CertificateParams, length: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - SLACK).into();
    params.not_after = (now + length).into();
}

fn load_authority(dir: &Path) -> Option<Authority> {
    let pem = std::fs::read_to_string(dir.join("ca.crt")).ok()?;
    let key = KeyPair::from_pem(&std::fs::read_to_string(dir.join("ca.key")).ok()?).ok()?;
    if !lasts(&pem) || !belongs(&pem, &key) {
        return None;
    }
    Some(Authority { issuer: Issuer::from_ca_cert_pem(&pem, key).ok()?, pem })
}

fn load_server(dir: &Path, authority: &str) -> Option<Certificates> {
    let certificate_pem = std::fs::read_to_string(dir.join("server.crt")).ok()?;
    let key_pem = std::fs::read_to_string(dir.join("server.key")).ok()?;
    let key = KeyPair::from_pem(&key_pem).ok()?;
    if !lasts(&certificate_pem) || !belongs(&certificate_pem, &key) || !signed(&certificate_pem, authority) {
        return None;
    }
    Some(Certificates { ca_pem: authority.to_owned(), certificate_pem, key_pem })
}

fn parse_certificate(pem: &str) -> Result<CertificateDer<'static>, Error> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| Error::Parse { what: "a certificate", why: error.to_string() })
}

/// Calls a function with a parsed certificate; `None` when it is none.
fn inspect<T>(
    pem: &str,
    look: impl FnOnce(&x509_parser::certificate::X509Certificate<'_>) -> T,
) -> Option<T> {
    let der = parse_certificate(pem).ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    Some(look(&certificate))
}

fn lasts(pem: &str) -> bool {
    let enough = SystemTime::now() + RENEW;
    let enough =
        enough.duration_since(SystemTime::UNIX_EPOCH).map_or(i64::MAX, |since| since.as_secs() as i64);
    inspect(pem, |certificate| certificate.validity().not_after.timestamp() > enough).unwrap_or(false)
}

fn belongs(pem: &str, key: &KeyPair) -> bool {
    inspect(pem, |certificate| certificate.public_key().subject_public_key.data == key.public_key_raw())
        .unwrap_or(false)
}

fn signed(pem: &str, authority: &str) -> bool {
    let issuer = inspect(pem, |certificate| certificate.issuer().as_raw().to_vec());
    issuer.is_some() && issuer == inspect(authority, |certificate| certificate.subject().as_raw().to_vec())
}

fn create_dir(dir: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| Error::File { path: dir.to_owned(), source })
}

/// Writes a file beside its place and moves it there, so that a crash leaves the old one or the new one.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let fail = |source| Error::File { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(fail)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
    std::fs::rename(&beside, path).map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_kept_across_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let first = Certificates::ensure(dir.path()).unwrap();
        let second = Certificates::ensure(dir.path()).unwrap();
        assert_eq!(first.ca_pem, second.ca_pem);
        assert_eq!(first.certificate_pem, second.certificate_pem);
        first.server_config().unwrap();
    }

    #[test]
    fn a_damaged_server_certificate_is_made_anew_under_the_same_authority() {
        let dir = tempfile::tempdir().unwrap();
        let first = Certificates::ensure(dir.path()).unwrap();
        std::fs::write(dir.path().join("server.crt"), "nonsense").unwrap();
        let second = Certificates::ensure(dir.path()).unwrap();
        assert_eq!(first.ca_pem, second.ca_pem);
        assert_ne!(first.certificate_pem, second.certificate_pem);
        second.server_config().unwrap();
    }

    #[test]
    fn a_certificate_that_expires_soon_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let first = Certificates::ensure(dir.path()).unwrap();
        let authority = load_authority(dir.path()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec()).unwrap();
        valid(&mut params, RENEW - SLACK);
        let old = params.signed_by(&key, &authority.issuer).unwrap().pem();
        std::fs::write(dir.path().join("server.crt"), &old).unwrap();
        std::fs::write(dir.path().join("server.key"), key.serialize_pem()).unwrap();
        let second = Certificates::ensure(dir.path()).unwrap();
        assert_ne!(second.certificate_pem, old);
        assert_eq!(first.ca_pem, second.ca_pem);
    }

    #[test]
    fn a_lost_authority_takes_its_server_certificate_along() {
        let dir = tempfile::tempdir().unwrap();
        let first = Certificates::ensure(dir.path()).unwrap();
        std::fs::remove_file(dir.path().join("ca.key")).unwrap();
        let second = Certificates::ensure(dir.path()).unwrap();
        assert_ne!(first.ca_pem, second.ca_pem);
        assert_ne!(first.certificate_pem, second.certificate_pem);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_readable_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Certificates::ensure(dir.path()).unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
