//! The words of the table: complete, in one form, and the same in docs/BUILTINS.md.
//!
//! In: all rows of the table. Out: what is missing or wrong in them; with `MOOR_UPDATE_GOLDEN=1`
//! the document, written anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use moor_value::ErrorCode;

use crate::builtins::{ArgType, BuiltinSpec, all, families};

const HEAD: &str = "\
# Builtins

Every builtin function of this server. Programs of a world see the same with `function_help(NAME)`. `cargo test -p moor-runtime
reference` holds this page to the table beside the code; with `MOOR_UPDATE_GOLDEN=1` it writes the page anew.

A signature has the names of the arguments and the types that they take; a name without a type takes any value. What stands in brackets may be
left out, and a name that ends in `...` stands for any number of arguments. Besides the errors named, each raises `E_ARGS` for a wrong number of
arguments and `E_TYPE` for one of a wrong type. Where nothing is said of permission, everybody may call it; those of a builtin are the
permissions of the verb that calls it (`task_perms()`). The last line says which server had it first: LambdaMOO, ToastStunt, mooR, or moor, this one.
";

#[test]
fn every_row_is_described_in_one_form() {
    let faults: Vec<String> = all()
        .filter_map(|spec| Some(format!("{}: {}", spec.name, fault(spec)?)))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What is wrong with the words of a row.
fn fault(spec: &BuiltinSpec) -> Option<String> {
    let words = &spec.reference;
    if words.returns.is_empty() || !words.text.ends_with('.') {
        return Some("`.doc(args, returns, text)` is missing, or the text has no end".into());
    }
    let names: Vec<&str> = words.args.split_ascii_whitespace().collect();
    let many = names.last().is_some_and(|name| name.ends_with("..."));
    let count = spec.args_max.map(usize::from);
    if many != count.is_none() || count.is_some_and(|count| count != names.len()) {
        return Some(format!(
            "{} names for {count:?} arguments (any number ends in `...`)",
            names.len()
        ));
    }
    let mut typed = names.iter().zip(spec.types);
    let twice = typed.find(|(name, of)| name.contains(':') && **of != ArgType::Any);
    if let Some((name, of)) = twice {
        return Some(format!("{name} is {of:?} already"));
    }
    let clauses = words.raises.split("; ").filter(|clause| !clause.is_empty());
    let codes: Vec<&str> = spec.errors().map(|(code, _)| code).collect();
    if codes.len() != clauses.count() {
        return Some(format!("no `CODE if ...; CODE if ...`: {}", words.raises));
    }
    let unknown = codes
        .iter()
        .find(|code| ErrorCode::from_name(code).is_none());
    unknown.map(|code| format!("{code} is no error"))
}

#[test]
fn the_page_of_the_reference_is_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/BUILTINS.md");
    let page = page();
    if std::env::var_os("MOOR_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, page).expect("docs/BUILTINS.md");
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/BUILTINS.md is not what the table says; run this with MOOR_UPDATE_GOLDEN=1"
    );
}

fn page() -> String {
    let mut chapters: BTreeMap<&str, Vec<&BuiltinSpec>> = BTreeMap::new();
    for (heading, specs) in families() {
        chapters.entry(heading).or_default().extend(*specs);
    }
    let mut page = HEAD.to_owned();
    for (heading, specs) in &mut chapters {
        specs.sort_by_key(|spec| spec.name);
        write!(page, "\n## {heading}\n").expect("text");
        for spec in specs {
            page += &entry(spec);
        }
    }
    page
}

fn entry(spec: &BuiltinSpec) -> String {
    let words = &spec.reference;
    let mut text = format!(
        "\n### {}\n`{}`\n\n{}\n",
        spec.name,
        spec.signature(),
        words.text
    );
    let mut facts = Vec::new();
    for (code, cause) in spec.errors() {
        facts.push(format!("`{code}` {cause}"));
    }
    if !words.permission.is_empty() {
        facts.push(format!("Permission: {}", words.permission));
    }
    facts.push(format!("From {}", spec.origin.name()));
    text.push('\n');
    for fact in facts {
        writeln!(text, "- {fact}").expect("text");
    }
    text
}
