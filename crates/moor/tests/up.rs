//! `moor` as a process: `moor up` with the real daemon, hosts and worker, the operator's commands beside it, and the other
//! forms of its command line.
//!
//! Each test has a temporary folder for the world and for the sockets, and lets the system choose the ports.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::Timespec;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use tempfile::TempDir;

/// No single step of a test takes longer, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn moor() -> Command {
    Command::new(env!("CARGO_BIN_EXE_moor"))
}

/// A running `moor up`.
struct Up {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    /// The lines among them that nobody has asked for yet.
    unclaimed: Vec<String>,
    folder: TempDir,
}

impl Up {
    fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, |_| {})
    }

    /// With free ports for web users and the worker.
    fn start_with(flags: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        let free = ["--web-port", "0", "--curl-health-check-port", "0"];
        Self::start_exactly(&[&free, flags].concat(), prepare)
    }

    fn start_exactly(flags: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = moor();
        command
            .arg("up")
            .args(flags)
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.env("XDG_RUNTIME_DIR", folder.path());
        prepare(&mut command);
        let mut child = command.spawn().expect("moor starts");
        let err = child.stderr.take().expect("piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(err)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
            unclaimed: Vec::new(),
            folder,
        }
    }

    /// Waits for a line that has all of `parts`. Programs print beside each other, so their lines come in any order; each is given once.
    fn line(&mut self, parts: &[&str]) -> String {
        let is_it = |line: &String| parts.iter().all(|part| line.contains(part));
        if let Some(at) = self.unclaimed.iter().position(is_it) {
            return self.unclaimed.remove(at);
        }
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = self
            .lines
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.seen.push(line.clone());
            if is_it(&line) {
                return line;
            }
            self.unclaimed.push(line);
        }
        panic!("no line with {parts:?} in:\n{}", self.seen.join("\n"));
    }

    /// Waits for the start of a program and returns its process number.
    fn process_of(&mut self, program: &str) -> Pid {
        let line = self.line(&[&format!("started=\"{program}\"")]);
        let number = line
            .split("process=")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        let number = number
            .and_then(|number| number.parse().ok())
            .and_then(Pid::from_raw);
        number.unwrap_or_else(|| panic!("no process number in {line}"))
    }

    /// Waits for the telnet host and returns where it listens.
    fn telnet(&mut self) -> SocketAddr {
        self.address_of("moor-telnet-host")
    }

    /// Waits for a program and returns where it listens for users.
    fn address_of(&mut self, program: &str) -> SocketAddr {
        let line = self.line(&[program, "127.0.0.1:"]);
        let at = line.find("127.0.0.1:").expect("it was found");
        let address: String = line[at..]
            .chars()
            .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
            .collect();
        address
            .parse()
            .unwrap_or_else(|_| panic!("no address in {line}"))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signalled");
    }

    fn end(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        let status = self.child.wait().expect("waited");
        (status, began.elapsed())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // After a failed assertion; the programs follow.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Something that can be waited for until the process has ended.
struct Watched(std::os::fd::OwnedFd);

impl Watched {
    fn new(process: Pid) -> Self {
        Self(pidfd_open(process, PidfdFlags::empty()).expect("the process is there"))
    }

    fn wait_for_end(&self) {
        let limit = Timespec::try_from(PATIENCE).expect("it fits");
        let ended = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit)).expect("polled");
        assert_eq!(ended, 1, "the process is still there");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn output(args: &[&str]) -> Output {
    moor().args(args).output().expect("moor runs")
}

#[test]
fn ctrl_c_stops_everything_within_five_seconds() {
    let mut up = Up::start(&["--telnet-port", "0"]);
    let daemon = Watched::new(up.process_of("moor-daemon"));
    let address = up.telnet();
    TcpStream::connect(address).expect("telnet users can connect");
    assert!(
        up.folder.path().join("moor-data").is_dir(),
        "no data folder was made"
    );
    up.signal(Signal::INT);
    let (status, took) = up.end();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "took {took:?}");
    up.seen.extend(up.lines.iter());
    let said = up.seen.join("\n");
    assert!(!said.contains("0.0.0.0"), "open to all machines: {said}");
    daemon.wait_for_end();
    TcpStream::connect(address).expect_err("the port is closed");
    let left = std::fs::read_dir(up.folder.path().join("moor"))
        .expect("the runtime folder")
        .count();
    assert_eq!(left, 0, "sockets were left behind");
}

#[test]
fn a_world_or_a_port_that_is_taken_is_refused_in_one_line_before_anything_is_started() {
    let mut first = Up::start(&["--telnet-port", "0"]);
    let port = first.telnet().port().to_string();
    // From then on it has the world.
    first.line(&["moor_daemon::serve: ready"]);
    let folder = first.folder.path().to_path_buf();
    let again = |flags: &[&str]| {
        let mut command = moor();
        command.arg("up").args(flags).current_dir(&folder);
        command.env("XDG_RUNTIME_DIR", &folder);
        let said = command.output().expect("moor runs");
        assert_eq!(said.status.code(), Some(1));
        assert_eq!(text(&said.stdout), "", "it announced what it could not do");
        text(&said.stderr)
    };
    let free = ["--web-port", "0", "--curl-health-check-port", "0"];
    for (flags, words) in [
        (
            &["--telnet-port", "0"][..],
            "--data-dir moor-data: the world runs already, in process ",
        ),
        (
            &["--data-dir", "other", "--telnet-port", &port],
            &format!("--telnet-port {port}: cannot listen on 127.0.0.1:{port}"),
        ),
    ] {
        let line = again(&[&free, flags].concat());
        assert!(line.contains(words), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
    assert!(!folder.join("other").exists(), "a folder was made in vain");
}

/// The status code of `GET path`.
fn get(address: SocketAddr, path: &str) -> u16 {
    let mut stream = TcpStream::connect(address).expect("connected");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.expect(&answer)
}

#[test]
fn all_four_programs_run_and_end_together() {
    let mut up = Up::start(&["--telnet-port", "0", "--admin-listen", "127.0.0.1:0"]);
    let admin = up.line(&["admin listening"]);
    let admin: SocketAddr = admin
        .trim()
        .rsplit('=')
        .next()
        .expect(&admin)
        .parse()
        .expect(&admin);
    let names = [
        "moor-daemon",
        "moor-telnet-host",
        "moor-web-host",
        "moor-curl-worker",
    ];
    let programs = names.map(|name| Watched::new(up.process_of(name)));
    let web = up.address_of("moor-web-host");
    assert_eq!(get(web, "/"), 200);
    let began = Instant::now();
    while get(web, "/health") != 200 || get(admin, "/readyz") != 200 {
        assert!(
            began.elapsed() < PATIENCE,
            "never healthy: {}",
            up.seen.join("\n")
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    up.signal(Signal::INT);
    let (status, took) = up.end();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "took {took:?}");
    for program in programs {
        program.wait_for_end();
    }
}

#[test]
fn the_operator_finds_the_daemon_of_the_only_up() {
    let mut up = Up::start(&["--telnet-port", "0"]);
    let mut user = TcpStream::connect(up.telnet()).expect("telnet users can connect");
    user.write_all(b"connect wizard\r\n").expect("typed");
    let folder = up.folder.path().to_path_buf();
    let ask = |args: &[&str]| {
        let mut command = moor();
        command
            .args(args)
            .env("XDG_RUNTIME_DIR", &folder)
            .env("HOME", &folder);
        command.output().expect("moor runs")
    };
    let connected = || {
        let said = ask(&["connections", "list", "--json"]);
        serde_json::from_slice(&said.stdout).unwrap_or(serde_json::Value::Null)
    };
    let began = Instant::now();
    while connected()["connections"][0]["service"] != "telnet-host" {
        assert!(began.elapsed() < PATIENCE, "{}", connected());
        std::thread::sleep(Duration::from_millis(50));
    }
    let status: serde_json::Value =
        serde_json::from_slice(&ask(&["status", "--json"]).stdout).expect("JSON");
    assert!(status["world"]["objects"].as_u64() > Some(4), "{status}");
    assert_eq!(status["sessions"], 1, "{status}");
    let peers = text(&ask(&["peers", "list"]).stdout);
    for service in ["telnet-host", "web-host", "curl-worker"] {
        assert!(peers.contains(service), "{peers}");
    }
    let drained = ask(&["drain", "--reconnect-delay", "1s"]);
    assert_eq!(drained.status.code(), Some(0), "{}", text(&drained.stderr));
    assert!(
        text(&drained.stdout).contains("stopped after"),
        "{}",
        text(&drained.stdout)
    );
    assert_eq!(up.end().0.code(), Some(0));
    let gone = ask(&["status"]);
    assert_eq!(gone.status.code(), Some(1), "{}", text(&gone.stdout));
}

#[test]
fn the_shutdown_of_the_world_ends_everything_with_0() {
    let mut up = Up::start(&["--telnet-port", "0"]);
    let host = Watched::new(up.process_of("moor-telnet-host"));
    let mut user = TcpStream::connect(up.telnet()).expect("telnet users can connect");
    user.write_all(b"connect wizard\r\n@shutdown for the night\r\n")
        .expect("typed");
    up.line(&["ended=\"moor-daemon\"", "stopping everything"]);
    assert_eq!(up.end().0.code(), Some(0));
    host.wait_for_end();
}

#[test]
fn two_run_side_by_side() {
    let mut ups = [1, 2].map(|_| Up::start(&["--telnet-port", "0"]));
    for up in &mut ups {
        TcpStream::connect(up.telnet()).expect("telnet users can connect");
        let identity = up.folder.path().join("moor-data/hosts/telnet-host/node-1");
        assert!(identity.is_file(), "{} is not there", identity.display());
    }
    for up in &mut ups {
        up.signal(Signal::TERM);
        assert_eq!(up.end().0.code(), Some(0));
    }
}

#[test]
fn a_program_that_dies_is_started_again_and_the_others_stay() {
    let mut up = Up::start(&["--telnet-port", "0"]);
    let daemon = up.process_of("moor-daemon");
    let address = up.telnet();
    kill_process(daemon, Signal::KILL).expect("killed");
    up.line(&["ended=\"moor-daemon\"", "starting it again"]);
    assert_ne!(up.process_of("moor-daemon"), daemon);
    TcpStream::connect(address).expect("the telnet host is still there");
    up.signal(Signal::TERM);
    assert_eq!(up.end().0.code(), Some(0));
}

#[test]
fn a_world_is_imported_once() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/cases.db");
    let import = ["--import", file, "--telnet-port", "0"];
    let mut up = Up::start(&import);
    let daemon = up.process_of("moor-daemon");
    up.line(&["imported"]);
    let host_meets_daemon = ["moor-telnet-host", "the daemon is there"];
    up.line(&host_meets_daemon);
    kill_process(daemon, Signal::KILL).expect("killed");
    assert_ne!(up.process_of("moor-daemon"), daemon);
    up.line(&host_meets_daemon);
    up.signal(Signal::TERM);
    assert_eq!(up.end().0.code(), Some(0));
    let mut again = moor();
    again.arg("up").args(import).current_dir(&up.folder);
    let again = again.output().expect("moor runs");
    assert_eq!(again.status.code(), Some(1));
    let line = text(&again.stderr);
    assert!(line.contains("moor-data holds a world already"), "{line}");
}

#[test]
fn a_file_that_is_no_database_is_named_and_leaves_no_world() {
    let mut up = Up::start(&["--import", "/proc/version", "--telnet-port", "0"]);
    up.line(&["/proc/version"]);
    assert_ne!(up.end().0.code(), Some(0));
    assert!(!up.folder.path().join("moor-data/FORMAT").exists());
}

#[test]
fn the_programs_end_with_a_killed_up() {
    let mut up = Up::start(&["--telnet-port", "0"]);
    let daemon = Watched::new(up.process_of("moor-daemon"));
    let host = Watched::new(up.process_of("moor-telnet-host"));
    up.telnet();
    up.signal(Signal::KILL);
    daemon.wait_for_end();
    host.wait_for_end();
}

#[test]
fn a_port_in_use_ends_it_with_a_line_that_names_the_port() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    for flag in [
        "--telnet-port",
        "--health-check-port",
        "--web-port",
        "--curl-health-check-port",
    ] {
        let mut ports = vec![
            ("--telnet-port", "0"),
            ("--web-port", "0"),
            ("--curl-health-check-port", "0"),
        ];
        ports.retain(|(other, _)| *other != flag);
        ports.push((flag, &port));
        let flags: Vec<&str> = ports
            .into_iter()
            .flat_map(|(flag, value)| [flag, value])
            .collect();
        let mut up = Up::start_exactly(&flags, |_| {});
        up.line(&["moor: ", flag, &port, "choose another"]);
        let (status, _) = up.end();
        assert_eq!(status.code(), Some(1), "{flag}");
    }
}

#[test]
fn a_mistake_in_the_settings_of_a_program_ends_it_with_2() {
    let mut up = Up::start_with(&["--telnet-port", "0"], |command| {
        command.env("MOOR_WORKER_THREADS", "many");
    });
    up.line(&["moor-daemon: MOOR_WORKER_THREADS = many: "]);
    assert_eq!(up.end().0.code(), Some(2));
}

#[test]
fn json_lines_stay_json() {
    let mut up = Up::start(&["--telnet-port", "0", "--log-format", "json"]);
    up.line(&["{\"program\":\"moor\",", "\"started\":\"moor-daemon\""]);
    up.line(&["{\"program\":\"moor-telnet-host\","]);
    up.signal(Signal::TERM);
    assert_eq!(up.end().0.code(), Some(0));
}

#[test]
fn the_name_by_which_it_is_called_decides() {
    for name in [
        "moor-daemon",
        "moor-telnet-host",
        "moor-web-host",
        "moor-curl-worker",
    ] {
        let mut command = moor();
        command.arg0(format!("/usr/bin/{name}")).arg("--help");
        let help = text(&command.output().expect("moor runs").stdout);
        assert!(help.contains(&format!("Usage: {name}")), "{help}");
    }
}

#[test]
fn command_lines_are_explained() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for word in ["up", "daemon", "telnet-host", "web-host", "curl-worker"] {
        assert!(
            text(&help.stdout).contains(&format!("\n  {word} ")),
            "{word} is not in the help"
        );
    }
    let wrong = output(&["telnet-hots"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(
        text(&wrong.stderr),
        "moor: unknown command `telnet-hots`; did you mean `moor telnet-host`?\n"
    );
    let wrong = output(&["--telnet-port", "many"]);
    assert_eq!(
        (wrong.status.code(), text(&wrong.stderr).lines().count()),
        (Some(2), 1)
    );
}
