//! `attacker.py` as a process.
//!
//! In: the name of an attack and what it must know. Out: the values that it prints, one by one.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A running attack; it ends when this is dropped.
pub(crate) struct Attacker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Whether attacks can be run here; says so where they cannot.
pub(crate) fn is_possible() -> bool {
    let has_zmq = Command::new("python3").args(["-c", "import zmq"]).output();
    let possible = has_zmq.is_ok_and(|output| output.status.success());
    if !possible {
        moor_tests::say("skipped: python3 with pyzmq is not installed");
    }
    possible
}

impl Attacker {
    pub(crate) fn start(attack: &str, config: &Value) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/attacks/attacker.py");
        let mut child = Command::new("python3")
            .args(["-B", script, attack, &config.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            child,
            input,
            output,
        }
    }

    /// The next value that it prints; `None` at its end.
    pub(crate) fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        let count = self.output.read_line(&mut line).expect("readable");
        (count > 0).then(|| serde_json::from_str(&line).expect(&line))
    }

    /// As [`next`](Self::next), of one that must still be there.
    pub(crate) fn answer(&mut self) -> Value {
        self.next()
            .expect("the attacker failed; its standard error says why")
    }

    /// What it waits for has happened.
    pub(crate) fn go_on(&mut self) {
        self.input.write_all(b"\n").expect("it listens");
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
