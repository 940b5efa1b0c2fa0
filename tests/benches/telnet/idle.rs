//! Connections on which nothing happens.
//!
//! In: a kind of link, how many. Out: the memory that each takes in host and daemon: how much the processes have grown when all have
//! logged in and each has been answered once. The world is the least one of the tests, and the players are made before, so that they
//! do not count. Connections come from several addresses, as one address has not ports enough for any number.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Instant;

use moor_tests::{Database, PATIENCE, Session};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::site::{Site, Transport};

/// The head of the table.
pub(crate) const HEAD: &str = "\
| link | idle connections | host KiB each | daemon KiB each | connected in s |
|---|---|---|---|---|";

/// Connections from one address.
const EACH_ADDRESS: usize = 1_000;

/// Connections that come before the first look, so that what is there once does not count.
const BEFORE: usize = 50;

/// `bench #NUMBER` as the only way to log in, one command, and ticks enough to make players.
const PREPARE: &str = r##"
    for option in ({"fg_ticks", "fg_seconds"})
        add_property($server_options, option, 2000000000, {player, "r"});
    endfor
    load_server_options();
    add_verb(#1, {player, "xd", "ping"}, {"none", "none", "none"});
    set_verb_code(#1, "ping", {"notify(player, \"pong\");"}) && raise(E_INVARG);
    return set_verb_code(#0, "do_login_command",
        {"return length(args) == 2 && args[1] == \"bench\" ? toobj(args[2]) | 0;"});"##;

/// Makes players; returns the number of the first.
fn make_players(telnet: SocketAddr, count: usize) -> usize {
    let mut wizard = Session::log_in(telnet, "wizard").expect("logged in");
    assert_eq!(wizard.value(PREPARE), "{}");
    let first = wizard.value(&format!(
        "first = toint(max_object()) + 1;
         for i in [1..{count}]
             set_player_flag(create(#1), 1);
         endfor
         return first;"
    ));
    first.parse().expect("a number")
}

/// A row of the table.
pub(crate) fn measure(transport: Transport, count: usize) -> String {
    let least = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cases.db");
    let site = Site::start(transport, &Database::Textdump(least));
    let first = make_players(site.telnet, BEFORE + count);
    let mut users: Vec<TcpStream> = (0..BEFORE)
        .map(|number| log_in(site.telnet, first + number, number))
        .collect();
    let memory = || [site.host.resident_bytes(), site.daemon.resident_bytes()];
    let (before, begin) = (memory(), Instant::now());
    users
        .extend((BEFORE..BEFORE + count).map(|number| log_in(site.telnet, first + number, number)));
    let (after, lasted) = (memory(), begin.elapsed());
    let each = |at: usize| after[at].saturating_sub(before[at]) as f64 / 1024.0 / count as f64;
    format!(
        "| {} | {count} | {:.1} | {:.1} | {:.1} |",
        transport.name(),
        each(0),
        each(1),
        lasted.as_secs_f64()
    )
}

/// A connection whose player has logged in and been answered.
fn log_in(telnet: SocketAddr, player: usize, number: usize) -> TcpStream {
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    );
    let socket = socket.expect("a socket");
    let last = 1 + number / EACH_ADDRESS;
    let own = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last as u8));
    bind(&socket, &SocketAddr::new(own, 0)).expect("an address of loopback");
    connect(&socket, &telnet).expect("the host accepts");
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let lines = format!("bench #{player}\r\nping\r\n");
    stream.write_all(lines.as_bytes()).expect("connected");
    let mut answer = Vec::new();
    while !answer.ends_with(b"pong\r\n") {
        let mut bytes = [0; 512];
        let count = stream.read(&mut bytes).expect("an answer");
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&bytes[..count]);
    }
    stream
}
