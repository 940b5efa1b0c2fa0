//! Damaged and hostile files: always an error or a dump, never a panic, never memory beyond measure.

mod support;

use moor_dump::{ReadError, TextDump};
use support::{Random, data_bytes, shared, try_read};

/// Reads, and checks the world if there is one; errors of either kind are fine.
fn digest(bytes: &[u8]) -> Result<TextDump, ReadError> {
    let dump = try_read("damaged", bytes)?;
    let _ = dump.world.check();
    Ok(dump)
}

const SMALL: [&str; 5] = [
    "format-0.db",
    "format-1.db",
    "format-4.db",
    "format-7.db",
    "format-17.db",
];

#[test]
fn every_truncation_of_the_small_dumps() {
    for name in SMALL {
        let bytes = data_bytes(name);
        let whole = digest(&bytes).unwrap_or_else(|error| panic!("{error}"));
        for length in 0..bytes.len() {
            let cut = digest(&bytes[..length]);
            // LambdaMOO's formats may end before the lists of tasks and connections that came later.
            let may_be_whole = whole.version < 13 && bytes[..length].ends_with(b"\n");
            assert!(cut.is_err() || may_be_whole, "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn every_byte_of_the_small_dumps_replaced() {
    for name in SMALL {
        let bytes = data_bytes(name);
        for at in 0..bytes.len() {
            for byte in [b'\n', b'9', b'-', b'0', b'c', 0, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = byte;
                let _ = digest(&damaged);
            }
        }
    }
}

#[test]
fn lines_removed_and_doubled() {
    for name in SMALL {
        let bytes = data_bytes(name);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        for at in 0..lines.len() {
            let mut removed = lines.clone();
            removed.remove(at);
            let _ = digest(&removed.concat());
            let mut doubled = lines.clone();
            doubled.insert(at, lines[at]);
            let _ = digest(&doubled.concat());
        }
    }
}

#[test]
fn lambdacore_truncated_and_mutated() {
    let Some(bytes) = shared("LambdaCore-latest.db") else {
        return;
    };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let programs_end = bytes.len() - 100;
    for _ in 0..40 {
        let length = random.below(programs_end);
        assert!(digest(&bytes[..length]).is_err(), "cut to {length} bytes");
    }
    for _ in 0..40 {
        let mut damaged = bytes.clone();
        for _ in 0..=random.below(20) {
            let at = random.below(damaged.len());
            damaged[at] = random.below(256) as u8;
        }
        let _ = digest(&damaged);
    }
}

/// A dump of one object with one property, whose value is `value`.
fn with_value(value: &str) -> Vec<u8> {
    let head = "** LambdaMOO Database, Format Version 17 **\n0\n0 values pending finalization\n0 clocks\n\
                0 queued tasks\n0 suspended tasks\n0 interrupted tasks\n0 active connections\n1\n\
                #0\nname\n0\n0\n1\n-1\n10\n0\n4\n0\n1\n-1\n4\n0\n0\n1\np\n1\n";
    format!("{head}{value}0\n1\n0\n0\n").into_bytes()
}

#[test]
fn counts_beyond_the_file_are_refused() {
    for count in ["9223372036854775807", "4294967296", "1000000", "-1", "x"] {
        for kind in ["4", "10"] {
            let error = digest(&with_value(&format!("{kind}\n{count}\n")));
            assert!(error.is_err(), "{kind} {count}");
        }
        let header = format!("** LambdaMOO Database, Format Version 4 **\n{count}\n1\n0\n0\n");
        assert!(digest(header.as_bytes()).is_err(), "{count}");
    }
}

/// On the smallest stack that threads which handle values may have.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let builder = std::thread::Builder::new().stack_size(moor_value::STACK_BYTES_MIN);
    let thread = builder.spawn(work).expect("a thread starts");
    thread.join().expect("nothing fails");
}

#[test]
fn nesting_is_bounded() {
    on_a_small_stack(|| {
        let depth = moor_value::DEPTH_MAX as usize;
        assert!(digest(&with_value(&("4\n1\n".repeat(depth) + "0\n0\n"))).is_ok());
        let too_deep = digest(&with_value(&("4\n1\n".repeat(depth + 1) + "0\n0\n")));
        let message = too_deep.expect_err("one too deep").to_string();
        assert!(message.contains("nested at most"), "{message}");
        assert!(digest(&with_value(&"4\n1\n".repeat(100_000))).is_err());
        assert!(digest(&with_value(&"11\n".repeat(100_000))).is_err());
        let waifs: String = (0..50_000)
            .map(|index| format!("13\nc {index}\n0\n0\n1\n0\n"))
            .collect();
        assert!(digest(&with_value(&waifs)).is_err());
    });
}

#[test]
fn an_object_in_the_place_of_an_anonymous_one_is_refused() {
    let dump = String::from_utf8(data_bytes("format-17.db")).expect("UTF-8");
    let error = digest(
        dump.replace("#6\nPoltergeist", "#1\nPoltergeist")
            .as_bytes(),
    );
    let message = error.expect_err("it is refused").to_string();
    assert!(message.contains("found \"#1\""), "{message}");
}
