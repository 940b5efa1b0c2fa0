//! Worlds written and read again: the same world, and from then on the same bytes.

mod support;

use moor_compiler::names::Predefined;
use moor_dump::{ForkedTask, Format, Import, WriteError, Written};
use support::{data, import, normal, shared, try_read};

fn written(import: &Import, format: Option<Format>) -> Result<(Vec<u8>, Written), WriteError> {
    let Import {
        world,
        tasks,
        connections,
        ..
    } = import;
    support::written(world, &tasks.forked, connections, format)
}

fn read_again(name: &str, bytes: &[u8]) -> Import {
    let dump = try_read(name, bytes).unwrap_or_else(|error| panic!("{error}"));
    assert!(dump.repairs.is_empty(), "{name}: {:?}", dump.repairs);
    import(dump)
}

/// What a file keeps of forked tasks, which have no anonymous objects and waifs.
fn kept(tasks: &[ForkedTask]) -> Vec<String> {
    let predefined = |variable: &&moor_dump::Variable| {
        let name = Some(variable.name.as_str());
        !Predefined::ALL
            .iter()
            .any(|(_, known, _)| Some(*known) == name)
    };
    let one = |task: &ForkedTask| {
        let (id, start, line) = (task.id, task.start, task.first_line);
        let variables: Vec<_> = task.variables.iter().filter(predefined).collect();
        format!(
            "{id} {start} {line} {:?} {variables:?} {:?}",
            task.activation, task.source
        )
    };
    tasks.iter().map(one).collect()
}

/// Writes, reads and writes again; answers the first file.
fn goes_round(name: &str, first: &Import, format: Option<Format>) -> Vec<u8> {
    let (bytes, _) = written(first, format).unwrap_or_else(|error| panic!("{name}: {error}"));
    let second = read_again(name, &bytes);
    assert_eq!(normal(&first.world), normal(&second.world), "{name}");
    assert_eq!(first.connections, second.connections, "{name}");
    assert_eq!(
        kept(&first.tasks.forked).len(),
        kept(&second.tasks.forked).len()
    );
    if first.world.anons.is_empty() && first.world.waifs.is_empty() {
        assert_eq!(
            kept(&first.tasks.forked),
            kept(&second.tasks.forked),
            "{name}"
        );
    }
    let (again, _) = written(&second, format).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(bytes == again, "{name}: the second round differs");
    bytes
}

#[test]
fn the_small_dumps_in_both_formats() {
    for name in ["format-0.db", "format-1.db", "format-4.db"] {
        let first = import(data(name));
        let (_, written) = written(&first, None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(written.format, Format::LambdaMoo, "{name}");
        goes_round(name, &first, None);
        goes_round(name, &first, Some(Format::ToastStunt));
    }
    for name in ["format-7.db", "format-17.db"] {
        let first = import(data(name));
        let (_, written) = written(&first, None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(written.format, Format::ToastStunt, "{name}");
        goes_round(name, &first, None);
    }
}

/// A bit of an object's flags that has had no meaning since before LambdaMOO was published; it is not kept.
const OBSOLETE_FLAG: i64 = 8;

/// What is not as it was in a file that LambdaMOO has written.
fn differences(original: &[u8], written: &[u8]) -> Vec<(String, String)> {
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = std::str::from_utf8(bytes).expect("the file is UTF-8");
        text.lines().map(str::to_owned).collect()
    };
    let (original, written) = (lines(original), lines(written));
    assert_eq!(original.len(), written.len(), "as many lines");
    let pairs = original.into_iter().zip(written);
    let differ = pairs.filter(|(before, after)| before != after);
    let is_flag = |before: &str, after: &str| {
        let number = |text: &str| text.parse::<i64>().ok();
        let (before, after) = (number(before), number(after));
        before.is_some_and(|bits| bits & OBSOLETE_FLAG != 0)
            && before.map(|bits| bits & !OBSOLETE_FLAG) == after
    };
    differ
        .filter(|(before, after)| !is_flag(before, after))
        .collect()
}

/// Without the empty program of this verb, which was never programmed. There is one such verb.
fn without_empty_program(name: &str, written: &[u8], verb: &str) -> Vec<u8> {
    let text = std::str::from_utf8(written).expect("what is written is UTF-8");
    let program = format!("\n{verb}\n.\n");
    assert_eq!(text.matches(&program).count(), 1, "{name}");
    text.replace(&program, "\n").into_bytes()
}

#[test]
fn lambdacore_comes_out_as_it_was() {
    let name = "LambdaCore-latest.db";
    let Some(original) = shared(name) else {
        return;
    };
    let first = import(try_read(name, &original).unwrap_or_else(|error| panic!("{error}")));
    let out = goes_round(name, &first, None);
    let out = without_empty_program(name, &out, "#76:6");
    let count = ("1727".to_owned(), "1728".to_owned());
    assert_eq!(differences(&original, &out), [count]);
    goes_round(name, &first, Some(Format::ToastStunt));
}

#[test]
fn the_smallest_databases_go_round() {
    for name in ["Minimal.db", "Test.db"] {
        let Some(original) = shared(name) else {
            continue;
        };
        let first = import(try_read(name, &original).unwrap_or_else(|error| panic!("{error}")));
        goes_round(name, &first, None);
        goes_round(name, &first, Some(Format::ToastStunt));
    }
}

#[test]
fn a_waif_whose_class_is_gone_keeps_its_values() {
    let mut first = import(data("format-17.db"));
    assert_eq!(first.world.waifs[0].values.len(), 2);
    // There is no object of that number.
    first.world.waifs[0].class = moor_value::ObjId(3);
    let (bytes, _) = written(&first, None).expect("it has a place for all");
    let second = read_again("a waif without a class", &bytes);
    assert_eq!(second.world.waifs[0].values.len(), 2);
}
