//! A world behind a link of memory.
//!
//! In: requests of a host. Out: replies and events, numbered, as a daemon makes them. It knows one player, `ada` with
//! the password `secret`, and answers each line `x` with `you said x`.

use std::collections::HashMap;

use moor_rpc::{
    AttachedSession, AuthToken, CloseReason, EvalFailure, EvalOutput, Event, EventNumber,
    HostEvent, LineNumber, OpenSession, Reply, ReplyBody, Request, RequestBody, RpcError,
    SessionEvents, SessionId, SessionState, Text, WireValue,
};

use crate::support::{GOOD_TOKEN, PLAYER};

/// One session as the world knows it.
#[derive(Default)]
pub(crate) struct Known {
    /// Every event made, from number 1.
    pub(crate) events: Vec<Event>,
    /// The lines taken, in order.
    pub(crate) lines: Vec<String>,
    pub(crate) peer_address: String,
    pub(crate) closed: Option<CloseReason>,
}

/// The world.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) sessions: HashMap<SessionId, Known>,
    /// In the order in which they were opened.
    pub(crate) order: Vec<SessionId>,
    /// Lines are noted and not answered.
    pub(crate) holds_lines: bool,
    /// Code is not answered.
    pub(crate) holds_code: bool,
}

/// What is to be sent after a request.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) reply: Option<Reply>,
    pub(crate) events: Option<HostEvent>,
}

pub(crate) fn say(line: &str) -> Event {
    Event::Text(Text::lines(vec![line.into()]))
}

impl World {
    pub(crate) fn take(&mut self, request: Request) -> Answer {
        let (result, events) = self.decide(request.body);
        Answer {
            reply: result.map(|result| Reply {
                id: request.id,
                result,
            }),
            events: events.map(|events| HostEvent::Batch(vec![events])),
        }
    }

    fn decide(
        &mut self,
        body: RequestBody,
    ) -> (Option<Result<ReplyBody, RpcError>>, Option<SessionEvents>) {
        match body {
            RequestBody::Attach(attach) => {
                let sessions = attach.sessions.iter().map(|named| AttachedSession {
                    session: named.session,
                    state: self.state(named.session),
                });
                (Some(Ok(ReplyBody::Attached(sessions.collect()))), None)
            }
            RequestBody::OpenSession(open) => self.open(open),
            RequestBody::Line(line) => {
                let known = self.sessions.get_mut(&line.session).expect("it was opened");
                if line.number.0 != known.lines.len() as u64 + 1 {
                    return (None, None);
                }
                known.lines.push(line.text.clone());
                if self.holds_lines {
                    return (None, None);
                }
                let mut events = answer_to(&line.text);
                events.push(Event::LineDone(line.number));
                (None, Some(self.make(line.session, events)))
            }
            RequestBody::Closed { session, reason } => {
                if let Some(known) = self.sessions.get_mut(&session) {
                    known.closed = Some(reason);
                }
                (None, None)
            }
            RequestBody::Replay(replay) => {
                (None, Some(self.after(replay.session, replay.from.0 - 1)))
            }
            RequestBody::DialFailed(failed) => panic!("nobody was to be called: {failed:?}"),
            RequestBody::IssueToken { .. } => {
                let token = ReplyBody::Token {
                    token: AuthToken(GOOD_TOKEN.into()),
                    player: PLAYER,
                    expires_unix_s: 4_000_000_000,
                };
                (Some(Ok(token)), None)
            }
            RequestBody::Eval(_) if self.holds_code => (None, None),
            RequestBody::Eval(eval) => (Some(evaluate(&eval.token, &eval.code)), None),
            RequestBody::Acknowledge(_) | RequestBody::ListenResult(_) => (None, None),
        }
    }

    fn open(
        &mut self,
        open: OpenSession,
    ) -> (Option<Result<ReplyBody, RpcError>>, Option<SessionEvents>) {
        if open
            .token
            .as_ref()
            .is_some_and(|token| token.0 != GOOD_TOKEN)
        {
            return (Some(Err(RpcError::BadToken)), None);
        }
        let opened = Some(Ok(ReplyBody::Opened(open.session)));
        if self.sessions.contains_key(&open.session) {
            return (opened, None);
        }
        self.order.push(open.session);
        let known = Known {
            peer_address: open.peer_address,
            ..Known::default()
        };
        self.sessions.insert(open.session, known);
        let first = match open.token {
            Some(_) => vec![Event::LoggedIn { player: PLAYER }, say("welcome back")],
            None => vec![say("welcome")],
        };
        (opened, Some(self.make(open.session, first)))
    }

    pub(crate) fn state(&self, session: SessionId) -> SessionState {
        match self.sessions.get(&session) {
            Some(known) if known.closed.is_none() => SessionState::Alive {
                lines_done: LineNumber(known.lines.len() as u64),
                lines_done_early: vec![],
                last_event: EventNumber(known.events.len() as u64),
            },
            _ => SessionState::Gone,
        }
    }

    /// Makes events and gives them for publishing.
    pub(crate) fn make(&mut self, session: SessionId, events: Vec<Event>) -> SessionEvents {
        let known = self.sessions.get_mut(&session).expect("it was opened");
        let first = EventNumber(known.events.len() as u64 + 1);
        known.events.extend(events.iter().cloned());
        SessionEvents {
            session,
            first,
            events,
        }
    }

    fn after(&self, session: SessionId, last: u64) -> SessionEvents {
        let events = &self.sessions[&session].events;
        let from = usize::try_from(last).expect("small");
        SessionEvents {
            session,
            first: EventNumber(last + 1),
            events: events[from..].to_vec(),
        }
    }
}

fn answer_to(line: &str) -> Vec<Event> {
    match line {
        "connect ada secret" => vec![Event::LoggedIn { player: PLAYER }, say("*** Connected ***")],
        r#"create "Ada Lovelace" secret"# => {
            vec![Event::LoggedIn { player: PLAYER }, say("*** Created ***")]
        }
        line if line.starts_with("connect ") => vec![
            say("Either that player does not exist,"),
            say("or has a different password."),
        ],
        line if line.starts_with("create ") => vec![say("Sorry, no more players.")],
        "@quit" => vec![say("bye"), Event::Close],
        line => vec![say(&format!("you said {line}"))],
    }
}

fn evaluate(token: &AuthToken, code: &str) -> Result<ReplyBody, RpcError> {
    if token.0 != GOOD_TOKEN {
        return Err(RpcError::BadToken);
    }
    Ok(ReplyBody::Evaluated(match code {
        "return {1, #2};" => Ok(EvalOutput {
            value: WireValue::List(vec![WireValue::Int(1), WireValue::Obj(2)]),
            literal: "{1, #2}".into(),
        }),
        "shutdown();" => {
            let why = "the player is no programmer".into();
            return Err(RpcError::NotAllowed { why });
        }
        _ => Err(EvalFailure::Compile {
            errors: vec!["line 1, column 1: expected a statement".into()],
        }),
    }))
}
