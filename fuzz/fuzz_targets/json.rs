//! Any text as JSON, in both modes: refused, or a value whose JSON stays the same when it is read and written again. With types
//! embedded, the value is the same too; the other mode has strings for what JSON lacks.
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
    for mode in ["common-subset", "embedded-types"] {
        let mode_arg = Value::from(mode);
        let Some(value) = call("parse_json", [text.clone(), mode_arg.clone()]) else {
            continue;
        };
        let Some(written) = call("generate_json", [value.clone(), mode_arg.clone()]) else {
            continue;
        };
        let shown = written.to_text();
        let again = call("parse_json", [written.clone(), mode_arg.clone()]);
        let again = again.unwrap_or_else(|| panic!("{shown}"));
        if mode == "embedded-types" {
            assert_eq!(again.to_literal(), value.to_literal(), "{shown}");
        }
        let repeated = call("generate_json", [again, mode_arg]);
        assert_eq!(repeated, Some(written), "{shown}");
    }
});
