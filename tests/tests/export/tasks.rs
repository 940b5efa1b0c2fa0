//! Tasks that have begun leave with their world, and go on in the one that comes in.

use std::fs;

use moor_tests::{Program, Server, Session};

use crate::stopped::unconnected;
use crate::{MOOR, daemon, import, server};

/// Programs of `#0`, each a verb and its lines.
const VERBS: [(&str, &[&str]); 6] = [
    ("notes", &["#0.log = {@#0.log, args[1]};"]),
    (
        "counts",
        &[
            "for name in ({\"one\", \"two\", \"three\"})",
            "try",
            "try",
            "this:notes({name, \"got \" + this:waits(name, {2, 3}[1])});",
            "except e (E_QUOTA)",
            "this:notes({name, e[2]});",
            "endtry",
            "finally",
            "suspend(0);",
            "this:notes(name + \" over\");",
            "endtry",
            "endfor",
        ],
    ),
    (
        "waits",
        &[
            "{who, many} = args;",
            "return who + tostr(many + suspend());",
        ],
    ),
    (
        "forks",
        &[
            "words = args[1];",
            "fork task (0)",
            "while (length(words) > 0)",
            "this:notes(words[1] + tostr(suspend()));",
            "words[1..1] = {};",
            "endwhile",
            "endfork",
            "return task;",
        ],
    ),
    (
        "evaluates",
        &["return this:notes(eval(\"return {suspend(), 5};\"));"],
    ),
    ("reads", &["this:notes(`read() ! ANY');"]),
];

/// A list of strings, as a program has it.
fn strings(lines: &[&str]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("{line:?}")).collect();
    format!("{{{}}}", lines.join(", "))
}

fn furnish(wizard: &mut Session) {
    wizard.value("return add_property(#0, \"log\", {}, {#3, \"rw\"});");
    for (name, lines) in VERBS {
        wizard.value(&format!(
            "return add_verb(#0, {{#3, \"xd\", {name:?}}}, {{\"this\", \"none\", \"this\"}});"
        ));
        let code = strings(lines);
        let compiled = wizard.value(&format!("return set_verb_code(#0, {name:?}, {code});"));
        assert_eq!(compiled, "{}", "{name}");
    }
}

/// Begins the tasks; answers their numbers.
fn begin(wizard: &mut Session) -> Vec<String> {
    let starts = [
        "fork t (0) #0:counts(); endfork suspend(0); suspend(0); return t;",
        "t = #0:forks({\"a\", \"b\"}); suspend(0); suspend(0); return t;",
        "fork t (0) #0:evaluates(); endfork suspend(0); suspend(0); return t;",
    ];
    let tasks = starts.iter().map(|start| wizard.value(start)).collect();
    let waiting = "while (length(queued_tasks()) < 3) suspend(0); endwhile return 1;";
    wizard.value(waiting);
    tasks
}

fn resume(wizard: &mut Session, task: &str, value: &str) {
    wizard.value(&format!(
        "resume({task}, {value}); suspend(0); suspend(0); suspend(0); return 1;"
    ));
}

fn log(wizard: &mut Session, at_least: usize) -> String {
    wizard.value(&format!(
        "n = 0; while (length(#0.log) < {at_least} && (n = n + 1) < 2000) suspend(0); endwhile return #0.log;"
    ))
}

/// The tasks go on from where they stood, in whatever server of the same world.
fn go_on(wizard: &mut Session, tasks: &[String]) {
    let [counts, forks, evaluates] = tasks else {
        panic!("three tasks: {tasks:?}");
    };
    let waiting = "l = {}; for t in (queued_tasks()) l = {@l, t[1]}; endfor return sort(l);";
    let mut numbers: Vec<&str> = tasks.iter().map(String::as_str).collect();
    numbers.sort_by_key(|number| number.parse::<i64>().expect("a number"));
    assert_eq!(wizard.value(waiting), format!("{{{}}}", numbers.join(", ")));
    resume(wizard, counts, "10");
    assert_eq!(log(wizard, 2), "{{\"one\", \"got one12\"}, \"one over\"}");
    resume(wizard, counts, "E_QUOTA");
    log(wizard, 4);
    resume(wizard, forks, "1");
    let known = "{{\"one\", \"got one12\"}, \"one over\", {\"two\", \"Resource limit exceeded\"}, \"two over\", \"a1\"}";
    assert_eq!(log(wizard, 5), known);
    resume(wizard, evaluates, "\"x\"");
    log(wizard, 6);
    resume(wizard, forks, "2");
    let log = log(wizard, 7);
    assert!(log.ends_with(", {1, {\"x\", 5}}, \"b2\"}"), "{log}");
    assert_eq!(wizard.value(waiting), format!("{{{counts}}}"));
    wizard.value(&format!("return kill_task({counts});"));
}

/// Exports a world that nobody serves.
fn export(server: &Server, file: &str, format: &str) -> Vec<String> {
    let done = daemon(
        server,
        &["world", "--export", file, "--export-format", format],
    );
    assert_eq!(done.code, Some(0), "{:?}", done.lines);
    done.lines
}

#[test]
fn tasks_that_have_begun_go_on_behind_every_format() {
    let mut first = server(&[]);
    let mut wizard = first.log_in("wizard");
    furnish(&mut wizard);
    let tasks = begin(&mut wizard);
    first.daemon.stop();
    // The world and its tasks have nothing that LambdaMOO has not got.
    export(&first, "chosen.db", "textdump");
    let text = fs::read_to_string(first.folder().join("chosen.db")).expect("the export");
    assert!(text.starts_with("** LambdaMOO Database, Format Version 4 **"));
    for format in ["lambdamoo", "toaststunt"] {
        let file = format!("{format}.db");
        let told = export(&first, &file, format);
        let left_out: Vec<_> = told
            .iter()
            .filter(|line| line.contains("not exported"))
            .collect();
        assert!(left_out.is_empty(), "{left_out:?}");
        // What comes in is what went out, and tasks that went on are told once more.
        let mut second = import(first.folder().join(&file));
        second.daemon.stop();
        export(&second, "again.db", format);
        let read = |server: &Server, file: &str| {
            let text = fs::read_to_string(server.folder().join(file)).expect("the export");
            unconnected(&text)
        };
        assert_eq!(read(&first, &file), read(&second, "again.db"), "{format}");
        second.restart_daemon();
        let mut wizard = second.log_in("wizard");
        let tasks = tasks.clone();
        second.daemon.kill();
        second.restart_daemon();
        wizard.client().expect("***");
        go_on(&mut wizard, &tasks);
    }
    first.restart_daemon();
    go_on(&mut first.log_in("wizard"), &tasks);
}

#[test]
fn a_task_that_waits_for_a_line_hears_that_nobody_is_there() {
    let mut first = server(&[]);
    let mut wizard = first.log_in("wizard");
    furnish(&mut wizard);
    wizard.client().send("; #0:reads();").expect("sent");
    let mut other = first.log_in("wizard");
    other.value("while (!queued_tasks()) suspend(0); endwhile return 1;");
    first.daemon.stop();
    for (format, error) in [("lambdamoo", "E_INVARG"), ("toaststunt", "E_INTRPT")] {
        let file = format!("{format}.db");
        export(&first, &file, format);
        let second = import(first.folder().join(&file));
        let mut wizard = second.log_in("wizard");
        assert_eq!(log(&mut wizard, 1), format!("{{{error}}}"));
    }
}

#[test]
fn a_task_that_no_other_server_can_have_is_named_and_left_out() {
    let mut first = server(&[]);
    let mut wizard = first.log_in("wizard");
    furnish(&mut wizard);
    wizard.value("fork (0) let x = suspend(); endfork suspend(0); suspend(0); return 1;");
    wizard.value("fork (0) x = {'word, suspend()}; endfork suspend(0); suspend(0); return 1;");
    wizard.value("fork (0) x = encode_base64(\"a\"); y = [1 -> suspend()]; endfork suspend(0); suspend(0); return 1;");
    wizard.value("while (length(queued_tasks()) < 3) suspend(0); endwhile return 1;");
    first.daemon.stop();
    let count = |format: &str| {
        let told = export(&first, &format!("{format}.db"), format);
        let left_out = told
            .iter()
            .filter(|line| line.contains("a task is not exported"));
        left_out.count()
    };
    assert_eq!(count("lambdamoo"), 3);
    assert_eq!(count("toaststunt"), 2);
    // The format that has a place for more is chosen.
    assert_eq!(count("textdump"), 2);
    let text = fs::read_to_string(first.folder().join("textdump.db")).expect("the export");
    assert!(text.starts_with("** LambdaMOO Database, Format Version 17 **"));
}

#[test]
fn a_file_is_turned_into_one_of_the_other_format_with_its_tasks() {
    let mut first = server(&[]);
    let mut wizard = first.log_in("wizard");
    furnish(&mut wizard);
    let tasks = begin(&mut wizard);
    first.daemon.stop();
    export(&first, "one.db", "lambdamoo");
    let flags = [
        "new",
        "--import",
        "one.db",
        "--export",
        "two.db",
        "--export-format",
        "toaststunt",
    ];
    let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
    let done = Program::start(std::path::Path::new(MOOR), "daemon", &flags, first.folder()).end();
    assert_eq!(done.code, Some(0), "{:?}", done.lines);
    // Whoever takes the world over tells it that they have left.
    let connected = |file: &str| {
        let text = fs::read_to_string(first.folder().join(file)).expect("the export");
        let connections = text.split_once(" active connections with listeners\n");
        let (before, list) = connections.expect("connections");
        let count: usize = before
            .rsplit('\n')
            .next()
            .expect("a line")
            .parse()
            .expect("a count");
        list.lines()
            .take(count)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(connected("one.db").len(), 1);
    assert_eq!(connected("one.db"), connected("two.db"));
    let second = import(first.folder().join("two.db"));
    go_on(&mut second.log_in("wizard"), &tasks);
}
