//! The daemon is killed under write load: nothing that a user was shown is lost, nothing is done twice, no
//! transaction is there in part, and no telnet connection ends.
//!
//! MOOR_SOAK_ROUNDS=50 kills it that many times.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use moor_tests::{Database, PATIENCE, Server, Session, say};

/// How many users write.
const WRITERS: usize = 20;
/// How often the daemon is killed, unless MOOR_SOAK_ROUNDS says otherwise.
const ROUNDS_DEFAULT: usize = 3;
/// How many answers are waited for before the daemon is killed.
const ANSWERS_A_ROUND: usize = 400;
/// How many lines a user has typed ahead of the answers.
const TYPED_AHEAD: usize = 3;
/// What the two accounts hold together.
const TOTAL: i64 = 1_000_000;

/// What each `w NUMBER` does, in one transaction: a note in the user's own list, and a transfer that all users contend
/// for.
const WRITE: &str = r#"
    player.entries = {@player.entries, toint(dobjstr)};
    amount = random(9);
    #0.left = #0.left - amount;
    #0.right = #0.right + amount;
    notify(player, "did " + dobjstr);
"#;

#[test]
fn kill_under_write_load_loses_nothing_that_was_shown() {
    let mut server = start();
    let mut auditor = server.log_in("wizard");
    prepare(&mut auditor);
    let stop = Arc::new(AtomicBool::new(false));
    let (answered, answers) = channel();
    let writers: Vec<Writer> = (0..WRITERS)
        .map(|_| Writer::start(&server, &stop, &answered))
        .collect();
    drop(answered);
    for round in 1..=rounds() {
        wait_for(&answers, ANSWERS_A_ROUND);
        server.daemon.kill();
        let shown: Vec<usize> = writers.iter().map(Writer::shown).collect();
        server.restart_daemon();
        for (writer, shown) in writers.iter().zip(shown) {
            check_entries(&mut auditor, writer, shown);
        }
        check_total(&mut auditor);
        say(format_args!("crash: round {round} of {}", rounds()));
    }
    stop.store(true, Ordering::Relaxed);
    for writer in &writers {
        writer.wait(&answers);
    }
    for writer in writers {
        let (user, typed) = writer.end();
        let entries = auditor.value(&format!("return {user}.entries;"));
        assert_eq!(entries, numbers(typed), "{user} typed {typed} lines");
    }
    check_total(&mut auditor);
}

fn rounds() -> usize {
    let given = std::env::var("MOOR_SOAK_ROUNDS").ok();
    given.map_or(ROUNDS_DEFAULT, |given| {
        given.parse().expect("MOOR_SOAK_ROUNDS is a number")
    })
}

fn start() -> Server {
    Server::start(
        Path::new(env!("CARGO_BIN_EXE_moor-under-test")),
        &Database::cases(),
    )
}

fn prepare(auditor: &mut Session) {
    auditor.value(&format!("add_property(#0, \"left\", {TOTAL}, {{#3, \"\"}}); return add_property(#0, \"right\", 0, {{#3, \"\"}});"));
    auditor.value("return add_property(#1, \"entries\", {}, {#3, \"\"});");
    auditor.value("return add_verb(#2, {#3, \"xd\", \"w\"}, {\"any\", \"none\", \"none\"});");
    let lines: Vec<String> = WRITE
        .lines()
        .map(|line| format!("{:?}", line.trim()))
        .collect();
    let compiled = auditor.value(&format!(
        "return set_verb_code(#2, \"w\", {{{}}});",
        lines.join(", ")
    ));
    assert_eq!(compiled, "{}");
}

/// Waits until users were shown that many answers.
fn wait_for(answers: &Receiver<()>, count: usize) {
    for _ in 0..count {
        answers
            .recv_timeout(PATIENCE)
            .expect("the users are answered");
    }
}

/// What a user was shown is in the world, and what is there is what was typed, in order and once.
fn check_entries(auditor: &mut Session, writer: &Writer, shown: usize) {
    let user = &writer.user;
    let entries = auditor.value(&format!("return {user}.entries;"));
    let count = entries.matches(", ").count() + usize::from(entries != "{}");
    assert!(
        count >= shown,
        "{user} was shown {shown} answers and has {count} entries"
    );
    assert_eq!(entries, numbers(count), "{user}");
}

fn check_total(auditor: &mut Session) {
    assert_eq!(
        auditor.value("return #0.left + #0.right;"),
        TOTAL.to_string()
    );
}

/// `{1, 2, 3}`
fn numbers(count: usize) -> String {
    let numbers: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    format!("{{{}}}", numbers.join(", "))
}

/// A user who types numbered lines, never more than [`TYPED_AHEAD`] ahead of the answers, until told to stop.
struct Writer {
    user: String,
    shown: Arc<AtomicUsize>,
    thread: JoinHandle<usize>,
}

impl Writer {
    fn start(server: &Server, stop: &Arc<AtomicBool>, answered: &Sender<()>) -> Self {
        let mut session = server.log_in("wizard");
        let user = session.value("return player;");
        let shown = Arc::new(AtomicUsize::new(0));
        let (stop, answered, counter) = (Arc::clone(stop), answered.clone(), Arc::clone(&shown));
        let thread = std::thread::spawn(move || write(&mut session, &stop, &answered, &counter));
        Self {
            user,
            shown,
            thread,
        }
    }

    /// How many answers arrived.
    fn shown(&self) -> usize {
        self.shown.load(Ordering::Acquire)
    }

    /// Waits for the end of the thread, while others' answers are taken from the channel.
    fn wait(&self, answers: &Receiver<()>) {
        while !self.thread.is_finished() {
            // An end of all senders is an end of all threads.
            if answers.recv_timeout(PATIENCE).is_err() {
                return;
            }
        }
    }

    /// The user, and how many lines were typed and answered.
    fn end(self) -> (String, usize) {
        let typed = self
            .thread
            .join()
            .unwrap_or_else(|_| panic!("{} lost its connection or an answer", self.user));
        (self.user, typed)
    }
}

/// Returns how many lines were typed, all of them answered in order.
fn write(
    session: &mut Session,
    stop: &AtomicBool,
    answered: &Sender<()>,
    shown: &AtomicUsize,
) -> usize {
    let client = session.client();
    let (mut typed, mut seen) = (0, 0);
    loop {
        while typed < seen + TYPED_AHEAD && !stop.load(Ordering::Relaxed) {
            typed += 1;
            client
                .send(&format!("w {typed}"))
                .expect("the connection stays");
        }
        if seen == typed {
            return typed;
        }
        let lines = client.expect("did ");
        seen += 1;
        assert_eq!(lines.last(), Some(&format!("did {seen}")));
        shown.store(seen, Ordering::Release);
        // The test may have stopped counting.
        let _ = answered.send(());
    }
}
