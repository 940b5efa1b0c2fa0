//! A program that joins, as a process of its own: on one side its few lines, on the other who starts it and reads what
//! it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use clap::Parser;
use moor_keyring::Token;
use moor_link::{Address, ClientEvent};
use moor_node::{Drain, Exit, complain};
use moor_peer::{Joined, PeerArgs, PeerConfig};
use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::{Ground, PROTOCOL};

/// The flags of a program that this test starts, one a line; without it the test is no program.
const FLAGS: &str = "MOOR_TEST_FLAGS";

/// The longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The flags of the program.
#[derive(Parser)]
struct Args {
    #[arg(long)]
    service: String,
    #[arg(long, value_delimiter = ',')]
    rpc_address: Vec<Address>,
    #[arg(long, value_delimiter = ',')]
    events_address: Vec<Address>,
    #[command(flatten)]
    peer: PeerArgs,
}

/// The program, if this process is one; then it ends here.
pub(crate) fn run_if_asked() {
    if let Ok(flags) = std::env::var(FLAGS) {
        let args = Args::parse_from(std::iter::once("program").chain(flags.lines()));
        std::process::exit(run(args).code().into());
    }
}

fn say(word: &str) {
    // A closed pipe means that nobody reads any more.
    let _ = writeln!(std::io::stdout(), "{word}");
}

fn run(args: Args) -> Exit {
    let drain = Drain::on_signals(Duration::from_secs(30)).expect("signals");
    let config = PeerConfig {
        program: "moor-program",
        service: args.service,
        protocol: PROTOCOL,
        rpc: ("--rpc-address", args.rpc_address),
        events: args.events_address,
        args: args.peer,
    };
    let ear = |event| {
        match event {
            ClientEvent::Up { .. } => say("up"),
            ClientEvent::Down { reason } => say(&format!("down: {reason}")),
            _ => {}
        }
        Ok(())
    };
    let joined = match Joined::start(config, ear, drain.clone()) {
        Ok(joined) => joined,
        Err(error) => return complain("moor-program", &error, error.exit()),
    };
    say("joining");
    let mut was_healthy = false;
    while !drain.wait_timeout(Duration::from_millis(20)) {
        if joined.liveness().is_healthy() && !was_healthy {
            was_healthy = true;
            say("healthy");
        }
    }
    joined.stop()
}

/// A program to be started.
pub(crate) struct Program {
    flags: Vec<(&'static str, String)>,
    home: PathBuf,
    token_file: PathBuf,
    /// What the token file holds; `None`: no such flag.
    token: Option<String>,
    variable: Option<String>,
}

impl Program {
    /// With every address of the ground's daemon, and no token.
    pub(crate) fn new(ground: &Ground, service: &str) -> Self {
        let at = |port| format!("tcp://127.0.0.1:{port}");
        Self {
            flags: vec![
                ("service", service.to_owned()),
                ("rpc-address", at(ground.rpc)),
                ("events-address", at(ground.events)),
                ("enrollment-address", at(ground.enrollment)),
            ],
            home: ground.folder.path().join("home"),
            token_file: ground.token_file(),
            token: None,
            variable: None,
        }
    }

    pub(crate) fn token_text(mut self, text: &str) -> Self {
        self.token = Some(text.to_owned());
        self
    }

    pub(crate) fn token_file(self, token: &Token) -> Self {
        self.token_text(&token.expose())
    }

    /// With the token in the environment.
    pub(crate) fn variable(mut self, token: &Token) -> Self {
        self.variable = Some(token.expose().to_string());
        self
    }

    pub(crate) fn no_enrollment_address(mut self) -> Self {
        self.flags.retain(|(name, _)| *name != "enrollment-address");
        self
    }

    pub(crate) fn twice_the_events(mut self) -> Self {
        for (name, value) in &mut self.flags {
            if *name == "events-address" {
                *value = format!("{value},{value}");
            }
        }
        self
    }

    /// With the events where a program looks that was not told.
    pub(crate) fn local_events(mut self, ground: &Ground) -> Self {
        for (name, value) in &mut self.flags {
            if *name == "events-address" {
                *value = format!("ipc://{}", ground.socket("events").display());
            }
        }
        self
    }

    /// With a daemon in front of each list that is not there.
    pub(crate) fn after_a_dead_daemon(mut self) -> Self {
        for (name, value) in &mut self.flags {
            if name.ends_with("-address") {
                // The port of nobody: it needs the rights of root, and root has no use for it.
                *value = format!("tcp://127.0.0.1:1,{value}");
            }
        }
        self
    }

    /// On the daemon's own machine.
    pub(crate) fn local(mut self, ground: &Ground) -> Self {
        self = self.no_enrollment_address();
        for (name, value) in &mut self.flags {
            if let Some(socket) = name.strip_suffix("-address") {
                *value = format!("ipc://{}", ground.socket(socket).display());
            }
        }
        self
    }

    /// With the keys of another program.
    pub(crate) fn folder_of(mut self, service: &str) -> Self {
        let folder = self.home.join("config/moor").join(service);
        self.flags.push(("data-dir", folder.display().to_string()));
        self
    }

    pub(crate) fn start(mut self) -> Running {
        if let Some(text) = &self.token {
            moor_node::write_secret(&self.token_file, text.as_bytes()).expect("written");
            let path = self.token_file.display().to_string();
            self.flags.push(("enrollment-token-file", path));
        }
        let flags = self
            .flags
            .iter()
            .map(|(name, value)| format!("--{name}={value}"));
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command
            .args(["--exact", "the_program", "--nocapture"])
            .env(FLAGS, flags.collect::<Vec<_>>().join("\n"))
            .env("XDG_CONFIG_HOME", self.home.join("config"))
            .env("XDG_DATA_HOME", self.home.join("share"))
            .env_remove("MOOR_ENROLLMENT_TOKEN")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(text) = &self.variable {
            command.env("MOOR_ENROLLMENT_TOKEN", text);
        }
        Running::new(command.spawn().expect("started"))
    }
}

/// A program that was started; killed if a test forgets it.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits until the program says a word that it has not said before.
    pub(crate) fn wait_for(&mut self, word: &str) {
        let mut said = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                // The test's own words may stand in front.
                Ok(line) if line.ends_with(word) => return,
                Ok(line) => said.push(line),
                Err(error) => {
                    let (exit, line) = self.reap();
                    panic!("no {word:?} ({error}), but {said:?}; {exit:?} {line}");
                }
            }
        }
    }

    fn reap(&mut self) -> (Option<i32>, String) {
        // It has ended, or is not worth waiting for.
        let _ = self.child.kill();
        let exit = self.child.wait().expect("ended").code();
        let mut text = String::new();
        let stderr = self.child.stderr.as_mut().expect("piped");
        stderr.read_to_string(&mut text).expect("a text");
        (exit, text.trim_end().to_owned())
    }

    /// Waits until the program ends by itself: how, and what it complained of.
    pub(crate) fn end(mut self) -> (Exit, String) {
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("a child").is_none() {
            assert!(Instant::now() < until, "does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
        let (code, text) = self.reap();
        let is_it = |exit: &Exit| Some(i32::from(exit.code())) == code;
        let exit = EXITS.into_iter().find(is_it);
        (exit.unwrap_or_else(|| panic!("{code:?}: {text}")), text)
    }

    /// Ends it as a service manager does.
    pub(crate) fn terminate(self) -> Exit {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("told");
        self.end().0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to do for one that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The ways to end that these tests tell apart.
const EXITS: [Exit; 11] = [
    Exit::Success,
    Exit::Failure,
    Exit::Usage,
    Exit::Hurried,
    Exit::NoToken,
    Exit::TokenUnknown,
    Exit::TokenExpired,
    Exit::TokenUsedUp,
    Exit::TokenWrongService,
    Exit::WrongServerKey,
    Exit::Revoked,
];
