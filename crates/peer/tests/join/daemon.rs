//! The daemon of the tests: keys, tokens and peers in a folder, a link server and an enrollment server on ports that
//! stay the same when it starts again.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use moor_keyring::{Desk, Domain, KeyPair, PublicKey, Registry, Token, TokenSpec, TokenStore};
use moor_link::{
    Endpoint, Heartbeat, Security, Server, ServerConfig, ServerKeys, ServiceType, enrollment,
};

/// Version of the payloads; there are none.
pub(crate) const PROTOCOL: u32 = 1;

pub(crate) const HOST: &str = "telnet-host";
pub(crate) const WORKER: &str = "curl-worker";

/// What outlives the daemon's runs.
pub(crate) struct Ground {
    pub(crate) folder: tempfile::TempDir,
    /// Which daemon it is: each has its own key and its own folder.
    number: u32,
    pub(crate) tokens: TokenStore,
    pub(crate) rpc: u16,
    pub(crate) events: u16,
    pub(crate) enrollment: u16,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // All at once, so that they differ.
        let free = [(); 3].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
        let [rpc, events, enrollment] =
            free.map(|listener| listener.local_addr().expect("its address").port());
        let first = folder.path().join("daemon-1");
        moor_node::create_private_dir(&first).expect("made");
        Self {
            tokens: TokenStore::open(&first.join("tokens")).expect("opened"),
            folder,
            number: 1,
            rpc,
            events,
            enrollment,
        }
    }

    fn daemon(&self) -> PathBuf {
        let folder = self.folder.path().join(format!("daemon-{}", self.number));
        moor_node::create_private_dir(&folder).expect("made");
        folder
    }

    fn pair(&self) -> KeyPair {
        KeyPair::load_or_create(&self.daemon().join("keys/daemon.key")).expect("made")
    }

    pub(crate) fn key(&self) -> PublicKey {
        self.pair().public()
    }

    pub(crate) fn token(&self, spec: &TokenSpec) -> Token {
        self.tokens
            .create(spec, self.key(), SystemTime::now())
            .expect("made")
    }

    /// Another daemon, with nothing of the former one but its ports.
    pub(crate) fn renew_daemon(&mut self) {
        self.number += 1;
        self.tokens = TokenStore::open(&self.daemon().join("tokens")).expect("opened");
    }

    pub(crate) fn forget_peers(&self) {
        for folder in ["allowed-hosts", "known-keys"] {
            std::fs::remove_dir_all(self.daemon().join(folder)).expect("removed");
        }
    }

    /// A Unix socket of the daemon: `rpc` or `events`.
    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        self.daemon().join(format!("{name}.sock"))
    }

    /// The file that programs are given as their token file.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub(crate) fn replace_token_file(&self, token: &Token) {
        moor_node::write_secret(&self.token_file(), token.expose().as_bytes()).expect("written");
    }
}

/// A running daemon.
pub(crate) struct Daemon {
    registry: Arc<Registry>,
    link: Server,
    _enrollment: enrollment::Server,
}

impl Daemon {
    pub(crate) fn start(ground: &Ground) -> Self {
        let desk = Arc::new(Desk::open(&ground.daemon()).expect("opened"));
        let registry = Arc::clone(desk.registry());
        let pair = Arc::new(ground.pair());
        let at = |port| Endpoint::Tcp {
            host: "127.0.0.1".into(),
            port,
        };
        let services = [HOST, WORKER].map(|name| ServiceType::new(name).expect("a service"));
        let mut config = ServerConfig::new(
            vec![at(ground.rpc), Endpoint::Ipc(ground.socket("rpc"))],
            vec![at(ground.events), Endpoint::Ipc(ground.socket("events"))],
            PROTOCOL,
            services.to_vec(),
        );
        config.heartbeat = Heartbeat {
            interval: Duration::from_millis(200),
            misses: 10,
        };
        config.security = Security::Curve(Arc::new(ServerKeys {
            pair: Arc::clone(&pair),
            registry: Arc::clone(&registry),
            rpc: Domain::Rpc,
            events: Domain::Events,
        }));
        // Its other end is closed: nobody is interested in what the server tells.
        let (nobody, _) = crossbeam_channel::bounded(1);
        let link = Server::start(config, nobody).expect("the link");
        let config = enrollment::ServerConfig::new(vec![at(ground.enrollment)], pair, PROTOCOL);
        Self {
            registry,
            link,
            _enrollment: enrollment::Server::start(config, desk).expect("the enrollment"),
        }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// As after each change of who is enrolled.
    pub(crate) fn recheck(&self) {
        self.link.handle().recheck().expect("told");
    }

    /// Stops without another word than a daemon's.
    pub(crate) fn stop(self) {
        self.link.shutdown();
    }
}
