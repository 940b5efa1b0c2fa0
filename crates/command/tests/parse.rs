//! Commands taken apart, as a table: line, then verb, argstr, dobjstr, prepstr, iobjstr.

use std::ops::ControlFlow;

use moor_command::{ObjectMatch, ParsedCommand, Preposition, literal_match, words};
use moor_value::ObjId;

const COMMANDS: &[(&str, [&str; 5])] = &[
    ("look", ["look", "", "", "", ""]),
    ("  get   ball ", ["get", "ball ", "ball", "", ""]),
    (
        "put ball in box",
        ["put", "ball in box", "ball", "in", "box"],
    ),
    (
        "put ball IN FRONT OF the box",
        [
            "put",
            "ball IN FRONT OF the box",
            "ball",
            "IN FRONT OF",
            "the box",
        ],
    ),
    (
        "take ball out of box",
        ["take", "ball out of box", "ball", "out of", "box"],
    ),
    (
        "take  a \"red  ball\" from x y",
        [
            "take",
            "a \"red  ball\" from x y",
            "a red  ball",
            "from",
            "x y",
        ],
    ),
    ("get off of it", ["get", "off of it", "", "off", "of it"]),
    (
        "\"hello there",
        ["say", "hello there", "hello there", "", ""],
    ),
    (
        ":waves  to all",
        ["emote", "waves  to all", "waves", "to", "all"],
    ),
    (";1 + 1", ["eval", "1 + 1", "1 + 1", "", ""]),
    ("\\\"x y", ["\"x", "y", "y", "", ""]),
    ("say ab\"c d\"ef", ["say", "ab\"c d\"ef", "abc def", "", ""]),
    ("\"", ["say", "", "", "", ""]),
];

#[test]
fn commands_come_apart() {
    for (line, [verb, argstr, dobjstr, prepstr, iobjstr]) in COMMANDS {
        let command = ParsedCommand::parse(line).unwrap();
        assert_eq!(command.verb, *verb, "{line}");
        assert_eq!(command.argstr, *argstr, "{line}");
        assert_eq!(command.dobjstr, *dobjstr, "{line}");
        assert_eq!(command.prepstr, *prepstr, "{line}");
        assert_eq!(command.iobjstr, *iobjstr, "{line}");
    }
    assert_eq!(ParsedCommand::parse("   "), None);
}

#[test]
fn words_resolve_quotes_and_backslashes() {
    assert_eq!(
        words("foo\\ bar \"a b\"c é\\\\"),
        ["foo bar", "a bc", "é\\"]
    );
    assert_eq!(words("\"\" x"), ["", "x"]);
    assert_eq!(words("tail\\"), ["tail"]);
}

#[test]
fn prepositions_are_named_by_spelling_or_number() {
    let number = |text| Preposition::from_specification(text).map(Preposition::number);
    assert_eq!(number("in/inside/into"), Some(3));
    assert_eq!(number("on top of"), Some(4));
    assert_eq!(number("#14"), Some(14));
    assert_eq!(number("15"), None);
    assert_eq!(number("-1"), None);
    assert_eq!(number("beyond"), None);
}

/// Searches for `wanted` among named objects.
fn search(wanted: &str, objects: &[(i64, &[&str])]) -> ObjId {
    let mut search = ObjectMatch::new(wanted);
    for (id, names) in objects {
        if let ControlFlow::Break(answer) = search.consider(ObjId(*id), names.iter().copied()) {
            return answer;
        }
    }
    search.finish()
}

#[test]
fn whole_names_beat_beginnings() {
    let objects: &[(i64, &[&str])] = &[
        (4, &["ball", "red ball"]),
        (5, &["balloon"]),
        (6, &["Éclair"]),
        (7, &["BOX"]),
        (8, &["box"]),
    ];
    assert_eq!(search("ball", objects), ObjId(4));
    assert_eq!(search("ballo", objects), ObjId(5));
    assert_eq!(search("bal", objects), ObjId::AMBIGUOUS);
    assert_eq!(search("box", objects), ObjId::AMBIGUOUS);
    assert_eq!(search("red", objects), ObjId(4));
    assert_eq!(search("É", objects), ObjId(6));
    assert_eq!(search("zebra", objects), ObjId::FAILED);
}

#[test]
fn some_strings_need_no_names() {
    let unique = ObjId::unique(1, 2, 3);
    let is_there = |object| object == ObjId(7) || object == unique;
    let at = |name| literal_match(name, ObjId(2), ObjId(9), is_there);
    assert_eq!(at("#000042-0000000003"), Some(unique));
    assert_eq!(at("#000042-0000000004"), Some(ObjId::FAILED));
    assert_eq!(at(""), Some(ObjId::NOTHING));
    assert_eq!(at("#7"), Some(ObjId(7)));
    assert_eq!(at("#8"), Some(ObjId::FAILED));
    assert_eq!(at("#x"), Some(ObjId::FAILED));
    assert_eq!(at("ME"), Some(ObjId(2)));
    assert_eq!(at("here"), Some(ObjId(9)));
    assert_eq!(at("ball"), None);
}
