//! Whom HTTPS believes: the certificate authorities of the system, and those that the operator adds.
//!
//! In: files of certificates. Out: a TLS configuration. There is no way to switch the check off.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file of the operator cannot be read as PEM.
    #[error("--ca-file {}: {source}; give a file of PEM certificates", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// A certificate of the operator's cannot be an authority.
    #[error("--ca-file {}: {source}", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The TLS library does not work as it was built.
    #[error("TLS: {0}")]
    Library(#[from] rustls::Error),
}

/// TLS 1.2 and 1.3, with HTTP/2 where the server has it.
///
/// # Errors
/// [`TlsError`], naming the file. A system without certificates is only a warning: requests without TLS work.
pub fn config(files: &[PathBuf]) -> Result<ClientConfig, TlsError> {
    let mut roots = system_roots();
    for file in files {
        add(&mut roots, file)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate of the system is left out");
    }
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(
            "the system has no certificate authorities: https:// fails; install ca-certificates, or give --ca-file"
        );
    }
    roots
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), TlsError> {
    let unreadable = |source| TlsError::File {
        file: file.to_owned(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(file).map_err(unreadable)?;
    let mut found = false;
    for certificate in certificates {
        let added = roots.add(certificate.map_err(unreadable)?);
        added.map_err(|source| TlsError::Certificate {
            file: file.to_owned(),
            source,
        })?;
        found = true;
    }
    match found {
        true => Ok(()),
        false => Err(unreadable(pem::Error::NoItemsFound)),
    }
}
