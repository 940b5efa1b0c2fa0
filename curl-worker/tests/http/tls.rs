//! HTTPS: whom the worker believes, and that it cannot be talked out of it.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::support::*;
use moor_worker::WireValue;

/// A server with a certificate for `name`, and the authority that signed it.
struct Secure {
    address: SocketAddr,
    authority: PathBuf,
    _folder: tempfile::TempDir,
}

impl Secure {
    fn start(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"))
            .expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, authority.pem()).expect("written");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        std::thread::spawn(move || serve(&listener, Arc::new(config)));
        Self {
            address,
            authority: file,
            _folder: folder,
        }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.address.port())
    }

    fn flags(&self) -> [&str; 4] {
        [
            "--allow-address",
            "127.0.0.1",
            "--ca-file",
            self.authority.to_str().expect("UTF-8"),
        ]
    }
}

fn serve(listener: &TcpListener, config: Arc<ServerConfig>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let connection = ServerConnection::new(config.clone()).expect("a connection");
        let mut reader = BufReader::new(StreamOwned::new(connection, stream));
        if Asked::read(&mut reader).is_some() {
            // A client that does not believe us is gone.
            let _ =
                reader
                    .get_mut()
                    .write_all(&response("200 OK", &["connection: close"], b"secure"));
        }
    }
}

fn names() -> Table {
    Table::default()
        .with("a.test", &[&["127.0.0.1"]])
        .with("b.test", &[&["127.0.0.1"]])
}

#[tokio::test]
async fn an_authority_of_the_operator_is_believed() {
    let site = Secure::start("a.test");
    let worker = worker_with(&site.flags(), names());
    assert_eq!(
        get(&worker, &site.url("a.test"))
            .await
            .expect("an answer")
            .body(),
        "secure"
    );
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let site = Secure::start("a.test");
    let outcome = get(&worker_with(LOCAL, names()), &site.url("a.test")).await;
    assert_fault(outcome, "E_INVARG", "TLS: a.test: invalid peer certificate");
    let outcome = get(&worker_with(&site.flags(), names()), &site.url("b.test")).await;
    assert_fault(outcome, "E_INVARG", "TLS: b.test: invalid peer certificate");
}

#[tokio::test]
async fn the_check_cannot_be_switched_off() {
    let site = Secure::start("b.test");
    let outcome = get_with(
        &worker_with(LOCAL, names()),
        &site.url("a.test"),
        [("verify", WireValue::Int(0))],
    )
    .await;
    assert_fault(
        outcome,
        "E_PERM",
        "bad option: verify cannot be switched off",
    );
}

#[tokio::test]
async fn plain_http_on_an_https_port_is_named() {
    let site = Site::start(|_| ok("plain"));
    let outcome = get(&worker(), &format!("https://{}/", site.address)).await;
    assert_fault(outcome, "E_INVARG", "TLS: 127.0.0.1: ");
}
