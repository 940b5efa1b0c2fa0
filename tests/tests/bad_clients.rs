//! Clients that send what no client should: memory stays bounded, and another user goes on.

use std::path::Path;

use moor_tests::{Client, Database, Server, Session};

/// How much the telnet host may grow, in bytes, whatever a client does.
const GROWTH_BYTES_MAX: u64 = 64 << 20;
/// What a client writes at a time.
const CHUNK_BYTES: usize = 64 << 10;

fn start() -> Server {
    Server::start(
        Path::new(env!("CARGO_BIN_EXE_moor-under-test")),
        &Database::cases(),
    )
}

/// Runs `abuse` on a new connection while another user works and the memory of the host is watched.
fn others_go_on(server: &Server, abuse: impl FnOnce(Client) + Send) {
    let mut other = server.log_in("programmer");
    let before = server.host.resident_bytes();
    let client = server.connect();
    std::thread::scope(|scope| {
        let abuser = scope.spawn(|| abuse(client));
        loop {
            let last = abuser.is_finished();
            assert_eq!(other.value("return 6 * 7;"), "42");
            let grown = server.host.resident_bytes().saturating_sub(before);
            assert!(
                grown < GROWTH_BYTES_MAX,
                "the host has grown by {grown} bytes"
            );
            if last {
                break;
            }
        }
    });
}

#[test]
fn a_line_of_100_megabytes_without_an_end() {
    const LONG_BYTES: usize = 100 << 20;
    others_go_on(&start(), |mut client| {
        let chunk = vec![b'a'; CHUNK_BYTES];
        for _ in (0..LONG_BYTES).step_by(CHUNK_BYTES) {
            // The host may end the connection at any moment after a megabyte.
            if client.send_bytes(&chunk).is_err() {
                return;
            }
        }
        let told = client.until_closed().expect("the host ends the connection");
        assert!(
            told.concat().contains("That line is longer than"),
            "{told:?}"
        );
    });
}

#[test]
fn a_negotiation_without_an_end() {
    others_go_on(&start(), |mut client| {
        client.send_bytes(b"\xff\xfa\x18").expect("sent");
        let chunk = vec![b'a'; CHUNK_BYTES];
        for _ in 0..16 {
            // The host may end the connection: it must not keep the bytes.
            if client.send_bytes(&chunk).is_err() {
                return;
            }
        }
    });
}

#[test]
fn random_bytes() {
    let server = start();
    for seed in 1..=8 {
        others_go_on(&server, |mut client| {
            let mut state: u64 = seed;
            for _ in 0..8 {
                let bytes: Vec<u8> = std::iter::repeat_with(|| next_random(&mut state))
                    .take(CHUNK_BYTES)
                    .collect();
                if client.send_bytes(&bytes).is_err() {
                    return;
                }
            }
        });
    }
}

/// Xorshift: the same bytes in every run.
fn next_random(state: &mut u64) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 32) as u8
}

#[test]
fn ten_thousand_lines_at_once() {
    const LINES: usize = 10_000;
    let server = start();
    let mut wizard = server.log_in("wizard");
    wizard.value("return add_verb(#2, {#3, \"xd\", \"note\"}, {\"any\", \"none\", \"none\"});");
    wizard.value(r#"return set_verb_code(#2, "note", {"notify(player, \"noted \" + dobjstr);"});"#);
    others_go_on(&server, |mut client| {
        client.send("connect player").expect("sent");
        let lines: String = (1..=LINES)
            .map(|number| format!("note {number}\r\n"))
            .collect();
        client
            .send_bytes(lines.as_bytes())
            .expect("the host takes them");
        for number in 1..=LINES {
            let noted = client.expect("noted ");
            assert_eq!(noted.last(), Some(&format!("noted {number}")));
        }
    });
}

#[test]
fn half_of_a_character() {
    let server = start();
    let mut user = server.log_in("programmer");
    let mut other = server.log_in("programmer");
    let line = "; return length(\"h\u{e9}\");\r\n".as_bytes();
    let middle = line
        .iter()
        .position(|&byte| byte == 0xc3)
        .expect("it is there")
        + 1;
    user.client().send_bytes(&line[..middle]).expect("sent");
    assert_eq!(other.value("return 1;"), "1");
    user.client().send_bytes(&line[middle..]).expect("sent");
    user.client().expect("{1, 2}");
    user.client()
        .send_bytes(b"; return 3; \"\xc3\";\r\n")
        .expect("sent");
    user.client().expect("{1, 3}");
    end_in_the_middle(&server);
    assert_eq!(other.value("return 1;"), "1");
}

/// A connection that ends within a character, a negotiation and a line.
fn end_in_the_middle(server: &Server) {
    for bytes in [
        &b"connect \xc3"[..],
        b"\xff",
        b"\xff\xfb",
        b"\xff\xfa\x18",
        b"connect wiz",
    ] {
        server.connect().send_bytes(bytes).expect("sent");
    }
}

#[test]
fn a_user_who_does_not_read() {
    let server = start();
    let mut stuck = server.log_in("wizard");
    others_go_on(&server, |_| flood(&mut stuck));
}

/// Has the world print 200 megabytes to a user who reads nothing.
fn flood(stuck: &mut Session) {
    let line = "for i in [1..200] for j in [1..10] notify(player, strsub(\"xxxxxxxxxx\", \"x\", \
                strsub(\"yyyyyyyyyy\", \"y\", strsub(\"zzzzzzzzzz\", \"z\", \"0123456789\")))); endfor suspend(0); endfor";
    for _ in 0..10 {
        stuck.client().send(&format!("; {line}")).expect("sent");
    }
}
