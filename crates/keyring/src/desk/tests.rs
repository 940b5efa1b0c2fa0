//! The desk: each refusal in its own words, answers that were lost, addresses that fail too often.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::token::Token;
use crate::tokens::TokenSpec;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

struct Ground {
    _folder: tempfile::TempDir,
    desk: Desk,
}

fn ground() -> Ground {
    let folder = tempfile::tempdir().expect("a folder");
    let desk = Desk::open(&folder.path().join("moor")).expect("opened");
    Ground {
        _folder: folder,
        desk,
    }
}

fn key(number: u8) -> PublicKey {
    PublicKey::from_bytes([number; 32])
}

impl Ground {
    fn token(&self, service: Option<&str>, uses: Option<u32>) -> Token {
        let spec = TokenSpec {
            service: service.map(str::to_owned),
            uses,
            ttl: Some(Duration::from_secs(60)),
        };
        self.desk
            .tokens()
            .create(&spec, key(0), now())
            .expect("made")
    }

    fn enroll(&self, token: &Token, service: &str, number: u8) -> Result<Arc<Peer>, EnrollRefusal> {
        self.enroll_from("192.0.2.1", token, service, number)
    }

    fn enroll_from(
        &self,
        address: &str,
        token: &Token,
        service: &str,
        number: u8,
    ) -> Result<Arc<Peer>, EnrollRefusal> {
        let attempt = Attempt {
            key: key(number),
            address,
            token_id: token.id(),
            secret: token.secret(),
            service,
            hostname: "machine",
        };
        let examined = self.desk.examine(&attempt, now());
        let judged = self.desk.judge(&attempt, now());
        match (&examined, &judged) {
            // What is found only when the peer is written is not foreseen.
            (
                Ok(()),
                Err(
                    EnrollRefusal::OtherService { .. }
                    | EnrollRefusal::Revoked
                    | EnrollRefusal::UnknownService,
                ),
            ) => {}
            (Err(_), Err(EnrollRefusal::UnknownService)) => {}
            _ => assert_eq!(
                examined.err(),
                judged.as_ref().err().cloned(),
                "examined as it was judged"
            ),
        }
        judged
    }
}

#[test]
fn each_refusal_has_its_own_reason() {
    let ground = ground();
    let (open, once) = (
        ground.token(None, None),
        ground.token(Some("curl-worker"), Some(1)),
    );
    assert!(ground.enroll(&once, "curl-worker", 1).is_ok());
    assert_eq!(
        ground.enroll(&once, "curl-worker", 2),
        Err(EnrollRefusal::UsedUp)
    );
    let token_is_for = "curl-worker".to_owned();
    assert_eq!(
        ground.enroll(&once, "telnet-host", 2),
        Err(EnrollRefusal::WrongService { token_is_for })
    );
    assert_eq!(
        ground.enroll(&open, "root", 2),
        Err(EnrollRefusal::UnknownService)
    );
    let enrolled_as = "curl-worker".to_owned();
    assert_eq!(
        ground.enroll(&open, "telnet-host", 1),
        Err(EnrollRefusal::OtherService { enrolled_as })
    );
    ground.desk.tokens().revoke(open.id()).expect("removed");
    assert_eq!(
        ground.enroll(&open, "telnet-host", 2),
        Err(EnrollRefusal::UnknownToken)
    );
}

#[test]
fn a_lost_answer_costs_no_second_use() {
    let ground = ground();
    let once = ground.token(None, Some(1));
    let peer = ground.enroll(&once, "telnet-host", 1).expect("enrolled");
    assert_eq!(ground.enroll(&once, "telnet-host", 1).expect("again"), peer);
}

#[test]
fn what_the_registry_refuses_uses_nothing_up() {
    let ground = ground();
    let (open, once) = (ground.token(None, None), ground.token(None, Some(1)));
    let peer = ground.enroll(&open, "telnet-host", 1).expect("enrolled");
    assert!(ground.enroll(&once, "web-host", 1).is_err());
    ground.desk.registry().revoke(peer.uuid).expect("removed");
    assert_eq!(
        ground.enroll(&open, "telnet-host", 1),
        Err(EnrollRefusal::Revoked)
    );
    assert!(
        ground.enroll(&once, "web-host", 2).is_ok(),
        "the one use is still there"
    );
}

#[test]
fn failures_slow_an_address_down_and_successes_do_not() {
    let ground = ground();
    let (good, bad) = (ground.token(None, None), ground.token(None, None));
    ground.desk.tokens().revoke(bad.id()).expect("removed");
    for number in 1..=200 {
        assert!(ground.enroll(&good, "telnet-host", number).is_ok());
    }
    let mut refusals = (0..20).map(|_| ground.enroll_from("192.0.2.9", &bad, "telnet-host", 1));
    let slowed =
        refusals.position(|refusal| matches!(refusal, Err(EnrollRefusal::TooManyAttempts { .. })));
    assert!(slowed.is_some(), "guessing goes on for ever");
    // Not even with the right token, until some time has passed; others are not concerned.
    let refusal = ground.enroll_from("192.0.2.9", &good, "telnet-host", 1);
    assert!(matches!(
        refusal,
        Err(EnrollRefusal::TooManyAttempts { .. })
    ));
    assert!(ground.enroll(&good, "telnet-host", 1).is_ok());
}

#[test]
fn refusals_survive_their_numbers() {
    for code in 0..=20 {
        let Some(refusal) = EnrollRefusal::from_code(code, "7") else {
            assert!(code == 0 || code > 10);
            continue;
        };
        assert_eq!(refusal.code(), code);
        let back = EnrollRefusal::from_code(code, &refusal.detail());
        assert_eq!(back, Some(refusal.clone()));
        assert!(refusal.to_string().len() > 20);
    }
}
