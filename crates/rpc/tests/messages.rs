//! The codec's promises: golden bytes, `decode(encode(m)) = m`, and no way to harm it with bytes.
//!
//! Run with `MOOR_UPDATE_GOLDEN=1` to write `tests/golden/messages.txt` anew, then review the diff: a
//! changed line is a changed wire format and needs a new `PROTOCOL_VERSION`.

use std::fmt::Write as _;
use std::path::Path;

use moor_rpc::{
    Acknowledgement, Attach, AttachSession, AttachedSession, AuthToken, CloseReason,
    ConnectionOption, DecodeError, EncodeError, Eval, EvalFailure, EvalOutput, Event, EventNumber,
    HostEvent, KeepAlive, Line, LineKind, LineNumber, ListenError, ListenResult, ListenerId,
    ListenerInfo, MESSAGE_BYTES_MAX, Message, OpenSession, Replay, Reply, ReplyBody, Request,
    RequestBody, RequestId, RpcError, SessionEvents, SessionId, SessionState, Text, TlsInfo,
    WIRE_DEPTH_MAX, WIRE_VALUES_MAX, WireValue, WorkerCall, WorkerCancel, WorkerError, WorkerOrder,
    WorkerReport, WorkerRequestId, decode, encode,
};
use proptest::prelude::*;
use wincode::ReadError;

const SESSION: SessionId = SessionId([0xA5; 16]);

fn listener() -> ListenerInfo {
    ListenerInfo {
        id: ListenerId(3),
        address: "::".into(),
        port: 8888,
        tls: true,
    }
}

fn requests() -> Vec<(&'static str, Request)> {
    let bodies = vec![
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
            }),
        ),
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
    ];
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

fn replies() -> Vec<(&'static str, Reply)> {
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

fn host_events() -> Vec<(&'static str, HostEvent)> {
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
    ]
}

/// One value of each kind.
fn every_value() -> WireValue {
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

fn worker_orders() -> Vec<(&'static str, WorkerOrder)> {
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

fn worker_reports() -> Vec<(&'static str, WorkerReport)> {
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

fn golden<M: Message>(kind: &str, messages: &[(&str, M)], out: &mut String) {
    for (name, message) in messages {
        let bytes = encode(message).expect("encodes");
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(out, "{kind} {name} {hex}");
    }
}

#[test]
fn encodings_are_those_of_the_golden_file() {
    let mut actual = String::new();
    golden("request", &requests(), &mut actual);
    golden("reply", &replies(), &mut actual);
    golden("host-event", &host_events(), &mut actual);
    golden("worker-order", &worker_orders(), &mut actual);
    golden("worker-report", &worker_reports(), &mut actual);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/messages.txt");
    if std::env::var_os("MOOR_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &actual).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the golden file is there");
    assert_eq!(
        actual, expected,
        "the wire format changed; see this file's head"
    );
}

/// Checks every rule of the codec on one message: it comes back, and neither a part of it nor more
/// than it is a message of the same kind.
fn check<M: Message + PartialEq + std::fmt::Debug>(message: &M) {
    let mut bytes = encode(message).expect("encodes");
    assert_eq!(&decode::<M>(&bytes).expect("decodes"), message);
    for end in 0..bytes.len() {
        assert!(
            decode::<M>(&bytes[..end]).is_err(),
            "{end} of {} bytes decoded",
            bytes.len()
        );
    }
    bytes.push(0);
    assert!(
        matches!(decode::<M>(&bytes), Err(DecodeError::Malformed(_))),
        "a byte too many"
    );
}

#[test]
fn every_message_comes_back_and_only_whole() {
    requests().iter().for_each(|(_, message)| check(message));
    replies().iter().for_each(|(_, message)| check(message));
    host_events().iter().for_each(|(_, message)| check(message));
    worker_orders()
        .iter()
        .for_each(|(_, message)| check(message));
    worker_reports()
        .iter()
        .for_each(|(_, message)| check(message));
}

#[test]
fn every_error_comes_back() {
    let errors = [
        RpcError::UnknownSession(SESSION),
        RpcError::NotAttached,
        RpcError::LimitReached {
            what: "sessions".into(),
            limit: u64::MAX,
        },
        RpcError::Stopping,
        RpcError::LineOutOfOrder {
            session: SESSION,
            expected: LineNumber(1),
            got: LineNumber(3),
        },
        RpcError::Malformed {
            why: "tag 9".into(),
        },
        RpcError::ReadOnly,
        RpcError::BadToken,
        RpcError::NotLoggedIn,
        RpcError::NotAllowed { why: "x".into() },
    ];
    for error in errors {
        check(&Reply {
            id: RequestId(0),
            result: Err(error),
        });
    }
    let failures = [
        EvalFailure::Compile {
            errors: vec!["1:1: x".into()],
        },
        EvalFailure::Aborted {
            why: "out of ticks".into(),
        },
        EvalFailure::TimedOut,
    ];
    for failure in failures {
        check(&Reply {
            id: RequestId(0),
            result: Ok(ReplyBody::Evaluated(Err(failure))),
        });
    }
    let refusals = [
        ListenError::BadAddress {
            address: "x".into(),
        },
        ListenError::InUse { port: 1 },
        ListenError::NotAllowed {
            port: 1,
            why: "no certificate".into(),
        },
        ListenError::Unknown,
    ];
    for error in refusals {
        let result = ListenResult {
            listener: ListenerId(1),
            result: Err(error),
        };
        check(&Request {
            id: RequestId(0),
            body: RequestBody::ListenResult(result),
        });
    }
}

fn binary_event(bytes: usize) -> HostEvent {
    HostEvent::Batch(vec![SessionEvents {
        session: SESSION,
        first: EventNumber(1),
        events: vec![Event::Binary(vec![0; bytes])],
    }])
}

#[test]
fn a_message_may_be_as_long_as_the_bound_and_no_longer() {
    let around = encode(&binary_event(0)).expect("encodes").len();
    let longest = binary_event(MESSAGE_BYTES_MAX - around);
    let mut bytes = encode(&longest).expect("a message at the bound encodes");
    assert_eq!(bytes.len(), MESSAGE_BYTES_MAX);
    assert_eq!(decode::<HostEvent>(&bytes).expect("and decodes"), longest);

    let too_long = binary_event(MESSAGE_BYTES_MAX - around + 1);
    assert!(matches!(encode(&too_long), Err(EncodeError::TooLong)));
    bytes.push(0);
    assert!(matches!(
        decode::<HostEvent>(&bytes),
        Err(DecodeError::TooLong { .. })
    ));
}

#[test]
fn a_count_that_the_bytes_do_not_hold_is_refused_before_memory_is_taken() {
    // A batch that claims to have so many sessions, then ends.
    let claim = |count: u32| {
        let mut bytes = vec![0];
        bytes.extend(count.to_le_bytes());
        decode::<HostEvent>(&bytes).expect_err("nothing follows")
    };
    for count in [u32::MAX, MESSAGE_BYTES_MAX as u32] {
        let error = claim(count);
        assert!(
            matches!(
                &error,
                DecodeError::Malformed(ReadError::PreallocationSizeLimit { .. })
            ),
            "{count} sessions: {error}"
        );
    }
    assert!(matches!(
        claim(1_000),
        DecodeError::Malformed(ReadError::Io(_))
    ));
}

#[test]
fn tags_and_booleans_and_text_are_checked() {
    assert!(
        decode::<HostEvent>(&[5]).is_err(),
        "a tag one past the last"
    );
    let request = Request {
        id: RequestId(1),
        body: RequestBody::Attach(Attach {
            listeners: vec![],
            sessions: vec![],
            last: true,
        }),
    };
    let mut bytes = encode(&request).expect("encodes");
    *bytes.last_mut().expect("not empty") = 2;
    assert!(decode::<Request>(&bytes).is_err(), "2 is no boolean");

    let text = HostEvent::ShuttingDown {
        message: vec!["a".into()],
    };
    let mut bytes = encode(&text).expect("encodes");
    *bytes.last_mut().expect("not empty") = 0xFF;
    assert!(decode::<HostEvent>(&bytes).is_err(), "FF is not UTF-8");
}

fn answer(value: WireValue) -> WorkerReport {
    let id = WorkerRequestId(1);
    WorkerReport::Answer {
        id,
        result: Ok(value),
    }
}

/// Lists in lists.
fn nested(depth: usize) -> WireValue {
    (1..depth).fold(WireValue::List(vec![]), |inner, _| {
        WireValue::List(vec![inner])
    })
}

fn long(values: usize) -> WireValue {
    WireValue::List(vec![WireValue::Bool(true); values - 1])
}

/// The bytes of an answer whose value has these parts.
fn answer_of_parts(count: u32, parts: &[u8]) -> Vec<u8> {
    let mut bytes = encode(&answer(WireValue::List(vec![]))).expect("encodes");
    bytes.truncate(bytes.len() - 9);
    bytes.extend(count.to_le_bytes());
    bytes.extend(parts);
    bytes
}

#[test]
fn values_keep_their_bounds_on_the_way_out() {
    for at_bound in [nested(WIRE_DEPTH_MAX), long(WIRE_VALUES_MAX)] {
        assert!(at_bound.fits());
        let bytes = encode(&answer(at_bound.clone())).expect("a value at the bound encodes");
        let back = decode::<WorkerReport>(&bytes).expect("and decodes");
        assert_eq!(back, answer(at_bound));
    }
    for past_it in [nested(WIRE_DEPTH_MAX + 1), long(WIRE_VALUES_MAX + 1)] {
        assert!(!past_it.fits());
        assert!(matches!(
            encode(&answer(past_it)),
            Err(EncodeError::UnfitValue)
        ));
    }
    assert!(
        encode(&answer(nested(1))).is_ok(),
        "nothing is left over from a failure"
    );
}

#[test]
fn values_keep_their_bounds_on_the_way_in() {
    let list_of_one = [6, 1, 0, 0, 0];
    let empty_list = [6, 0, 0, 0, 0];
    let nested = |depth: usize| {
        let mut parts = list_of_one.repeat(depth - 1);
        parts.extend(empty_list);
        decode::<WorkerReport>(&answer_of_parts(depth as u32, &parts))
    };
    assert!(nested(WIRE_DEPTH_MAX).is_ok());
    // So deep that reading it by recursion would end the process.
    for depth in [WIRE_DEPTH_MAX + 1, 200_000] {
        assert!(matches!(nested(depth), Err(DecodeError::MalformedValue)));
    }
    let bad = [
        (0, vec![]),
        (1, list_of_one.to_vec()),
        (2, [empty_list, empty_list].concat()),
        (1, vec![7, 1, 0, 0, 0]),
        (1, vec![6, 255, 255, 255, 255]),
    ];
    for (count, parts) in bad {
        let bytes = answer_of_parts(count, &parts);
        let error = decode::<WorkerReport>(&bytes).expect_err("no value");
        assert!(matches!(error, DecodeError::MalformedValue), "{error}");
    }
}

#[test]
fn no_debug_output_shows_a_token() {
    let shown = format!("{:?}", AuthToken("secret".into()));
    assert!(!shown.contains("secret"), "{shown}");
}

fn any_value() -> impl Strategy<Value = WireValue> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(WireValue::Int),
        (-1e9..1e9).prop_map(WireValue::Float),
        ".*".prop_map(WireValue::Str),
        any::<bool>().prop_map(WireValue::Bool),
        any::<i64>().prop_map(WireValue::Obj),
        "E_[A-Z]{1,8}".prop_map(WireValue::Err),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(WireValue::List),
            prop::collection::vec((inner.clone(), inner), 0..5).prop_map(WireValue::Map),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = (
        prop::collection::vec(".*", 0..4),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(lines, newline, no_flush)| {
            Event::Text(Text {
                lines,
                newline,
                no_flush,
            })
        });
    let keep_alive =
        (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(idle_s, interval_s, count)| {
            KeepAlive {
                idle_s,
                interval_s,
                count,
            }
        });
    let option = prop_oneof![
        any::<bool>().prop_map(ConnectionOption::ClientEcho),
        any::<bool>().prop_map(ConnectionOption::Binary),
        prop::option::of(keep_alive).prop_map(ConnectionOption::KeepAlive),
        any::<u32>().prop_map(ConnectionOption::MaxQueuedOutput),
    ];
    prop_oneof![
        text,
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Event::Binary),
        any::<u64>().prop_map(|number| Event::LineDone(LineNumber(number))),
        option.prop_map(Event::SetOption),
        Just(Event::Close),
    ]
}

fn any_batch() -> impl Strategy<Value = HostEvent> {
    let session = (
        any::<[u8; 16]>(),
        any::<u64>(),
        prop::collection::vec(any_event(), 0..6),
    )
        .prop_map(|(session, first, events)| SessionEvents {
            session: SessionId(session),
            first: EventNumber(first),
            events,
        });
    prop::collection::vec(session, 0..4).prop_map(HostEvent::Batch)
}

proptest! {
    #[test]
    fn values_come_back(value in any_value()) {
        let report = answer(value);
        let bytes = encode(&report).expect("encodes");
        prop_assert_eq!(decode::<WorkerReport>(&bytes).expect("decodes"), report);
    }

    #[test]
    fn batches_come_back(batch in any_batch()) {
        let bytes = encode(&batch).expect("encodes");
        prop_assert_eq!(decode::<HostEvent>(&bytes).expect("decodes"), batch);
    }

    #[test]
    fn lines_come_back(
        id: u64, session: [u8; 16], number: u64, last_event: u64, text in ".*", kind in 0..3_usize,
    ) {
        let kind = [LineKind::Text, LineKind::Binary, LineKind::OutOfBand][kind];
        let line = Line {
            session: SessionId(session),
            number: LineNumber(number),
            last_event: EventNumber(last_event),
            kind,
            text,
        };
        let request = Request { id: RequestId(id), body: RequestBody::Line(line) };
        let bytes = encode(&request).expect("encodes");
        prop_assert_eq!(decode::<Request>(&bytes).expect("decodes"), request);
    }

    /// What decodes is the one encoding of what it decodes to; nothing panics.
    #[test]
    fn any_bytes_are_refused_or_are_the_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = decode::<Request>(&bytes) {
            prop_assert_eq!(encode(&message).expect("encodes"), bytes.clone());
        }
        if let Ok(message) = decode::<Reply>(&bytes) {
            prop_assert_eq!(encode(&message).expect("encodes"), bytes.clone());
        }
        if let Ok(message) = decode::<WorkerReport>(&bytes) {
            prop_assert_eq!(encode(&message).expect("encodes"), bytes.clone());
        }
        if let Ok(message) = decode::<HostEvent>(&bytes) {
            prop_assert_eq!(encode(&message).expect("encodes"), bytes);
        }
    }

    /// The same with bytes that are nearly right.
    #[test]
    fn a_changed_byte_never_harms(batch in any_batch(), at: prop::sample::Index, byte: u8) {
        let mut bytes = encode(&batch).expect("encodes");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(message) = decode::<HostEvent>(&bytes) {
            prop_assert_eq!(encode(&message).expect("encodes"), bytes);
        }
    }
}
