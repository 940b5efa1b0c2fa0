//! Bytes that are no message: too long, counts that they do not hold, tags and text that do not exist.

use moor_rpc::{
    Attach, DecodeError, EncodeError, Event, EventNumber, HostEvent, MESSAGE_BYTES_MAX, Request,
    RequestBody, RequestId, SessionEvents, decode, encode,
};
use wincode::ReadError;

use crate::samples::SESSION;

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
