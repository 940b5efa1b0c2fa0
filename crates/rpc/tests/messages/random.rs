//! Random messages come back; random bytes, and messages with a byte changed, harm nothing.

use moor_rpc::{
    ConnectionOption, Event, EventNumber, HostEvent, KeepAlive, Line, LineKind, LineNumber, Reply,
    Request, RequestBody, RequestId, SessionEvents, SessionId, Text, WireValue, WorkerReport,
    decode, encode,
};
use proptest::prelude::*;

use crate::values::answer;

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
