//! Single objects as text, from within the world: out, gone, and in again; over others; wrong text; a killed daemon.

use std::fs;

use moor_tests::{Server, Session};

use crate::directory::world;
use crate::server;

/// A thing with two parents and something of every kind, as `#0.thing`; `#0.text` is for its lines.
fn furnish(wizard: &mut Session) {
    for code in [
        "for name in ({\"one\", \"two\", \"thing\", \"text\"}) add_property(#0, name, create(#1), {player, \"r\"}); endfor return 1;",
        "return add_property(#0.one, \"colour\", \"red\", {player, \"rc\"});",
        "return add_property(#0.two, \"size\", {1, 2}, {#3, \"rc\"});",
        "return add_property(#0.two, \"kept\", \"clear\", {player, \"r\"});",
        "recycle(#0.thing); #0.thing = create({#0.one, #0.two}); #0.thing.name = \"a \\\"thing\\\"\"; #0.thing.f = 1; return 1;",
        "return add_property(#0.thing, \"own\", {1, \"tEXt\", 2.5, [\"k\" -> {#1, E_PERM}]}, {player, \"rw\"});",
        "return add_property(#0.thing, \":tag\", 3, {player, \"rc\"});",
        "return add_property(#0.thing, \"weird name\", \"\", {#3, \"\"});",
        "#0.thing.colour = \"blue\"; set_property_info(#0.thing, \"size\", {#3, \"w\"}); move(#0.thing, #0.one); return 1;",
        "add_verb(#0.thing, {player, \"xd\", \"look l*ong\"}, {\"this\", \"none\", \"none\"}); add_verb(#0.thing, {#3, \"r\", \"look l*ong\"}, {\"any\", \"in front of\", \"this\"}); return 1;",
        "set_verb_code(#0.thing, 1, {\"if (1)\", \"return {this.own[2], \\\"q\\\\\\\"\\\"};\", \"endif\"}); return 1;",
    ] {
        wizard.value(code);
    }
}

fn furnished() -> (Server, Session) {
    let server = server(&[]);
    let mut wizard = server.log_in("wizard");
    furnish(&mut wizard);
    (server, wizard)
}

/// Loads lines that are made of those of the thing by replacing text, and answers what `then` returns of `result`.
fn loaded(wizard: &mut Session, edits: &[(&str, &str)], call: &str, then: &str) -> String {
    let mut code = String::from(
        "lines = dump_object(#0.thing); added = \"property added (#3, \\\"rw\\\") = 1;\"; ",
    );
    for (from, to) in edits {
        code += &format!(
            "for at in [1..length(lines)] lines[at] = strsub(lines[at], {from:?}, {to:?}, 1); endfor "
        );
    }
    wizard.value(&format!(
        "{code} try result = {call}; except e (ANY) result = e[1..3]; endtry {then}"
    ))
}

/// Lines as a list of the language.
fn literal(text: &str) -> String {
    let quoted = text.lines().map(|line| {
        let line = line.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{line}\"")
    });
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(", "))
}

#[test]
fn an_object_comes_back_from_its_lines_and_outlives_a_killed_daemon() {
    let (mut server, mut wizard) = furnished();
    wizard.value("#0.text = dump_object(#0.thing); return 1;");
    let before = wizard.value("return #0.text;");
    for part in [
        "\"parents #",
        "property \\\":tag\\\" (",
        "property \\\"weird name\\\" (#3, \\\"\\\") = \\\"\\\";",
        "override colour = \\\"blue\\\";",
        "override size (#3, \\\"w\\\") = clear;",
        "verb \\\"look l*ong\\\" (any ",
        "last_move ",
    ] {
        let is_there =
            before.contains(part) || before.contains(&part.replace("\\\":tag\\\"", ":tag"));
        assert!(is_there, "{part}: {before}");
    }
    assert_eq!(
        wizard.value("recycle(#0.thing); loaded = load_object(#0.text); return {loaded == #0.thing, valid(loaded), equal(dump_object(loaded), #0.text), loaded:look(), loaded.location == #0.one, children(#0.two) == {loaded}};"),
        "{1, 1, 1, {\"tEXt\", \"q\\\"\"}, 1, 1}"
    );
    server.daemon.kill();
    server.restart_daemon();
    let mut wizard = server.log_in("wizard");
    assert_eq!(wizard.value("return dump_object(#0.thing);"), before);
    let number = wizard.value("return toint(#0.thing);");
    server.daemon.stop();
    assert_eq!(world(&server, &["export", "world", "out"]).code, Some(0));
    let file = server
        .folder()
        .join(format!("out/objects/000/{number}.moo"));
    let text = fs::read_to_string(file).expect("the object's file");
    assert_eq!(literal(&text), before);
}

#[test]
fn conflicts_are_decided_as_it_is_asked_for() {
    let (_server, mut wizard) = furnished();
    let edits = [
        ("= \"blue\"", "= \"green\""),
        ("#3, \"r\"", "#3, \"rx\""),
        ("this.own[2]", "this.own[3]"),
        ("\"tEXt\"", "\"text\""),
        ("flags f", "flags r f"),
    ];
    let state = "o = #0.thing; return {o.colour, o.own[2], o.r, `o.added ! E_PROPNF', verb_info(o, 2)[2], o:look()[1], properties(o)};";
    let as_it_was =
        "{\"blue\", \"tEXt\", 0, E_PROPNF, \"r\", \"tEXt\", {\"own\", \":tag\", \"weird name\"}}";
    let told = loaded(
        &mut wizard,
        &edits,
        "load_object({@lines, added}, [\"conflict_mode\" -> \"detect\"])",
        "return {result[1], result[3], result[2]};",
    );
    for part in [
        "{0, {}, {{#",
        "\"object_flags\", \"f\", \"rf\"}",
        "{\"property_value\", \"own\"}, ",
        "{\"property_value\", \"colour\"}, {\"blue\"}, {\"green\"}}",
        "{\"verb_def\", {\"look\", \"l*ong\"}}, {#3, \"r\", {\"any\", ",
        "{\"verb_program\", {\"look\", \"l*ong\"}}, {",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(wizard.value(state), as_it_was);
    let dry = loaded(
        &mut wizard,
        &edits,
        "load_object({@lines, added}, {{'dry_run, 1}, {\"return_conflicts\", 1}})",
        "return {result[1], length(result[2]), result[3]};",
    );
    assert_eq!(dry, "{0, 5, {}}");
    assert_eq!(wizard.value(state), as_it_was);
    let skipped = loaded(
        &mut wizard,
        &edits,
        "load_object({@lines, added}, [\"conflict_mode\" -> 'skip, \"overrides\" -> {{#0.thing, {'property_value, 'colour}}, {#0, 'object_flags}}])",
        "return result == #0.thing || result;",
    );
    assert_eq!(skipped, "1");
    assert_eq!(
        wizard.value(state),
        "{\"green\", \"tEXt\", 0, 1, \"r\", \"tEXt\", {\"own\", \":tag\", \"weird name\", \"added\"}}"
    );
    let clobbered = loaded(
        &mut wizard,
        &edits[1..5],
        "load_object(lines)",
        "return result == #0.thing || result;",
    );
    assert_eq!(clobbered, "1");
    assert_eq!(
        wizard.value(state),
        "{\"green\", \"text\", 1, 1, \"rx\", 2.5, {\"own\", \":tag\", \"weird name\", \"added\"}}"
    );
    // What is not in the lines goes, and only here.
    let reloaded = loaded(
        &mut wizard,
        &[],
        "reload_object({lines[1], lines[2], lines[3]}, #0.thing)",
        "o = #0.thing; return {result == o, properties(o), verbs(o), parents(o), o.location, children(#0.one)};",
    );
    assert_eq!(reloaded, "{1, {}, {}, {}, #-1, {}}");
}

#[test]
fn new_objects_are_made_of_the_lines_of_others() {
    let (_server, mut wizard) = furnished();
    let same = "equal(dump_object(result)[2..$], lines[2..$])";
    let made = loaded(
        &mut wizard,
        &[],
        "load_object(lines, [], 0)",
        &format!("return {{result == max_object(), {same}}};"),
    );
    assert_eq!(made, "{1, 1}");
    let anonymous = loaded(
        &mut wizard,
        &[],
        "load_object(lines, [], 1)",
        "return {typeof(result) == ANON, result.colour, result:look()[1], dump_object(result)[1][1..9]};",
    );
    assert_eq!(anonymous, "{1, \"blue\", \"tEXt\", \"anonymous\"}");
    let onto = loaded(
        &mut wizard,
        &[],
        "load_object(lines, [], #0.two)",
        "return result;",
    );
    assert!(
        onto.starts_with("{E_RECMOVE, \"line 1: the parent #"),
        "{onto}"
    );
    // Waifs and anonymous objects are those that the object has.
    let handles = wizard.value("o = #0.thing; o.own = {create(#1, 1), create(#1, 1)}; recycle(o.own[2]); ghost = o.own[1]; lines = dump_object(o); o2 = load_object(lines, {}, 0); load_object(lines); return {o.own[1] == ghost, valid(o.own[2]), o2.own[1] == ghost};");
    assert_eq!(handles, "{1, 0, 1}");
    let foreign = loaded(
        &mut wizard,
        &[("anonymous(", "anonymous(7")],
        "load_object(lines)",
        "return result[1..2];",
    );
    assert!(
        foreign.contains("expected a known anonymous object"),
        "{foreign}"
    );
}

/// Text of the thing's lines, what stands there instead, the line that this is found in, by a part of it, and the message
/// behind its number.
const MISTAKES: [(&str, &str, &str, &str); 7] = [
    (
        "this.own[2]",
        "this.own[2",
        "return {this.own",
        ", column 23: expected ",
    ),
    (
        "if (1)",
        "if (lenght(1))",
        "if (1)",
        ", column 7: Unknown built-in function: lenght (verb look l*ong)",
    ),
    (
        "flags f",
        "flags q",
        "flags f",
        ", column 7: expected `player`, ",
    ),
    (
        "override colour",
        "override color",
        "override colour",
        ": `color` is defined by no such ancestor",
    ),
    (
        "override colour",
        "property colour (#3, \"r\")",
        "override colour",
        ": `colour` is defined by the ancestor #",
    ),
    ("parents #", "parents #99", "object #", ": the parent #99"),
    ("name ", "nme ", "name ", ", column 1: expected `name`, "),
];

#[test]
fn wrong_lines_change_nothing() {
    let (_server, mut wizard) = furnished();
    let before = wizard.value("return dump_object(#0.thing);");
    let lines: Vec<&str> = before.split("\", \"").collect();
    for (from, to, part, message) in MISTAKES {
        let place = lines.iter().position(|line| line.contains(part));
        let number = place.expect("it is there") + 1;
        // What is right besides is not kept either.
        let edits = [("= \"blue\"", "= \"lost\""), (from, to)];
        let told = loaded(
            &mut wizard,
            &edits,
            "load_object(lines)",
            "return result[1..2];",
        );
        let wanted = format!("{{E_INVARG, \"line {number}{message}");
        assert!(told.starts_with(&wanted), "{to}: {told}");
        let after = wizard.value("return dump_object(#0.thing);");
        assert_eq!(after, before, "{to}");
    }
}

#[test]
fn wrong_arguments_and_quotas_are_refused() {
    let (_server, mut wizard) = furnished();
    for (call, error) in [
        ("load_object({1})", "E_TYPE"),
        ("load_object(lines, 1)", "E_TYPE"),
        ("load_object(lines, [\"mode\" -> 1])", "E_INVARG"),
        (
            "load_object(lines, [\"conflict_mode\" -> \"ask\"])",
            "E_INVARG",
        ),
        (
            "load_object(lines, [\"overrides\" -> {{#1, \"x\"}}])",
            "E_INVARG",
        ),
        ("load_object(lines, [], #-1)", "E_INVARG"),
        ("load_object(lines, [], 2)", "E_INVARG"),
        ("load_object(lines, [], \"x\")", "E_TYPE"),
        ("load_object({})", "E_INVARG"),
        ("reload_object({\"object #99999\"})", "E_INVARG"),
        ("reload_object(lines, 1)", "E_TYPE"),
        ("dump_object(#99999)", "E_INVARG"),
        ("dump_object(1)", "E_TYPE"),
    ] {
        assert_eq!(
            loaded(&mut wizard, &[], call, "return result[1];"),
            error,
            "{call}"
        );
    }
    // Whose quota is used up gets no further object.
    wizard.value("return add_property(#1, \"ownership_quota\", 0, {player, \"r\"});");
    let quota = loaded(
        &mut wizard,
        &[],
        "load_object(lines, [], 0)",
        "return result[1];",
    );
    assert_eq!(quota, "E_QUOTA");
}

#[test]
fn wizards_only() {
    let (server, _wizard) = furnished();
    let mut programmer = server.log_in("programmer");
    for call in [
        "dump_object(player)",
        "load_object({\"object #0\"})",
        "reload_object({\"object #0\"})",
    ] {
        let told = programmer.value(&format!("return `{call} ! ANY';"));
        assert_eq!(told, "E_PERM", "{call}");
    }
}
