//! One message of every kind, with every field filled: what the golden file and the tests of the codec are made of.

use moor_rpc::{
    Acknowledgement, Attach, AttachSession, AttachedSession, AuthToken, CloseReason,
    ConnectionOption, Dial, DialError, DialFailed, Eval, EvalFailure, EvalOutput, Event,
    EventNumber, HostEvent, KeepAlive, Line, LineKind, LineNumber, ListenError, ListenResult,
    ListenerId, ListenerInfo, ListenerTls, OpenSession, Replay, Reply, ReplyBody, Request,
    RequestBody, RequestId, RpcError, SessionEvents, SessionId, SessionState, Text, TlsInfo,
    WireValue, WorkerCall, WorkerCancel, WorkerError, WorkerOrder, WorkerReport, WorkerRequestId,
};

/// The session of all of them.
pub(crate) const SESSION: SessionId = SessionId([0xA5; 16]);

fn listener() -> ListenerInfo {
    ListenerInfo {
        id: ListenerId(3),
        address: "::".into(),
        port: 8888,
        tls: Some(ListenerTls {
            certificate: "moo.pem".into(),
            key: "moo.key".into(),
        }),
    }
}

/// A request of every kind.
pub(crate) fn requests() -> Vec<(&'static str, Request)> {
    let bodies = [beginnings(), streams(), others()].concat();
    bodies
        .into_iter()
        .map(|(name, body)| {
            (
                name,
                Request {
                    id: RequestId(1),
                    body,
                },
            )
        })
        .collect()
}

type Bodies = Vec<(&'static str, RequestBody)>;

/// How a host and its sessions begin.
fn beginnings() -> Bodies {
    vec![
        (
            "attach",
            RequestBody::Attach(Attach {
                listeners: vec![listener()],
                sessions: vec![AttachSession {
                    session: SESSION,
                    last_event: EventNumber(7),
                    last_line: LineNumber(9),
                }],
                last: true,
            }),
        ),
        (
            "open-session",
            RequestBody::OpenSession(OpenSession {
                session: SESSION,
                listener: ListenerId::MAIN,
                peer_address: "192.0.2.7".into(),
                peer_port: 40_000,
                local_address: "192.0.2.1".into(),
                local_port: 8888,
                hostname: Some("user.example".into()),
                tls: Some(TlsInfo {
                    version: "TLSv1.3".into(),
                    cipher: "X".into(),
                }),
                options: vec![
                    ConnectionOption::ClientEcho(true),
                    ConnectionOption::Binary(false),
                    ConnectionOption::KeepAlive(Some(KeepAlive {
                        idle_s: 300,
                        interval_s: 120,
                        count: 5,
                    })),
                    ConnectionOption::MaxQueuedOutput(65_536),
                ],
                token: Some(AuthToken("t".into())),
                outbound: true,
            }),
        ),
        (
            "dial-failed",
            RequestBody::DialFailed(DialFailed {
                session: SESSION,
                error: DialError::Unreachable {
                    host: "moo.example".into(),
                    port: 7777,
                    why: "refused".into(),
                },
            }),
        ),
    ]
}

/// What a session sends while it lasts, and how it ends.
fn streams() -> Bodies {
    vec![
        (
            "line",
            RequestBody::Line(Line {
                session: SESSION,
                number: LineNumber(1),
                last_event: EventNumber(2),
                kind: LineKind::OutOfBand,
                text: "~FF~FB~1F".into(),
            }),
        ),
        (
            "closed",
            RequestBody::Closed {
                session: SESSION,
                reason: CloseReason::ByPeer,
            },
        ),
        (
            "acknowledge",
            RequestBody::Acknowledge(vec![Acknowledgement {
                session: SESSION,
                event: EventNumber(2),
                queued_output_bytes: 512,
            }]),
        ),
        (
            "replay",
            RequestBody::Replay(Replay {
                session: SESSION,
                from: EventNumber(3),
            }),
        ),
    ]
}

/// What belongs to no stream of lines.
fn others() -> Bodies {
    vec![
        (
            "listen-result",
            RequestBody::ListenResult(ListenResult {
                listener: ListenerId(3),
                result: Err(ListenError::InUse { port: 8888 }),
            }),
        ),
        ("issue-token", RequestBody::IssueToken { session: SESSION }),
        (
            "eval",
            RequestBody::Eval(Eval {
                token: AuthToken("t".into()),
                code: "return 1;".into(),
                timeout_ms: 5_000,
            }),
        ),
    ]
}

/// A reply of every kind.
pub(crate) fn replies() -> Vec<(&'static str, Reply)> {
    let alive = SessionState::Alive {
        lines_done: LineNumber(4),
        lines_done_early: vec![LineNumber(6)],
        last_event: EventNumber(9),
    };
    let state = |state| AttachedSession {
        session: SESSION,
        state,
    };
    vec![
        (
            "attached",
            Ok(ReplyBody::Attached(vec![
                state(alive),
                state(SessionState::Gone),
            ])),
        ),
        ("opened", Ok(ReplyBody::Opened(SESSION))),
        (
            "token",
            Ok(ReplyBody::Token {
                token: AuthToken("t".into()),
                player: 2,
                expires_unix_s: 1_800_000_000,
            }),
        ),
        (
            "evaluated",
            Ok(ReplyBody::Evaluated(Ok(EvalOutput {
                value: every_value(),
                literal: "1".into(),
            }))),
        ),
        (
            "evaluated-raised",
            Ok(ReplyBody::Evaluated(Err(EvalFailure::Raised {
                code: "E_PERM".into(),
                message: "Permission denied".into(),
                traceback: vec!["(End of traceback)".into()],
            }))),
        ),
        ("unknown-session", Err(RpcError::UnknownSession(SESSION))),
        (
            "limit-reached",
            Err(RpcError::LimitReached {
                what: "sessions".into(),
                limit: 5,
            }),
        ),
        ("not-awaited", Err(RpcError::NotAwaited)),
    ]
    .into_iter()
    .map(|(name, result)| {
        (
            name,
            Reply {
                id: RequestId(1),
                result,
            },
        )
    })
    .collect()
}

/// What a host is told without having asked, of every kind.
pub(crate) fn host_events() -> Vec<(&'static str, HostEvent)> {
    let events = vec![
        Event::Text(Text::lines(vec!["A box.".into(), String::new()])),
        Event::Binary(vec![0, 255]),
        Event::SetOption(ConnectionOption::KeepAlive(None)),
        Event::LineDone(LineNumber(1)),
        Event::LoggedIn { player: 2 },
        Event::LoggedOut,
        Event::Close,
    ];
    let batch = vec![SessionEvents {
        session: SESSION,
        first: EventNumber(1),
        events,
    }];
    vec![
        ("batch", HostEvent::Batch(batch)),
        ("listen", HostEvent::Listen(listener())),
        ("unlisten", HostEvent::Unlisten(ListenerId(3))),
        (
            "restarting",
            HostEvent::Restarting {
                reconnect_after_ms: 500,
            },
        ),
        (
            "shutting-down",
            HostEvent::ShuttingDown {
                message: vec!["Bye.".into()],
            },
        ),
        (
            "dial",
            HostEvent::Dial(Dial {
                session: SESSION,
                host: "moo.example".into(),
                port: 7777,
                ipv6: true,
                tls: false,
                timeout_ms: 5_000,
            }),
        ),
    ]
}

/// One value of each kind.
pub(crate) fn every_value() -> WireValue {
    WireValue::List(vec![
        WireValue::Int(-1),
        WireValue::Float(0.5),
        WireValue::Str("s".into()),
        WireValue::Bool(true),
        WireValue::Obj(2),
        WireValue::Err("E_PERM".into()),
        WireValue::Map(vec![(WireValue::Int(1), WireValue::List(vec![]))]),
    ])
}

/// An order of every kind.
pub(crate) fn worker_orders() -> Vec<(&'static str, WorkerOrder)> {
    let id = WorkerRequestId(7);
    let call = WorkerCall {
        id,
        deadline_ms: 30_000,
        args: every_value(),
    };
    vec![
        ("call", WorkerOrder::Call(call)),
        ("cancel", WorkerOrder::Cancel(WorkerCancel { id })),
    ]
}

/// A report of every kind.
pub(crate) fn worker_reports() -> Vec<(&'static str, WorkerReport)> {
    let id = WorkerRequestId(7);
    let error = WorkerError {
        code: "E_INVARG".into(),
        message: "no such host".into(),
    };
    vec![
        ("ready", WorkerReport::Ready { concurrency_max: 8 }),
        ("accepted", WorkerReport::Accepted(id)),
        (
            "answer",
            WorkerReport::Answer {
                id,
                result: Ok(every_value()),
            },
        ),
        (
            "answer-error",
            WorkerReport::Answer {
                id,
                result: Err(error),
            },
        ),
        ("rejected", WorkerReport::Rejected(id)),
    ]
}
