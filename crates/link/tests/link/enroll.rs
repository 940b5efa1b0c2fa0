//! Enrollment over the real endpoint and the real desk: what is let in, what is refused and how that reads,
//! what can be seen of the daemon, and what strangers can cost.
//!
//! In: tokens in temporary folders. Out: verdicts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use moor_keyring::{Desk, EnrollRefusal, KeyPair, Token, TokenSpec};
use moor_link::enrollment::{EnrollError, Server, ServerConfig, enroll, probe};
use moor_link::{Address, Endpoint, bounds};

use crate::ground::PATIENCE;
use crate::realm::{any_port, key_pair, port};

struct Office {
    _folder: tempfile::TempDir,
    desk: Arc<Desk>,
    pair: Arc<KeyPair>,
    server: Server,
}

impl Office {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let desk = Arc::new(Desk::open(&folder.path().join("moor")).expect("desk"));
        let pair = key_pair();
        let config = ServerConfig::new(vec![any_port()], Arc::clone(&pair), 7);
        let server = Server::start(config, Arc::clone(&desk)).expect("server");
        Self {
            _folder: folder,
            desk,
            pair,
            server,
        }
    }

    fn token(&self, spec: TokenSpec) -> Token {
        self.desk
            .tokens()
            .create(&spec, self.pair.public(), SystemTime::now())
            .expect("token")
    }

    fn address(&self) -> Address {
        self.server.endpoints()[0].clone().into()
    }

    fn enroll(
        &self,
        token: &Token,
        pair: &KeyPair,
        service: &str,
    ) -> Result<uuid::Uuid, EnrollError> {
        let answer = enroll(&self.address(), token, pair, service, "machine", PATIENCE);
        answer.map(|enrolled| {
            assert_eq!(enrolled.daemon_key, self.pair.public());
            enrolled.uuid
        })
    }

    fn refusal(&self, token: &Token, service: &str) -> EnrollRefusal {
        match self.enroll(token, &key_pair(), service) {
            Err(EnrollError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_key_that_was_proved_is_enrolled_and_keeps_its_name() {
    let office = Office::open();
    let token = office.token(TokenSpec::default());
    let pair = key_pair();
    let uuid = office
        .enroll(&token, &pair, "telnet-host")
        .expect("enrolled");
    let peer = office
        .desk
        .registry()
        .by_key(&pair.public())
        .expect("known");
    assert_eq!((peer.uuid, peer.service.as_str()), (uuid, "telnet-host"));
    assert_eq!(peer.hostname, "machine");
    assert_eq!(
        office.enroll(&token, &pair, "telnet-host").expect("again"),
        uuid
    );
    let other = office
        .enroll(&token, &key_pair(), "curl-worker")
        .expect("other");
    assert_ne!(other, uuid);
    assert_eq!(office.server.counts().enrolled, 3);
}

#[test]
fn each_refusal_is_its_own() {
    let office = Office::open();
    let spent = office.token(TokenSpec {
        uses: Some(1),
        ..TokenSpec::default()
    });
    office
        .enroll(&spent, &key_pair(), "telnet-host")
        .expect("once");
    assert_eq!(office.refusal(&spent, "telnet-host"), EnrollRefusal::UsedUp);
    let for_workers = office.token(TokenSpec {
        service: Some("curl-worker".to_owned()),
        ..TokenSpec::default()
    });
    let token_is_for = "curl-worker".to_owned();
    assert_eq!(
        office.refusal(&for_workers, "telnet-host"),
        EnrollRefusal::WrongService { token_is_for }
    );
    let revoked = office.token(TokenSpec::default());
    office.desk.tokens().revoke(revoked.id()).expect("revoked");
    assert_eq!(
        office.refusal(&revoked, "telnet-host"),
        EnrollRefusal::UnknownToken
    );
    assert_eq!(office.server.counts().refused, 3);
}

#[test]
fn a_token_of_another_daemon_is_shown_to_nobody() {
    let office = Office::open();
    let other = Office::open();
    let token = other.token(TokenSpec::default());
    let error = office
        .enroll(&token, &key_pair(), "telnet-host")
        .expect_err("another key");
    assert!(matches!(error, EnrollError::WrongServerKey(_)), "{error}");
    assert!(!error.is_passing());
    let counts = office.server.counts();
    assert_eq!(
        counts,
        moor_link::enrollment::ServerCounts::default(),
        "nothing was said"
    );
}

#[test]
fn nobody_there_and_somebody_else_there_are_told_apart() {
    let office = Office::open();
    let token = office.token(TokenSpec::default());
    let ask = |address: &str, timeout| {
        let address: Address = address.parse().expect("address");
        let answer = enroll(&address, &token, &key_pair(), "telnet-host", "h", timeout);
        answer.expect_err("nobody there")
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = format!("tcp://{}", free.local_addr().expect("address"));
    let error = ask(&silent, Duration::from_millis(300));
    assert!(matches!(error, EnrollError::Timeout(_)), "{error}");
    drop(free);
    let error = ask(&silent, PATIENCE);
    assert!(matches!(error, EnrollError::Unreachable(_)), "{error}");
    assert!(error.is_passing());
    let error = ask("ipc:///tmp/x.sock", PATIENCE);
    assert!(matches!(error, EnrollError::NotNetwork(_)), "{error}");

    // The daemon's key at a door that is no enrollment's.
    let realm = crate::realm::Realm::new();
    let (link, _requests) = realm.server();
    let folder = tempfile::tempdir().expect("temporary folder");
    let tokens = Desk::open(&folder.path().join("moor")).expect("desk");
    let token = tokens
        .tokens()
        .create(
            &TokenSpec::default(),
            realm.pair.public(),
            SystemTime::now(),
        )
        .expect("token");
    let address = crate::realm::tcp(&link.handle().endpoints().rpc)
        .clone()
        .into();
    let answer = enroll(&address, &token, &key_pair(), "telnet-host", "h", PATIENCE);
    let error = answer.expect_err("not there");
    assert!(matches!(error, EnrollError::NotEnrollment(_)), "{error}");
}

#[test]
fn a_look_tells_of_the_daemon_and_uses_nothing_up() {
    let office = Office::open();
    let token = office.token(TokenSpec {
        service: Some("telnet-host".to_owned()),
        uses: Some(1),
        ..TokenSpec::default()
    });
    let look = |token, service| {
        let key = office.pair.public();
        probe(
            &office.address(),
            &key,
            &key_pair(),
            token,
            service,
            PATIENCE,
        )
        .expect("an answer")
    };
    let before = SystemTime::now();
    let probed = look(None, "telnet-host");
    assert_eq!((probed.protocol, probed.token), (7, None));
    assert_eq!(probed.build, env!("CARGO_PKG_VERSION"));
    let apart = |clock: SystemTime| {
        clock
            .duration_since(before)
            .unwrap_or_else(|e| e.duration())
    };
    assert!(apart(probed.clock) < PATIENCE, "{:?}", probed.clock);
    for _ in 0..3 {
        assert_eq!(look(Some(&token), "telnet-host").token, Some(Ok(())));
    }
    let token_is_for = "telnet-host".to_owned();
    assert_eq!(
        look(Some(&token), "web-host").token,
        Some(Err(EnrollRefusal::WrongService { token_is_for }))
    );
    office
        .enroll(&token, &key_pair(), "telnet-host")
        .expect("its one use is left");
    assert_eq!(
        look(Some(&token), "telnet-host").token,
        Some(Err(EnrollRefusal::UsedUp))
    );
    // Another daemon's token is not even shown.
    let foreign = Office::open().token(TokenSpec::default());
    assert_eq!(
        look(Some(&foreign), "telnet-host").token,
        Some(Err(EnrollRefusal::UnknownToken))
    );
    assert_eq!(office.server.counts().seen, 7);
}

#[test]
fn enrollment_listens_on_the_network_only() {
    let pair = key_pair();
    let folder = tempfile::tempdir().expect("temporary folder");
    let desk = Arc::new(Desk::open(&folder.path().join("moor")).expect("desk"));
    let start = |listen: Vec<Endpoint>| {
        let config = ServerConfig::new(listen, Arc::clone(&pair), 7);
        Server::start(config, Arc::clone(&desk)).map(drop)
    };
    let local: Endpoint = "ipc:///tmp/moor/enroll.sock".parse().expect("endpoint");
    let error = start(vec![local]).expect_err("ipc").to_string();
    assert!(error.contains("write tcp://0.0.0.0:7900"), "{error}");
    start(vec![]).expect_err("nothing to listen on");
}

/// More silent connections than there may be: the newcomer is served at once, and the oldest are gone.
#[test]
fn silent_connections_keep_nobody_out() {
    let office = Office::open();
    let token = office.token(TokenSpec::default());
    let at = ("127.0.0.1", port(&office.server.endpoints()[0]));
    let mut silent: Vec<TcpStream> = (0..bounds::ENROLLMENT_CONNECTIONS_MAX + 50)
        .map(|_| TcpStream::connect(at).expect("connected"))
        .collect();
    for stream in &mut silent {
        // Half a greeting, as one that means well and is slow.
        let _ = stream.write_all(&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3]);
    }
    let start = Instant::now();
    office
        .enroll(&token, &key_pair(), "telnet-host")
        .expect("served");
    let took = start.elapsed();
    println!(
        "enrolled in {took:?} among {} silent connections",
        silent.len()
    );
    assert!(took < Duration::from_secs(1), "{took:?}");
    // The first of them has been hung up on: what it reads ends.
    let first = &mut silent[0];
    first.set_read_timeout(Some(PATIENCE)).expect("timeout");
    let mut buffer = [0; 64];
    while let Ok(read) = first.read(&mut buffer) {
        if read == 0 {
            break;
        }
    }
}
