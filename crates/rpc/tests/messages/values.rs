//! Values of the world on the wire: how deep and how many, on the way out and on the way in.

use moor_rpc::{
    DecodeError, EncodeError, WIRE_DEPTH_MAX, WIRE_VALUES_MAX, WireValue, WorkerReport,
    WorkerRequestId, decode, encode,
};

/// A worker's answer with this value.
pub(crate) fn answer(value: WireValue) -> WorkerReport {
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
