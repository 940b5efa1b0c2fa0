//! Any text as XML and as a page of HTML.
//!
//! XML: refused, or what is written of it is read and written the same. HTML: the elements whose name is the text's first line, with
//! any attributes and with one whose value is like the second line: a list of maps, or an error, in bounded time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_runtime::fuzzing::{call_pure_builtin, rewritten_xml};
use moor_value::{Map, MapKey, Value};

/// Polls until the time of one call is up.
const POLLS: u32 = 1_000;

fn query(args: &mut [Value]) {
    let called = call_pure_builtin("html_query", args, POLLS);
    let Ok(found) = called.expect("the builtin is there") else {
        return;
    };
    let found = found.as_list().expect("a list");
    assert!(found.iter().all(|element| element.as_map().is_some()));
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Some(written) = rewritten_xml(&text, POLLS) {
        assert_eq!(rewritten_xml(&written, POLLS).as_deref(), Some(&*written));
    }
    let Some((tag, behind)) = text.split_once('\n') else {
        return;
    };
    let (pattern, page) = behind.split_once('\n').unwrap_or(("*", behind));
    query(&mut [Value::from(page), Value::from(tag)]);
    let key = MapKey::new(Value::from("class"));
    let filter: Map = key
        .into_iter()
        .map(|key| (key, Value::from(pattern)))
        .collect();
    query(&mut [Value::from(page), Value::from(tag), Value::Map(filter)]);
});
