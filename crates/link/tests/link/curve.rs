//! Encrypted links with enrolled keys: who gets in where, as whom, and what a revocation does to those who
//! are in.
//!
//! In: nothing. Out: verdicts.

use std::time::{Duration, Instant};

use moor_keyring::Domain;
use moor_link::{
    ClientEvent, ClientSecurity, DownReason, GoneReason, NodeId, Proof, RefusalCode, SendError,
    ServerEvent, ServiceType, StartError, bounds,
};

use crate::ground::{
    PATIENCE, client_config, next, node, until, until_joined, until_request, until_up,
};
use crate::realm::{Realm, any_port, key_pair, next_down, port, tcp};

#[test]
fn an_enrolled_host_talks_and_is_who_its_enrollment_says() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let (pair, enrolled) = realm.enroll("telnet-host");
    // It claims somebody else's node.
    let (client, answers) = realm.client_with(&server, &pair, |config| config.node = node(99));
    until_up(&answers);
    let ServerEvent::Joined { peer, identity } = next(&requests) else {
        panic!("joined first")
    };
    assert_eq!(identity.node(), NodeId(*enrolled.uuid.as_bytes()));
    assert_eq!(identity.service().as_str(), "telnet-host");
    let key = pair.public();
    assert_eq!(identity.proof(), Proof::Enrolled { key });
    assert!(!identity.is_revoked());

    client.handle().send(b"look".to_vec()).expect("up");
    assert_eq!(until_request(&requests), (peer, b"look".to_vec()));
    server.handle().reply(peer, b"ok".to_vec()).expect("reply");
    assert_eq!(next(&answers), ClientEvent::Reply(b"ok".to_vec()));
    server
        .handle()
        .publish(peer, b"seen".to_vec())
        .expect("publish");
    assert_eq!(next(&answers), ClientEvent::Published(b"seen".to_vec()));
    client.shutdown();
    assert!(matches!(
        next(&requests),
        ServerEvent::Gone {
            reason: GoneReason::Left,
            ..
        }
    ));
}

#[test]
fn the_largest_payload_passes_encrypted_too() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let (pair, _) = realm.enroll("telnet-host");
    let (client, answers) = realm.client(&server, &pair);
    until_up(&answers);
    let payload = vec![7; bounds::MESSAGE_BYTES_MAX];
    client.handle().send(payload.clone()).expect("up");
    let (peer, received) = until_request(&requests);
    assert!(received == payload);
    server
        .handle()
        .publish(peer, payload.clone())
        .expect("publish");
    assert!(next(&answers) == ClientEvent::Published(payload));
    let too_large = client.handle().send(vec![7; bounds::MESSAGE_BYTES_MAX + 1]);
    assert!(matches!(too_large, Err(SendError::TooLarge { .. })));
}

/// One socket, two kinds of endpoints: a Unix socket needs no key, whatever stands first in the list.
#[test]
fn a_mixed_list_keeps_each_endpoints_own_rule() {
    for tcp_first in [false, true] {
        let realm = Realm::new();
        let (server, requests) = realm.server_with(|config| {
            if tcp_first {
                config.rpc.reverse();
                config.events.reverse();
            }
        });
        let bound = server.handle().endpoints().clone();
        assert_eq!(
            bound.rpc[0].path().is_none(),
            tcp_first,
            "in the order of the list"
        );
        assert_ne!(port(tcp(&bound.rpc)), 0);

        let (sender, answers) = crossbeam_channel::bounded(100);
        let local = client_config(realm.folder.path(), 5);
        let _local = moor_link::Client::start(local, sender).expect("client");
        until_up(&answers);
        let ServerEvent::Joined { identity, .. } = next(&requests) else {
            panic!("joined first")
        };
        assert_eq!(
            (identity.node(), identity.proof()),
            (node(5), Proof::SameUser)
        );

        let (pair, _) = realm.enroll("telnet-host");
        let (_remote, answers) = realm.client(&server, &pair);
        until_up(&answers);
        until_joined(&requests);

        // And the encrypted endpoint has no room for one without a key.
        let (_plain, answers) = realm.client_with(&server, &pair, |config| {
            config.security = ClientSecurity::UnprotectedLoopback;
        });
        assert!(!matches!(next(&answers), ClientEvent::Up { .. }));
        assert_eq!(server.handle().counts().peers, 2);
    }
}

#[test]
fn a_key_that_is_not_enrolled_is_told_so_and_comes_in_once_it_is() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let pair = key_pair();
    let (_client, answers) = realm.client(&server, &pair);
    for _ in 0..3 {
        let reason = next_down(&answers);
        assert!(matches!(reason, DownReason::NotEnrolled(_)), "{reason:?}");
    }
    assert!(server.handle().counts().keys_refused >= 3);
    assert!(requests.is_empty());
    let now = std::time::SystemTime::now();
    realm
        .registry
        .enroll("telnet-host", "machine", pair.public(), now, now)
        .expect("enrolled");
    until_up(&answers);
}

#[test]
fn a_workers_key_opens_no_hosts_door_and_a_hosts_key_no_workers_door() {
    let realm = Realm::new();
    let (hosts, host_requests) = realm.server();
    let (workers, worker_requests) = realm.server_with(|config| {
        config.rpc = vec![any_port()];
        config.events = vec![any_port()];
        config.services = vec![ServiceType::new("curl-worker").expect("service")];
        config.security = realm.keys(Domain::WorkersResponse, Domain::WorkersRequest);
    });
    let (host, _) = realm.enroll("telnet-host");
    let (worker, _) = realm.enroll("curl-worker");
    let curl = ServiceType::new("curl-worker").expect("service");
    let (_ok, answers) = realm.client_with(&workers, &worker, |config| {
        config.service = curl.clone();
    });
    until_up(&answers);
    until_joined(&worker_requests);
    // Whatever the hello would say: the door does not open.
    for (server, pair) in [(&hosts, &worker), (&workers, &host)] {
        for service in ["telnet-host", "curl-worker"] {
            let (_client, answers) = realm.client_with(server, pair, |config| {
                config.service = ServiceType::new(service).expect("service");
            });
            let reason = next_down(&answers);
            assert!(matches!(reason, DownReason::NotEnrolled(_)), "{reason:?}");
        }
    }
    assert!(host_requests.is_empty() && worker_requests.is_empty());
}

/// The key opens both kinds of hosts' door, but the hello must say what is enrolled.
#[test]
fn a_host_that_says_it_is_another_is_refused() {
    let realm = Realm::new();
    let web = ServiceType::new("web-host").expect("service");
    let (server, requests) = realm.server_with(|config| config.services.push(web.clone()));
    let (pair, _) = realm.enroll("telnet-host");
    let (_client, answers) = realm.client_with(&server, &pair, |config| config.service = web);
    let DownReason::Refused(refusal) = next_down(&answers) else {
        panic!("refused")
    };
    assert_eq!(refusal.code, RefusalCode::Service);
    assert!(
        refusal.text.contains("enrolled as telnet-host"),
        "{refusal}"
    );
    assert!(requests.is_empty());
}

#[test]
fn a_server_with_another_key_is_told_apart_from_one_that_is_not_there() {
    let realm = Realm::new();
    let (server, _requests) = realm.server();
    let (pair, _) = realm.enroll("telnet-host");
    let stranger = key_pair().public();
    let (client, answers) = realm.client_with(&server, &pair, |config| {
        config.security = realm.pinned(&pair, stranger);
    });
    for _ in 0..2 {
        let reason = next_down(&answers);
        assert!(
            matches!(reason, DownReason::WrongServerKey(_)),
            "{reason:?}"
        );
    }
    client.shutdown();
    let (_client, answers) = realm.client(&server, &pair);
    until_up(&answers);
    server.shutdown();
    // What goes on then is a loss, a stop, or nobody there: never a wrong key.
    for _ in 0..5 {
        let reason = next_down(&answers);
        assert!(
            matches!(
                reason,
                DownReason::ServerStopping
                    | DownReason::Disconnected
                    | DownReason::Dropped
                    | DownReason::Unreachable(_)
            ),
            "{reason:?}"
        );
    }
}

#[test]
fn what_does_not_encrypt_is_told_apart() {
    let realm = Realm::new();
    let (plain, _requests) = realm.server_with(|config| {
        config.security = moor_link::Security::UnprotectedLoopback;
    });
    let (pair, _) = realm.enroll("telnet-host");
    let (_client, answers) = realm.client(&plain, &pair);
    let reason = next_down(&answers);
    assert!(matches!(reason, DownReason::NotSecure(_)), "{reason:?}");
}

#[test]
fn a_revoked_peer_is_out_at_once() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let (pair, enrolled) = realm.enroll("telnet-host");
    let (client, answers) = realm.client(&server, &pair);
    until_up(&answers);
    let ServerEvent::Joined { peer, identity } = next(&requests) else {
        panic!("joined first")
    };
    let (other_pair, _) = realm.enroll("telnet-host");
    let (other, other_answers) = realm.client(&server, &other_pair);
    until_up(&other_answers);
    until_joined(&requests);

    let start = Instant::now();
    assert!(realm.registry.revoke(enrolled.uuid).expect("revoked"));
    server.handle().recheck().expect("room");
    assert_eq!(next_down(&answers), DownReason::Revoked);
    let gone = until(&requests, |event| match event {
        ServerEvent::Gone { peer, reason, .. } => Some((peer, reason)),
        _ => None,
    });
    assert_eq!(gone, (peer, GoneReason::Revoked));
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    assert!(
        identity.is_revoked(),
        "the program can tell what it still holds"
    );
    assert_eq!(server.handle().counts().revoked, 1);

    // It does not come back, and the other one has noticed nothing.
    let reason = next_down(&answers);
    assert!(matches!(reason, DownReason::NotEnrolled(_)), "{reason:?}");
    assert_eq!(client.handle().send(vec![1]), Err(SendError::Down));
    other.handle().send(vec![2]).expect("up");
    assert_eq!(until_request(&requests).1, [2]);
}

/// Without a word from the program: the registry is asked for each message, each event and each ping.
#[test]
fn a_revoked_peers_messages_and_events_stop_without_a_recheck() {
    for by_request in [true, false] {
        let realm = Realm::new();
        let (server, requests) = realm.server_with(|config| {
            // No ping comes before the test has ended.
            config.heartbeat.interval = PATIENCE;
        });
        let (pair, enrolled) = realm.enroll("telnet-host");
        let (client, answers) = realm.client(&server, &pair);
        until_up(&answers);
        let peer = until_joined(&requests);
        realm.registry.revoke(enrolled.uuid).expect("revoked");
        if by_request {
            client.handle().send(b"too late".to_vec()).expect("up");
        } else {
            server
                .handle()
                .publish(peer, b"too late".to_vec())
                .expect("room");
        }
        assert_eq!(next_down(&answers), DownReason::Revoked);
        assert!(matches!(
            next(&requests),
            ServerEvent::Gone {
                reason: GoneReason::Revoked,
                ..
            }
        ));
        assert_eq!(server.handle().counts().requests, 0);
        assert_eq!(server.handle().counts().published, 0);
    }
}

#[test]
fn a_ping_finds_a_revoked_peer() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let (pair, enrolled) = realm.enroll("telnet-host");
    let (_client, answers) = realm.client(&server, &pair);
    until_up(&answers);
    until_joined(&requests);
    realm.registry.revoke(enrolled.uuid).expect("revoked");
    assert_eq!(next_down(&answers), DownReason::Revoked);
}

#[test]
fn requests_that_were_queued_when_the_peer_was_revoked_are_not_taken() {
    let realm = Realm::new();
    // Room for one event: what comes behind it waits in the sockets.
    let (sender, requests) = crossbeam_channel::bounded(1);
    let mut config = crate::ground::server_config(realm.folder.path());
    config.rpc = vec![any_port()];
    config.events = vec![any_port()];
    config.security = realm.keys(Domain::Rpc, Domain::Events);
    let server = moor_link::Server::start(config, sender).expect("server");
    let (pair, enrolled) = realm.enroll("telnet-host");
    let (client, answers) = realm.client(&server, &pair);
    until_up(&answers);
    until_joined(&requests);
    const SENT: u8 = 50;
    for number in 0..SENT {
        client.handle().send(vec![number]).expect("up");
    }
    while client.handle().counts().sent < u64::from(SENT) || requests.is_empty() {
        std::thread::yield_now();
    }
    realm.registry.revoke(enrolled.uuid).expect("revoked");
    server.handle().recheck().expect("room");
    let mut taken = 0;
    let reason = until(&requests, |event| match event {
        ServerEvent::Request { identity, .. } => {
            taken += u32::from(!identity.is_revoked());
            None
        }
        ServerEvent::Gone { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reason, GoneReason::Revoked);
    // At most what was in the channel, and on the way into it, before the revocation.
    assert!(taken <= 2, "{taken}");
    assert_eq!(next_down(&answers), DownReason::Revoked);
}

#[test]
fn a_second_connection_of_a_key_replaces_the_first() {
    let realm = Realm::new();
    let (server, requests) = realm.server();
    let (pair, _) = realm.enroll("telnet-host");
    let (first, answers) = realm.client(&server, &pair);
    until_up(&answers);
    let peer = until_joined(&requests);
    let (_second, second_answers) = realm.client_with(&server, &pair, |config| {
        config.node = node(42);
    });
    until_up(&second_answers);
    let gone = until(&requests, |event| match event {
        ServerEvent::Gone { peer, reason, .. } => Some((peer, reason)),
        _ => None,
    });
    assert_eq!(gone, (peer, GoneReason::Replaced));
    drop(first);
}

#[test]
fn tcp_without_keys_is_refused_at_the_start() {
    let realm = Realm::new();
    let mut config = crate::ground::server_config(realm.folder.path());
    config.rpc.push(any_port());
    let (sender, _events) = crossbeam_channel::bounded(1);
    let error = moor_link::Server::start(config, sender).expect_err("plaintext");
    assert!(matches!(error, StartError::Config(_)), "{error}");
    let mut config = client_config(realm.folder.path(), 1);
    for address in [
        "tcp://127.0.0.1:1",
        "dns:localhost:1",
        "srv:_moor._tcp.localhost",
    ] {
        config.rpc = vec![address.parse().expect(address)];
        let (sender, _events) = crossbeam_channel::bounded(1);
        let error = moor_link::Client::start(config.clone(), sender).expect_err("plaintext");
        assert!(error.to_string().contains(address), "{error}");
    }
    let keys = realm.pinned(&key_pair(), realm.pair.public());
    let shown = format!("{:?} {:?}", keys, realm.keys(Domain::Rpc, Domain::Events));
    assert!(
        !shown.contains(&crate::realm::secret_text(&realm.pair)),
        "{shown}"
    );
}
