//! How faults are told: the exact lines.
//! `MOOR_UPDATE_GOLDEN=1` writes the file anew from what is told now; review it as a diff.

mod support;

use std::fmt::Write as _;
use std::path::PathBuf;

use moor_dump::OnFault;
use support::{compile, data, data_bytes, try_read};

/// A dump with every `from` replaced; bytes are characters here.
fn changed(name: &str, from: &str, to: &str) -> Vec<u8> {
    let text: String = data_bytes(name).into_iter().map(char::from).collect();
    assert!(text.contains(from), "{name} has {from:?}");
    let text = text.replace(from, to);
    text.chars()
        .map(|char| u8::try_from(char).expect("Latin-1"))
        .collect()
}

fn told(bytes: &[u8]) -> String {
    match try_read("world.db", bytes) {
        Ok(dump) => match compile(dump, OnFault::Refuse) {
            Ok(import) => match import.world.check() {
                Ok(_) => "nothing is wrong".to_owned(),
                Err(error) => error.to_string(),
            },
            Err(errors) => errors.to_string(),
        },
        Err(error) => error.to_string(),
    }
}

/// What is wrong, from which file, what is replaced by what.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("no file of this kind", "format-4.db", "** LambdaMOO", "MZ"),
    ("a newer format", "format-4.db", "Version 4", "Version 18"),
    ("other line ends", "format-4.db", "\n", "\r\n"),
    ("too many objects", "format-4.db", "**\n5\n", "**\n6\n"),
    (
        "a count out of reach",
        "format-4.db",
        "**\n5\n",
        "**\n99999999\n",
    ),
    (
        "an object out of order",
        "format-4.db",
        "#2 recycled",
        "#7 recycled",
    ),
    (
        "an owner that is no number",
        "format-4.db",
        "16\n3\n",
        "16\nthree\n",
    ),
    ("an unknown type", "format-4.db", "9\n-2.5", "99\n-2.5"),
    ("a float that is none", "format-4.db", "-2.5", "nan"),
    (
        "an unknown error",
        "format-4.db",
        "3\n11\n4\n",
        "3\n111\n4\n",
    ),
    (
        "an unknown preposition",
        "format-4.db",
        "3\n173\n-1\n",
        "3\n173\n15\n",
    ),
    (
        "bad permissions",
        "format-4.db",
        "3\n173\n-1\n",
        "3\n255\n-1\n",
    ),
    ("a program of no verb", "format-4.db", "#0:0", "#0:1"),
    (
        "a program without end",
        "format-4.db",
        "return #3;\n.\n",
        "return #3;\n",
    ),
    ("a bad stack", "format-4.db", "3 rt_stack", "3 stack"),
    (
        "a program of a newer language",
        "format-4.db",
        "language version 4",
        "language version 18",
    ),
    (
        "a program that does not compile",
        "format-4.db",
        "return #3;",
        "return #3\nendif",
    ),
    (
        "a list of children in a circle",
        "format-4.db",
        "0\n3\n-1\n3\n-1\n1\n-1\n-1\n",
        "0\n3\n-1\n3\n-1\n1\n-1\n0\n",
    ),
    (
        "a child that is none",
        "format-1.db",
        "7\n2\n3\n-1\n-1\n1\n",
        "7\n2\n3\n-1\n-1\n-1\n",
    ),
    (
        "a task that is none",
        "format-1.db",
        "0 3 900000000 17",
        "0 3 900000000",
    ),
    (
        "a map's key that is a list",
        "format-7.db",
        "10\n2\n2\nkey\n",
        "10\n2\n4\n0\n",
    ),
    (
        "parents that are none",
        "format-7.db",
        "4\n2\n1\n2\n1\n1\n",
        "4\n2\n1\n2\n0\n1\n",
    ),
    ("a waif out of order", "format-17.db", "c 0", "c 1"),
    ("a waif that was not there", "format-17.db", "r 0", "r 1"),
    ("a waif without end", "format-17.db", "-1\n.\n12", "-1\n12"),
    (
        "a waif's property out of range",
        "format-17.db",
        "1\n13\nr 0\n.\n-1",
        "2\n13\nr 0\n.\n-1",
    ),
    (
        "an anonymous object that is missing",
        "format-17.db",
        "12\n5\n12\n-1",
        "12\n5\n12\n9",
    ),
    (
        "more after the end",
        "format-17.db",
        "return \"boo\";\n.\n",
        "return \"boo\";\n.\nmore\n",
    ),
];

#[test]
fn the_messages_are_the_recorded_ones() {
    let mut found = String::new();
    for (what, name, from, to) in CASES {
        writeln!(found, "# {what}\n{}\n", told(&changed(name, from, to)))
            .expect("a string takes it");
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/errors.txt");
    if std::env::var_os("MOOR_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &found).expect("the golden file is written");
    }
    let golden = std::fs::read_to_string(&path).expect("the golden file belongs to the tests");
    assert_eq!(found, golden);
}

#[test]
fn a_file_that_is_not_there() {
    let mut handles = moor_dump::DumpHandles::default();
    let path = PathBuf::from("/nonexistent/world.db");
    let error = moor_dump::read_file(&path, &mut handles, &mut |_| ());
    let message = error.expect_err("there is no such file").to_string();
    assert!(
        message.starts_with("/nonexistent/world.db: No such file"),
        "{message}"
    );
}

/// Two programs and a forked task that do not compile.
fn broken() -> Vec<u8> {
    let text = changed(
        "format-1.db",
        "return this.location;",
        "x = 1;\nreturn this.;",
    );
    let text: String = text.into_iter().map(char::from).collect();
    let text = text
        .replace("late = x;", "late = (x;")
        .replace("player:tell(", "player:tell((");
    text.chars().map(|char| char as u8).collect()
}

#[test]
fn every_program_that_does_not_compile_is_told() {
    let dump = try_read("world.db", &broken()).unwrap_or_else(|error| panic!("{error}"));
    let errors = compile(dump, OnFault::Refuse).expect_err("three programs are broken");
    let places: Vec<_> = errors
        .0
        .iter()
        .map(|fault| (fault.object.0, fault.verb, fault.task))
        .collect();
    assert_eq!(
        places,
        [(0, Some(0), None), (2, Some(0), None), (0, None, Some(17))]
    );
    let told = errors.to_string();
    let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(
        lines[1].starts_with("#2:look l (verb 1), line 84 of the file: Line 2:  "),
        "{}",
        lines[1]
    );
}

#[test]
fn programs_that_do_not_compile_can_be_kept() {
    let dump = try_read("world.db", &broken()).unwrap_or_else(|error| panic!("{error}"));
    let import = compile(dump, OnFault::Keep).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        import.world.objects[2].verbs[0].source,
        "x = 1;\nreturn this.;"
    );
    assert_eq!(import.tasks.forked[0].source, ["suspend(0);", "late = (x;"]);
    assert_eq!(import.warnings.len(), 3);
}

#[test]
fn unknown_functions_are_warnings() {
    let bytes = changed("format-4.db", "return #3;", "return unknown(1);");
    let dump = try_read("world.db", &bytes).unwrap_or_else(|error| panic!("{error}"));
    let import = compile(dump, OnFault::Refuse).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        import.world.objects[0].verbs[0].source,
        "return call_function(\"unknown\", 1);"
    );
    assert_eq!(import.warnings.len(), 1);
}

#[test]
fn references_to_nothing_are_removed_and_told() {
    let bytes = changed(
        "format-4.db",
        "7\n3\n4\n-1\n-1\n1\n",
        "7\n3\n2\n-1\n-1\n1\n",
    );
    let text: String = bytes.into_iter().map(char::from).collect();
    let text = text
        .replace("0\n3\n-1\n3\n-1\n1\n", "0\n3\n-1\n-1\n-1\n1\n")
        .replace("**\n5\n1\n0\n1\n3\n", "**\n5\n1\n0\n1\n4\n");
    let dump = try_read("world.db", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let repairs: Vec<String> = dump.repairs.iter().map(ToString::to_string).collect();
    let expected = [
        "#3 has the location #2, which does not exist: removed",
        "#4 is listed as a player and is none: removed",
        "#3 is a player and is not listed: added",
    ];
    assert_eq!(repairs, expected);
    assert!(support::import(dump).warnings.is_empty());
}

#[test]
fn a_sound_dump_has_nothing_to_tell() {
    for name in ["format-0.db", "format-4.db", "format-7.db", "format-17.db"] {
        assert_eq!(told(&data_bytes(name)), "nothing is wrong", "{name}");
        assert!(data(name).repairs.is_empty());
    }
}
