//! CBOR of values that no literal of the cases stands for, nested deeply, too large, or damaged.

use moor_value::{Binary, ErrorCode, ErrorName, ErrorValue, Flyweight, List, ObjId, Value};

use super::{run, samples};
use crate::builtins::Limits;

fn encoded(value: Value, limits: &Limits) -> Result<Value, Value> {
    run("encode_cbor", &mut [value], limits, false).map_err(|raise| raise.code)
}

fn decoded(bytes: Value, limits: &Limits) -> Result<Value, Value> {
    run("decode_cbor", &mut [bytes], limits, false).map_err(|raise| raise.code)
}

#[test]
fn every_kind_comes_back_as_it_was() {
    let limits = Limits::default();
    let message = ErrorValue::make(ErrorName::Known(ErrorCode::Range), Some("far".into()));
    let fly = Flyweight::new(ObjId(-1), List::from_vec(vec![1.into()]));
    let fly = fly.and_then(|fly| fly.with_slot("s", message.clone()));
    for value in samples().into_iter().chain([
        message,
        fly.expect("it is not deep").into(),
        ErrorName::custom("E_OWN").expect("a name").into_value(),
    ]) {
        let bytes = encoded(value.clone(), &limits).expect("bytes");
        let back = decoded(bytes.clone(), &limits).expect("a value");
        assert!(back.equal_case_sensitive(&value), "{}", value.to_literal());
        assert_eq!(encoded(back, &limits), Ok(bytes));
    }
}

#[test]
fn what_is_damaged_ends_in_an_error_or_a_value() {
    let limits = Limits::default();
    let whole = encoded(samples().into(), &limits).expect("bytes");
    let Value::Binary(whole) = whole else {
        panic!("no bytes");
    };
    for at in 0..whole.len() {
        let cut = Binary::from_vec(whole.as_slice()[..at].to_vec());
        let invalid = Err(Value::Err(ErrorCode::InvArg));
        assert_eq!(decoded(cut.into(), &limits), invalid, "cut at {at}");
        for bit in 0..8 {
            let mut damaged = whole.as_slice().to_vec();
            damaged[at] ^= 1 << bit;
            let _ = decoded(Binary::from_vec(damaged).into(), &limits);
        }
    }
}

#[test]
fn depth_and_size_have_bounds() {
    let quota = Err(Value::Err(ErrorCode::Quota));
    let limits = Limits::default();
    let nested = |depth: usize| (0..depth).fold(Value::from(1), |inner, _| vec![inner].into());
    let bytes = encoded(nested(1_000), &limits).expect("bytes");
    assert_eq!(decoded(bytes, &limits), Ok(nested(1_000)));
    assert_eq!(encoded(nested(1_001), &limits), quota);
    let deeper = vec![0x81; 1_001].into_iter().chain([1]).collect();
    assert_eq!(decoded(Binary::from_vec(deeper).into(), &limits), quota);
    let small = Limits {
        string_bytes_max: 100,
        list_bytes_max: 320,
        ..Limits::default()
    };
    let many = |count: usize| Value::from(vec![Value::from(1); count]);
    assert_eq!(encoded("x".repeat(200).into(), &small), quota);
    assert_eq!(encoded(many(200), &small), quota);
    let bytes = |count: usize| encoded(many(count), &limits).expect("bytes");
    assert_eq!(decoded(bytes(19), &small), Ok(many(19)));
    assert_eq!(decoded(bytes(20), &small), quota);
}
