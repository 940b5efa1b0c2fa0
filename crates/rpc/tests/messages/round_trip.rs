//! Every message comes back as it was, and only whole.

use moor_rpc::{
    AuthToken, DecodeError, EvalFailure, LineNumber, ListenError, ListenResult, ListenerId,
    Message, Reply, ReplyBody, Request, RequestBody, RequestId, RpcError, decode, encode,
};

use crate::samples::{SESSION, host_events, replies, requests, worker_orders, worker_reports};

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

#[test]
fn no_debug_output_shows_a_token() {
    let shown = format!("{:?}", AuthToken("secret".into()));
    assert!(!shown.contains("secret"), "{shown}");
}
