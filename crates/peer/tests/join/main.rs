//! Programs that join a daemon over real sockets, as processes: what they wait for, what ends them, with which exit
//! code and which words.
//!
//! The daemon is a link server and an enrollment server in the test; the programs are this test, started again with a
//! variable that holds their flags.

mod daemon;
mod program;

use std::net::TcpListener;
use std::time::{Duration, Instant, SystemTime};

use moor_keyring::{KeyPair, Token, TokenSpec};
use moor_node::Exit;

use daemon::{Daemon, Ground, HOST, WORKER};
use program::Program;

fn now() -> SystemTime {
    SystemTime::now()
}

/// Not a test of its own: what the programs that the tests start do.
#[test]
fn the_program() {
    program::run_if_asked();
}

#[test]
fn a_host_waits_for_its_daemon_enrolls_once_and_needs_no_token_afterwards() {
    let ground = Ground::new();
    let token = ground.token(&TokenSpec {
        uses: Some(1),
        ..TokenSpec::default()
    });
    // Its first attempt fails: who was there goes without a word.
    let other = TcpListener::bind(("127.0.0.1", ground.enrollment)).expect("free");
    let mut host = Program::new(&ground, HOST).token_file(&token).start();
    drop(other.accept().expect("it asks"));
    drop(other);
    let daemon = Daemon::start(&ground);
    host.wait_for("up");
    host.wait_for("healthy");
    let peers = daemon.registry().list();
    assert_eq!(peers.len(), 1);
    let hostname = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    assert_eq!(
        (peers[0].service.as_str(), &peers[0].hostname),
        (HOST, &hostname)
    );
    assert_eq!(host.terminate(), Exit::Success);
    // The token is used up; the key is enough, and the daemon may be another run.
    daemon.stop();
    let daemon = Daemon::start(&ground);
    let mut host = Program::new(&ground, HOST).start();
    host.wait_for("up");
    assert_eq!(daemon.registry().list(), peers);
    assert_eq!(host.terminate(), Exit::Success);
}

#[test]
fn two_programs_of_one_folder_are_two_peers() {
    let ground = Ground::new();
    let token = ground.token(&TokenSpec::default());
    let daemon = Daemon::start(&ground);
    let program = || Program::new(&ground, HOST).variable(&token);
    let mut programs = [program().start(), program().after_a_dead_daemon().start()];
    for program in &mut programs {
        program.wait_for("up");
    }
    assert_eq!(daemon.registry().list().len(), 2);
    for program in programs {
        assert_eq!(program.terminate(), Exit::Success);
    }
}

#[test]
fn a_program_of_the_same_machine_needs_neither_token_nor_key() {
    let ground = Ground::new();
    let mut host = Program::new(&ground, HOST).local(&ground).start();
    host.wait_for("joining");
    let daemon = Daemon::start(&ground);
    host.wait_for("up");
    host.wait_for("healthy");
    assert_eq!(daemon.registry().list(), []);
    assert_eq!(host.terminate(), Exit::Success);
    assert!(!ground.folder.path().join("home/config").exists());
}

#[test]
fn what_waiting_does_not_mend_ends_the_program_with_its_own_words_and_code() {
    let ground = Ground::new();
    let _daemon = Daemon::start(&ground);
    let unknown = ground.token(&TokenSpec::default());
    ground.tokens.revoke(unknown.id()).expect("removed");
    let expired = TokenSpec {
        ttl: Some(Duration::from_secs(1)),
        ..TokenSpec::default()
    };
    let long_ago = now() - Duration::from_secs(60);
    let expired = ground.tokens.create(&expired, ground.key(), long_ago);
    let used_up = ground.token(&TokenSpec {
        uses: Some(1),
        ..TokenSpec::default()
    });
    ground
        .tokens
        .redeem(used_up.id(), used_up.secret(), HOST, now())
        .expect("good");
    let other_kind = ground.token(&TokenSpec {
        service: Some(WORKER.into()),
        ..TokenSpec::default()
    });
    let other_key = KeyPair::generate().expect("random bytes").public();
    let other_daemon = ground
        .tokens
        .create(&TokenSpec::default(), other_key, now())
        .expect("made");
    let host = || Program::new(&ground, HOST);
    let cases = [
        (host(), Exit::NoToken, "no enrollment token in"),
        (
            host().token_text("nonsense"),
            Exit::NoToken,
            "not an enrollment token",
        ),
        (
            host().token_file(&unknown),
            Exit::TokenUnknown,
            "does not know the enrollment token",
        ),
        (
            host().token_file(&expired.expect("made")),
            Exit::TokenExpired,
            "has expired",
        ),
        (host().token_file(&used_up), Exit::TokenUsedUp, "is used up"),
        (
            host().token_file(&other_kind),
            Exit::TokenWrongService,
            "is for curl-worker",
        ),
        (
            host().token_file(&other_daemon),
            Exit::WrongServerKey,
            "key is not the one in the token",
        ),
    ];
    for (program, exit, words) in cases {
        ends_with(
            program,
            exit,
            words,
            &[&unknown, &used_up, &other_kind, &other_daemon],
        );
    }
}

/// In one line, which shows no token's secret.
fn ends_with(program: Program, exit: Exit, words: &str, tokens: &[&Token]) {
    let (code, line) = program.start().end();
    assert_eq!(code, exit, "{words}: {line}");
    assert!(line.contains(words), "{line}");
    assert!(
        line.starts_with("moor-program: ") && line.lines().count() == 1,
        "{line}"
    );
    for token in tokens {
        let text = token.expose();
        let secret = text.split('.').nth(2).expect("a secret");
        assert!(!line.contains(secret), "shows a secret");
    }
}

#[test]
fn addresses_that_cannot_work_are_mistakes_of_the_command_line() {
    let ground = Ground::new();
    let token = ground.token(&TokenSpec::default());
    let host = || Program::new(&ground, HOST).token_file(&token);
    for (program, words) in [
        (host().no_enrollment_address(), "--enrollment-address"),
        (host().twice_the_events(), "as many of one as of the other"),
        (
            host().local_events(&ground),
            "give both addresses of the daemon",
        ),
    ] {
        ends_with(program, Exit::Usage, words, &[&token]);
    }
}

#[test]
fn a_daemon_with_another_key_is_joined_again_if_the_token_at_hand_names_it() {
    let mut ground = Ground::new();
    let token = ground.token(&TokenSpec::default());
    let daemon = Daemon::start(&ground);
    let mut host = Program::new(&ground, HOST).token_file(&token).start();
    host.wait_for("up");
    daemon.stop();
    ground.renew_daemon();
    ground.replace_token_file(&ground.token(&TokenSpec::default()));
    let daemon = Daemon::start(&ground);
    host.wait_for("up");
    assert_eq!(daemon.registry().list().len(), 1);
    // Now once more, and the token stays that of the former daemon.
    daemon.stop();
    ground.renew_daemon();
    let _daemon = Daemon::start(&ground);
    let (code, line) = host.end();
    assert_eq!(code, Exit::WrongServerKey, "{line}");
    assert!(line.contains("copy a new token"), "{line}");
}

#[test]
fn a_daemon_that_has_forgotten_the_key_is_joined_again() {
    let ground = Ground::new();
    let token = ground.token(&TokenSpec::default());
    let daemon = Daemon::start(&ground);
    let mut host = Program::new(&ground, HOST).token_file(&token).start();
    host.wait_for("up");
    let before = daemon.registry().list();
    daemon.stop();
    ground.forget_peers();
    let daemon = Daemon::start(&ground);
    host.wait_for("up");
    let after = daemon.registry().list();
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].key, before[0].key);
    assert_ne!(after[0].uuid, before[0].uuid);
    assert_eq!(host.terminate(), Exit::Success);
}

#[test]
fn a_revoked_program_ends_and_comes_back_only_with_a_newer_token() {
    let ground = Ground::new();
    let token = ground.token(&TokenSpec::default());
    let daemon = Daemon::start(&ground);
    let mut host = Program::new(&ground, HOST).token_file(&token).start();
    host.wait_for("up");
    let peer = daemon.registry().list().remove(0);
    daemon.registry().revoke(peer.uuid).expect("removed");
    daemon.recheck();
    let start = Instant::now();
    let (code, line) = host.end();
    assert_eq!(code, Exit::Revoked, "{line}");
    assert!(
        line.contains("revoked") && line.contains("moor token create"),
        "{line}"
    );
    assert!(start.elapsed() < Duration::from_secs(5), "at once");
    // The token at hand is older than the revocation.
    let (code, line) = Program::new(&ground, HOST).token_file(&token).start().end();
    assert_eq!(code, Exit::Revoked, "{line}");
    assert_eq!(daemon.registry().list(), []);
    let newer = ground.token(&TokenSpec::default());
    let mut host = Program::new(&ground, HOST).token_file(&newer).start();
    host.wait_for("up");
    assert_eq!(host.terminate(), Exit::Success);
}

#[test]
fn a_program_at_the_wrong_doors_says_so_instead_of_enrolling_for_ever() {
    let ground = Ground::new();
    let token = ground.token(&TokenSpec::default());
    let daemon = Daemon::start(&ground);
    let (code, line) = Program::new(&ground, WORKER)
        .token_file(&token)
        .start()
        .end();
    assert_eq!(code, Exit::Usage, "{line}");
    assert!(
        line.contains("does not let a curl-worker in there"),
        "{line}"
    );
    assert_eq!(daemon.registry().list().len(), 1);
    // Its key is a worker's from now on.
    let program = Program::new(&ground, HOST)
        .folder_of(WORKER)
        .token_file(&token);
    let (code, line) = program.start().end();
    assert_eq!(code, Exit::TokenWrongService, "{line}");
    assert!(line.contains("enrolled as curl-worker"), "{line}");
}

#[test]
fn a_program_that_stops_waits_for_no_silent_daemon() {
    let ground = Ground::new();
    let token = ground.token(&TokenSpec::default());
    // Takes connections and says nothing.
    let silent = TcpListener::bind(("127.0.0.1", ground.enrollment)).expect("free");
    let mut host = Program::new(&ground, HOST).token_file(&token).start();
    let _connection = silent.accept().expect("it asks");
    host.wait_for("joining");
    let start = Instant::now();
    assert_eq!(host.terminate(), Exit::Success);
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}
