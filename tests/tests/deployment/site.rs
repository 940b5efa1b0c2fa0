//! Where parts run: this machine as all of theirs.
//!
//! In: parts as files describe them. Out: their own commands as processes on loopback, and answers to their own probes.
//! What is rewritten, and nothing else: addresses and ports to free ones of loopback, paths into a temporary folder. Each
//! part has its own file system there, in which only its mounts may have changed at the end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use moor_tests::{PATIENCE, Program};
use regex::{Captures, Regex};
use tempfile::TempDir;

use crate::files::root;
use crate::part::{ENDPOINTS, Mount, OWN_PORTS, PROGRAMS, Part, Probe, Source};

/// Free ports are sought here: below those that the system gives to connections.
const PORTS_FROM: u16 = 20_000;
const PORTS_COUNT: u16 = 12_000;
const PORTS_OF_A_TEST: u32 = 101;

/// How often a probe that fails is tried again.
const INTERVAL: Duration = Duration::from_millis(50);

pub(crate) struct Site {
    folder: TempDir,
    /// Whether volumes let everybody in, as those that a cluster provides do.
    open_volumes: bool,
    /// What a port is here, by whose it is.
    ports: RefCell<BTreeMap<(String, u16), u16>>,
}

impl Site {
    pub(crate) fn new(open_volumes: bool) -> Self {
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new()
            .prefix("moor")
            .permissions(private)
            .tempdir();
        let folder = folder.expect("a temporary folder");
        let programs = folder.path().join("bin");
        std::fs::create_dir(&programs).expect("a folder");
        for program in PROGRAMS.iter().chain(&["moor"]) {
            let link = programs.join(program);
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_moor-under-test"), link)
                .expect("a link");
        }
        for script in ["probe", "hand-out-tokens"] {
            let target = root().join("deploy/docker").join(script);
            std::os::unix::fs::symlink(target, programs.join(script)).expect("a link");
        }
        let ports = RefCell::default();
        Self {
            folder,
            open_volumes,
            ports,
        }
    }

    /// Where users, probes and peers find a port of `part`. The daemon's endpoints are the same for everybody.
    pub(crate) fn port(&self, part: &Part, port: u16) -> u16 {
        let is_endpoint = ENDPOINTS.iter().any(|(_, known)| *known == port);
        let owner = if is_endpoint {
            "the daemon"
        } else {
            &part.name
        };
        *self
            .ports
            .borrow_mut()
            .entry((owner.to_owned(), port))
            .or_insert_with(free_port)
    }

    fn address(&self, part: &Part, port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port(part, port)).into()
    }

    pub(crate) fn telnet(&self, part: &Part) -> SocketAddr {
        self.address(part, 8888)
    }

    /// What a path of `part` is here.
    pub(crate) fn path(&self, part: &Part, path: &str) -> PathBuf {
        let inside =
            |mount: &&Mount| path == mount.path || path.starts_with(&format!("{}/", mount.path));
        let mount = part
            .mounts
            .iter()
            .filter(inside)
            .max_by_key(|mount| mount.path.len());
        match mount {
            Some(mount) => {
                let rest = path[mount.path.len()..].trim_start_matches('/');
                self.source(part, &mount.source).join(rest)
            }
            None => self.own_files(part).join(path.trim_start_matches('/')),
        }
    }

    /// What a part has written outside its mounts would be here.
    fn own_files(&self, part: &Part) -> PathBuf {
        self.folder.path().join("files").join(&part.name)
    }

    /// Where relative paths begin.
    pub(crate) fn working_folder(&self, part: &Part) -> PathBuf {
        self.folder.path().join("cwd").join(&part.name)
    }

    fn source(&self, part: &Part, source: &Source) -> PathBuf {
        match source {
            Source::Volume(name) => self.folder.path().join("volumes").join(name),
            Source::Secret(name, _) => self
                .folder
                .path()
                .join("mounted")
                .join(&part.name)
                .join(name),
        }
    }

    /// The folder of a secret's keys.
    pub(crate) fn secret(&self, name: &str) -> PathBuf {
        self.folder.path().join("secrets").join(name)
    }

    /// A word of a command or a variable, for here.
    pub(crate) fn rewrite(&self, part: &Part, text: &str) -> String {
        let address = Regex::new(r"([A-Za-z0-9][A-Za-z0-9.-]*):(\d{2,5})\b").expect("a pattern");
        let text = address.replace_all(text, |found: &Captures<'_>| {
            let host = part
                .hosts
                .get(&found[1])
                .unwrap_or_else(|| panic!("{}: nobody is {}", part.name, &found[1]));
            let port = found[2].parse().expect("a port");
            format!("{host}:{}", self.port(part, port))
        });
        let path = Regex::new(r"(^|=|ipc://|,)(/[A-Za-z0-9_][A-Za-z0-9_./-]*)").expect("a pattern");
        let text = path.replace_all(&text, |found: &Captures<'_>| {
            format!("{}{}", &found[1], self.path(part, &found[2]).display())
        });
        text.into_owned()
    }

    /// `words` as `part` would run them.
    pub(crate) fn command(&self, part: &Part, words: &[String]) -> Command {
        self.mount(part);
        let program = words[0].rsplit('/').next().expect("a program");
        let own = self.folder.path().join("bin").join(program);
        let mut command = Command::new(if own.exists() {
            own
        } else {
            PathBuf::from(program)
        });
        command.args(words[1..].iter().map(|word| self.rewrite(part, word)));
        let path = format!(
            "{}:/usr/local/bin:/usr/bin:/bin",
            self.folder.path().join("bin").display()
        );
        command
            .env_clear()
            .env("PATH", path)
            .current_dir(self.working_folder(part));
        for (name, value) in self.own_ports(program, part) {
            command.env(name, value);
        }
        command.envs(
            part.variables
                .iter()
                .map(|(name, value)| (name, self.rewrite(part, value))),
        );
        command
    }

    /// Ports that no flag names are the program's usual ones; here they must be free ones.
    fn own_ports(&self, program: &str, part: &Part) -> Vec<(&'static str, String)> {
        let own = OWN_PORTS.iter().filter(|(of, _, _)| *of == program);
        let own = own.map(|(_, variable, usual)| {
            let port = self.port(part, *usual);
            let value = if variable.ends_with("_ADDRESS") {
                format!("127.0.0.1:{port}")
            } else {
                port.to_string()
            };
            (*variable, value)
        });
        own.chain([("MOOR_TELNET_ADDRESS", "127.0.0.1".to_owned())])
            .collect()
    }

    fn mount(&self, part: &Part) {
        for folder in [self.own_files(part), self.working_folder(part)] {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        for mount in &part.mounts {
            let folder = self.source(part, &mount.source);
            if !folder.exists() {
                self.make(&folder, &mount.source);
            }
            // For whoever is told of a folder above it.
            let place = self
                .own_files(part)
                .join(mount.path.trim_start_matches('/'));
            if !place.exists() {
                std::fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
                std::os::unix::fs::symlink(&folder, &place).expect("a link");
            }
        }
    }

    /// A volume at its first use, or the files of a secret.
    fn make(&self, folder: &Path, source: &Source) {
        std::fs::create_dir_all(folder).expect("a folder");
        let mode = if self.open_volumes { 0o777 } else { 0o700 };
        std::fs::set_permissions(folder, Permissions::from_mode(mode)).expect("a mode");
        if let Source::Secret(name, items) = source {
            let secret = self.secret(name);
            for (key, file) in items.iter().filter(|(key, _)| secret.join(key).exists()) {
                std::fs::copy(secret.join(key), folder.join(file)).expect("a secret");
            }
        }
    }

    /// Starts a program that serves.
    pub(crate) fn start(&self, part: &Part) -> Program {
        let mut command = self.command(part, &part.command);
        command.args(["--parent-process", &std::process::id().to_string()]);
        Program::spawn(&part.name, command)
    }

    /// Runs a command to its end, which must be a good one; returns what it wrote.
    pub(crate) fn run(&self, part: &Part, words: &[String]) -> String {
        let output = self
            .command(part, words)
            .output()
            .unwrap_or_else(|error| panic!("{words:?}: {error}"));
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "{}: {words:?}: {}\n{out}{err}",
            part.name,
            output.status
        );
        out.into_owned()
    }

    /// Whether a probe finds the program well now.
    fn is_well(&self, part: &Part, probe: &Probe) -> bool {
        match probe {
            Probe::Tcp(port) => TcpStream::connect(self.address(part, *port)).is_ok(),
            Probe::Http(port, path) => {
                http_code(self.address(part, *port), path).is_some_and(|code| code == 200)
            }
            Probe::Command(words) => {
                let arguments = words[1..].iter().map(|word| self.with_port(part, word));
                let mut command = self.command(part, &words[..1]);
                let output = command.args(arguments).output().expect("the probe runs");
                output.status.success()
            }
        }
    }

    /// A word of a probe, which may be a port.
    fn with_port(&self, part: &Part, word: &str) -> String {
        word.parse().map_or_else(
            |_| word.to_owned(),
            |port| self.port(part, port).to_string(),
        )
    }

    /// Waits until every probe finds the program well.
    pub(crate) fn wait_until_well(&self, part: &Part, program: &mut Program) {
        for probe in &part.probes {
            self.wait_for(part, probe, program);
        }
    }

    pub(crate) fn wait_for(&self, part: &Part, probe: &Probe, program: &mut Program) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_well(part, probe) {
            if Instant::now() > deadline {
                let lines = program.stop().lines.join("\n");
                panic!("{}: {probe:?} does not find it well:\n{lines}", part.name);
            }
            std::thread::sleep(INTERVAL);
        }
    }

    /// Fails if a part has left something where it has no mount.
    pub(crate) fn nothing_is_left_by(&self, part: &Part) {
        for folder in [self.own_files(part), self.working_folder(part)] {
            let left: Vec<PathBuf> = files_below(&folder);
            assert!(
                left.is_empty(),
                "{}: wrote outside its mounts: {left:?}",
                part.name
            );
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_path_buf()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable").flatten() {
            let kind = entry.file_type().expect("a kind");
            match kind.is_dir() {
                true => folders.push(entry.path()),
                // The places of mounts.
                false if kind.is_symlink() => {}
                false => found.push(entry.path()),
            }
        }
    }
    found
}

/// The status of GET; `None` if nobody answers.
fn http_code(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.take(1 << 20).read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1)?.parse().ok()
}

/// A port that nobody has on any address, and that nobody was given before.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests that run at the same time have numbers that follow each other, and seek far apart.
    let own = std::process::id().wrapping_mul(PORTS_OF_A_TEST) % u32::from(PORTS_COUNT);
    let own = u16::try_from(own).expect("small");
    for _ in 0..PORTS_COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(own);
        let port = PORTS_FROM + step % PORTS_COUNT;
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
