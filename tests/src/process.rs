//! One program as a process.
//!
//! In: the multi-call binary, the word of a program, its flags. Out: the lines it prints, its end. It does not know
//! what the programs do.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::PATIENCE;

/// A process that is ended when this is dropped.
///
/// It also ends with the thread that started it, so that a test that is itself killed leaves nothing behind.
#[derive(Debug)]
pub struct Program {
    word: String,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    /// Where it makes sockets that no flag names: apart from the folder, which a test may look into.
    _runtime: Option<TempDir>,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed, on standard output and standard error, in the order of arrival.
    pub lines: Vec<String>,
}

impl Program {
    /// Starts the program `word` of the multi-call binary `moor` in `folder`, with no configuration but `flags`.
    ///
    /// # Panics
    /// If the binary cannot be started.
    #[must_use]
    pub fn start(moor: &Path, word: &str, flags: &[String], folder: &Path) -> Self {
        let mut command = Command::new(moor);
        command.arg(word).args(flags).current_dir(folder);
        command.args(["--parent-process", &std::process::id().to_string()]);
        let settings = std::env::vars_os().map(|(name, _)| name);
        for name in settings.filter(|name| name.to_string_lossy().starts_with("MOOR_")) {
            command.env_remove(name);
        }
        let runtime = tempfile::tempdir().expect("a temporary folder");
        command
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", runtime.path())
            .env("XDG_DATA_HOME", folder.join("share"))
            .env("XDG_CONFIG_HOME", folder.join("config"));
        let mut program = Self::spawn(word, command);
        program._runtime = Some(runtime);
        program
    }

    /// Starts `command` as it is, but for its input and outputs; messages of this name it `word`.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn spawn(word: &str, mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (sender, lines) = channel();
        forward(child.stdout.take().expect("piped"), sender.clone());
        forward(child.stderr.take().expect("piped"), sender);
        Self {
            word: word.into(),
            child,
            lines,
            seen: Vec::new(),
            _runtime: None,
        }
    }

    /// Waits for a line with `part` in it.
    ///
    /// # Panics
    /// If the process ends before it prints one, or after [`PATIENCE`].
    pub fn line(&mut self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next_line(deadline) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(why) => panic!(
                    "{}: no line with {part:?} ({why}) in:\n{}",
                    self.word,
                    self.seen.join("\n")
                ),
            }
        }
    }

    fn next_line(&mut self, deadline: Instant) -> Result<String, RecvTimeoutError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left)?;
        self.seen.push(line.clone());
        Ok(line)
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The memory that the process occupies now, in bytes.
    ///
    /// # Panics
    /// If the operating system does not tell.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(&path).expect(&path);
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse::<u64>().ok())
            .expect(&path)
            * 1024
    }

    /// Sends the process a signal.
    ///
    /// # Panics
    /// If the process is no more.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there");
    }

    /// Ends the process at once, as `kill -9` does, and waits for its end.
    ///
    /// # Panics
    /// If it cannot be waited for.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited for");
    }

    /// Asks the process to stop, with SIGTERM, and waits for its end.
    ///
    /// # Panics
    /// If it has not ended after [`PATIENCE`].
    pub fn stop(&mut self) -> Ended {
        // One that has ended already is stopped.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        self.end()
    }

    /// Waits for the end of the process.
    ///
    /// # Panics
    /// If it has not ended after [`PATIENCE`].
    pub fn end(&mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next_line(deadline) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{} does not end:\n{}", self.word, self.seen.join("\n"))
                }
            }
        }
        let status: ExitStatus = self.child.wait().expect("waited for");
        Ended {
            code: status.code(),
            lines: std::mem::take(&mut self.seen),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends the lines of `source` until it ends.
fn forward(source: impl Read + Send + 'static, sender: Sender<String>) {
    std::thread::spawn(move || {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        while source
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
}
