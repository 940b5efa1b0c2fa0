//! A handler of authentication that dies: nobody new comes in, whoever is in stays.
//!
//! In: a planted panic. Out: a verdict.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::bounded;
use moor_keyring::{Domain, KeyPair, Registry};

use super::judge::RegistryJudge;
use super::socket::start_with;
use super::*;
use crate::config::{ClientConfig, Retry};
use crate::identity::{NodeId, ServiceType};
use crate::security::{ClientKeys, ClientSecurity, Security, ServerKeys};
use crate::zap::{Judge, Knock};
use crate::{Client, ClientEvent};

/// Judges two knocks, one for each connection of a client, and dies at the third.
struct Mortal(RegistryJudge, u32);

impl Judge for Mortal {
    fn judge(&mut self, knock: Knock<'_>) -> Option<String> {
        self.1 += 1;
        assert!(self.1 <= 2, "planted");
        self.0.judge(knock)
    }
}

fn key_pair() -> Arc<KeyPair> {
    Arc::new(KeyPair::generate().expect("random bytes"))
}

#[test]
fn nobody_comes_in_when_the_handler_of_authentication_is_dead() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let registry = Registry::open(&folder.path().join("allowed-hosts")).expect("registry");
    let keys = Arc::new(ServerKeys {
        pair: key_pair(),
        registry: Arc::new(registry),
        rpc: Domain::Rpc,
        events: Domain::Events,
    });
    let any = || vec!["tcp://127.0.0.1:0".parse().expect("endpoint")];
    let service = || ServiceType::new("telnet-host").expect("service");
    let mut config = ServerConfig::new(any(), any(), 1, vec![service()]);
    config.security = Security::Curve(Arc::clone(&keys));
    let counters = Arc::new(Counters::default());
    let judge = Mortal(
        RegistryJudge::new(Arc::clone(&keys), Arc::clone(&counters)),
        0,
    );
    let (sender, _requests) = bounded(1000);
    let server = start_with(config, sender, counters, Some(judge)).expect("server");
    let bound = server.handle().endpoints().clone();
    let client = |number: u8| {
        let pair = key_pair();
        let now = SystemTime::now();
        keys.registry
            .enroll("telnet-host", "machine", pair.public(), now, now)
            .expect("enrolled");
        let node = NodeId([number; 16]);
        let mut config =
            ClientConfig::new(bound.rpc.clone(), bound.events.clone(), 1, node, service());
        config.security = ClientSecurity::Curve(Arc::new(ClientKeys {
            pair,
            server: keys.pair.public(),
        }));
        config.retry = Some(Retry {
            first: Duration::from_millis(1),
            max: Duration::from_millis(20),
        });
        let (sender, events) = bounded(1000);
        (Client::start(config, sender).expect("client"), events)
    };
    let patience = Duration::from_secs(30);
    let (first, events) = client(1);
    let up = events.recv_timeout(patience).expect("an event");
    assert!(matches!(up, ClientEvent::Up { .. }), "{up:?}");
    let (second, others) = client(2);
    for _ in 0..5 {
        let event = others.recv_timeout(patience).expect("an event");
        assert!(matches!(event, ClientEvent::Down { .. }), "{event:?}");
    }
    assert!(!second.handle().is_up());
    assert!(first.handle().is_up(), "who is in stays");
    assert_eq!(server.handle().counts().peers, 1);
}
