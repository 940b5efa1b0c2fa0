//! The bytes of every kind of message, as `tests/golden/messages.txt` has them.

use std::fmt::Write as _;
use std::path::Path;

use moor_rpc::{Message, encode};

use crate::samples::{host_events, replies, requests, worker_orders, worker_reports};

fn golden<M: Message>(kind: &str, messages: &[(&str, M)], out: &mut String) {
    for (name, message) in messages {
        let bytes = encode(message).expect("encodes");
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(out, "{kind} {name} {hex}");
    }
}

#[test]
fn encodings_are_those_of_the_golden_file() {
    let mut actual = String::new();
    golden("request", &requests(), &mut actual);
    golden("reply", &replies(), &mut actual);
    golden("host-event", &host_events(), &mut actual);
    golden("worker-order", &worker_orders(), &mut actual);
    golden("worker-report", &worker_reports(), &mut actual);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/messages.txt");
    if std::env::var_os("MOOR_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &actual).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the golden file is there");
    assert_eq!(
        actual, expected,
        "the wire format changed; see the head of tests/messages/main.rs"
    );
}
