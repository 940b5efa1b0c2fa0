//! Commands over telnet, with the daemon and the host on one machine joined by Unix sockets and by encrypted TCP: how
//! many a second, how long one takes, and what it costs.
//!
//! `cargo bench -p moor-tests --bench telnet [-- SECONDS]` prints one table. Each connection sends `ping` and waits for
//! its answer, as fast as it is answered. Daemon, host and connections share the machine, so only the ratios of one run
//! mean something.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use moor_tests::{Client, Program, Session};
use rustix::event::{PollFd, PollFlags, poll};

/// How long one row is measured, unless an argument says otherwise.
const SECONDS_DEFAULT: f64 = 3.0;

/// How many connections type at the same time.
const CONNECTIONS: [usize; 3] = [1, 10, 100];

/// What the verb prints, with the end of a line.
const ANSWER: &[u8] = b"pong\r\n";

/// How two programs are joined.
#[derive(Clone, Copy, PartialEq)]
enum Transport {
    Ipc,
    Curve,
}

fn main() {
    // cargo passes --bench; a number is ours.
    let given = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let length = Duration::from_secs_f64(given.unwrap_or(SECONDS_DEFAULT));
    println!(
        "| link | connections | commands/s | p50 us | p99 us | p99.9 us | daemon us/command | host us/command |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for transport in [Transport::Ipc, Transport::Curve] {
        let mut world = World::start(transport);
        for connections in CONNECTIONS {
            let row = world.measure(connections, length);
            println!("| {} | {connections} | {row} |", transport.name());
        }
    }
}

impl Transport {
    fn name(self) -> &'static str {
        match self {
            Self::Ipc => "ipc",
            Self::Curve => "tcp+CURVE",
        }
    }

    /// What the daemon is to listen at.
    fn listen(self, folder: &Path) -> Vec<String> {
        let doors: &[&str] = match self {
            Self::Ipc => &["rpc", "events"],
            Self::Curve => &["rpc", "events", "enrollment"],
        };
        let address = |door: &str| match self {
            Self::Ipc => format!("ipc://{}", folder.join(format!("{door}.sock")).display()),
            Self::Curve => "tcp://127.0.0.1:0".into(),
        };
        let flags = doors
            .iter()
            .map(|door| [format!("--{door}-listen"), address(door)]);
        flags.flatten().collect()
    }

    fn doors(self) -> &'static [&'static str] {
        match self {
            Self::Ipc => &["rpc", "events"],
            Self::Curve => &["rpc", "events", "enrollment"],
        }
    }
}

struct World {
    daemon: Program,
    host: Program,
    telnet: SocketAddr,
    _folder: tempfile::TempDir,
}

/// A row of the table.
struct Row {
    rate: f64,
    /// Sorted.
    times: Vec<Duration>,
    daemon: Duration,
    host: Duration,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.times.len().max(1);
        let at = |share: f64| {
            let place = ((count as f64 * share) as usize).min(count - 1);
            self.times.get(place).map_or(0, Duration::as_micros)
        };
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        write!(
            f,
            "{:.0} | {} | {} | {} | {:.1} | {:.1}",
            self.rate,
            at(0.5),
            at(0.99),
            at(0.999),
            each(self.daemon),
            each(self.host)
        )
    }
}

impl World {
    fn start(transport: Transport) -> Self {
        let private = std::fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(private).tempdir();
        let folder = folder.expect("a temporary folder");
        let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
        let database = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/cases.db");
        let mut flags = vec![
            "world".into(),
            "--import".into(),
            database.display().to_string(),
        ];
        flags.extend(transport.listen(folder.path()));
        let mut daemon = Program::start(moor, "daemon", &flags, folder.path());
        let mut flags: Vec<String> = [
            "--telnet-address",
            "127.0.0.1",
            "--telnet-port",
            "0",
            "--health-check-port",
            "0",
        ]
        .map(String::from)
        .into();
        for door in transport.doors() {
            let line = daemon.line(&format!("{door} listening"));
            let address = line
                .split("endpoint=")
                .nth(1)
                .and_then(|rest| rest.split_whitespace().next());
            flags.extend([
                format!("--{door}-address"),
                address.expect("an endpoint").to_owned(),
            ]);
        }
        daemon.line(" ready");
        let mut host = Program::start(moor, "telnet-host", &flags, folder.path());
        let line = host.line("listening telnet=");
        let address = line
            .split("telnet=")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        let telnet = address
            .and_then(|address| address.parse().ok())
            .expect("an address");
        let mut wizard = Session::log_in(telnet, "wizard").expect("logged in");
        wizard
            .value("return add_verb(#2, {#3, \"xd\", \"ping\"}, {\"none\", \"none\", \"none\"});");
        let compiled = wizard
            .value("return set_verb_code(#2, \"ping\", {\"notify(player, \\\"pong\\\");\"});");
        assert_eq!(compiled, "{}", "the verb compiles");
        Self {
            daemon,
            host,
            telnet,
            _folder: folder,
        }
    }

    fn measure(&mut self, connections: usize, length: Duration) -> Row {
        let mut users: Vec<User> = (0..connections)
            .map(|_| User::connect(self.telnet))
            .collect();
        let (daemon, host) = (
            processor_time(self.daemon.id()),
            processor_time(self.host.id()),
        );
        let begin = Instant::now();
        let mut times = run(&mut users, begin + length);
        let lasted = begin.elapsed();
        times.sort_unstable();
        Row {
            rate: times.len() as f64 / lasted.as_secs_f64(),
            times,
            daemon: processor_time(self.daemon.id()).saturating_sub(daemon),
            host: processor_time(self.host.id()).saturating_sub(host),
        }
    }
}

/// A connection that has at most one command on its way.
struct User {
    stream: TcpStream,
    sent: Instant,
    /// How much of the answer has come.
    matched: usize,
}

impl User {
    fn connect(telnet: SocketAddr) -> Self {
        let mut client = Client::connect(telnet).expect("the host accepts");
        client.send("connect wizard").expect("connected");
        client.send("ping").expect("connected");
        client.expect("pong");
        let stream = client.into_stream();
        stream.set_nonblocking(true).expect("a socket");
        Self {
            stream,
            sent: Instant::now(),
            matched: 0,
        }
    }

    fn send(&mut self) {
        self.sent = Instant::now();
        self.matched = 0;
        // One short line always fits an empty buffer.
        self.stream.write_all(b"ping\r\n").expect("connected");
    }

    /// Reads what is there; how long the command took if the answer is whole.
    fn receive(&mut self) -> Option<Duration> {
        let mut bytes = [0; 1024];
        let count = match self.stream.read(&mut bytes) {
            Ok(0) => panic!("the host closed the connection"),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("telnet: {error}"),
        };
        for byte in &bytes[..count] {
            self.matched = match *byte == ANSWER[self.matched] {
                true => self.matched + 1,
                false => usize::from(*byte == ANSWER[0]),
            };
            if self.matched == ANSWER.len() {
                return Some(self.sent.elapsed());
            }
        }
        None
    }
}

/// Everybody types until the end; how long each command took.
fn run(users: &mut [User], end: Instant) -> Vec<Duration> {
    let mut times = Vec::new();
    users.iter_mut().for_each(User::send);
    let mut waiting = users.len();
    while waiting > 0 {
        let ready: Vec<bool> = {
            let mut sockets: Vec<PollFd<'_>> = users
                .iter()
                .map(|user| PollFd::from_borrowed_fd(user.stream.as_fd(), PollFlags::IN))
                .collect();
            poll(&mut sockets, None).expect("polled");
            sockets
                .iter()
                .map(|socket| !socket.revents().is_empty())
                .collect()
        };
        for (user, _) in users.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            let Some(time) = user.receive() else { continue };
            times.push(time);
            match Instant::now() < end {
                true => user.send(),
                false => waiting -= 1,
            }
        }
    }
    times
}

/// Time that a process has spent on processors, its own and the system's.
fn processor_time(id: u32) -> Duration {
    let path = format!("/proc/{id}/stat");
    let text = std::fs::read_to_string(&path).expect(&path);
    // The name, in parentheses, may hold anything.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<u64> = rest
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    let ticks = fields[11] + fields[12];
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}
