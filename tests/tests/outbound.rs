//! Connections that programs of the world open, with the real processes and sockets: one that is accepted, one that is
//! refused, a name that is none, an address that says nothing; and the daemon killed in each moment of one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use moor_tests::{Database, PATIENCE, Server, Session};

/// How often a peer speaks first, so that its words could come before the program is ready for them.
const HASTY_PEERS: usize = 20;
/// How long a listener may take that has room in its queue.
const FILLING_TIME: Duration = Duration::from_millis(200);

fn start(flags: &[&str]) -> Server {
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    Server::start_with(moor, &Database::cases(), flags)
}

fn start_host(flags: &[&str], of_host: &[&str]) -> Server {
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    Server::start_host_with(moor, &Database::cases(), flags, of_host)
}

fn start_open() -> Server {
    start(&["--outbound-network"])
}

/// Somebody who listens.
struct Peer {
    listener: TcpListener,
}

impl Peer {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self { listener }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().expect("bound").port()
    }

    fn accept(&self) -> Caller {
        let (stream, _) = self.listener.accept().expect("somebody calls");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let reader = BufReader::new(stream.try_clone().expect("cloned"));
        Caller { stream, reader }
    }
}

/// The server, as the one who was called sees it.
struct Caller {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Caller {
    fn say(&mut self, line: &str) {
        let line = format!("{line}\r\n");
        self.stream.write_all(line.as_bytes()).expect("it is taken");
    }

    /// The next line; empty at the end of the connection.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line in time");
        line.trim_end().to_owned()
    }
}

fn call(host: &str, port: u16, more: &str) -> String {
    format!("open_network_connection(\"{host}\", {port}{more})")
}

/// What a call raises.
fn error(user: &mut Session, call: &str) -> String {
    user.value(&format!(
        "try return {call}; except e (ANY) return e[1]; endtry"
    ))
}

/// Begins a call whose task notes what it got in `#0.got`, and then carries out `more`.
fn begin(user: &mut Session, call: &str, more: &str) {
    user.value("return `add_property(#0, \"got\", 0, {player, \"\"}) ! E_INVARG';");
    let code = format!(
        "#0.got = 0; fork (0) try c = {call}; #0.got = c; {more} except e (ANY) #0.got = e[1]; endtry endfork return 1;"
    );
    user.value(&code);
}

fn got(user: &mut Session) -> String {
    user.value(
        "for i in [1..600] if (#0.got != 0) break; endif suspend(0.1); endfor return #0.got;",
    )
}

/// The list that the task notes at its end.
fn told(user: &mut Session) -> String {
    user.value(
        "for i in [1..600] if (typeof(#0.got) == LIST) break; endif suspend(0.1); endfor return #0.got;",
    )
}

#[test]
fn whoever_listens_is_reached_and_heard() {
    let server = start_open();
    let mut user = server.log_in("wizard");
    let peer = Peer::new();
    let said = "set_connection_option(c, \"hold-input\", 1); notify(c, \"hello\"); \
                i = connection_info(c); #0.got = {read(c), i[\"outbound\"], i[\"destination_port\"], c < #0}; boot_player(c);";
    begin(&mut user, &call("localhost", peer.port(), ""), said);
    let mut caller = peer.accept();
    assert_eq!(caller.hear(), "hello");
    caller.say("welcome, stranger");
    assert_eq!(caller.hear(), "", "it ends when the program ends it");
    let expected = format!("{{\"welcome, stranger\", 1, {}, 1}}", peer.port());
    assert_eq!(got(&mut user), expected);
}

#[test]
fn words_that_come_before_the_program_is_ready_wait_for_it() {
    let server = start_open();
    let mut user = server.log_in("wizard");
    let peer = Peer::new();
    let heed = "set_connection_option(c, \"hold-input\", 1); #0.got = read(c); boot_player(c);";
    for number in 1..=HASTY_PEERS {
        begin(&mut user, &call("127.0.0.1", peer.port(), ""), heed);
        let word = format!("hasty {number}");
        let mut caller = peer.accept();
        caller.say(&word);
        assert_eq!(caller.hear(), "");
        assert_eq!(got(&mut user), format!("{word:?}"));
    }
}

#[test]
fn what_cannot_be_reached_is_an_error() {
    let server = start_open();
    let mut user = server.log_in("wizard");
    let closed = Peer::new().port();
    assert_eq!(error(&mut user, &call("127.0.0.1", closed, "")), "E_INVARG");
    assert_eq!(
        error(&mut user, &call("no-such-host.invalid", 7777, "")),
        "E_INVARG"
    );
    let tls = call("127.0.0.1", closed, ", [\"tls\" -> 1]");
    assert_eq!(error(&mut user, &tls), "E_INVARG");
    let peer = Peer::new();
    let ipv4_alone = call("127.0.0.1", peer.port(), ", [\"ipv6\" -> 1]");
    assert_eq!(error(&mut user, &ipv4_alone), "E_INVARG");
}

#[test]
fn an_address_that_says_nothing_costs_its_time_and_no_more() {
    let server = start_open();
    let mut user = server.log_in("wizard");
    set_time(&mut user, 1);
    let (silent, _filling) = silent_listener();
    let port = silent.local_addr().expect("bound").port();
    let refused = error(&mut user, &call("127.0.0.1", port, ""));
    assert_eq!(refused, "E_INVARG");
    assert_eq!(user.value("return 1;"), "1");
}

#[test]
fn the_world_speaks_tls_with_itself_and_believes_known_certificates_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("a.pem"), made.cert.pem()).expect("written");
    std::fs::write(path("a.key"), made.signing_key.serialize_pem()).expect("written");
    let (certificates, authority) = (folder.path().display().to_string(), path("a.pem"));
    let authority = authority.display().to_string();
    let believing = [
        "--telnet-tls-folder",
        &certificates,
        "--telnet-tls-ca-file",
        &authority,
    ];
    let listen = "listen(#0, 0, [\"print-messages\" -> 1, \"tls\" -> 1, \"certificate\" -> \"a.pem\", \"key\" -> \"a.key\"])";
    let server = start_host(&["--outbound-network"], &believing);
    let mut user = server.log_in("wizard");
    let port: u16 = user
        .value(&format!("return {listen};"))
        .parse()
        .expect("a port");
    let listed = format!("return listeners({port})[1][\"tls\"];");
    assert_eq!(user.value(&listed), "1");
    let info = "set_connection_option(c, \"hold-input\", 1); notify(c, \"connect wizard\"); \
                i = connection_info(c)[\"tls\"]; #0.got = {i[\"active\"], i[\"version\"], read(c)};";
    begin(
        &mut user,
        &call("localhost", port, ", [\"tls\" -> 1]"),
        info,
    );
    let told = "for i in [1..600] if (typeof(#0.got) == LIST) break; endif suspend(0.1); endfor return #0.got;";
    assert_eq!(user.value(told), "{1, \"TLSv1.3\", \"*** Created ***\"}");
    let inside = "for p in (connected_players()) i = connection_info(p); if (!i[\"outbound\"] && i[\"tls\"][\"active\"]) return i[\"tls\"][\"version\"]; endif endfor";
    assert_eq!(user.value(inside), "\"TLSv1.3\"");
    // Another name than that of the certificate, and plain text.
    let wrong = call("127.0.0.1", port, ", [\"tls\" -> 1]");
    assert_eq!(error(&mut user, &wrong), "E_INVARG");
    for (refused, code) in [
        ("listen(#0, 0, [\"tls\" -> 1])", "E_INVARG"),
        (
            "listen(#0, 0, [\"tls\" -> 1, \"certificate\" -> \"../a.pem\", \"key\" -> \"a.key\"])",
            "E_INVARG",
        ),
        (
            "listen(#0, 0, [\"tls\" -> 1, \"certificate\" -> 1])",
            "E_INVARG",
        ),
    ] {
        assert_eq!(error(&mut user, refused), code, "{refused}");
    }
    let doubting = start_host(
        &["--outbound-network"],
        &["--telnet-tls-folder", &certificates],
    );
    let mut user = doubting.log_in("wizard");
    let port: u16 = user
        .value(&format!("return {listen};"))
        .parse()
        .expect("a port");
    assert_eq!(
        error(&mut user, &call("localhost", port, ", [\"tls\" -> 1]")),
        "E_INVARG"
    );
}

/// A listener whose queue of connections is full, with those who fill it: the kernel ignores whoever comes.
fn silent_listener() -> (TcpListener, Vec<TcpStream>) {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    bind(&listener, &any).expect("bound");
    listen(&listener, 0).expect("listening");
    let listener = TcpListener::from(listener);
    let address = listener.local_addr().expect("bound");
    let fill = || TcpStream::connect_timeout(&address, FILLING_TIME).ok();
    let filling = std::iter::from_fn(fill).collect();
    (listener, filling)
}

fn set_time(user: &mut Session, seconds: u32) {
    user.value("return `add_property(#0, \"server_options\", #0, {player, \"r\"}) ! E_INVARG';");
    let option = format!(
        "return `add_property(#0.server_options, \"outbound_connect_timeout\", {seconds}, {{player, \"r\"}}) ! E_INVARG';"
    );
    user.value(&option);
}

#[test]
fn the_connection_outlives_the_daemon_and_nothing_is_said_of_it() {
    let mut server = start_open();
    let mut user = server.log_in("wizard");
    let peer = Peer::new();
    let talk = "set_connection_option(c, \"hold-input\", 1); \
                while (1) l = read(c); notify(c, \"heard \" + l); endwhile";
    begin(&mut user, &call("127.0.0.1", peer.port(), ""), talk);
    let mut caller = peer.accept();
    caller.say("one");
    assert_eq!(caller.hear(), "heard one");
    server.daemon.kill();
    caller.say("two");
    server.restart_daemon();
    assert_eq!(caller.hear(), "heard two");
    caller.say("three");
    assert_eq!(caller.hear(), "heard three");
}

#[test]
fn http_messages_are_read_piece_by_piece_across_the_end_of_the_daemon() {
    let mut server = start_open();
    let mut user = server.log_in("wizard");
    let peer = Peer::new();
    let read = "set_connection_option(c, \"hold-input\", 1); set_connection_option(c, \"binary\", 1); notify(c, \"GET~0A\"); \
                m = read_http(\"response\", c); n = read_http(\"response\", c); \
                #0.got = {m[\"status\"], m[\"headers\"], m[\"body\"], n[\"status\"]};";
    begin(&mut user, &call("127.0.0.1", peer.port(), ""), read);
    let mut caller = peer.accept();
    assert_eq!(caller.hear(), "GET");
    let mut send = |bytes: &[u8]| caller.stream.write_all(bytes).expect("it is taken");
    send(b"HTTP/1.1 200 OK\r\nContent-Le");
    let waits = "for i in [1..600] t = queued_tasks(); if (t && t[1][2] < 0 && t[1][10] > 0) break; endif suspend(0.1); endfor return t[1][2];";
    assert_eq!(user.value(waits), "-1");
    server.daemon.kill();
    send(b"ngth: 5\r\n\r\na\0");
    server.restart_daemon();
    // The rest of this message, and with it a whole other one.
    send(b"b\r\nHTTP/1.1 404 No\r\n\r\n");
    let mut user = server.log_in("wizard");
    assert_eq!(
        told(&mut user),
        "{200, [\"Content-Length\" -> \"5\"], \"a~00b~0D~0A\", 404}"
    );
}

#[test]
fn a_daemon_that_dies_while_it_waits_wakes_the_task_and_lets_the_connection_go() {
    let mut server = start_open();
    let mut user = server.log_in("wizard");
    // Nothing answers while the daemon lives: the task waits, which is stored.
    set_time(&mut user, 60);
    let (silent, filling) = silent_listener();
    let port = silent.local_addr().expect("bound").port();
    begin(&mut user, &call("127.0.0.1", port, ""), "");
    user.value("for i in [1..600] if (queued_tasks()) break; endif suspend(0.1); endfor return 1;");
    server.daemon.kill();
    // As soon as there is room the host, which tries again and again, is let in.
    for _ in &filling {
        silent.accept().expect("one that filled it");
    }
    let (mut called, _) = silent.accept().expect("the host");
    server.restart_daemon();
    called.set_read_timeout(Some(PATIENCE)).expect("set");
    assert_eq!(
        called.read(&mut [0; 1]).expect("the end in time"),
        0,
        "nobody waited for it"
    );
    let mut user = server.log_in("wizard");
    assert_eq!(got(&mut user), "E_INTRPT");
    let outbound = "n = 0; for c in (connected_players(1)) n = n + connection_info(c)[\"outbound\"]; endfor return n;";
    assert_eq!(user.value(outbound), "0");
}

#[test]
fn nobody_is_called_unless_the_operator_has_allowed_it() {
    let server = start(&[]);
    let peer = Peer::new();
    let mut user = server.log_in("wizard");
    assert_eq!(
        error(&mut user, &call("127.0.0.1", peer.port(), "")),
        "E_PERM"
    );
    let open = start_open();
    let mut user = open.log_in("programmer");
    assert_eq!(
        error(&mut user, &call("127.0.0.1", peer.port(), "")),
        "E_PERM"
    );
    peer.listener.set_nonblocking(true).expect("set");
    assert!(peer.listener.accept().is_err(), "nobody has called");
}
