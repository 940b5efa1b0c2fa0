//! Tasks that had begun on another server go on.
//!
//! `crates/runtime/tests/stopped` has programs that stopped, a file for each server. A case is a line `case` with its name, then
//! `let NAME EXPRESSION` for each variable (without a value where it has none), `at OFFSET CALL` for the place in that
//! server's code, `on EXPRESSION`, `on catch N`, `on finally N`, `on key EXPRESSION` or `on end` (of a map) for each place of its stack, `gives EXPRESSION`
//! for what it is resumed with, `fork N` for the body of a fork; behind `program` its text, and what it
//! returns. Variables that stand behind the text come behind those before it.

use std::path::Path;

use moor_compiler::stopped::{Dialect, StackValue, StopError};
use moor_value::{Map, ObjId, Str, Value};
use moor_vm::Vm;

use super::cases;
use super::fixture::{Ended, Server, Who};
use crate::import_stopped::machine;
use crate::{
    ImportStopError, ImportedActivation, ImportedBuiltin, ImportedCall, ImportedTask, StopReason,
};

/// The variables of every program, in the order of LambdaMOO and then of ToastStunt.
const LAMBDAMOO_VARIABLES: &str = "NUM OBJ STR LIST ERR player this caller verb args argstr dobj dobjstr \
     prepstr iobj iobjstr INT FLOAT";
const TOASTSTUNT_VARIABLES: &str = "MAP ANON WAIF BOOL true false";

const LAMBDAMOO: u8 = 4;
const TOASTSTUNT: u8 = 17;

/// An activation of `#3` at the offset 0, as a file of that format has it.
fn activation(server: &Server, format: u8, who: Who, source: &str) -> ImportedActivation {
    let mut names: Vec<&str> = LAMBDAMOO_VARIABLES.split_whitespace().collect();
    if format == TOASTSTUNT {
        names.extend(TOASTSTUNT_VARIABLES.split_whitespace());
    }
    let player = who.object();
    let initial = |name: &str| match name {
        "player" | "this" | "caller" => Value::Obj(player),
        "verb" => Value::from(""),
        name => value(server, who, &format!("return {name};")),
    };
    let variables = names.iter().map(|name| (Str::new(name), initial(name)));
    ImportedActivation {
        call: ImportedCall {
            this: Value::Obj(player),
            player,
            programmer: player,
            definer: Value::Obj(ObjId::NOTHING),
            verb: Str::EMPTY,
            verb_names: Str::EMPTY,
            debug: true,
            source: source.to_owned(),
            variables: variables.collect(),
        },
        language: format,
        stack: Vec::new(),
        offset: 0,
        call_offset: 0,
        via: None,
    }
}

fn task(activations: Vec<ImportedActivation>) -> ImportedTask {
    ImportedTask {
        id: 1,
        start_s: Some(0),
        value: Value::ZERO,
        local: Value::None,
        fork: None,
        activations,
    }
}

fn value(server: &Server, who: Who, source: &str) -> Value {
    match server.run(who, source) {
        Ended::Returned(value) => value,
        other => panic!("{source}: {other:?}"),
    }
}

/// Whether the reason may lie in the dialect.
fn is_misplaced(error: &ImportStopError) -> bool {
    use StopError::{Place, Stack};
    matches!(error.reason, StopReason::Stop(Place { .. } | Stack { .. }))
}

/// The machine of a task in the first dialect of its format that fits.
fn made(task: &ImportedTask, format: u8) -> Result<Vm, ImportStopError> {
    let mut result = None;
    for dialect in Dialect::of_format(format) {
        let made = machine(task, *dialect);
        let is_over = !made.as_ref().is_err_and(is_misplaced);
        result = Some(made);
        if is_over {
            break;
        }
    }
    result.expect("a format has a dialect")
}

fn resumed(server: &Server, mut machine: Vm, value: Value) -> Ended {
    machine.resume(value);
    server.run_machine(machine)
}

/// One case of a file.
struct Case {
    name: String,
    task: ImportedTask,
    has_variables: bool,
    expected: String,
}

impl Case {
    fn read(server: &Server, format: u8, text: &str) -> Self {
        let who = Who::Programmer;
        let mut activation = activation(server, format, who, "");
        let (mut name, mut source, mut expected) = (String::new(), String::new(), String::new());
        let (mut fork, mut given, mut is_program) = (None, Value::ZERO, false);
        let expression = |text: &str| value(server, who, &format!("return {text};"));
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "case" => name = rest.to_owned(),
                "let" => {
                    let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                    let value = match value {
                        "" => Value::None,
                        text => expression(text),
                    };
                    activation.call.variables.push((Str::new(name), value));
                }
                "=>" => expected = rest.to_owned(),
                _ if is_program => source.push_str(&format!("{line}\n")),
                "at" => {
                    let (offset, call) = rest.split_once(' ').expect("two offsets");
                    activation.offset = offset.parse().expect("an offset");
                    activation.call_offset = call.parse().expect("an offset");
                }
                "on" => activation.stack.push(match rest.split_once(' ') {
                    Some(("catch", n)) => StackValue::Catch(n.parse().expect("a number")),
                    Some(("finally", n)) => StackValue::Finally(n.parse().expect("an offset")),
                    Some(("key", key)) => StackValue::Iterator(Some(expression(key))),
                    _ if rest == "end" => StackValue::Iterator(None),
                    _ => StackValue::Value(expression(rest)),
                }),
                "gives" => given = expression(rest),
                "fork" => fork = rest.parse().ok(),
                "program" => is_program = true,
                "" => {}
                _ => panic!("{line}"),
            }
        }
        activation.call.source = source;
        let task = ImportedTask {
            fork,
            value: given,
            ..task(vec![activation])
        };
        Self {
            name,
            task,
            has_variables: text.contains("\nlet "),
            expected,
        }
    }

    fn got(&self, server: &Server, format: u8) -> String {
        match made(&self.task, format) {
            Ok(machine) => resumed(server, machine, self.task.value.clone()).shown(),
            Err(error) => format!("refused: {error}"),
        }
    }

    /// What the same task does in states that it cannot have had, where it is not refused.
    fn got_of_wrong_states(&self) -> Vec<String> {
        let original = &self.task.activations[0];
        let mut wrong = Vec::new();
        let mut change = |what: String, change: &dyn Fn(&mut ImportedActivation)| {
            let mut task = self.task.clone();
            change(&mut task.activations[0]);
            wrong.push((what, task));
        };
        change("another offset".into(), &|it| it.offset += 1);
        change("another call".into(), &|it| it.call_offset -= 1);
        change("more on the stack".into(), &|it| {
            it.stack.push(StackValue::Value(Value::ZERO));
        });
        if self.has_variables {
            change("no variables".into(), &|it| it.call.variables.clear());
        }
        for place in 0..original.stack.len() {
            change(format!("no value at {place}"), &move |it| {
                it.stack[place] = StackValue::Value(Value::None);
            });
            change(format!("another mark at {place}"), &move |it| {
                it.stack[place] = StackValue::Catch(200);
            });
        }
        let made = wrong.into_iter().map(|(what, task)| {
            let is_refused = Dialect::of_format(LAMBDAMOO)
                .iter()
                .chain(Dialect::of_format(TOASTSTUNT))
                .all(|dialect| machine(&task, *dialect).is_err());
            (what, is_refused)
        });
        let made = made.filter(|(_, is_refused)| !is_refused);
        made.map(|(what, _)| what).collect()
    }
}

/// Values that a program does not have where it has any of the cases' own.
fn odd_values() -> [Value; 5] {
    [
        Value::from("odd"),
        Value::from(Vec::new()),
        Value::Map(Map::new()),
        Value::Float(-0.5),
        Value::Obj(ObjId::NOTHING),
    ]
}

/// Whatever a hostile file says is refused, or is a task like any other.
fn survive(server: &Server, case: &Case, format: u8) {
    let original = &case.task.activations[0];
    let mut tasks = Vec::new();
    for (place, odd) in (0..original.stack.len()).flat_map(|at| odd_values().map(|odd| (at, odd))) {
        let mut task = case.task.clone();
        task.activations[0].stack[place] = StackValue::Value(odd);
        tasks.push(task);
    }
    for odd in odd_values() {
        let mut task = case.task.clone();
        let call = &mut task.activations[0].call;
        call.this = Value::None;
        call.definer = odd;
        tasks.push(task);
    }
    for task in tasks {
        if let Ok(machine) = made(&task, format) {
            resumed(server, machine, Value::ZERO);
        }
    }
    for (offset, dialect) in
        (0..100).flat_map(|at| Dialect::of_format(format).iter().map(move |one| (at, one)))
    {
        let mut task = case.task.clone();
        task.fork = task.fork.map(|fork| fork + 1);
        task.activations[0].offset = offset;
        task.activations[0].call_offset = offset;
        let _ = machine(&task, *dialect);
    }
}

fn go_on(file: &str, format: u8, at_least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stopped");
    let text = std::fs::read_to_string(path.join(file)).expect("the cases are there");
    let (mut faults, mut count) = (Vec::new(), 0);
    for text in text.split("\n\n").filter(|text| text.starts_with("case ")) {
        let server = Server::new();
        let property = "add_property(#3, \"notes\", {1, 2}, {#3, \"rw\"});";
        value(&server, Who::Wizard, property);
        let case = Case::read(&server, format, text);
        let got = case.got(&server, format);
        let is_fit = match case.expected.starts_with("! ") {
            true => got.starts_with(&case.expected),
            false => got == case.expected,
        };
        if !is_fit {
            faults.push(format!(
                "{}:\n  expected {}\n  got      {got}",
                case.name, case.expected
            ));
        }
        survive(&server, &case, format);
        for what in case.got_of_wrong_states() {
            faults.push(format!("{}: goes on with {what}", case.name));
        }
        count += 1;
    }
    assert!(count >= at_least, "only {count} cases were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn programs_of_lambdamoo_go_on() {
    go_on("lambdamoo.txt", LAMBDAMOO, 40);
}

#[test]
fn programs_of_toaststunt_go_on() {
    go_on("toaststunt.txt", TOASTSTUNT, 11);
}

/// Words of cases that those servers could not have, or that are about how much a call may take: arguments that go as a list
/// are bounded as lists are.
const OTHERWISE: [&str; 2] = ["FLYWEIGHT", "max_string_concat"];

/// Each case of the language, behind a `suspend(0);` from which it goes on.
#[test]
fn what_goes_on_does_what_it_would_have_done() {
    let (mut all, mut count, mut resumed_count) = (Vec::new(), 0, 0);
    for (name, text) in cases::files() {
        all.extend(cases::faults_of(
            &name,
            &text,
            &mut count,
            &mut |server, who, source| {
                if OTHERWISE.iter().any(|word| source.contains(word)) {
                    return server.run(who, source);
                }
                let mut activation =
                    activation(server, TOASTSTUNT, who, &format!("suspend(0); {source}"));
                // The integer 0, a list of it, the call.
                activation.offset = 4;
                activation.call_offset = 2;
                name_variables(&mut activation);
                match made(&task(vec![activation]), TOASTSTUNT) {
                    Ok(machine) => {
                        resumed_count += 1;
                        resumed(server, machine, Value::ZERO)
                    }
                    // A case of what those servers have not got.
                    Err(_) => server.run(who, source),
                }
            },
        ));
    }
    assert!(resumed_count > 300, "only {resumed_count} of {count} go on");
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// Gives the activation every word of its program for a variable that it has not got.
fn name_variables(activation: &mut ImportedActivation) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let call = &mut activation.call;
    for word in call.source.split(|c| !is_part(c)) {
        let mut known = call.variables.iter();
        if !word.is_empty() && !known.any(|(name, _)| name.as_str().eq_ignore_ascii_case(word)) {
            call.variables.push((Str::new(word), Value::None));
        }
    }
}

/// Programs with many literals: beyond 256 of them a literal takes two bytes, and beyond 256 bytes a jump does.
#[test]
fn operands_are_as_wide_as_the_largest_of_their_kind() {
    let server = Server::new();
    let program = |literals: usize, loops: bool| {
        let mut source = String::new();
        if loops {
            source.push_str("while (0)\nendwhile\n");
        }
        for number in 0..literals {
            source.push_str(&format!("x = \"s{number}\";\n"));
        }
        source.push_str("suspend(0);\nreturn x;\n");
        source
    };
    // A literal, put, pop; in the end 0, list and call; a loop is 0, WHILE label, JUMP label.
    for (literals, loops, end) in [
        (256, false, 256 * 4 + 4),
        (257, false, 257 * 5 + 4),
        (10, true, 5 + 10 * 4 + 4),
        (300, true, 7 + 300 * 5 + 4),
    ] {
        let source = program(literals, loops);
        let mut activation = activation(&server, LAMBDAMOO, Who::Programmer, &source);
        (activation.offset, activation.call_offset) = (end, end - 2);
        let x = (Str::new("x"), Value::Int(7));
        activation.call.variables.push(x);
        let machine = made(&task(vec![activation]), LAMBDAMOO);
        let machine = machine.unwrap_or_else(|error| panic!("{literals} {loops}: {error}"));
        assert_eq!(resumed(&server, machine, Value::ZERO).shown(), "7");
    }
}

/// A verb that `#6` inherits stands in `suspend()`, called by `pass()`, called by code that `eval()` runs for another verb.
#[test]
fn a_stack_of_calls_goes_on() {
    let server = Server::new();
    let who = Who::Programmer;
    let of = |source: &str, offset: u64, call: u64| ImportedActivation {
        offset,
        call_offset: call,
        ..activation(&server, LAMBDAMOO, who, source)
    };
    let eval = |step| ImportedBuiltin {
        name: Str::new("eval"),
        step,
        notes: Vec::new(),
    };
    let stack = |step| {
        vec![
            // "..." IMM 2, list 3, call 5
            of("return {\"first\", eval(\"return #6:up();\")};", 9, 7),
            // #6 IMM 2, "up" IMM 4, empty list 5, CALL_VERB 6
            ImportedActivation {
                via: Some(eval(step)),
                ..of("return #6:up();", 6, 5)
            },
            // "second" IMM 2, list 3; empty list 4, call 6
            ImportedActivation {
                stack: vec![StackValue::Value(value(
                    &server,
                    who,
                    "return {\"second\"};",
                ))],
                ..of("return {\"second\", pass()};", 6, 4)
            },
            // "third" IMM 2, list 3; 0 4, list 5, call 7
            ImportedActivation {
                stack: vec![StackValue::Value(value(
                    &server,
                    who,
                    "return {\"third\"};",
                ))],
                ..of("return {\"third\", suspend(0)};", 7, 5)
            },
        ]
    };
    let mut activations = stack(2);
    // "first" IMM 2, list 3; "..." IMM 5, list 6, call 8
    activations[0].offset = 8;
    activations[0].call_offset = 6;
    activations[0].stack = vec![StackValue::Value(value(
        &server,
        who,
        "return {\"first\"};",
    ))];
    let machine = made(&task(activations.clone()), LAMBDAMOO).expect("it goes on");
    let got = resumed(&server, machine, Value::from("!")).shown();
    assert_eq!(got, "{\"first\", {1, {\"second\", {\"third\", \"!\"}}}}");
    activations[1].via = Some(eval(3));
    let refused = made(&task(activations.clone()), LAMBDAMOO).expect_err("eval() has no such step");
    assert!(
        matches!(refused.reason, StopReason::Builtin { .. }),
        "{refused}"
    );
    activations[1].via = None;
    let refused = made(&task(activations), LAMBDAMOO).expect_err("code calls no builtin");
    assert!(
        matches!(refused.reason, StopReason::Callee { line: 1 }),
        "{refused}"
    );
}

/// A builtin function whose verb stands in `suspend()`.
struct Within {
    source: &'static str,
    places: (u64, u64),
    /// The function that called the verb, its step and what it noted.
    via: (&'static str, u64, &'static [&'static str]),
    /// The verb and the object on which it was called.
    verb: (&'static str, i64),
    expected: &'static str,
}

/// In this order, in one world that has `#6` and `#7`. Literals take two bytes, lists one for each element, calls two.
const WITHIN: [Within; 6] = [
    Within {
        source: "return {move(#6, #7), #6.location}[2];",
        places: (8, 6),
        via: ("move", 2, &["bf_move data: what = 6, where = 7"]),
        verb: ("accept", 7),
        expected: "#7",
    },
    Within {
        source: "return {move(#6, #-1), #6.location}[2];",
        places: (8, 6),
        via: ("move", 3, &["bf_move data: what = 6, where = -1"]),
        verb: ("exitfunc", 7),
        expected: "#7",
    },
    Within {
        source: "return {call_function(\"move\", #6, #-1), #6.location}[2];",
        places: (11, 9),
        via: (
            "call_function",
            3,
            &[
                "bf_call_function data: fname = move",
                "bf_move data: what = 6, where = -1, position = 0",
            ],
        ),
        verb: ("exitfunc", 7),
        expected: "#7",
    },
    Within {
        source: "return create(#1);",
        places: (5, 3),
        via: ("create", 2, &["bf_create data: oid = 7"]),
        verb: ("initialize", 7),
        expected: "#7",
    },
    Within {
        source: "return create(#1);",
        places: (5, 3),
        via: ("create", 3, &["bf_create data: oid = 7"]),
        verb: ("initialize", 7),
        expected: "refused: #-1:: the function create() cannot go on behind its step 3",
    },
    Within {
        source: "return {recycle(#6), valid(#6)}[2];",
        places: (5, 3),
        via: ("recycle", 2, &["bf_recycle data: oid = 6, cont = 0"]),
        verb: ("recycle", 6),
        expected: "0",
    },
];

/// They do the rest when the verb returns.
#[test]
fn functions_that_call_verbs_go_on() {
    let server = Server::new();
    let who = Who::Wizard;
    let make = "a = create($root); b = create($root); return {a, b};";
    assert_eq!(value(&server, who, make).to_literal(), "{#6, #7}");
    for within in WITHIN {
        let (name, step, notes) = within.via;
        let via = ImportedBuiltin {
            name: Str::new(name),
            step,
            notes: notes.iter().map(|note| Str::new(note)).collect(),
        };
        let outer = ImportedActivation {
            offset: within.places.0,
            call_offset: within.places.1,
            ..activation(&server, LAMBDAMOO, who, within.source)
        };
        // 0 1, list 2, call 4
        let mut inner = ImportedActivation {
            offset: 4,
            call_offset: 2,
            via: Some(via),
            ..activation(&server, LAMBDAMOO, who, "suspend(0); return 1;")
        };
        inner.call.verb = Str::new(within.verb.0);
        inner.call.this = Value::Obj(ObjId(within.verb.1));
        let got = match made(&task(vec![outer, inner]), LAMBDAMOO) {
            Ok(machine) => resumed(&server, machine, Value::ZERO).shown(),
            Err(error) => format!("refused: {error}"),
        };
        assert_eq!(got, within.expected, "{}", within.source);
    }
}

/// What the log says of a task that cannot go on.
#[test]
fn the_line_of_what_cannot_go_on_is_named() {
    let server = Server::new();
    let source = "try\nplayer;\nsuspend(0);\nexcept (ANY)\nsuspend(1);\nendtry";
    let mut activation = activation(&server, LAMBDAMOO, Who::Programmer, source);
    activation.call.verb_names = Str::new("watch");
    let mut says = |offset: u64, call: u64, stack: &[StackValue]| {
        activation.offset = offset;
        activation.call_offset = call;
        activation.stack = stack.to_vec();
        let refused = made(&task(vec![activation.clone()]), LAMBDAMOO);
        refused.expect_err("it does not fit").to_string()
    };
    let value = |n| StackValue::Value(Value::Int(n));
    // 0 1, EXT PUSH_LABEL label 4, EXT TRY_EXCEPT count 7; player 8, pop 9; 0 10, list 11, call 13, pop 14; EXT END_EXCEPT label 17
    assert_eq!(
        says(15, 13, &[value(0), value(17), StackValue::Catch(1)]),
        "#-1:watch: no call of its program ends at offset 15 of the old server's code, near line 3"
    );
    assert_eq!(
        says(13, 11, &[value(0), value(18), StackValue::Catch(1)]),
        "#-1:watch: place 1 of the old server's stack does not fit its program in line 3"
    );
}

/// Each arm keeps its codes in a register while the body runs, so that far more are wanted here than there are.
#[test]
fn a_program_with_too_many_registers_is_refused() {
    let server = Server::new();
    let arms = "except (@{1 + 2})\n".repeat(250);
    let source = format!(
        "{}suspend(0);\n{}",
        "try\n".repeat(300),
        format!("{arms}endtry\n").repeat(300)
    );
    let activation = ImportedActivation {
        offset: 3,
        call_offset: 1,
        ..activation(&server, LAMBDAMOO, Who::Programmer, &source)
    };
    let refused = made(&task(vec![activation]), LAMBDAMOO).expect_err("it is too large");
    assert!(
        matches!(refused.reason, StopReason::Stop(StopError::TooLarge)),
        "{refused}"
    );
}
