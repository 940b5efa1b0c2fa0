//! Certificates that users are shown, and the files that hold them.
//!
//! In: paths of PEM files. Out: a configuration for the next connection. When a file changes, it is read again with the
//! next connection; what cannot be read or does not fit is told in the log once, and the former certificate stays.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How long it is not looked whether the files have changed.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// Bytes of a file; a chain of certificates has some thousands.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A certificate's two files, PEM each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFiles {
    /// The certificate, then those that vouch for it.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}; name a file that this user may read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file has more bytes than any certificate.
    #[error("{}: more than {FILE_BYTES_MAX} bytes; name a PEM file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// There is no certificate in the file.
    #[error("{}: no certificate is in it; name a PEM file that has BEGIN CERTIFICATE", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in the file, or it is encrypted.
    #[error("{}: no private key is in it that needs no password; name a PEM file that has BEGIN PRIVATE KEY", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The two do not belong together, or are of a kind that is not known.
    #[error("{} and {}: {source}; name the key of this certificate", certificate.display(), key.display())]
    Unfit {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// A program has named a file in a folder that the operator has not named.
    #[error("this host has no folder of certificates for programs (--telnet-tls-folder)")]
    NoFolder,
    /// A program has named a file that is not in its folder.
    #[error("{name}: no name of a file in the folder of certificates")]
    BadName {
        /// The name.
        name: String,
    },
}

/// A certificate that is shown to users.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: CertificateFiles,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    /// What the files were when they were read last, whether or not they could be used.
    seen: Option<[Stamp; 2]>,
    looked_at: Instant,
}

/// What tells that a file is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: i128,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// [`CertificateError`], naming the file.
    pub(crate) fn load(files: CertificateFiles) -> Result<Self, CertificateError> {
        let seen = stamps(&files);
        let config = read(&files)?;
        let state = State {
            config: Arc::new(config),
            seen,
            looked_at: Instant::now(),
        };
        Ok(Self {
            files,
            state: Mutex::new(state),
        })
    }

    /// The configuration for a connection that begins now.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config_at(Instant::now())
    }

    fn config_at(&self, now: Instant) -> Arc<ServerConfig> {
        let mut state = self.state.lock();
        if now.saturating_duration_since(state.looked_at) >= LOOK_AFTER {
            state.looked_at = now;
            let seen = stamps(&self.files);
            if seen.is_some() && seen != state.seen {
                state.seen = seen;
                self.renew(&mut state);
            }
        }
        Arc::clone(&state.config)
    }

    fn renew(&self, state: &mut State) {
        match read(&self.files) {
            Ok(config) => {
                state.config = Arc::new(config);
                let certificate = self.files.certificate.display();
                tracing::info!(%certificate, "a new certificate is shown from now on");
            }
            Err(error) => {
                tracing::warn!(%error, "the former certificate is shown until its files are mended");
            }
        }
    }
}

/// Certificates that programs of the world may name in `listen()`: those of one folder.
#[derive(Clone, Debug)]
pub(crate) struct Further {
    folder: Option<PathBuf>,
}

impl Further {
    /// Those of this folder; none without it.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The certificate of two names in the folder.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub(crate) fn load(
        &self,
        certificate: &str,
        key: &str,
    ) -> Result<Certificate, CertificateError> {
        Certificate::load(CertificateFiles {
            certificate: self.path(certificate)?,
            key: self.path(key)?,
        })
    }

    /// Names have no folders in them, and so do not lead out of this one.
    fn path(&self, name: &str) -> Result<PathBuf, CertificateError> {
        let folder = self.folder.as_ref().ok_or(CertificateError::NoFolder)?;
        let is_bad = name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']);
        if is_bad {
            let name = name.to_owned();
            return Err(CertificateError::BadName { name });
        }
        Ok(folder.join(name))
    }
}

fn read(files: &CertificateFiles) -> Result<ServerConfig, CertificateError> {
    let CertificateFiles { certificate, key } = files;
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&contents(certificate)?).collect();
    let no_certificate = || CertificateError::NoCertificate {
        path: certificate.clone(),
    };
    let chain = chain.map_err(|_| no_certificate())?;
    if chain.is_empty() {
        return Err(no_certificate());
    }
    let private = PrivateKeyDer::from_pem_slice(&contents(key)?);
    let private = private.map_err(|_| CertificateError::NoKey { path: key.clone() })?;
    let unfit = |source| CertificateError::Unfit {
        certificate: certificate.clone(),
        key: key.clone(),
        source,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unfit)
}

fn contents(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is no file")));
    }
    if metadata.len() > FILE_BYTES_MAX {
        let path = path.to_owned();
        return Err(CertificateError::TooLarge { path });
    }
    std::fs::read(path).map_err(unreadable)
}

/// What the files are now; nothing while one is not there, as in the moment of its replacement.
fn stamps(files: &CertificateFiles) -> Option<[Stamp; 2]> {
    let stamp = |path: &Path| Some(stamp(&std::fs::metadata(path).ok()?));
    Some([stamp(&files.certificate)?, stamp(&files.key)?])
}

fn stamp(metadata: &Metadata) -> Stamp {
    const NANOSECONDS: i128 = 1_000_000_000;
    Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        bytes: metadata.len(),
        modified_ns: i128::from(metadata.mtime()) * NANOSECONDS + i128::from(metadata.mtime_nsec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path) -> CertificateFiles {
        let made = rcgen::generate_simple_self_signed(["moo.example".to_owned()]).expect("made");
        let files = CertificateFiles {
            certificate: folder.join("a.pem"),
            key: folder.join("a.key"),
        };
        std::fs::write(&files.certificate, made.cert.pem()).expect("written");
        std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("written");
        files
    }

    #[test]
    fn files_are_read_again_when_they_have_changed_and_what_is_broken_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = write(folder.path());
        let certificate = Certificate::load(files.clone()).expect("it fits");
        let mut now = Instant::now();
        let first = certificate.config_at(now);
        let mut later = || {
            now += LOOK_AFTER;
            certificate.config_at(now)
        };
        assert!(Arc::ptr_eq(&first, &later()), "nothing has changed");
        std::fs::write(&files.key, "no key").expect("written");
        assert!(Arc::ptr_eq(&first, &later()), "it is broken");
        std::fs::remove_file(&files.key).expect("removed");
        assert!(Arc::ptr_eq(&first, &later()), "it is gone");
        write(folder.path());
        assert!(!Arc::ptr_eq(&first, &later()), "it has been renewed");
    }

    #[test]
    fn programs_name_files_of_the_folder_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path());
        let further = Further::new(Some(folder.path().to_owned()));
        assert!(further.load("a.pem", "a.key").is_ok());
        for name in [
            "", ".", "..", ".hidden", "../a.pem", "/a.pem", "b/a.pem", "a\0",
        ] {
            let error = further.load(name, "a.key");
            assert!(
                matches!(error, Err(CertificateError::BadName { .. })),
                "{name:?}"
            );
        }
        let none = Further::new(None).load("a.pem", "a.key");
        assert!(matches!(none, Err(CertificateError::NoFolder)));
    }
}
