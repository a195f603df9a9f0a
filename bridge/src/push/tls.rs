//! Whom an https control plane is believed to be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Why there is no trust to build a connection on.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// `PATZE_CA_FILE` is no file of certificates.
    #[error("PATZE_CA_FILE {} cannot be read as certificates in PEM", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// `PATZE_CA_FILE` holds nothing that can be trusted.
    #[error("PATZE_CA_FILE {} holds no certificate of an authority", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The system knows no authorities.
    #[error(
        "this system has no certificate authorities (package ca-certificates); install them, or set PATZE_CA_FILE"
    )]
    NoSystemStore,
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// Connects with the authorities in `ca_file` alone, or with the system's if there is none.
///
/// # Errors
/// [`TlsError`].
pub fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, TlsError> {
    let roots = match ca_file {
        Some(path) => from_file(path)?,
        None => from_system()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn from_file(path: &Path) -> Result<RootCertStore, TlsError> {
    let failed = |source| TlsError::CaFile { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
        // One that is no authority is skipped: bundles hold odd ones.
        let _ = roots.add(certificate.map_err(failed)?);
    }
    if roots.is_empty() { Err(TlsError::NoCertificate { path: path.to_owned() }) } else { Ok(roots) }
}

fn from_system() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoSystemStore) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let error = |path: &Path| connector(Some(path)).map(drop).unwrap_err();
        assert!(matches!(error(&path), TlsError::CaFile { .. }));
        std::fs::write(&path, "nothing\n").unwrap();
        assert!(error(&path).to_string().contains("ca.pem"));
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(error(&path), TlsError::NoCertificate { .. }));
    }
}
