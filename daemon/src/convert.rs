//! Messages' words and the runtime's words for the same things.
//!
//! In and out: types of the two crates; neither knows the other.

use moor_rpc as rpc;
use moor_runtime::{
    Dial, Evaluated, Held, HeldSession, HostId, HostOption, InputLine, LineKind, Listener,
    ListenerId, ListenerTls, NewSession, SessionEvent, SessionId,
};
use moor_value::{ErrorCode, ObjId, Value};

use crate::values;

/// A session's id.
pub(crate) fn session_id(id: rpc::SessionId) -> SessionId {
    SessionId(id.0)
}

/// A session's id, for a message.
pub(crate) fn to_session_id(id: SessionId) -> rpc::SessionId {
    rpc::SessionId(id.0)
}

/// A new connection.
pub(crate) fn new_session(open: rpc::OpenSession) -> NewSession {
    NewSession {
        id: session_id(open.session),
        listener: ListenerId(open.listener.0),
        peer_address: open.peer_address,
        peer_port: open.peer_port,
        hostname: open.hostname,
        local_address: open.local_address,
        local_port: open.local_port,
        tls: open.tls.map(|tls| (tls.version, tls.cipher)),
        token: open.token.map(|token| token.0),
        outbound: open.outbound,
    }
}

/// A line of input.
pub(crate) fn line(line: rpc::Line) -> InputLine {
    InputLine {
        number: Some(line.number.0),
        kind: match line.kind {
            rpc::LineKind::Text => LineKind::Text,
            rpc::LineKind::Binary => LineKind::Binary,
            rpc::LineKind::OutOfBand => LineKind::OutOfBand,
        },
        text: line.text,
    }
}

/// A session that a host holds.
pub(crate) fn held(session: &rpc::AttachSession) -> HeldSession {
    HeldSession {
        id: session_id(session.session),
        last_event: session.last_event.0,
    }
}

/// What the runtime knows of a session that a host holds, for a message.
pub(crate) fn to_attached(session: rpc::SessionId, held: Held) -> rpc::AttachedSession {
    let state = match held {
        Held::Gone => rpc::SessionState::Gone,
        Held::Alive {
            lines_done,
            lines_done_early,
            last_event,
        } => rpc::SessionState::Alive {
            lines_done: rpc::LineNumber(lines_done),
            lines_done_early: lines_done_early.into_iter().map(rpc::LineNumber).collect(),
            last_event: rpc::EventNumber(last_event),
        },
    };
    rpc::AttachedSession { session, state }
}

/// A place where a host accepts users, as the host reports it: its users are `#0`'s.
pub(crate) fn listener(host: HostId, info: &rpc::ListenerInfo, serves_programs: bool) -> Listener {
    Listener {
        id: ListenerId(info.id.0),
        host: Some(host),
        handler: ObjId::SYSTEM,
        address: info.address.clone(),
        port: info.port,
        print_messages: true,
        tls: info.tls.clone().map(|tls| ListenerTls {
            certificate: tls.certificate,
            key: tls.key,
        }),
        ipv6: info.address.contains(':'),
        serves_programs,
    }
}

/// A place where a host is to accept users.
pub(crate) fn to_listener(listener: &Listener) -> rpc::ListenerInfo {
    rpc::ListenerInfo {
        id: rpc::ListenerId(listener.id.0),
        address: listener.address.clone(),
        port: listener.port,
        tls: listener.tls.clone().map(|tls| rpc::ListenerTls {
            certificate: tls.certificate,
            key: tls.key,
        }),
    }
}

/// What `listen()` raises when a host cannot listen.
pub(crate) fn listen_error(error: &rpc::ListenError) -> ErrorCode {
    match error {
        rpc::ListenError::BadAddress { .. } | rpc::ListenError::NoCertificate { .. } => {
            ErrorCode::InvArg
        }
        rpc::ListenError::NotAllowed { .. } => ErrorCode::Perm,
        _ => ErrorCode::Quota,
    }
}

/// A connection that a host is to make.
pub(crate) fn to_dial(dial: &Dial) -> rpc::Dial {
    rpc::Dial {
        session: to_session_id(dial.session),
        host: dial.name.clone(),
        port: dial.port,
        ipv6: dial.ipv6,
        tls: dial.tls,
        timeout_ms: u32::try_from(dial.timeout.as_millis()).unwrap_or(u32::MAX),
    }
}

/// What `open_network_connection()` raises when a host cannot connect.
pub(crate) fn dial_error(error: &rpc::DialError) -> ErrorCode {
    match error {
        rpc::DialError::NotAllowed { .. } => ErrorCode::Perm,
        rpc::DialError::NoRoom { .. } => ErrorCode::Quota,
        _ => ErrorCode::InvArg,
    }
}

/// An event, for a message.
pub(crate) fn to_event(event: SessionEvent) -> rpc::Event {
    match event {
        SessionEvent::Text {
            line,
            newline,
            no_flush,
        } => rpc::Event::Text(rpc::Text {
            lines: vec![line],
            newline,
            no_flush,
        }),
        SessionEvent::Binary(bytes) => rpc::Event::Binary(bytes),
        SessionEvent::LineDone(number) => rpc::Event::LineDone(rpc::LineNumber(number)),
        SessionEvent::Option(option) => rpc::Event::SetOption(to_option(option)),
        SessionEvent::Close => rpc::Event::Close,
        SessionEvent::LoggedIn(player) => rpc::Event::LoggedIn { player },
        SessionEvent::LoggedOut => rpc::Event::LoggedOut,
    }
}

/// How code ended, for a message.
///
/// # Errors
/// The value that it gave fits no message.
pub(crate) fn to_evaluated(
    ended: Evaluated,
) -> Result<Result<rpc::EvalOutput, rpc::EvalFailure>, rpc::RpcError> {
    Ok(Err(match ended {
        Evaluated::Value(value) => return eval_output(&value).map(Ok),
        Evaluated::NotCompiled(errors) => rpc::EvalFailure::Compile { errors },
        Evaluated::Raised {
            code,
            message,
            traceback,
        } => rpc::EvalFailure::Raised {
            code: code.to_literal(),
            message,
            traceback,
        },
        Evaluated::TimedOut => rpc::EvalFailure::TimedOut,
        Evaluated::Aborted(why) => rpc::EvalFailure::Aborted {
            why: why.to_owned(),
        },
        _ => rpc::EvalFailure::Aborted {
            why: "the task was ended".to_owned(),
        },
    }))
}

fn eval_output(value: &Value) -> Result<rpc::EvalOutput, rpc::RpcError> {
    let literal = value.to_literal();
    let limit = rpc::MESSAGE_BYTES_MAX as u64;
    let too_large = |what: &dyn std::fmt::Display| rpc::RpcError::LimitReached {
        what: what.to_string(),
        limit,
    };
    // Both forms of the value must fit one message.
    if literal.len() > rpc::MESSAGE_BYTES_MAX / 4 {
        return Err(too_large(&"bytes of the answer"));
    }
    let value = values::to_page(value).map_err(|error| too_large(&error))?;
    Ok(rpc::EvalOutput { value, literal })
}

fn to_option(option: HostOption) -> rpc::ConnectionOption {
    match option {
        HostOption::ClientEcho(on) => rpc::ConnectionOption::ClientEcho(on),
        HostOption::Binary(on) => rpc::ConnectionOption::Binary(on),
        HostOption::KeepAlive(times) => {
            rpc::ConnectionOption::KeepAlive(times.map(|times| rpc::KeepAlive {
                idle_s: times.idle_s,
                interval_s: times.interval_s,
                count: times.count,
            }))
        }
        HostOption::MaxQueuedOutput(bytes) => rpc::ConnectionOption::MaxQueuedOutput(bytes),
    }
}
