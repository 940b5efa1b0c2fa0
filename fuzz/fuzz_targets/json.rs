//! Any text as JSON, in both modes: refused, or a value whose JSON can be read again. It need not be the same value: as in
//! ToastStunt, `~0A` in a text is an escape, and integers of more than 32 bits become floats.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_runtime::fuzzing::call_pure_builtin;
use moor_value::Value;

/// Polls until the time of one call is up.
const POLLS: u32 = 1_000;

fn call(name: &str, args: [Value; 2]) -> Option<Value> {
    let called = call_pure_builtin(name, &mut args.to_vec(), POLLS);
    called.expect("the builtin is there").ok()
}

fuzz_target!(|data: &[u8]| {
    let text = Value::from(&*String::from_utf8_lossy(data));
    for mode in ["common-subset", "embedded-types"].map(Value::from) {
        let Some(value) = call("parse_json", [text.clone(), mode.clone()]) else {
            continue;
        };
        if let Some(written) = call("generate_json", [value, mode.clone()]) {
            let again = call("parse_json", [written.clone(), mode]);
            assert!(again.is_some(), "{}", written.to_text());
        }
    }
});
