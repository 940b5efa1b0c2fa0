//! Tasks that had begun on another server go on from its textdump: LambdaMOO's, and ToastStunt's.
//!
//! In: the small world for cases, with tasks written as those servers write them. Out: the tasks go on where they stood, also
//! after the daemon was killed; one that cannot go on is named and left out, and the others do not notice.

use std::fs;
use std::path::{Path, PathBuf};

use moor_tests::{Database, Program, Server, Session};
use tempfile::TempDir;

const MOOR: &str = env!("CARGO_BIN_EXE_moor-under-test");

/// The user who logs in first is the next object of the world.
const USER: &str = "#4";

/// The variables that LambdaMOO gives every program, each with its value in a textdump.
const VARIABLES: [(&str, &str); 18] = [
    ("NUM", "0\n0"),
    ("OBJ", "0\n1"),
    ("STR", "0\n2"),
    ("LIST", "0\n4"),
    ("ERR", "0\n3"),
    ("player", "1\n4"),
    ("this", "1\n0"),
    ("caller", "1\n4"),
    ("verb", "2\nwatch"),
    ("args", "4\n1\n2\nouter"),
    ("argstr", "2\n"),
    ("dobj", "1\n-1"),
    ("dobjstr", "2\n"),
    ("prepstr", "2\n"),
    ("iobj", "1\n-1"),
    ("iobjstr", "2\n"),
    ("INT", "0\n0"),
    ("FLOAT", "0\n9"),
];

/// What ToastStunt gives every program besides.
const NEWER_VARIABLES: [(&str, &str); 6] = [
    ("MAP", "0\n10"),
    ("ANON", "0\n12"),
    ("WAIF", "0\n13"),
    ("BOOL", "0\n14"),
    ("true", "14\n1"),
    ("false", "14\n0"),
];

/// An activation of `#0:watch`, which `#3` wrote.
struct Activation {
    source: &'static str,
    /// Variables of its own, with their values as a textdump has them; 6 is none.
    variables: &'static [(&'static str, &'static str)],
    stack: &'static [&'static str],
    /// Offset of the next instruction and of the call.
    places: (u32, u32),
}

/// Waits in a loop until it is told to end; then the verb that called it goes on.
const CHAIN: [Activation; 2] = [
    // this 1, "watch" IMM 3, "outer" IMM 5, list 6, CALL_VERB 7
    Activation {
        source: "r = this:watch(\"outer\");\nnotify(player, \"outer got \" + strsub(r, \"_\", \" \"));",
        variables: &[("r", "6")],
        stack: &[],
        places: (7, 6),
    },
    // 1 1, WHILE label 3; empty list 4, call 6
    Activation {
        source: "while (1)\nword = suspend();\nnotify(player, \"inner got \" + word);\n\
                 if (word == \"end\")\nreturn args[1];\nendif\nendwhile",
        variables: &[("word", "6")],
        stack: &[],
        places: (6, 4),
    },
];

/// Stands in the second turn of a loop over a list, in a `try` that takes errors. A loop over a list is longer on ToastStunt.
const fn guarded(places: (u32, u32), stack: &'static [&'static str]) -> [Activation; 1] {
    [Activation {
        source: "for x in ({\"one\", \"two\", \"three\"})\ntry\n\
                 notify(player, \"loop got \" + suspend() + \" for \" + x);\n\
                 except e (ANY)\nnotify(player, \"loop failed with \" + e[2]);\nendtry\nendfor",
        variables: &[("x", "2\ntwo"), ("e", "6")],
        stack,
        places,
    }]
}

/// A textdump's value: a list of strings.
const LIST: &str = "4\n3\n2\none\n2\ntwo\n2\nthree";
/// A textdump's value: the object of the user in a list, behind which comes a half of a text.
const USER_LIST: &str = "4\n1\n1\n4";

impl Activation {
    fn text(&self, format: u8) -> String {
        let mut text = format!("language version {format}\n{}\n.\n", self.source);
        let newer = NEWER_VARIABLES.iter().filter(|_| format > 4);
        let variables = VARIABLES.iter().chain(newer).chain(self.variables);
        text.push_str(&format!("{} variables\n", variables.clone().count()));
        for (name, value) in variables {
            text.push_str(&format!("{name}\n{value}\n"));
        }
        text.push_str(&format!("{} rt_stack slots in use\n", self.stack.len()));
        self.stack
            .iter()
            .for_each(|value| text.push_str(&format!("{value}\n")));
        text.push_str("0\n-111\n");
        if format > 4 {
            // this, the definer, the thread mode
            text.push_str("1\n0\n1\n0\n1\n");
        }
        let (next, call) = self.places;
        text.push_str(&format!(
            "0 -7 -8 4 -9 3 0 -10 1\nNo\nMore\nParse\nInfos\nwatch\nwatch\n6\n{next} 0 {call}\n"
        ));
        text
    }
}

/// A task that waits for ever; its machine.
fn suspended(id: u32, format: u8, activations: &[Activation]) -> String {
    format!("2147483647 {id} 0\n0\n{}", machine(format, activations))
}

fn machine(format: u8, activations: &[Activation]) -> String {
    let local = if format > 4 { "10\n0\n" } else { "" };
    let texts: String = activations.iter().map(|one| one.text(format)).collect();
    format!("{local}{} -1 0 50\n{texts}", activations.len() - 1)
}

/// The same file with tasks in it.
fn with_tasks(file: &Path, suspended: &[String], interrupted: &[String]) -> (TempDir, PathBuf) {
    let mut text = fs::read_to_string(file).expect("the textdump");
    for (none, tasks) in [
        ("suspended tasks\n", suspended),
        ("interrupted tasks\n", interrupted),
    ] {
        let some = format!("\n{} {none}{}", tasks.len(), tasks.concat());
        text = text.replacen(&format!("\n0 {none}"), &some, 1);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tasks.db");
    fs::write(&path, text).expect("the textdump");
    (folder, path)
}

/// The numbers of the tasks that wait.
fn waiting(wizard: &mut Session) -> String {
    wizard.value("ids = {}; for t in (queued_tasks()) ids = {@ids, t[1]}; endfor return sort(ids);")
}

fn resume(wizard: &mut Session, task: u32, value: &str, expected: &[&str]) {
    wizard.value(&format!("return resume({task}, {value});"));
    for line in expected {
        wizard.client().expect(line);
    }
}

/// The tasks 7 and 8 are those above.
fn both_go_on(server: &mut Server, wizard: &mut Session) {
    assert_eq!(wizard.value("return player;"), USER);
    assert_eq!(waiting(wizard), "{7, 8}");
    resume(wizard, 7, "\"first\"", &["inner got first"]);
    resume(wizard, 8, "\"second\"", &["loop got second for two"]);
    resume(wizard, 8, "E_QUOTA", &["loop failed with"]);
    server.daemon.kill();
    server.restart_daemon();
    wizard.client().expect("***");
    assert_eq!(waiting(wizard), "{7}");
    resume(wizard, 7, "\"end\"", &["inner got end", "outer got outer"]);
    assert_eq!(waiting(wizard), "{}");
}

#[test]
fn tasks_of_lambdamoo_go_on_and_the_others_do_not_notice_one_that_cannot() {
    // "one" IMM 2, list 3, "two" IMM 5, add 6, "three" IMM 8, add 9; 1 10; head 10: FOR_LIST variable label 13
    // ANY 14, EXT PUSH_LABEL label 17, EXT TRY_EXCEPT count 20; player 21, list 22, "loop got " IMM 24; empty list 25, call 27
    // + 28, " for " IMM 30, + 31, x 32, + 33, add 34, notify 36, pop 37; EXT END_EXCEPT label 40
    let looping = guarded(
        (27, 25),
        &[
            LIST,
            "0\n3",
            "0\n0",
            "0\n40",
            "7\n1",
            USER_LIST,
            "2\nloop got ",
        ],
    );
    // In the middle of an instruction.
    let lost = guarded((26, 25), looping[0].stack);
    let Database::Textdump(cases) = Database::cases() else {
        unreachable!("the world of the cases is a textdump");
    };
    let tasks = [
        suspended(7, 4, &CHAIN),
        suspended(9, 4, &lost),
        suspended(8, 4, &looping),
        suspended(7, 4, &looping),
    ];
    let (_folder, file) = with_tasks(&cases, &tasks, &[]);
    let mut server = Server::start(Path::new(MOOR), &Database::Textdump(file));
    let mut wizard = server.log_in("wizard");
    both_go_on(&mut server, &mut wizard);
}

#[test]
fn tasks_of_toaststunt_go_on_and_those_that_were_interrupted_hear_of_it() {
    let newer = newer_world();
    // As above, but the loop begins with IMM 11 and EXT FOR_LIST_1 variable label 15: everything is two bytes later.
    let looping = guarded(
        (29, 27),
        &[
            LIST,
            "0\n3",
            "0\n0",
            "0\n42",
            "7\n1",
            USER_LIST,
            "2\nloop got ",
        ],
    );
    let tasks = [suspended(7, 17, &CHAIN), suspended(8, 17, &looping)];
    // player 1, "heard" IMM 3; 0 4, EXT PUSH_LABEL label 7, EXT CATCH 9; empty list 10, call 12; EXT END_CATCH label 15
    let reading = Activation {
        source: "#0.(\"heard\") = `read() ! ANY';",
        variables: &[],
        stack: &["1\n0", "2\nheard", "0\n0", "0\n16", "7\n1"],
        places: (13, 11),
    };
    let interrupted = [format!("9 reading\n{}", machine(17, &[reading]))];
    let (_folder, file) = with_tasks(&newer.1, &tasks, &interrupted);
    let mut server = Server::start(Path::new(MOOR), &Database::Textdump(file));
    let mut wizard = server.log_in("wizard");
    let heard =
        wizard.value("while (typeof(#0.heard) == INT) suspend(0); endwhile return #0.heard;");
    assert_eq!(heard, "E_INTRPT");
    both_go_on(&mut server, &mut wizard);
}

/// The world of the cases as ToastStunt writes it, with a property that a task sets.
fn newer_world() -> (TempDir, PathBuf) {
    let mut server = Server::start(Path::new(MOOR), &Database::cases());
    let wizard = &mut server.log_in("wizard");
    wizard.value("return add_property(#0, \"heard\", 0, {#3, \"r\"});");
    // Named as a function that a task calls.
    wizard.value("return add_property(#0, \"Strsub\", 0, {#3, \"r\"});");
    wizard.value("return add_property(#0, \"kept\", [1 -> 2], {#3, \"r\"});");
    // The next user is to have the same number.
    let leave = "; set_task_perms(#3); recycle(player); reset_max_object();";
    wizard.client().send(leave).expect("sent");
    wizard.client().until_closed().expect("no user any more");
    server.daemon.stop();
    let flags = [
        "world",
        "--export",
        "newer.db",
        "--export-format",
        "textdump",
    ];
    let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
    let done = Program::start(Path::new(MOOR), "daemon", &flags, server.folder()).end();
    assert_eq!(done.code, Some(0), "{:?}", done.lines);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("newer.db");
    fs::copy(server.folder().join("newer.db"), &path).expect("the export");
    let text = fs::read_to_string(&path).expect("the export");
    assert!(text.starts_with("** LambdaMOO Database, Format Version 17 **"));
    (folder, path)
}
