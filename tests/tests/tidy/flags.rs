//! The tables of flags in docs/OPERATING.md, held to what the programs' `--help` says.
//!
//! In: the help of each program. Out: the tables, compared with those between the marks in the document;
//! MOOR_UPDATE_GOLDEN=1 writes them there. What a flag does is not known here.

use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use crate::sources::root;

const DOCUMENT: &str = "docs/OPERATING.md";
/// The programs with flags, by the first word of the multi-call binary.
const PROGRAMS: [&str; 5] = ["up", "daemon", "telnet-host", "web-host", "curl-worker"];
/// The heading in every help above the flags that all programs have.
const SHARED: &str = "Every program:";
/// The flag that a configuration file cannot have: it names the file.
const WITHOUT_KEY: &str = "config";

/// One flag, or the positional argument, as a program's help tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Flag {
    /// As typed: `--rpc-listen <ADDRESS>`.
    usage: String,
    shared: bool,
    variable: String,
    default: String,
    meaning: String,
}

#[test]
fn the_tables_of_flags_are_what_help_says() {
    let path: PathBuf = root().join(DOCUMENT);
    let document = std::fs::read_to_string(&path).expect(DOCUMENT);
    let mut wanted = document.clone();
    for program in PROGRAMS {
        let own = flags(program).into_iter().filter(|flag| !flag.shared);
        wanted = with_table(&wanted, program, &own.collect::<Vec<_>>());
    }
    let shared: Vec<Flag> = flags("daemon")
        .into_iter()
        .filter(|flag| flag.shared)
        .collect();
    wanted = with_table(&wanted, "every program", &shared);
    if std::env::var_os("MOOR_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &wanted).expect(DOCUMENT);
    } else {
        assert!(
            document == wanted,
            "{DOCUMENT} differs from --help; run this with MOOR_UPDATE_GOLDEN=1"
        );
    }
}

#[test]
fn every_program_has_the_shared_flags() {
    let shared = |program| {
        let flags = flags(program).into_iter().filter(|flag| flag.shared);
        flags.map(|flag| flag.usage).collect::<Vec<_>>()
    };
    for program in PROGRAMS {
        assert!(
            shared(program).contains(&"--log-level <FILTER>".to_owned()),
            "{program}"
        );
        assert_eq!(shared(program), shared("daemon"), "{program}");
    }
}

/// The document with the table between the marks of `name` replaced.
fn with_table(document: &str, name: &str, flags: &[Flag]) -> String {
    let (begin, end) = (
        format!("<!-- flags of {name} -->\n"),
        "<!-- end of flags -->",
    );
    let (before, rest) = document
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{DOCUMENT} has no place for the flags of {name}: {begin}"));
    let (_, after) = rest.split_once(end).expect("the end of the table");
    let rows: String = flags.iter().map(row).collect();
    format!(
        "{before}{begin}| flag | variable | key | default | meaning |\n|---|---|---|---|---|\n{rows}{end}{after}"
    )
}

fn row(flag: &Flag) -> String {
    let key = flag
        .variable
        .trim_start_matches("MOOR_")
        .to_lowercase()
        .replace('_', "-");
    let key = if key == WITHOUT_KEY {
        String::new()
    } else {
        format!("`{key}`")
    };
    let default = if flag.default.is_empty() {
        String::new()
    } else {
        format!("`{}`", flag.default)
    };
    let Flag {
        usage,
        variable,
        meaning,
        ..
    } = flag;
    format!("| `{usage}` | `{variable}` | {key} | {default} | {meaning} |\n")
}

/// What `moor PROGRAM --help` tells of flags that have a variable: all but `--help` and `--version`.
fn flags(program: &str) -> Vec<Flag> {
    let moor = Path::new(env!("CARGO_BIN_EXE_moor-under-test"));
    let output = Command::new(moor)
        .args([program, "--help"])
        .output()
        .expect("the program runs");
    let help = String::from_utf8(output.stdout).expect("text");
    let flags = parse(&help);
    assert!(
        !flags.is_empty(),
        "{program} --help tells its flags:\n{help}"
    );
    flags
}

fn parse(help: &str) -> Vec<Flag> {
    let head =
        Regex::new(r"^ +(?:-\w, )?(--[a-z-]+\S*(?: <[A-Z]+>)?|\[[A-Z]+\])$").expect("a pattern");
    let mut found: Vec<(String, bool, String)> = Vec::new();
    let mut shared = false;
    let mut open = false;
    for line in help.lines() {
        if let Some(usage) = head.captures(line) {
            found.push((usage[1].to_owned(), shared, String::new()));
            open = true;
        } else if line.starts_with(|first: char| !first.is_whitespace()) {
            shared = line == SHARED;
            open = false;
        } else if let (true, Some((_, _, text))) = (open, found.last_mut()) {
            text.push_str(line.trim());
            text.push(' ');
        }
    }
    found
        .into_iter()
        .filter_map(|(usage, shared, text)| flag(usage, shared, &text))
        .collect()
}

fn flag(usage: String, shared: bool, text: &str) -> Option<Flag> {
    let mut meaning = text.to_owned();
    let mut take = |name: &str| {
        let pattern = Regex::new(&format!(r"\[{name}: ([^\]]*)\]")).expect("a pattern");
        let value = pattern.captures(&meaning).map(|found| found[1].to_owned());
        meaning = pattern.replace(&meaning, "").into_owned();
        value
    };
    let variable = take("env")?;
    let default = take("default").unwrap_or_default();
    let words: Vec<&str> = meaning.split_whitespace().collect();
    let meaning = words.join(" ").replace(" Possible values: -", ":");
    Some(Flag {
        usage,
        shared,
        variable,
        default,
        meaning,
    })
}

#[test]
fn help_is_understood() {
    let help = "Does it\n\nUsage: x\n\nArguments:\n  [DIR]\n          Where [env: MOOR_DIR]\n          \n          [default: d]\n\n\
                Options:\n      --on[=<BOOL>]\n          Whether it\n          is on [env:\n          MOOR_ON]\n\n  -h, --help\n          Print help\n\n\
                Every program:\n      --config <FILE>\n          A file [env: MOOR_CONFIG]\n";
    let rows: String = parse(help).iter().map(row).collect();
    assert_eq!(
        rows,
        "| `[DIR]` | `MOOR_DIR` | `dir` | `d` | Where |\n\
         | `--on[=<BOOL>]` | `MOOR_ON` | `on` |  | Whether it is on |\n\
         | `--config <FILE>` | `MOOR_CONFIG` |  |  | A file |\n"
    );
    assert_eq!(
        parse(help)
            .iter()
            .map(|flag| flag.shared)
            .collect::<Vec<_>>(),
        [false, false, true]
    );
}
