//! Which messages which kind of peer may send: one table, and what is not in it is refused.
//!
//! In: the service type of a peer, a request. Out: yes or no. Whether the peer is who it says it is, the link knows.

use moor_rpc::RequestBody;

/// The host whose users show passes and send code; no other host has use for either.
const WEB_HOST: &str = "web-host";
/// The host that listens and connects for programs.
const TELNET_HOST: &str = "telnet-host";
/// The hosts.
const HOSTS: [&str; 2] = [TELNET_HOST, WEB_HOST];

/// The service types of hosts.
pub(crate) fn hosts() -> impl Iterator<Item = &'static str> {
    HOSTS.into_iter()
}

/// Whether a host of this service type opens places and connections for programs.
pub(crate) fn serves_programs(service: &str) -> bool {
    service == TELNET_HOST
}

/// Whether a peer of this service type may send this request.
pub(crate) fn may_send(service: &str, request: &RequestBody) -> bool {
    match request {
        RequestBody::OpenSession(open) if open.outbound => {
            serves_programs(service) && open.token.is_none()
        }
        RequestBody::OpenSession(open) if open.token.is_some() => service == WEB_HOST,
        RequestBody::DialFailed(_) => serves_programs(service),
        RequestBody::Attach(_)
        | RequestBody::OpenSession(_)
        | RequestBody::Line(_)
        | RequestBody::Closed { .. }
        | RequestBody::Acknowledge(_)
        | RequestBody::Replay(_)
        | RequestBody::ListenResult(_) => HOSTS.contains(&service),
        RequestBody::IssueToken { .. } | RequestBody::Eval(_) => service == WEB_HOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moor_rpc::{
        AuthToken, CloseReason, DialError, DialFailed, Eval, EventNumber, Line, LineKind,
        LineNumber, ListenResult, ListenerId, OpenSession, Replay, SessionId,
    };

    const SESSION: SessionId = SessionId([1; 16]);

    fn open(token: Option<AuthToken>) -> RequestBody {
        RequestBody::OpenSession(OpenSession {
            session: SESSION,
            listener: ListenerId::MAIN,
            peer_address: String::new(),
            peer_port: 0,
            hostname: None,
            local_address: String::new(),
            local_port: 0,
            tls: None,
            options: Vec::new(),
            token,
            outbound: false,
        })
    }

    #[test]
    fn each_kind_sends_what_it_has_use_for_and_nothing_else() {
        let pass = || AuthToken("x".into());
        let (session, last_event) = (SESSION, EventNumber(0));
        let line = Line {
            session,
            number: LineNumber(1),
            kind: LineKind::Text,
            text: String::new(),
            last_event,
        };
        let eval = Eval {
            token: pass(),
            code: String::new(),
            timeout_ms: 1,
        };
        let close = RequestBody::Closed {
            session,
            reason: CloseReason::ByPeer,
        };
        let result = ListenResult {
            listener: ListenerId::MAIN,
            result: Ok(None),
        };
        let of_all_hosts = [
            open(None),
            RequestBody::Line(line),
            close,
            RequestBody::Acknowledge(Vec::new()),
            RequestBody::Replay(Replay {
                session,
                from: last_event,
            }),
            RequestBody::ListenResult(result),
        ];
        let of_the_web = [
            open(Some(pass())),
            RequestBody::IssueToken { session },
            RequestBody::Eval(eval),
        ];
        let may = |service: &str, request: &RequestBody| may_send(service, request);
        let mut dialed = open(None);
        if let RequestBody::OpenSession(open) = &mut dialed {
            open.outbound = true;
        }
        let why = String::new();
        let error = DialError::NoRoom { why };
        let of_telnet = [
            dialed,
            RequestBody::DialFailed(DialFailed { session, error }),
        ];
        for request in &of_telnet {
            assert!(may("telnet-host", request), "{request:?}");
            assert!(!may("web-host", request), "{request:?}");
        }
        for request in &of_all_hosts {
            assert!(hosts().all(|host| may(host, request)), "{request:?}");
        }
        for request in &of_the_web {
            assert!(may("web-host", request), "{request:?}");
            assert!(!may("telnet-host", request), "{request:?}");
        }
        let all = of_all_hosts.iter().chain(&of_the_web).chain(&of_telnet);
        for request in all {
            assert!(!may("curl-worker", request), "{request:?}");
            assert!(!may("", request), "{request:?}");
        }
    }
}
