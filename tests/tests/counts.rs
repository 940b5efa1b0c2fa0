//! What one command costs, counted rather than timed: allocations, sleeps and system calls of daemon and host, each with a bound.
//!
//! In: a server whose allocations are counted, and one connection that sends a command and waits for its answer, again and again. Out: one
//! table; a test fails when a count is above its bound. Allocations may be a tenth more than were counted
//! when the bound was set; sleeps and system calls, which also depend on who runs when, half more. Whoever makes a command cheaper
//! lowers its bounds.
//!
//! Sleeps (voluntary context switches) are from `/proc`. System calls are counted by `strace`, where it is installed and may watch the
//! programs; else the test says so.

use std::path::Path;
use std::process::Command;

use moor_tests::{Client, Database, Program, Server, say};
use rustix::process::{Pid, Signal, kill_process};

/// Commands that are not counted: caches fill, and buffers grow to their size.
const WARM_UP: usize = 300;
/// Commands over which a count is shared out.
const COMMANDS: usize = 1_000;

/// What one command may cost one program.
struct Bound {
    allocations: f64,
    sleeps: f64,
    system_calls: f64,
}

/// A command, and what it may cost.
struct Case {
    verb: &'static str,
    code: &'static str,
    daemon: Bound,
    host: Bound,
}

/// Nothing but an answer.
const PING: Case = Case {
    verb: "ping",
    code: r#"{"notify(player, \"pong\");"}"#,
    daemon: Bound {
        allocations: 31.0,
        sleeps: 6.0,
        system_calls: 27.0,
    },
    host: Bound {
        allocations: 10.0,
        sleeps: 6.0,
        system_calls: 30.0,
    },
};

/// A loop and a property that is written to the log.
const WORK: Case = Case {
    verb: "workping",
    code: r#"{"x = 0;", "for i in [1..200]", "x = x + i % 7;", "endfor",
        "player.entries = player.entries + 1;", "notify(player, \"pong\");"}"#,
    daemon: Bound {
        allocations: 66.0,
        sleeps: 13.0,
        system_calls: 38.0,
    },
    host: Bound {
        allocations: 10.0,
        sleeps: 6.0,
        system_calls: 30.0,
    },
};

#[test]
fn a_command_costs_no_more_than_it_did() {
    let mut site = Site::start();
    let mut wrong = Vec::new();
    for case in [&PING, &WORK] {
        site.add(case);
        site.type_often(case, WARM_UP);
        site.allocations(case, &mut wrong);
        site.sleeps(case, &mut wrong);
        site.system_calls(case, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A server and its user.
struct Site {
    server: Server,
    user: Client,
}

impl Site {
    fn start() -> Self {
        let server = Server::start(
            Path::new(env!("CARGO_BIN_EXE_moor-counted")),
            &Database::cases(),
        );
        let mut wizard = server.log_in("wizard");
        wizard.value("return add_property(#1, \"entries\", 0, {player, \"rw\"});");
        let mut user = server.connect();
        user.send("connect programmer").expect("connected");
        Self { server, user }
    }

    fn add(&self, case: &Case) {
        let mut wizard = self.server.log_in("wizard");
        let (verb, code) = (case.verb, case.code.replace('\n', " "));
        wizard.value(&format!(
            "return add_verb(#1, {{player, \"xd\", \"{verb}\"}}, {{\"none\", \"none\", \"none\"}});"
        ));
        let compiled = wizard.value(&format!("return set_verb_code(#1, \"{verb}\", {code});"));
        assert_eq!(compiled, "{}", "{verb} compiles");
    }

    fn type_often(&mut self, case: &Case, times: usize) {
        for _ in 0..times {
            self.user.send(case.verb).expect("connected");
            self.user.expect("pong");
        }
    }

    /// What each program has more of after [`COMMANDS`] commands than before, a command.
    fn grown(&mut self, case: &Case, count: impl Fn(&mut Program) -> u64) -> [f64; 2] {
        let before = [&mut self.server.daemon, &mut self.server.host].map(&count);
        self.type_often(case, COMMANDS);
        let after = [&mut self.server.daemon, &mut self.server.host].map(&count);
        std::array::from_fn(|at| (after[at] - before[at]) as f64 / COMMANDS as f64)
    }

    fn allocations(&mut self, case: &Case, wrong: &mut Vec<String>) {
        let counts = self.grown(case, |program| {
            signal(program, Signal::USR2);
            let line = program.line("allocations=");
            let number = line.split_once('=').map(|(_, number)| number.parse());
            number.expect("a number").expect("a number")
        });
        let bounds = [&case.daemon, &case.host].map(|bound| bound.allocations);
        judge(case, "allocations", counts, bounds, wrong);
    }

    fn sleeps(&mut self, case: &Case, wrong: &mut Vec<String>) {
        let counts = self.grown(case, |program| sleeps_of(program.id()));
        let bounds = [&case.daemon, &case.host].map(|bound| bound.sleeps);
        judge(case, "sleeps", counts, bounds, wrong);
    }

    fn system_calls(&mut self, case: &Case, wrong: &mut Vec<String>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = ["daemon", "host"].map(|name| folder.path().join(name));
        let ids = [self.server.daemon.id(), self.server.host.id()];
        let watchers = [0, 1].map(|at| watch(ids[at], &files[at]));
        let [Some(mut daemon), Some(mut host)] = watchers else {
            say(format_args!(
                "counts: no strace that may watch: system calls are not counted"
            ));
            return;
        };
        self.type_often(case, COMMANDS);
        for watcher in [&mut daemon, &mut host] {
            signal(watcher, Signal::INT);
            watcher.end();
        }
        let counts = files.map(|file| total_of(&file) as f64 / COMMANDS as f64);
        let bounds = [&case.daemon, &case.host].map(|bound| bound.system_calls);
        judge(case, "system calls", counts, bounds, wrong);
    }
}

/// Notes the counts of daemon and host, and what is above its bound.
fn judge(case: &Case, what: &str, counts: [f64; 2], bounds: [f64; 2], wrong: &mut Vec<String>) {
    for ((program, count), bound) in ["daemon", "host"].into_iter().zip(counts).zip(bounds) {
        let line = format!(
            "{}: {program}: {count:.2} {what}, at most {bound}",
            case.verb
        );
        say(format_args!("counts: {line}"));
        if count > bound {
            wrong.push(line);
        }
    }
}

/// How often threads of a process have waited for something.
fn sleeps_of(id: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).expect("a process");
    let of_thread = |path: std::path::PathBuf| {
        // A thread may end meanwhile.
        let status = std::fs::read_to_string(path.join("status")).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|number| number.trim().parse::<u64>().ok())
            .unwrap_or(0)
    };
    threads
        .map(|entry| of_thread(entry.expect("an entry").path()))
        .sum()
}

/// Counts the system calls of a process until it is interrupted; `None` where that cannot be.
fn watch(id: u32, file: &Path) -> Option<Program> {
    if Command::new("strace").arg("-V").output().is_err() {
        return None;
    }
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-U", "calls", "-p", &id.to_string(), "-o"]);
    command.arg(file);
    let mut watcher = Program::spawn("strace", command);
    let line = watcher.line("strace: ");
    line.contains("attached").then_some(watcher)
}

/// The sum of a report: its last line, `NUMBER total`. A process that called nothing has an empty one.
fn total_of(report: &Path) -> u64 {
    let text = std::fs::read_to_string(report).expect("strace writes its report at its end");
    let total = text.lines().find_map(|line| line.strip_suffix(" total"));
    total.map_or(0, |number| number.trim().parse().expect("a number"))
}

fn signal(program: &Program, signal: Signal) {
    let id = i32::try_from(program.id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("a process"), signal).expect("it runs");
}
