//! What a program on moor-node does as a process: exit codes, signals, log lines, a closed standard error.
//!
//! It runs `examples/smallest.rs`, which cargo builds with the tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// The program, started and ready.
struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(example());
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the example starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let mut program = Self { child, out };
        program.expect("ready");
        program
    }

    /// Waits for a line of standard output.
    fn expect(&mut self, wanted: &str) {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("readable");
        assert_eq!(line.trim_end(), wanted);
    }

    fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_ref().expect("piped"), "{line}").expect("written");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signalled");
    }

    /// Closes standard input, waits, and returns the exit code and standard error.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let mut text = String::new();
        if let Some(mut err) = self.child.stderr.take() {
            err.read_to_string(&mut text).expect("UTF-8");
        }
        (self.child.wait().expect("waited").code(), text)
    }
}

/// Beside the folder of this test's own binary.
fn example() -> PathBuf {
    let own = std::env::current_exe().expect("own path");
    own.ancestors()
        .nth(2)
        .expect("target/debug")
        .join("examples/smallest")
}

fn output(args: &[&str]) -> Output {
    Command::new(example())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the example runs")
}

#[test]
fn sigterm_and_sigint_drain_and_end_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let program = Program::start(&[]);
        program.signal(signal);
        let (code, text) = program.end();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("drained"), "{text}");
    }
}

#[test]
fn a_second_signal_ends_at_once_with_3() {
    let mut program = Program::start(&["--drain-timeout", "3600"]);
    program.say("stuck");
    program.signal(Signal::TERM);
    program.expect("draining");
    program.signal(Signal::TERM);
    let (code, text) = program.end();
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("second signal"), "{text}");
}

#[test]
fn a_drain_that_takes_too_long_ends_with_3() {
    let mut program = Program::start(&["--drain-timeout", "0.05"]);
    program.say("stuck");
    program.signal(Signal::TERM);
    let (code, text) = program.end();
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("--drain-timeout"), "{text}");
}

#[test]
fn an_error_is_one_line_and_1() {
    let mut program = Program::start(&[]);
    program.say("fail");
    assert_eq!(
        program.end(),
        (Some(1), "moor-smallest: it failed; for a reason\n".into())
    );
}

#[test]
fn a_panic_is_one_line_and_70() {
    let mut program = Program::start(&[]);
    program.say("panic");
    let (code, text) = program.end();
    assert_eq!(code, Some(70));
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.starts_with("moor-smallest: panic at ") && text.contains("it panicked"),
        "{text}"
    );
}

#[test]
fn a_contained_panic_is_one_line_and_the_program_goes_on() {
    let mut program = Program::start(&[]);
    program.say("contained");
    program.expect("contained true");
    program.say("panic");
    let (code, text) = program.end();
    assert_eq!(code, Some(70), "a panic of another thread ends it still");
    let threads: Vec<_> = text
        .lines()
        .map(|line| line.contains("in thread worker-1"))
        .collect();
    assert_eq!(threads, [true, false], "{text}");
}

#[test]
fn a_thread_may_contain_the_panics_of_a_part_of_what_it_does() {
    let mut program = Program::start(&[]);
    program.say("contained here");
    program.expect("contained true");
    program.say("panic");
    let (code, text) = program.end();
    assert_eq!(code, Some(70), "one elsewhere ends it still");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn log_lines_name_the_program_in_both_formats() {
    let mut program = Program::start(&[]);
    program.say("log");
    program.signal(Signal::TERM);
    let (_, text) = program.end();
    let line = text
        .lines()
        .find(|line| line.contains("logged"))
        .expect("a log line");
    assert!(
        line.starts_with("moor-smallest ") && line.contains("answer=42"),
        "{line}"
    );
    let mut program = Program::start(&["--log-format", "json"]);
    program.say("log");
    program.signal(Signal::TERM);
    let (_, text) = program.end();
    let line = text
        .lines()
        .find(|line| line.contains("logged"))
        .expect("a log line");
    assert!(
        line.starts_with(r#"{"program":"moor-smallest","timestamp":"#),
        "{line}"
    );
    assert!(
        line.contains(r#""answer":42"#) && line.ends_with('}'),
        "{line}"
    );
}

#[test]
fn a_closed_standard_error_harms_nothing() {
    let mut program = Program::start(&["--log-level", "trace"]);
    drop(program.child.stderr.take());
    program.say("log");
    program.say("fail");
    assert_eq!(program.end().0, Some(1));
}

#[test]
fn mistakes_are_one_line_and_2_and_help_is_0() {
    let mistake = output(&["--log-level", "inof"]);
    let text = String::from_utf8(mistake.stderr).expect("UTF-8");
    assert_eq!(
        (mistake.status.code(), text.lines().count()),
        (Some(2), 1),
        "{text}"
    );
    assert!(
        text.contains("--log-level") && text.contains("`inof`"),
        "{text}"
    );
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("--drain-timeout"));
    assert_eq!(output(&["--version"]).status.code(), Some(0));
}

#[test]
fn a_parent_that_is_none_is_refused() {
    let refused = output(&["--parent-process", "1"]);
    let text = String::from_utf8(refused.stderr).expect("UTF-8");
    assert_eq!(refused.status.code(), Some(1), "{text}");
    assert!(text.contains("--parent-process 1"), "{text}");
}

#[test]
fn the_admin_listener_is_there_while_the_program_is() {
    let mut program = Program::start(&["--admin-listen", "127.0.0.1:0"]);
    let mut err = BufReader::new(program.child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("admin listening") {
        line.clear();
        assert_ne!(
            err.read_line(&mut line).expect("readable"),
            0,
            "no such line"
        );
    }
    let address = line.trim_end().rsplit('=').next().expect("an address");
    let probe = |path: &str| {
        let mut stream = std::net::TcpStream::connect(address).expect(address);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("asked");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("answered");
        text
    };
    assert!(probe("/livez").starts_with("HTTP/1.1 200"));
    assert!(
        probe("/readyz").starts_with("HTTP/1.1 503"),
        "it never said that it is ready"
    );
    assert!(probe("/metrics").contains("moor_build_info{program=\"moor-smallest\""));
    program.signal(Signal::TERM);
    assert_eq!(program.end().0, Some(0));
    std::net::TcpStream::connect(address).expect_err("it listens after the end");
}

#[test]
fn an_admin_address_that_cannot_be_had_is_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    for (address, code) in [(address.as_str(), 1), ("9101", 2), ("localhost", 2)] {
        let refused = output(&["--admin-listen", address]);
        let text = String::from_utf8(refused.stderr).expect("UTF-8");
        assert_eq!(
            (refused.status.code(), text.lines().count()),
            (Some(code), 1),
            "{text}"
        );
        assert!(
            text.contains("--admin-listen") && text.contains(address),
            "{text}"
        );
    }
}
