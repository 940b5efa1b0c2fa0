//! Errors of programs' text as maps, and those maps as lines for people.
//!
//! In: what the compiler found, or a map of it. Out: the other form. What the errors are is the compiler's knowledge.

use moor_compiler::{CompileError, CompileErrors};
use moor_value::{ErrorCode, List, Map, Str, Value};

use super::code::text;
use crate::builtins::arg::Args;
use crate::builtins::env::{Env, Reply, named_map, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};
use crate::program;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("compile_errors", 1..=1, [List], Own, compile_errors)
        .doc(
            "code",
            "MAP",
            "What is wrong with the lines of a program: `type`, `message`, `line`, `column` of the first error, the line of the program in \
             `source` with a caret for it in `mark`, perhaps a `hint`; and in `errors` a map of this kind for each. `[]` if nothing is.",
        )
        .raises("E_PERM unless a programmer calls; E_TYPE if a line is no string")
        .permission("programmers"),
    world!("format_compile_error", 1..=3, [Map, Int, Int], MooR, format_compile_error)
        .doc(
            "errors verbosity mode",
            "LIST of STR",
            "What a map of `compile_errors()` says, for people. `verbosity` is 0 for a line an error; 1 for the line of the program too, \
             with a mark under the place, if `mode` is above 0; 2 (if none is given) for these in any mode, and what may have been meant. \
             `mode` is 0 for plain text, 1 for a mark that is none of ASCII, 2 for colours of terminals too.",
        )
        .raises("E_INVARG if it is no such map, or a number is another; E_TYPE if an entry is of another type"),
];

/// How much is told of an error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verbosity {
    /// One line.
    Summary,
    /// The line of the program too, where it can be drawn.
    Context,
    /// That, and what may have been meant.
    Detailed,
}

/// What lines may be made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawing {
    Plain,
    Graphic,
    Coloured,
}

/// How errors are told.
#[derive(Clone, Copy)]
struct Telling {
    verbosity: Verbosity,
    drawing: Drawing,
}

impl Telling {
    /// As two arguments say, from `index` on: verbosity and mode.
    fn read(args: &[Value], index: usize) -> Result<Self, Raise> {
        let number = |index, usual| args.given(index).map_or(Ok(usual), |_| args.int(index));
        let verbosity = match number(index, 2)? {
            0 => Verbosity::Summary,
            1 => Verbosity::Context,
            2 => Verbosity::Detailed,
            _ => return Err(ErrorCode::InvArg.into()),
        };
        let drawing = match number(index + 1, 0)? {
            0 => Drawing::Plain,
            1 => Drawing::Graphic,
            2 => Drawing::Coloured,
            _ => return Err(ErrorCode::InvArg.into()),
        };
        Ok(Self { verbosity, drawing })
    }

    fn lines(self, map: &Map) -> Result<List, Raise> {
        let errors = read(map, "errors", Value::as_list)?;
        let mut lines = List::new();
        for error in errors.iter() {
            let error = error.as_map().ok_or(ErrorCode::Type)?;
            self.lines_of(error, &mut lines)?;
        }
        Ok(lines)
    }

    /// The lines of one error.
    fn lines_of(self, error: &Map, lines: &mut List) -> Result<(), Raise> {
        let number = |name| read(error, name, Value::as_int);
        let text = |name| read(error, name, Value::as_str).map(Str::as_str);
        let (line, column, message) = (number("line")?, number("column")?, text("message")?);
        let (red, end) = self.colours();
        let place = format!("at line {line}, column {column}");
        lines.push(format!("{red}Parse error {place}: {message}{end}").into());
        let is_drawn = self.drawing != Drawing::Plain || self.verbosity >= Verbosity::Detailed;
        if self.verbosity >= Verbosity::Context && is_drawn {
            lines.push(text("source")?.into());
            let mark = match self.drawing {
                Drawing::Plain => text("mark")?.to_owned(),
                _ => text("mark")?.replace('^', "▲"),
            };
            lines.push(format!("{red}{mark}{end}").into());
        }
        if self.verbosity >= Verbosity::Detailed && entry(error, "hint").is_some() {
            lines.push(text("hint")?.into());
        }
        Ok(())
    }

    /// What switches a terminal to red and back.
    fn colours(self) -> (&'static str, &'static str) {
        match self.drawing {
            Drawing::Coloured => ("\x1b[31m", "\x1b[0m"),
            _ => ("", ""),
        }
    }
}

fn compile_errors(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let perms = env.perms();
    if !env.stretch.txn.is_programmer(perms) {
        return Err(ErrorCode::Perm.into());
    }
    let text = text(args.list(0)?.as_slice())?;
    let errors = program::canonical(&text, env.features()).err();
    value(errors.map_or_else(Map::new, |errors| structured(&errors)))
}

fn format_compile_error(_: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let telling = Telling::read(args, 1)?;
    value(telling.lines(args.map(0)?)?)
}

/// Errors as a map: the first one's entries, and in `errors` a map for each.
fn structured(errors: &CompileErrors) -> Map {
    let all: Vec<Map> = errors.iter().map(of_error).collect();
    let mut map = all.first().cloned().unwrap_or_default();
    let all: List = all.into_iter().map(Value::Map).collect();
    map.insert_value("errors".into(), Value::List(all));
    map
}

/// One error: `type`, `message`, `line`, `column`, the line of the program in `source` with a caret for it in `mark`, and perhaps a
/// `hint`.
fn of_error(error: &CompileError) -> Map {
    let excerpt = error.excerpt.as_ref().map(ToString::to_string);
    let excerpt = excerpt.unwrap_or_default();
    let (source, mark) = excerpt.split_once('\n').unwrap_or_default();
    let hint = error.hint.as_ref().map(|hint| ("hint", hint.to_string()));
    let texts = [
        ("type", "parse".to_owned()),
        ("message", error.kind.to_string()),
        ("source", source.to_owned()),
        ("mark", mark.to_owned()),
    ];
    let texts = texts.into_iter().chain(hint);
    let numbers = [("line", error.pos.line), ("column", error.pos.column)];
    let numbers = numbers.map(|(name, number)| (name, Value::Int(i64::from(number))));
    let entries = texts.map(|(name, text)| (name, Value::from(text)));
    named_map(entries.chain(numbers))
        .into_map()
        .unwrap_or_default()
}

/// An entry of a map.
fn entry<'a>(map: &'a Map, name: &str) -> Option<&'a Value> {
    map.get(&Value::from(name))
}

fn read<'a, T>(
    map: &'a Map,
    name: &str,
    accessor: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<T, Raise> {
    let entry = entry(map, name).ok_or(ErrorCode::InvArg)?;
    accessor(entry).ok_or_else(|| ErrorCode::Type.into())
}
