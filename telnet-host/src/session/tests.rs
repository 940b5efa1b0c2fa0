//! A session against a socket of memory: order of lines and events, the outage, every way to end.

use std::cell::{Cell, RefCell};
use std::io::IoSlice;

use super::*;
use moor_host::WINDOW_LINES_MAX;
use moor_rpc::{EventNumber, LineNumber, ListenerId, SessionId};

const ID: SessionId = SessionId([7; 16]);

/// A socket that remembers what was written, or takes nothing.
#[derive(Default)]
struct Paper {
    written: RefCell<Vec<u8>>,
    stuck: Cell<bool>,
    keep_alive: RefCell<Vec<Option<KeepAlive>>>,
}

impl Paper {
    fn take(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.written.borrow_mut())).into_owned()
    }
}

impl Sink for Paper {
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.stuck.get() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut written = self.written.borrow_mut();
        let before = written.len();
        slices
            .iter()
            .for_each(|slice| written.extend_from_slice(slice));
        Ok(written.len() - before)
    }
}

impl Socket for Paper {
    fn set_keep_alive(&self, times: Option<KeepAlive>) {
        self.keep_alive.borrow_mut().push(times);
    }
}

fn new_session() -> Session {
    Session::new(opening())
}

fn opening() -> OpenSession {
    OpenSession {
        session: ID,
        listener: ListenerId::MAIN,
        peer_address: "127.0.0.1".into(),
        peer_port: 1,
        local_address: "127.0.0.1".into(),
        local_port: 2,
        hostname: None,
        tls: None,
        options: Session::initial_options(),
        token: None,
        outbound: false,
    }
}

fn live_session() -> (Session, Paper) {
    let (mut session, paper) = (new_session(), Paper::default());
    session.hear(DaemonNews::Opened, &paper);
    (session, paper)
}

fn send_all(session: &mut Session) -> Vec<(u64, String)> {
    let mut sent = Vec::new();
    while let Some(line) = session.course().next_line() {
        session.course().line_sent(line.number, line.last_event);
        sent.push((line.number.0, line.text));
    }
    sent
}

fn lines(numbered: &[(u64, &str)]) -> Vec<(u64, String)> {
    numbered
        .iter()
        .map(|(number, text)| (*number, (*text).to_string()))
        .collect()
}

fn text(line: &str) -> Event {
    Event::Text(Text::lines(vec![line.into()]))
}

fn done(number: u64) -> Event {
    Event::LineDone(LineNumber(number))
}

fn apply(session: &mut Session, paper: &Paper, first: u64, events: Vec<Event>) -> Progress {
    let batch = SessionEvents {
        session: ID,
        first: EventNumber(first),
        events,
    };
    let progress = session.apply(batch, paper);
    session.flush(paper).expect("paper does not break");
    progress
}

fn attach(session: &mut Session, paper: &Paper, lines_done: u64, early: &[u64], last_event: u64) {
    let early: Vec<_> = early.iter().copied().map(LineNumber).collect();
    let news = DaemonNews::Attached {
        lines_done: LineNumber(lines_done),
        lines_done_early: &early,
        last_event: EventNumber(last_event),
    };
    session.hear(news, paper);
    session.flush(paper).expect("paper does not break");
}

#[test]
fn lines_wait_until_the_daemon_has_confirmed_the_session() {
    let (mut session, paper) = (new_session(), Paper::default());
    session.receive(b"connect wizard\r\nlo", &paper);
    assert_eq!(send_all(&mut session), []);
    session.hear(DaemonNews::Opened, &paper);
    assert_eq!(send_all(&mut session), lines(&[(1, "connect wizard")]));
    session.receive(b"ok\r\n", &paper);
    assert_eq!(send_all(&mut session), lines(&[(2, "look")]));
}

#[test]
fn events_are_applied_once_and_in_order() {
    let (mut session, paper) = live_session();
    assert_eq!(
        apply(&mut session, &paper, 1, vec![text("a"), text("b")]),
        Progress::Applied
    );
    assert_eq!(paper.take(), "a\r\nb\r\n");
    assert_eq!(
        apply(&mut session, &paper, 1, vec![text("a"), text("b")]),
        Progress::Applied
    );
    assert_eq!(paper.take(), "", "a replay is not shown again");
    assert_eq!(
        apply(&mut session, &paper, 4, vec![text("d")]),
        Progress::Missing(EventNumber(3))
    );
    assert_eq!(session.course().missing(), Some(EventNumber(3)));
    assert_eq!(paper.take(), "");
    let replay = vec![text("b"), text("c"), text("d")];
    assert_eq!(apply(&mut session, &paper, 2, replay), Progress::Applied);
    assert_eq!(paper.take(), "c\r\nd\r\n");
    assert_eq!(session.course().missing(), None);
}

#[test]
fn acknowledgements_are_due_only_for_what_no_line_told() {
    let (mut session, paper) = live_session();
    assert_eq!(session.acknowledge(), None);
    apply(&mut session, &paper, 1, vec![text("a")]);
    let due = session.acknowledge().expect("one event");
    assert_eq!((due.event, due.queued_output_bytes), (EventNumber(1), 0));
    assert_eq!(session.acknowledge(), None);
    apply(&mut session, &paper, 2, vec![text("b")]);
    session.receive(b"x\n", &paper);
    assert_eq!(
        session.course().next_line().expect("a line").last_event,
        EventNumber(2)
    );
    send_all(&mut session);
    assert_eq!(session.acknowledge(), None, "the line told it");
}

#[test]
fn a_flood_fills_the_window_and_goes_on_as_lines_are_done() {
    let (mut session, paper) = live_session();
    let flood: String = (1..=WINDOW_LINES_MAX + 2)
        .map(|n| format!("{n}\n"))
        .collect();
    session.receive(flood.as_bytes(), &paper);
    assert_eq!(send_all(&mut session).len(), WINDOW_LINES_MAX);
    assert!(!session.wants_input());
    apply(&mut session, &paper, 1, vec![done(1)]);
    assert_eq!(send_all(&mut session), lines(&[(257, "257")]));
    assert!(!session.wants_input(), "one line waits undecoded");
    apply(&mut session, &paper, 2, vec![done(2), done(3)]);
    assert_eq!(send_all(&mut session), lines(&[(258, "258")]));
    assert!(session.wants_input());
}

#[test]
fn an_outage_is_told_once_and_lines_run_once() {
    let (mut session, paper) = live_session();
    session.receive(b"one\ntwo\n", &paper);
    send_all(&mut session);
    session.hear(DaemonNews::Away, &paper);
    session.hear(DaemonNews::Away, &paper);
    session.flush(&paper).expect("paper does not break");
    assert_eq!(paper.take(), format!("{}\r\n", AWAY));
    session.receive(b"three\nfour\n", &paper);
    assert_eq!(send_all(&mut session), [], "kept while the daemon is away");
    assert_eq!(session.course().attach().last_line, LineNumber(4));
    attach(&mut session, &paper, 1, &[3], 0);
    assert_eq!(paper.take(), format!("{}\r\n", BACK));
    assert_eq!(send_all(&mut session), lines(&[(2, "two"), (4, "four")]));
    attach(&mut session, &paper, 1, &[3], 0);
    assert_eq!(paper.take(), "", "nothing to tell without an outage");
}

#[test]
fn what_is_replayed_after_an_outage_comes_after_the_notice() {
    let (mut session, paper) = live_session();
    session.hear(DaemonNews::Away, &paper);
    apply(&mut session, &paper, 1, vec![text("replayed")]);
    attach(&mut session, &paper, 0, &[], 3);
    assert_eq!(
        paper.take(),
        format!("{}\r\n{}\r\nreplayed\r\n", AWAY, BACK)
    );
    assert_eq!(
        session.course().missing(),
        Some(EventNumber(2)),
        "the daemon has made more"
    );
}

#[test]
fn options_take_effect_where_they_stand_among_the_output() {
    let (mut session, paper) = live_session();
    let times = KeepAlive {
        idle_s: 1,
        interval_s: 2,
        count: 3,
    };
    let options = vec![
        text("Password: "),
        Event::SetOption(ConnectionOption::ClientEcho(false)),
        Event::SetOption(ConnectionOption::KeepAlive(Some(times))),
        Event::Binary(vec![0, 1]),
    ];
    apply(&mut session, &paper, 1, options);
    let written = paper.written.take();
    assert_eq!(written, b"Password: \r\n\xff\xfb\x01\x00\x01");
    assert_eq!(*paper.keep_alive.borrow(), [Some(times)]);
    session.receive(b"\xff\xfd\x01", &paper);
    session.flush(&paper).expect("paper does not break");
    assert_eq!(
        paper.take(),
        "",
        "the answer to our own WILL is neither answered nor the world's business"
    );
    apply(
        &mut session,
        &paper,
        5,
        vec![Event::SetOption(ConnectionOption::Binary(true))],
    );
    session.receive(b"a\r\n", &paper);
    assert_eq!(send_all(&mut session), lines(&[(1, "a~0D~0A")]));
}

#[test]
fn telnet_commands_are_answered_and_passed_on() {
    let (mut session, paper) = live_session();
    session.receive(b"\xff\xfd\x63\xff\xf6", &paper);
    session.flush(&paper).expect("paper does not break");
    assert_eq!(paper.written.take(), b"\xff\xfc\x63[Yes]\r\n");
    let line = session.course().next_line().expect("the command");
    assert_eq!(
        (line.kind, line.text.as_str()),
        (LineKind::OutOfBand, "~FF~FDc")
    );
}

#[test]
fn a_closed_session_writes_what_is_queued_and_nothing_more() {
    let (mut session, paper) = live_session();
    paper.stuck.set(true);
    session.receive(b"late\n", &paper);
    apply(
        &mut session,
        &paper,
        1,
        vec![text("bye"), Event::Close, text("never")],
    );
    assert!(!session.is_finished(), "output waits");
    assert_eq!(
        send_all(&mut session),
        [],
        "lines of an ended session do not matter"
    );
    assert!(session.last_word().is_some());
    paper.stuck.set(false);
    session.flush(&paper).expect("paper does not break");
    assert!(session.is_finished());
    assert_eq!(paper.take(), "bye\r\n");
    assert_eq!(session.last_word(), Some(CloseReason::ByDaemon));
}

#[test]
fn when_the_user_has_sent_everything_the_lines_still_run() {
    let (mut session, paper) = live_session();
    session.receive(b"one\n", &paper);
    session.input_ended();
    assert!(!session.wants_input());
    assert!(!session.is_finished(), "the line's output may come");
    send_all(&mut session);
    apply(&mut session, &paper, 1, vec![text("done"), done(1)]);
    assert!(session.is_finished());
    assert_eq!(paper.take(), "done\r\n");
    assert_eq!(session.last_word(), Some(CloseReason::ByPeer));
}

#[test]
fn what_is_typed_before_the_daemon_has_confirmed_the_session_still_runs() {
    let (mut session, paper) = (new_session(), Paper::default());
    session.receive(b"one\n", &paper);
    session.input_ended();
    session.flush(&paper).expect("paper does not break");
    assert!(!session.is_finished(), "the line is not even sent");
    session.hear(DaemonNews::Opened, &paper);
    send_all(&mut session);
    apply(&mut session, &paper, 1, vec![text("done"), done(1)]);
    assert!(session.is_finished());
    assert_eq!(paper.take(), "done\r\n");
}

#[test]
fn a_user_who_leaves_during_an_outage_is_gone_and_the_lines_stay() {
    let (mut session, paper) = live_session();
    session.hear(DaemonNews::Away, &paper);
    session.receive(b"one\n", &paper);
    session.input_ended();
    session.flush(&paper).expect("paper does not break");
    assert!(session.is_finished(), "nobody waits for output");
    assert_eq!(session.last_word(), None);
    attach(&mut session, &paper, 0, &[], 0);
    assert_eq!(send_all(&mut session), lines(&[(1, "one")]));
    assert_eq!(session.last_word(), Some(CloseReason::ByPeer));
}

#[test]
fn an_endless_line_ends_the_session_with_a_word() {
    let (mut session, paper) = live_session();
    for _ in 0..40 {
        if session.wants_input() {
            session.receive(&[b'x'; 1 << 15], &paper);
        }
    }
    session.flush(&paper).expect("paper does not break");
    assert!(session.is_finished());
    assert_eq!(session.last_word(), Some(CloseReason::Refused));
    assert_eq!(paper.take(), format!("{}\r\n", notices::line_too_long()));
}

#[test]
fn a_client_that_reads_nothing_costs_a_bounded_queue() {
    let (mut session, paper) = live_session();
    paper.stuck.set(true);
    for number in 0..10_000 {
        session.receive(b"\xff\xfd\x63\xff\xf6", &paper);
        let events = vec![text(&"y".repeat(100)), done(number + 1)];
        apply(&mut session, &paper, number * 2 + 1, events);
    }
    let queued = session.output.queued_bytes();
    assert!(
        queued <= QUEUED_BYTES_DEFAULT + 5_000,
        "{queued} bytes are queued"
    );
}

#[test]
fn whoever_was_called_reads_what_the_world_says_and_no_notices() {
    let opening = OpenSession {
        outbound: true,
        ..opening()
    };
    let (mut session, paper) = (Session::new(opening), Paper::default());
    session.hear(DaemonNews::Opened, &paper);
    session.receive(b"hello\r\n", &paper);
    session.hear(DaemonNews::Away, &paper);
    attach(&mut session, &paper, 0, &[], 0);
    session.notice("The server is full.", &paper);
    apply(&mut session, &paper, 1, vec![text("world"), done(1)]);
    assert_eq!(paper.take(), "world\r\n");
}
