//! One run of a program, from its start to its end.
//!
//! In: an executable with arguments, environment and input; bounds; a word that nobody waits any more. Out: the exit code
//! and what it wrote. The calling thread waits until then, for all of it at once; a program that writes without reading
//! cannot stop it. When the program has ended, whatever it has started and left behind is ended too.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process_group, pidfd_open};
use rustix::thread::{sched_getaffinity, sched_setaffinity};

use super::guard::code;
use super::{Executable, ExecutableError};

/// Bytes read or written at once.
const PIECE_BYTES: usize = 16 << 10;

/// What a program is run with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// What it is called, then its arguments.
    pub args: Vec<String>,
    /// All of its environment.
    pub environment: Vec<(String, String)>,
    /// Its standard input.
    pub input: Vec<u8>,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; 128 and more for the number of the signal that ended it; 255 if it could not be run.
    pub code: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// What a program may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Time from its start.
    pub time_max: Duration,
    /// Bytes that it writes, to both outputs together.
    pub output_bytes_max: usize,
}

/// The word that nobody waits for a run any more. Its copies are the same word.
#[derive(Clone, Debug)]
pub struct Cancel {
    said: Arc<OwnedFd>,
}

impl Cancel {
    /// Not said yet.
    ///
    /// # Errors
    /// The operating system has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        let said = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            said: Arc::new(said),
        })
    }

    /// Says it: a program that runs with it ends at once, one that begins with it does not run.
    pub fn say(&self) {
        // It can only fail when it was said 2^64 times.
        let _ = rustix::io::write(&*self.said, &1_u64.to_ne_bytes());
    }
}

impl Executable {
    /// Runs the program, until it ends or must be ended.
    ///
    /// # Errors
    /// [`ExecutableError::TooLong`], [`ExecutableError::TooMuch`], [`ExecutableError::Cancelled`]: it has been killed.
    /// [`ExecutableError::Io`]: it was not started.
    pub fn run(
        &self,
        call: Call,
        bounds: Bounds,
        cancel: &Cancel,
    ) -> Result<Ended, ExecutableError> {
        let mut running = Running::start(self.command(&call), call.input)?;
        let deadline = Instant::now() + bounds.time_max;
        while !running.step(deadline, cancel)? {
            if running.written() > bounds.output_bytes_max {
                let bytes_max = bounds.output_bytes_max;
                return Err(ExecutableError::TooMuch { bytes_max });
            }
            if Instant::now() >= deadline {
                let seconds = bounds.time_max.as_secs();
                return Err(ExecutableError::TooLong { seconds });
            }
        }
        running.end(bounds.output_bytes_max)
    }

    fn command(&self, call: &Call) -> Command {
        let name = call.args.first().map_or("", String::as_str);
        let mut command = match &self.guard {
            Some(guard) => guard.command(&self.path, name),
            None => {
                let mut command = Command::new(&self.path);
                command.arg0(name);
                command
            }
        };
        command
            .args(call.args.iter().skip(1))
            .env_clear()
            .envs(call.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }
}

/// A program that runs; it is killed with its group, and waited for, when this is dropped.
struct Running {
    child: Child,
    /// Readable when the program has ended.
    end: OwnedFd,
    stdin: Option<ChildStdin>,
    input: Vec<u8>,
    /// Bytes of the input that the program has got.
    given: usize,
    stdout: Output<ChildStdout>,
    stderr: Output<ChildStderr>,
}

/// Lets this thread, and what it starts, run where the process may: whoever started it may be kept on one processor.
fn run_anywhere() {
    // Of the process's first thread, which nobody moves. Without the answer, the program runs where this thread does.
    if let Ok(anywhere) = sched_getaffinity(Some(getpid())) {
        let _ = sched_setaffinity(None, &anywhere);
    }
}

/// One of a program's outputs.
struct Output<P> {
    pipe: Option<P>,
    bytes: Vec<u8>,
}

impl Running {
    fn start(mut command: Command, input: Vec<u8>) -> io::Result<Self> {
        run_anywhere();
        let mut child = command.spawn()?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = Pid::from_child(&child);
        let opened = pidfd_open(pid, PidfdFlags::empty()).and_then(|end| {
            each_nonblocking(&[
                stdin.as_ref().map(AsFd::as_fd),
                stdout.as_ref().map(AsFd::as_fd),
                stderr.as_ref().map(AsFd::as_fd),
            ])?;
            Ok(end)
        });
        match opened {
            Ok(end) => Ok(Self {
                child,
                end,
                stdin,
                input,
                given: 0,
                stdout: Output::new(stdout),
                stderr: Output::new(stderr),
            }),
            Err(error) => {
                kill(&mut child);
                Err(error.into())
            }
        }
    }

    /// Waits for something to happen and does what it calls for; whether the program has ended.
    fn step(&mut self, deadline: Instant, cancel: &Cancel) -> Result<bool, ExecutableError> {
        if self.given == self.input.len() {
            self.stdin = None;
        }
        let (has_ended, is_cancelled) = self.wait(deadline, cancel)?;
        if is_cancelled {
            return Err(ExecutableError::Cancelled);
        }
        self.give_input();
        self.stdout.take();
        self.stderr.take();
        Ok(has_ended)
    }

    /// Sleeps until a pipe is ready, the program has ended, the word was said or the time is over.
    fn wait(&self, deadline: Instant, cancel: &Cancel) -> io::Result<(bool, bool)> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut fds = vec![
            PollFd::new(&self.end, PollFlags::IN),
            PollFd::new(&*cancel.said, PollFlags::IN),
        ];
        fds.extend(
            self.stdin
                .iter()
                .map(|pipe| PollFd::new(pipe, PollFlags::OUT)),
        );
        fds.extend(
            self.stdout
                .pipe
                .iter()
                .map(|pipe| PollFd::new(pipe, PollFlags::IN)),
        );
        fds.extend(
            self.stderr
                .pipe
                .iter()
                .map(|pipe| PollFd::new(pipe, PollFlags::IN)),
        );
        match poll(&mut fds, Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        Ok((is_ready(&fds[0]), is_ready(&fds[1])))
    }

    /// Gives the program what its pipe has room for. One that does not read its input may well go on without.
    fn give_input(&mut self) {
        let Some(pipe) = &mut self.stdin else { return };
        let rest = &self.input[self.given..];
        match pipe.write(&rest[..rest.len().min(PIECE_BYTES)]) {
            Ok(count) => self.given += count,
            Err(error) if is_passing(&error) => {}
            Err(_) => self.given = self.input.len(),
        }
    }

    fn written(&self) -> usize {
        self.stdout.bytes.len() + self.stderr.bytes.len()
    }

    /// The program has ended: what it started is ended too, and what is in the pipes is all.
    fn end(mut self, bytes_max: usize) -> Result<Ended, ExecutableError> {
        kill_group(&self.child);
        let status = self.child.wait()?;
        while self.written() <= bytes_max && (self.stdout.take() | self.stderr.take()) {}
        if self.written() > bytes_max {
            return Err(ExecutableError::TooMuch { bytes_max });
        }
        Ok(Ended {
            code: code(status),
            stdout: std::mem::take(&mut self.stdout.bytes),
            stderr: std::mem::take(&mut self.stderr.bytes),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

impl<P: Read> Output<P> {
    fn new(pipe: Option<P>) -> Self {
        Self {
            pipe,
            bytes: Vec::new(),
        }
    }

    /// Takes what the pipe has, up to a piece; whether it had something.
    fn take(&mut self) -> bool {
        let Some(pipe) = &mut self.pipe else {
            return false;
        };
        let mut piece = [0; PIECE_BYTES];
        match pipe.read(&mut piece) {
            Ok(count) if count > 0 => {
                self.bytes.extend_from_slice(&piece[..count]);
                true
            }
            Err(error) if is_passing(&error) => false,
            // Its other end is closed.
            Ok(_) | Err(_) => {
                self.pipe = None;
                false
            }
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

fn each_nonblocking(pipes: &[Option<BorrowedFd<'_>>]) -> rustix::io::Result<()> {
    for pipe in pipes.iter().flatten() {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    Ok(())
}

/// Ends a program with all that it started, and takes note of its end.
fn kill(child: &mut Child) {
    if matches!(child.try_wait(), Ok(Some(_))) {
        return;
    }
    kill_group(child);
    // A process that was killed ends.
    let _ = child.wait();
}

/// Ends all of a program's group. While nobody has taken note of the program's end, its number is not given to another.
fn kill_group(child: &Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}
