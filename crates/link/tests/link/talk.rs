//! Ordinary life: coming up, talking, being refused, going down and up again. Each case runs on sockets and
//! on the in-memory twin alike.

use std::time::Duration;

use crossbeam_channel::bounded;
use moor_link::{
    Client, ClientEvent, ClientSecurity, DownReason, Endpoint, GoneReason, PeerIdentity, Proof,
    Refusal, RefusalCode, SendError, Server, ServerEvent, ServerHandler, ServiceType, StartError,
};

use crate::ground::{
    Ground, LOOPBACK, PATIENCE, client_config, next, node, server_config, until, until_joined,
    until_request, until_up,
};

#[test]
fn requests_replies_and_events_pass_with_their_identity() {
    for ground in Ground::both() {
        let (server, requests) = ground.server();
        let (client, answers) = ground.client(1);
        assert_eq!(
            next(&answers),
            ClientEvent::Up {
                instance: server.handle().instance()
            }
        );
        let ServerEvent::Joined { peer, identity } = next(&requests) else {
            panic!("joined first")
        };
        assert_eq!(
            (identity.node(), identity.service().as_str()),
            (node(1), "telnet-host")
        );
        assert_eq!(identity.proof(), Proof::SameUser);

        client.handle().send(b"look".to_vec()).expect("up");
        let expected = ServerEvent::Request {
            peer,
            identity,
            payload: b"look".to_vec(),
        };
        assert_eq!(next(&requests), expected);
        server.handle().reply(peer, b"ok".to_vec()).expect("reply");
        assert_eq!(next(&answers), ClientEvent::Reply(b"ok".to_vec()));
        server.handle().publish(peer, Vec::new()).expect("publish");
        assert_eq!(next(&answers), ClientEvent::Published(Vec::new()));

        // A message can arrive before its sender has counted it.
        while server.handle().counts().published + client.handle().counts().sent < 2 {
            std::thread::yield_now();
        }
        let counts = server.handle().counts();
        assert_eq!(
            (
                counts.peers,
                counts.requests,
                counts.replies,
                counts.published
            ),
            (1, 1, 1, 1)
        );
        assert_eq!(
            (client.handle().counts().sent, client.handle().counts().ups),
            (1, 1)
        );
    }
}

#[test]
fn events_of_one_peer_never_reach_another() {
    for ground in Ground::both() {
        let (server, requests) = ground.server();
        let (_first, first_answers) = ground.client(1);
        let first_peer = until_joined(&requests);
        let (_second, second_answers) = ground.client(2);
        let second_peer = until_joined(&requests);
        for number in 0..100u8 {
            server
                .handle()
                .publish(first_peer, vec![1, number])
                .expect("publish");
            server
                .handle()
                .publish(second_peer, vec![2, number])
                .expect("publish");
        }
        for (answers, whose) in [(first_answers, 1), (second_answers, 2)] {
            until_up(&answers);
            for number in 0..100u8 {
                assert_eq!(next(&answers), ClientEvent::Published(vec![whose, number]));
            }
        }
    }
}

#[test]
fn a_hello_that_does_not_fit_is_refused_clearly() {
    for ground in Ground::both() {
        let (server, requests) = ground.server();
        let refused = |answers: &crossbeam_channel::Receiver<ClientEvent>| match next(answers) {
            ClientEvent::Down {
                reason: DownReason::Refused(refusal),
            } => refusal,
            other => panic!("{other:?}"),
        };
        let (_client, answers) = ground.client_with(1, 100, |config| config.protocol += 1);
        let refusal = refused(&answers);
        assert_eq!(refusal.code, RefusalCode::Version);
        assert!(refusal.text.contains("protocol 7"), "{}", refusal.text);
        let (_client, answers) = ground.client_with(2, 100, |config| {
            config.service = ServiceType::new("stranger").expect("service")
        });
        assert_eq!(refused(&answers).code, RefusalCode::Service);
        assert!(requests.is_empty(), "the program hears nothing of it");
        assert!(server.handle().counts().refused >= 2);
    }
}

struct Doorkeeper;

impl ServerHandler for Doorkeeper {
    fn admit(&mut self, identity: &PeerIdentity) -> Result<(), Refusal> {
        match identity.node() == node(1) {
            true => Ok(()),
            false => Err(Refusal::new(RefusalCode::Denied, "not on the list")),
        }
    }

    fn event(&mut self, _event: ServerEvent) -> Result<(), ServerEvent> {
        Ok(())
    }
}

#[test]
fn the_program_decides_who_comes_in() {
    let ground = Ground::ipc();
    let _server = Server::start(server_config(ground.folder()), Doorkeeper).expect("server");
    let (_good, answers) = ground.client(1);
    until_up(&answers);
    let (bad, answers) = ground.client(2);
    let expected = DownReason::Refused(Refusal::new(RefusalCode::Denied, "not on the list"));
    assert_eq!(next(&answers), ClientEvent::Down { reason: expected });
    assert!(!bad.handle().is_up());
}

#[test]
fn a_server_that_stops_and_comes_back_is_found_again() {
    for ground in Ground::both() {
        let (server, _requests) = ground.server();
        let (client, answers) = ground.client(1);
        let before = until_up(&answers);
        server.shutdown();
        assert_eq!(
            next(&answers),
            ClientEvent::Down {
                reason: DownReason::ServerStopping
            }
        );
        assert_eq!(client.handle().send(vec![1]), Err(SendError::Down));
        let (_server, requests) = ground.server();
        assert_ne!(until_up(&answers), before, "another run of the server");
        client.handle().send(vec![2]).expect("up again");
        assert_eq!(until_request(&requests).1, vec![2]);
    }
}

#[test]
fn the_last_words_of_a_stopping_server_and_client_arrive() {
    for ground in Ground::both() {
        let (server, requests) = ground.server();
        let (client, answers) = ground.client(1);
        until_up(&answers);
        let (other, other_answers) = ground.client(2);
        until_up(&other_answers);
        for number in 0..100u8 {
            other.handle().send(vec![number]).expect("send");
        }
        other.shutdown();
        for number in 0..100u8 {
            assert_eq!(until_request(&requests).1, vec![number]);
        }
        let gone = until(&requests, |event| match event {
            ServerEvent::Gone {
                reason, identity, ..
            } => Some((reason, identity.node())),
            _ => None,
        });
        assert_eq!(gone, (GoneReason::Left, node(2)));

        client.handle().send(b"who".to_vec()).expect("send");
        let (peer, _) = until_request(&requests);
        for number in 0..100u8 {
            server.handle().reply(peer, vec![number]).expect("reply");
        }
        server.shutdown();
        for number in 0..100u8 {
            assert_eq!(next(&answers), ClientEvent::Reply(vec![number]));
        }
        assert_eq!(
            next(&answers),
            ClientEvent::Down {
                reason: DownReason::ServerStopping
            }
        );
    }
}

#[test]
fn the_newest_connection_of_a_node_is_the_live_one() {
    for ground in Ground::both() {
        let (_server, requests) = ground.server();
        let (_first, _answers) = ground.client(1);
        let first = until_joined(&requests);
        let (_second, _answers) = ground.client(1);
        let gone = until(&requests, |event| match event {
            ServerEvent::Gone { peer, reason, .. } => Some((peer, reason)),
            _ => None,
        });
        assert_eq!(gone, (first, GoneReason::Replaced));
    }
}

#[test]
fn a_peer_that_the_program_disconnects_comes_back_as_another() {
    for ground in Ground::both() {
        let (server, requests) = ground.server();
        let (_client, answers) = ground.client(1);
        let first = until_joined(&requests);
        until_up(&answers);
        server.handle().disconnect(first).expect("open");
        assert_eq!(
            next(&answers),
            ClientEvent::Down {
                reason: DownReason::Dropped
            }
        );
        assert_ne!(until_joined(&requests), first);
        // What is sent to the former connection goes nowhere, and is counted.
        server.handle().reply(first, vec![1]).expect("taken");
        until_up(&answers);
        while server.handle().counts().undeliverable == 0 {
            std::thread::yield_now();
        }
        assert!(answers.is_empty());
    }
}

#[test]
fn pings_keep_a_quiet_link_up_and_healthy() {
    for ground in Ground::both() {
        let quick = |config: &mut moor_link::ServerConfig| {
            config.heartbeat.interval = Duration::from_millis(20)
        };
        let (_server, _requests) = ground.server_with(100, quick);
        let (client, answers) = ground.client(1);
        let handle = client.handle();
        assert!(
            !handle.is_healthy(PATIENCE) || handle.ping_age().is_some(),
            "unhealthy before the first ping"
        );
        until_up(&answers);
        while handle.counts().pings < 10 {
            std::thread::yield_now();
        }
        assert!(handle.is_up() && handle.is_healthy(PATIENCE));
        assert!(answers.is_empty(), "nothing happened");
    }
}

#[test]
fn a_client_without_a_server_is_unhealthy_and_keeps_trying() {
    for ground in Ground::both() {
        let (client, answers) = ground.client(1);
        for _ in 0..3 {
            let ClientEvent::Down {
                reason: DownReason::Unreachable(address),
            } = next(&answers)
            else {
                panic!("nobody is there")
            };
            assert!(address.contains("rpc.sock"));
        }
        assert_eq!(client.handle().ping_age(), None);
        assert!(!client.handle().is_healthy(PATIENCE));
        let (_server, _requests) = ground.server();
        until_up(&answers);
    }
}

#[test]
fn addresses_are_tried_in_turn() {
    let (dead, live) = (Ground::ipc(), Ground::ipc());
    let (_server, _requests) = live.server();
    let (_client, answers) = dead.client_with(1, 100, |config| {
        let other = client_config(live.folder(), 1);
        config.rpc.extend(other.rpc);
        config.events.extend(other.events);
    });
    assert!(matches!(
        next(&answers),
        ClientEvent::Down {
            reason: DownReason::Unreachable(_)
        }
    ));
    assert!(matches!(next(&answers), ClientEvent::Up { .. }));
}

#[test]
fn one_server_listens_on_ipc_and_tcp_at_once_and_reports_its_ports() {
    let ground = Ground::ipc();
    let any: Endpoint = "tcp://127.0.0.1:0".parse().expect("endpoint");
    let (server, requests) = ground.server_with(100, |config| {
        config.security = LOOPBACK;
        config.rpc.push(any.clone());
        config.events.push(any.clone());
    });
    let bound = server.handle().endpoints().clone();
    let (_ipc, answers) = ground.client(1);
    until_up(&answers);
    let (tcp, answers) = ground.client_with(2, 100, |config| {
        config.security = ClientSecurity::UnprotectedLoopback;
        config.rpc = vec![bound.rpc[1].clone().into()];
        config.events = vec![bound.events[1].clone().into()];
    });
    assert!(matches!(bound.rpc[1], Endpoint::Tcp { port, .. } if port != 0));
    until_up(&answers);
    tcp.handle().send(vec![5]).expect("up");
    let (peer, _) = until_request(&requests);
    server.handle().publish(peer, vec![6]).expect("publish");
    assert_eq!(next(&answers), ClientEvent::Published(vec![6]));
}

#[test]
fn a_server_without_events_pings_over_rpc() {
    for ground in Ground::both() {
        let (_server, requests) = ground.server_with(100, |config| config.events.clear());
        let (client, answers) = ground.client_with(1, 100, |config| config.events.clear());
        until_up(&answers);
        while client.handle().counts().pings < 3 {
            std::thread::yield_now();
        }
        client.handle().send(vec![1]).expect("up");
        assert_eq!(until_request(&requests).1, vec![1]);
    }
}

#[test]
fn an_endpoint_of_a_live_server_is_in_use() {
    let ground = Ground::ipc();
    let (server, _requests) = ground.server();
    let (sender, _receiver) = bounded(1);
    let second = Server::start(server_config(ground.folder()), sender);
    assert!(
        matches!(second, Err(StartError::EndpointInUse(_))),
        "{second:?}"
    );
    // The first is unharmed, and its path is free when it ends.
    let (_client, answers) = ground.client(1);
    until_up(&answers);
    server.shutdown();
    let _server = ground.server();
}

#[test]
fn a_client_does_not_trust_a_folder_that_is_open_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let ground = Ground::ipc();
    let (_server, requests) = ground.server();
    let folder = ground.folder().join("moor");
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("chmod");
    let (_client, answers) = ground.client(1);
    assert!(matches!(
        next(&answers),
        ClientEvent::Down {
            reason: DownReason::Unreachable(_)
        }
    ));
    assert!(requests.is_empty());
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).expect("chmod");
    until_up(&answers);
}

#[test]
fn the_async_face_delivers() {
    let ground = Ground::ipc();
    let (server, requests) = ground.server();
    let (sender, mut answers) = tokio::sync::mpsc::channel(16);
    let _client = Client::start(client_config(ground.folder(), 1), sender).expect("client");
    let peer = until_joined(&requests);
    server.handle().publish(peer, vec![9]).expect("publish");
    assert!(matches!(
        answers.blocking_recv(),
        Some(ClientEvent::Up { .. })
    ));
    assert_eq!(
        answers.blocking_recv(),
        Some(ClientEvent::Published(vec![9]))
    );
}
