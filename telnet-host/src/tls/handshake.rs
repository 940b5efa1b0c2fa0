//! The beginning of an encrypted connection.
//!
//! In: a socket, and this side's certificate or the name of the other side. Out: the same socket with the keys of the
//! connection, within a bounded time; nobody is told of a user before that.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, Connection, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Certificate, HandshakeError, Tls};

/// Handshakes of one listener at a time; further clients wait to be accepted.
pub(crate) const HANDSHAKES_MAX: usize = 1_024;
/// How long a client may take for its handshake.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// The first byte of every connection that speaks TLS.
const HANDSHAKE_RECORD: u8 = 22;
/// What somebody reads who speaks without.
const PLAIN_NOTICE: &[u8] = b"This port speaks TLS only.\r\n";

/// Does the handshake of a user who has come.
pub(crate) async fn accept(
    socket: TcpStream,
    certificate: &Certificate,
) -> Result<(TcpStream, Tls), HandshakeError> {
    let handshake = timeout(HANDSHAKE_TIME_MAX, async {
        let socket = speaks_tls(socket).await?;
        let acceptor = TlsAcceptor::from(certificate.config());
        Ok(acceptor.accept(socket).await?)
    });
    let stream = handshake.await.unwrap_or(Err(HandshakeError::Late))?;
    let (socket, connection) = stream.into_inner();
    Ok((socket, Tls::new(Connection::Server(connection))))
}

/// Waits for the first byte, and tells people who do not speak TLS that they should.
async fn speaks_tls(mut socket: TcpStream) -> Result<TcpStream, HandshakeError> {
    let mut first = [0];
    let count = socket.peek(&mut first).await?;
    if count == 0 || first[0] == HANDSHAKE_RECORD {
        return Ok(socket);
    }
    // Whoever has gone does not read it.
    let _ = socket.write_all(PLAIN_NOTICE).await;
    let _ = socket.shutdown().await;
    Err(HandshakeError::Plain)
}

/// How the host itself calls others, for programs.
#[derive(Clone, Debug)]
pub(crate) struct Callers {
    authorities: Option<PathBuf>,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Callers {
    /// They believe the system's certificate authorities, and those of this file.
    pub(crate) fn new(authorities: Option<PathBuf>) -> Self {
        Self {
            authorities,
            config: Arc::default(),
        }
    }

    /// Does the handshake with a server of this name, whose certificate must be its own.
    pub(crate) async fn connect(
        &self,
        socket: TcpStream,
        name: &str,
    ) -> Result<(TcpStream, Tls), HandshakeError> {
        let server = ServerName::try_from(name.to_owned());
        let server = server.map_err(|_| HandshakeError::BadName(name.to_owned()))?;
        let connector = TlsConnector::from(self.config()?);
        let stream = connector.connect(server, socket).await?;
        let (socket, connection) = stream.into_inner();
        Ok((socket, Tls::new(Connection::Client(connection))))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, HandshakeError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(std::io::Error::other)?
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }

    /// What cannot be read is left out: nobody is believed for it.
    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a certificate of the system is left out");
        }
        roots.add_parsable_certificates(found.certs);
        let Some(file) = &self.authorities else {
            return roots;
        };
        let read =
            CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match read {
            Ok(further) => {
                roots.add_parsable_certificates(further);
            }
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "--telnet-tls-ca-file: nobody is believed for it");
            }
        }
        roots
    }
}
