//! Every bound, at it and one past it, and what a full program or a full peer costs the others.

use std::time::Duration;

use moor_link::bounds::MESSAGE_BYTES_MAX;
use moor_link::{ClientEvent, DownReason, GoneReason, RefusalCode, SendError, ServerEvent};

use crate::ground::{Ground, next, node, until, until_joined, until_request, until_up};

#[test]
fn the_largest_message_passes_both_ways_and_one_byte_more_is_refused() {
    for ground in Ground::both() {
        let (server, requests) = ground.server();
        let (client, answers) = ground.client(1);
        until_up(&answers);
        let largest = vec![b'x'; MESSAGE_BYTES_MAX];
        client.handle().send(largest.clone()).expect("at the bound");
        let (peer, payload) = until_request(&requests);
        assert!(payload == largest);
        server
            .handle()
            .publish(peer, largest.clone())
            .expect("at the bound");
        server
            .handle()
            .reply(peer, largest.clone())
            .expect("at the bound");
        for _ in 0..2 {
            match next(&answers) {
                ClientEvent::Published(payload) | ClientEvent::Reply(payload) => {
                    assert!(payload == largest)
                }
                other => panic!("{other:?}"),
            }
        }
        let too_large = Err(SendError::TooLarge {
            bytes: MESSAGE_BYTES_MAX + 1,
            bytes_max: MESSAGE_BYTES_MAX,
        });
        let larger = vec![b'x'; MESSAGE_BYTES_MAX + 1];
        assert_eq!(client.handle().send(larger.clone()), too_large);
        assert_eq!(server.handle().reply(peer, larger.clone()), too_large);
        assert_eq!(server.handle().publish(peer, larger), too_large);
    }
}

/// A client built with a larger bound than its server's sends what the server must not take.
#[test]
fn a_peer_that_sends_one_byte_too_much_is_dropped() {
    for ground in Ground::both() {
        let (_server, requests) =
            ground.server_with(100, |config| config.limits.message_bytes_max = 1000);
        let (client, answers) = ground.client(1);
        until_up(&answers);
        client.handle().send(vec![0; 1000]).expect("send");
        assert_eq!(until_request(&requests).1.len(), 1000);
        client.handle().send(vec![0; 1001]).expect("send");
        let reason = until(&requests, |event| match event {
            ServerEvent::Gone { reason, .. } => Some(reason),
            ServerEvent::Request { .. } => panic!("too large"),
            _ => None,
        });
        assert_eq!(reason, GoneReason::Protocol);
        until_up(&answers);
        // Far too much is cut off by libzmq before it is in memory (the twin has no such layer).
        client.handle().send(vec![0; 100_000]).expect("send");
        until(&requests, |event| match event {
            ServerEvent::Gone { .. } => Some(()),
            ServerEvent::Request { .. } => panic!("too large"),
            _ => None,
        });
    }
}

#[test]
fn one_peer_too_many_is_refused() {
    for ground in Ground::both() {
        let (_server, requests) = ground.server_with(100, |config| config.limits.peers_max = 2);
        let clients = [ground.client(1), ground.client(2)];
        clients.iter().for_each(|(_, answers)| {
            until_up(answers);
        });
        let (_third, answers) = ground.client(3);
        let ClientEvent::Down {
            reason: DownReason::Refused(refusal),
        } = next(&answers)
        else {
            panic!("refused")
        };
        assert_eq!(refusal.code, RefusalCode::TooManyPeers);
        // A place that becomes free is given.
        drop(clients);
        until_up(&answers);
        drop(requests);
    }
}

#[test]
fn a_full_program_stops_the_reading_and_loses_nothing() {
    const MESSAGES: u32 = 5_000;
    for ground in Ground::both() {
        let (server, requests) = ground.server_with(1, |_| {});
        let (client, answers) = ground.client_with(1, 1, |_| {});
        until_up(&answers);
        for number in 0..MESSAGES {
            client
                .handle()
                .send(number.to_le_bytes().to_vec())
                .expect("room in the outbox");
        }
        let peer = until_joined(&requests);
        for number in 0..MESSAGES {
            assert_eq!(
                until_request(&requests),
                (peer, number.to_le_bytes().to_vec())
            );
            server
                .handle()
                .publish(peer, number.to_le_bytes().to_vec())
                .expect("room in the outbox");
        }
        for number in 0..MESSAGES {
            assert_eq!(
                next(&answers),
                ClientEvent::Published(number.to_le_bytes().to_vec())
            );
        }
    }
}

/// Neither side may take the other for dead because its own program is slow.
#[test]
fn a_full_program_is_not_a_silent_peer() {
    for ground in Ground::both() {
        let (server, requests) = ground.server_with(1, |config| {
            config.heartbeat.interval = Duration::from_millis(10);
            config.heartbeat.misses = 5;
        });
        let (client, answers) = ground.client_with(1, 100, |_| {});
        until_up(&answers);
        for number in 0..3u8 {
            client.handle().send(vec![number]).expect("send");
        }
        // The server's program takes nothing for longer than its heartbeat allows to a peer.
        std::thread::sleep(Duration::from_millis(200));
        let peer = until_joined(&requests);
        for number in 0..3u8 {
            assert_eq!(next(&requests), request(peer, number));
        }
        assert!(client.handle().is_up() && answers.is_empty());
        assert_eq!(server.handle().counts().silent, 0);
    }
}

fn request(peer: moor_link::PeerId, number: u8) -> ServerEvent {
    let identity = moor_link::PeerIdentity::new(
        node(1),
        crate::ground::service(),
        env!("CARGO_PKG_VERSION").to_owned(),
        moor_link::Proof::SameUser,
    );
    ServerEvent::Request {
        peer,
        identity,
        payload: vec![number],
    }
}

/// A server that takes nothing makes its client's queue full, not the client's memory.
#[test]
fn a_client_of_a_full_server_is_told_so() {
    for ground in Ground::both() {
        let (_server, requests) = ground.server_with(1, |_| {});
        let (client, answers) = ground.client_with(1, 100, |config| {
            config.limits.in_flight_bytes_max = 1024 * 1024;
            config.limits.outbox_messages_max = 100;
        });
        until_up(&answers);
        // In flight at most 4,096 messages of the least weight; then the outbox fills.
        let mut taken = 0;
        let refused_after = loop {
            match client.handle().send(vec![0; 1000]) {
                Ok(()) => taken += 1,
                Err(error) => {
                    assert_eq!(error, SendError::Full);
                    if client.handle().counts().sent + 100 == taken {
                        break taken;
                    }
                    std::thread::yield_now();
                }
            }
            assert!(taken < 100_000, "there is no bound");
        };
        assert!(
            refused_after <= 100 + 2 * 835,
            "{refused_after} messages were taken"
        );
        // When the server takes again, all of it arrives and the queue has room again.
        for _ in 0..refused_after {
            until_request(&requests);
        }
        client.handle().send(vec![1]).expect("room again");
        assert_eq!(until_request(&requests).1, vec![1]);
    }
}

/// A peer that does not read is dropped at the bound of bytes in flight; others are served all the while.
#[test]
fn a_slow_peer_is_dropped_and_does_not_hold_up_others() {
    for ground in Ground::both() {
        let (server, requests) = ground.server_with(100_000, |config| {
            config.limits.in_flight_bytes_max = 1024 * 1024;
        });
        let (_slow, slow_answers) = ground.client_with(1, 1, |_| {});
        let slow_peer = until_joined(&requests);
        let (_quick, quick_answers) = ground.client(2);
        let quick_peer = until_joined(&requests);
        until_up(&quick_answers);
        let mut sent = 0u32;
        let reason = loop {
            server
                .handle()
                .publish(slow_peer, vec![0; 10_000])
                .expect("room");
            server
                .handle()
                .publish(quick_peer, sent.to_le_bytes().to_vec())
                .expect("room");
            assert_eq!(
                next(&quick_answers),
                ClientEvent::Published(sent.to_le_bytes().to_vec())
            );
            sent += 1;
            if let Ok(ServerEvent::Gone { peer, reason, .. }) = requests.try_recv() {
                assert_eq!(peer, slow_peer);
                break reason;
            }
            assert!(sent < 10_000, "there is no bound");
        };
        assert_eq!(reason, GoneReason::Slow);
        let counts = server.handle().counts();
        assert_eq!(counts.slow, 1);
        // 1 MiB in flight, and what the peer's own queue of one took. What came after, until this thread heard that the
        // peer is gone, was not taken.
        let taken = u64::from(sent) - counts.undeliverable;
        assert!(taken <= 110, "{taken} events of 10 kB were taken");
        // When its program reads again it is told, and it comes back by itself.
        until(&slow_answers, |event| {
            matches!(event, ClientEvent::Down { .. }).then_some(())
        });
        until_up(&slow_answers);
    }
}

/// Plain throughput, without a clock: a hundred thousand messages each way, in order, none lost.
#[test]
fn a_hundred_thousand_messages_pass_in_order() {
    const MESSAGES: u32 = 100_000;
    for ground in Ground::both() {
        let (server, requests) = ground.server();
        let (client, answers) = ground.client(1);
        until_up(&answers);
        let sender = client.handle();
        let sending = std::thread::spawn(move || {
            for number in 0..MESSAGES {
                while sender.send(number.to_le_bytes().to_vec()) == Err(SendError::Full) {
                    std::thread::yield_now();
                }
            }
        });
        let peer = until_joined(&requests);
        for number in 0..MESSAGES {
            let payload = number.to_le_bytes().to_vec();
            let event = next(&requests);
            assert!(
                matches!(&event, ServerEvent::Request { payload: came, .. } if *came == payload),
                "{number}: {event:?}, {:?}, {:?}, {:?}",
                server.handle().counts(),
                client.handle().counts(),
                answers
                    .try_iter()
                    .find(|e| matches!(e, ClientEvent::Down { .. })),
            );
            while server.handle().publish(peer, payload.clone()) == Err(SendError::Full) {
                std::thread::yield_now();
            }
        }
        for number in 0..MESSAGES {
            assert_eq!(
                next(&answers),
                ClientEvent::Published(number.to_le_bytes().to_vec())
            );
        }
        sending.join().expect("sender");
        assert_eq!(server.handle().counts().undeliverable, 0);
    }
}
