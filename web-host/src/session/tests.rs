//! A session without sockets: lines that come twice, a log-in, an outage, every way to end.

use moor_rpc::{ListenerId, SessionId, Text};

use super::*;

const ID: SessionId = SessionId([7; 16]);

fn new_session() -> Session {
    Session::new(OpenSession {
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
    })
}

fn live_session() -> Session {
    let mut session = new_session();
    session.hear(DaemonNews::Opened);
    session
}

fn text(line: &str) -> Event {
    Event::Text(Text::lines(vec![line.into()]))
}

fn apply(session: &mut Session, first: u64, events: Vec<Event>) -> Progress {
    session.apply(SessionEvents {
        session: ID,
        first: EventNumber(first),
        events,
    })
}

fn said(session: &mut Session) -> Vec<String> {
    std::iter::from_fn(|| session.take_next())
        .map(|outgoing| match outgoing {
            Outgoing::Message(text) => text.to_string(),
            Outgoing::Missed(lines) => format!("missed {lines}"),
        })
        .collect()
}

fn sent(session: &mut Session) -> Vec<(u64, String)> {
    let mut sent = Vec::new();
    while let Some(line) = session.course().next_line() {
        session.course().line_sent(line.number, line.last_event);
        sent.push((line.number.0, line.text));
    }
    sent
}

#[test]
fn a_line_counts_once_however_often_it_comes() {
    let mut session = live_session();
    assert_eq!(session.line(1, "look"), Taken::Yes);
    assert_eq!(session.line(1, "look"), Taken::Yes);
    assert_eq!(session.line(3, "too early"), Taken::Gap);
    assert_eq!(session.line(2, "say\thi\u{1b}[2J"), Taken::Yes);
    assert_eq!(session.line(3, "two\r\nlines"), Taken::NotALine);
    let expected = [(1, "look".to_owned()), (2, "say\thi[2J".to_owned())];
    assert_eq!(sent(&mut session), expected);
    apply(
        &mut session,
        1,
        vec![
            Event::LineDone(LineNumber(2)),
            Event::LineDone(LineNumber(1)),
        ],
    );
    assert_eq!(session.line(2, "done long ago"), Taken::Yes);
    assert_eq!(sent(&mut session), []);
    assert_eq!(session.last_line(), 2);
}

#[test]
fn a_log_in_ends_with_a_player_or_with_the_worlds_words() {
    let mut session = live_session();
    apply(&mut session, 1, vec![text("Welcome to the world.")]);
    session.log_in("connect wizard secret".into());
    assert_eq!(session.login(), Login::Waiting);
    let events = vec![text("Wrong password."), Event::LineDone(LineNumber(1))];
    apply(&mut session, 2, events);
    assert_eq!(
        session.login(),
        Login::Refused(vec!["Wrong password.".into()])
    );
    apply(&mut session, 4, vec![Event::LoggedIn { player: 2 }]);
    assert_eq!(
        session.login(),
        Login::Player(2),
        "a world may take its time"
    );

    let mut session = live_session();
    session.log_in("connect guest".into());
    apply(&mut session, 1, vec![text("Go away."), Event::Close]);
    assert_eq!(session.login(), Login::Ended(vec!["Go away.".into()]));
}

#[test]
fn a_world_that_talks_without_end_is_cut_short() {
    let mut session = live_session();
    session.log_in("connect wizard".into());
    for n in 0..1_000 {
        apply(&mut session, n + 1, vec![text("no")]);
    }
    apply(&mut session, 1_001, vec![Event::LineDone(LineNumber(1))]);
    assert_eq!(
        session.login(),
        Login::Refused(vec!["no".into(); WORDS_MAX])
    );
}

#[test]
fn an_outage_is_told_once_and_in_its_place() {
    let mut session = live_session();
    apply(&mut session, 1, vec![text("before")]);
    session.hear(DaemonNews::Away);
    session.hear(DaemonNews::Away);
    let back = DaemonNews::Attached {
        lines_done: LineNumber(0),
        lines_done_early: &[],
        last_event: EventNumber(2),
    };
    apply(&mut session, 2, vec![text("replayed")]);
    session.hear(back);
    let said = said(&mut session);
    let notice = |text| Down::Notice { text }.to_text().to_string();
    assert_eq!(said.len(), 4);
    assert_eq!((&said[1], &said[2]), (&notice(AWAY), &notice(BACK)));
    assert!(said[3].contains("replayed"), "{said:?}");
}

#[test]
fn what_comes_after_the_end_is_not_said_and_lines_do_not_matter() {
    let mut session = live_session();
    session.line(1, "late");
    apply(
        &mut session,
        1,
        vec![text("bye"), Event::Close, text("never")],
    );
    assert_eq!(said(&mut session).len(), 1);
    assert_eq!(sent(&mut session), []);
    assert_eq!(session.last_word(), Some(CloseReason::ByDaemon));
}

#[test]
fn a_user_who_leaves_is_reported_behind_the_last_line() {
    let mut session = live_session();
    session.line(1, "quit");
    session.close(CloseReason::ByPeer);
    assert_eq!(session.last_word(), None);
    assert_eq!(sent(&mut session).len(), 1);
    assert_eq!(session.last_word(), Some(CloseReason::ByPeer));
}

#[test]
fn the_world_may_set_how_much_is_kept() {
    let mut session = live_session();
    let less = Event::SetOption(ConnectionOption::MaxQueuedOutput(0));
    apply(&mut session, 1, vec![less]);
    for n in 0..100 {
        apply(&mut session, n + 2, vec![text(&"x".repeat(1_000))]);
    }
    assert_eq!(
        said(&mut session).len(),
        2,
        "a word about the missing, and one line"
    );
}
