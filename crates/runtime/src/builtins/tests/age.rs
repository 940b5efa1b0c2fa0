//! Encrypted files that are damaged or cut short, and texts about the length of a chunk.

use moor_value::{Binary, ErrorCode, Value};

use super::run;
use crate::builtins::{Limits, Still};

const PUBLIC: &str = "age1ac64qtuxuu0acqgsuxdf9kwjgwpxrys4uxtnjclahj8g2y5yv3qswfyfff";
const SECRET: &str = "AGE-SECRET-KEY-1TFKKCGX2549ZR7NP2598805NR48Y6GLSA7AZS6X25FSA8U5V5ZES8TU5QM";

fn encrypted(text: &str) -> Vec<u8> {
    let keys = Value::from(vec![Value::from(PUBLIC)]);
    match run(
        "age_encrypt",
        &mut [text.into(), keys],
        &Limits::default(),
        false,
    ) {
        Ok(Value::Binary(bytes)) => bytes.as_slice().to_vec(),
        other => panic!("{other:?}"),
    }
}

fn decrypted(bytes: Vec<u8>) -> Result<Value, Value> {
    let keys = Value::from(vec![Value::from(SECRET)]);
    let args = &mut [Binary::from_vec(bytes).into(), keys];
    run("age_decrypt", args, &Limits::default(), false).map_err(|raise| raise.code)
}

#[test]
fn texts_of_every_length_about_a_chunk_come_back() {
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 131_073] {
        let text = "x".repeat(length);
        assert_eq!(
            decrypted(encrypted(&text)),
            Ok(text.as_str().into()),
            "{length}"
        );
    }
}

#[test]
fn what_is_damaged_or_cut_short_is_refused() {
    let whole = encrypted("some text");
    let refused = Err(Value::Err(ErrorCode::InvArg));
    for at in 0..whole.len() {
        assert_eq!(decrypted(whole[..at].to_vec()), refused, "cut at {at}");
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        assert_eq!(decrypted(damaged), refused, "damaged at {at}");
    }
    assert_eq!(decrypted([whole, vec![0]].concat()), refused);
    let chunks = encrypted(&"x".repeat(65_537));
    let first = chunks.len() - 17;
    assert_eq!(decrypted(chunks[..first].to_vec()), refused);
}

#[test]
fn keys_as_bytes_are_keys() {
    let limits = Limits::default();
    let pair = run("age_generate_keypair", &mut [1.into()], &limits, false);
    let pair = pair.expect("a pair");
    let pair = pair.as_list().expect("a list").as_slice().to_vec();
    let public = Value::from(vec![pair[0].clone()]);
    let encrypted = run("age_encrypt", &mut ["x".into(), public], &limits, false);
    let secret = Value::from(vec![pair[1].clone()]);
    let args = &mut [encrypted.expect("encrypted"), secret];
    assert_eq!(run("age_decrypt", args, &limits, false), Ok("x".into()));
}

#[test]
fn many_keys_end_with_the_time_and_the_length_of_strings() {
    let bytes = Value::from(Binary::from_vec(vec![9; 32]));
    let encrypt = |keys: Vec<Value>, limits: &Limits| {
        let mut args = [Value::from("x"), keys.into()];
        let result = Still::new(3, false).call("age_encrypt", &mut args, limits);
        result.expect("it is there").map_err(|raise| raise.code)
    };
    let quota = Err(Value::Err(ErrorCode::Quota));
    let limits = Limits::default();
    assert!(encrypt(vec![bytes.clone(); 3], &limits).is_ok());
    assert_eq!(encrypt(vec![bytes.clone(); 8], &limits), quota);
    // The last one is none, but the time is up before it is read.
    let mut keys = vec![bytes.clone(); 1_000];
    keys.push(0.into());
    assert_eq!(encrypt(keys, &limits), quota);
    let short = Limits {
        string_bytes_max: 300,
        ..Limits::default()
    };
    assert_eq!(encrypt(vec![bytes; 4], &short), quota);
}
