//! Users who speak TLS: the same conversation, certificates that are renewed, and clients that do it wrong.

use std::path::Path;
use std::sync::Arc;

use moor_rpc::{CloseReason, Event, HostEvent, ListenError, ListenerId, ListenerInfo, ListenerTls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{PATIENCE, Stage, User, World, host_command, private_folder, say, soon};

/// The name in the certificates.
const NAME: &str = "moo.example";
/// Clients that connect and say nothing.
const SILENT: usize = 50;

/// Writes a new certificate and its key to `NAME.pem` and `NAME.key` in a folder; the certificate.
fn certificate(folder: &Path, name: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    // As renewals do it: the key first, each by rename.
    for (ending, text) in [
        ("key", made.signing_key.serialize_pem()),
        ("pem", made.cert.pem()),
    ] {
        let path = folder.join(format!("{name}.{ending}"));
        let new = path.with_extension("new");
        std::fs::write(&new, text).expect("written");
        std::fs::rename(&new, &path).expect("renamed");
    }
    made.cert.der().clone()
}

/// A host whose own certificate is `own`, in its folder.
async fn stage() -> (Stage, CertificateDer<'static>) {
    let folder = private_folder();
    let own = certificate(folder.path(), "own");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (pem, key, all) = (path("own.pem"), path("own.key"), path(""));
    let flags = [
        "--telnet-tls-port",
        "0",
        "--telnet-tls-cert",
        &pem,
        "--telnet-tls-key",
        &key,
        "--telnet-tls-folder",
        &all,
    ];
    (Stage::set_in(folder, &flags).await, own)
}

/// A client that believes this certificate alone.
fn connector(
    believed: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(believed.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// A user who has done the handshake.
struct SecureUser {
    stream: TlsStream<TcpStream>,
    read: Vec<u8>,
}

impl SecureUser {
    async fn connect(port: u16, connector: &TlsConnector) -> std::io::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        let name = ServerName::try_from(NAME).expect("a name");
        let stream = soon("a handshake", connector.connect(name, socket)).await?;
        Ok(Self {
            stream,
            read: Vec::new(),
        })
    }

    async fn type_line(&mut self, line: &str) {
        let line = format!("{line}\r\n");
        soon("room for input", self.stream.write_all(line.as_bytes()))
            .await
            .expect("the host reads");
    }

    async fn read_until(&mut self, end: &str) -> String {
        soon(end, async {
            loop {
                let text = String::from_utf8_lossy(&self.read).into_owned();
                if let Some((before, rest)) = text.split_once(end) {
                    self.read = rest.as_bytes().to_vec();
                    return format!("{before}{end}");
                }
                let count = self
                    .stream
                    .read_buf(&mut self.read)
                    .await
                    .expect("it is open");
                assert!(count > 0, "closed after {text:?}, before {end:?}");
            }
        })
        .await
    }
}

/// Lets a user in who believes the host's own certificate.
async fn welcomed(stage: &mut Stage, own: &CertificateDer<'static>) {
    let connector = connector(own, rustls::ALL_VERSIONS);
    let port = stage.host.tls_port;
    let connecting = async {
        SecureUser::connect(port, &connector)
            .await
            .expect("it is let in")
            .read_until("welcome\r\n")
            .await
    };
    stage.daemon.during(connecting).await;
}

#[tokio::test]
async fn the_conversation_is_the_same_in_both_versions() {
    let (mut stage, own) = stage().await;
    let port = stage.host.tls_port;
    for (number, version) in [&rustls::version::TLS13, &rustls::version::TLS12]
        .into_iter()
        .enumerate()
    {
        let connector = connector(&own, &[version]);
        let connecting = async {
            let mut user = SecureUser::connect(port, &connector)
                .await
                .expect("it is let in");
            user.read_until("welcome\r\n").await;
            user.type_line("look").await;
            assert_eq!(user.read_until("\r\n").await, "you said look\r\n");
            user
        };
        let mut user = stage.daemon.during(connecting).await;
        let info = stage.daemon.world.opened[number]
            .tls
            .clone()
            .expect("it is encrypted");
        assert_eq!(info.version, ["TLSv1.3", "TLSv1.2"][number]);
        assert!(
            info.cipher.starts_with("TLS_") && !info.cipher.contains("TLS13"),
            "{info:?}"
        );
        // More than a record, and than the socket takes at once.
        let line = "x".repeat(60_000);
        stage.daemon.tell(number, vec![say(&line), say("end")]);
        assert_eq!(user.read_until("\r\n").await.len(), line.len() + 2);
        user.read_until("end\r\n").await;
        let bye = vec![say("bye"), Event::Close];
        stage.daemon.tell(number, bye);
        user.read_until("bye\r\n").await;
        // The end is said, not just there: otherwise it would be an error.
        let rest = soon("the end", user.stream.read_to_end(&mut user.read)).await;
        assert_eq!(rest.expect("a word of farewell"), 0);
    }
}

#[tokio::test]
async fn what_a_user_says_at_once_and_before_leaving_is_heard() {
    let (mut stage, own) = stage().await;
    let connector = connector(&own, rustls::ALL_VERSIONS);
    let port = stage.host.tls_port;
    let leaving = async {
        let mut user = SecureUser::connect(port, &connector)
            .await
            .expect("it is let in");
        // It comes with the handshake's last bytes.
        user.type_line("first").await;
        user.read_until("you said first\r\n").await;
        user.type_line("last").await;
        user.stream.shutdown().await.expect("a word of farewell");
        user
    };
    let _user = stage.daemon.during(leaving).await;
    let is_over = |world: &World| world.session(0).closed == Some(CloseReason::ByPeer);
    stage.daemon.until("the end", is_over).await;
    assert_eq!(stage.daemon.world.lines(0), ["first", "last"]);
}

#[tokio::test]
async fn who_does_not_speak_tls_is_told_and_no_user() {
    let (mut stage, own) = stage().await;
    let mut user = User::connect(stage.host.tls_port).await;
    user.type_line("connect wizard").await;
    assert_eq!(user.read_to_end().await, "This port speaks TLS only.\r\n");
    let mut liar = User::connect(stage.host.tls_port).await;
    liar.type_bytes(&[22, 3, 1, 0xFF, 0xFF, 0, 0, 0]).await;
    liar.type_bytes(&[0; 70_000]).await;
    liar.read_to_end().await;
    // Nor is who does not believe the certificate.
    let stranger = private_folder();
    let other = connector(&certificate(stranger.path(), "other"), rustls::ALL_VERSIONS);
    let refused = SecureUser::connect(stage.host.tls_port, &other).await;
    assert!(refused.is_err());
    welcomed(&mut stage, &own).await;
    assert_eq!(stage.daemon.world.order.len(), 1);
}

#[tokio::test]
async fn clients_that_say_nothing_hinder_nobody_and_are_cut_off() {
    let (mut stage, own) = stage().await;
    let port = stage.host.tls_port;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(User::connect(port).await);
    }
    welcomed(&mut stage, &own).await;
    // The bound is well below what the test waits for anything.
    for mut client in silent {
        assert_eq!(client.read_to_end().await, "");
    }
    assert_eq!(stage.daemon.world.order.len(), 1);
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
    let (mut stage, own) = stage().await;
    let (port, folder) = (stage.host.tls_port, stage.path());
    std::fs::write(folder.join("own.pem"), "no certificate").expect("written");
    let first = connector(&own, rustls::ALL_VERSIONS);
    let still = async { SecureUser::connect(port, &first).await.map(|_| ()) };
    stage
        .daemon
        .during(still)
        .await
        .expect("the former one is shown");
    let renewed = connector(&certificate(&folder, "own"), rustls::ALL_VERSIONS);
    let renewing = tokio::time::timeout(PATIENCE, async {
        while SecureUser::connect(port, &renewed).await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    stage
        .daemon
        .during(renewing)
        .await
        .expect("the new one is shown in time");
}

#[tokio::test]
async fn the_world_opens_places_with_certificates_of_the_folder_only() {
    let (mut stage, own) = stage().await;
    let further = certificate(&stage.path(), "further");
    let tls = |certificate: &str, key: &str| ListenerTls {
        certificate: certificate.into(),
        key: key.into(),
    };
    let wanted = [
        tls("", ""),
        tls("further.pem", "further.key"),
        tls("further.pem", "own.key"),
        tls("../own.pem", "own.key"),
        tls("/etc/passwd", "own.key"),
        tls("missing.pem", "own.key"),
        tls("own.key", "own.key"),
    ];
    for (number, tls) in (1..).zip(wanted.clone()) {
        stage.daemon.publish(&HostEvent::Listen(ListenerInfo {
            id: ListenerId(number),
            address: String::new(),
            port: 0,
            tls: Some(tls),
        }));
    }
    stage
        .daemon
        .until("all answers", |world| {
            world.listen_results.len() == wanted.len()
        })
        .await;
    let results = stage.daemon.world.listen_results.clone();
    for result in &results[2..] {
        assert!(
            matches!(result.result, Err(ListenError::NoCertificate { .. })),
            "{result:?}"
        );
    }
    for (result, certificate) in results.iter().zip([own, further]) {
        let place = result.result.clone().expect("it listens").expect("there");
        assert!(place.tls.is_some());
        let connector = connector(&certificate, rustls::ALL_VERSIONS);
        let connecting = async {
            SecureUser::connect(place.port, &connector)
                .await
                .expect("it is let in")
                .read_until("welcome\r\n")
                .await
        };
        stage.daemon.during(connecting).await;
        let opened = stage.daemon.world.opened.last().expect("a session");
        assert_eq!(opened.listener, result.listener);
    }
}

#[tokio::test]
async fn wrong_files_end_the_host_with_the_mend() {
    let folder = private_folder();
    certificate(folder.path(), "one");
    certificate(folder.path(), "two");
    std::fs::write(folder.path().join("empty.pem"), "").expect("written");
    for (certificate, key, parts) in [
        ("missing.pem", "one.key", ["missing.pem", "No such file"]),
        ("empty.pem", "one.key", ["empty.pem", "BEGIN CERTIFICATE"]),
        ("one.pem", "empty.pem", ["empty.pem", "BEGIN PRIVATE KEY"]),
        (
            "one.pem",
            "two.key",
            ["two.key", "name the key of this certificate"],
        ),
        ("/dev/zero", "one.key", ["/dev/zero", "it is no file"]),
    ] {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let flags = [
            "--telnet-tls-port",
            "0",
            "--telnet-tls-cert",
            &path(certificate),
            "--telnet-tls-key",
            &path(key),
        ];
        let mut command = host_command(folder.path(), &flags);
        let output = command.stderr(std::process::Stdio::piped()).output();
        let output = soon("the host's end", output).await.expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(
            parts.iter().all(|part| text.contains(part)),
            "{parts:?}: {text}"
        );
    }
    let lonely = host_command(folder.path(), &["--telnet-tls-port", "0"])
        .stderr(std::process::Stdio::piped())
        .output()
        .await;
    let lonely = lonely.expect("it runs");
    assert_eq!(lonely.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&lonely.stderr).contains("--telnet-tls-cert"));
}
