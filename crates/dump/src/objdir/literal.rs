//! Values as text that is one line, or several where one would be long.
//! In: values. Out: literals that mean exactly the same value when they are read again.

use std::fmt::Write;

use moor_value::{Flyweight, Lambda, ObjId, Sym, Value};

/// A value that fits into a line of this many characters is not broken into several.
const LINE_CHARS_MAX: usize = 100;
/// By how much the elements of a value of several lines are indented.
const INDENT: &str = "  ";

/// Knows which anonymous objects there are.
pub(crate) trait Known {
    /// Whether there is an anonymous object of this id.
    fn has_anon(&self, id: u64) -> bool;
}

/// Writes a value that begins after `column` characters of a line with this indentation.
pub(crate) fn write_value(
    out: &mut String,
    value: &Value,
    known: &dyn Known,
    (level, column): (usize, usize),
) {
    let begin = out.len();
    one_line(out, value, known);
    let is_short = column + out[begin..].chars().count() <= LINE_CHARS_MAX;
    let has_parts = match value {
        Value::List(list) => !list.is_empty(),
        Value::Map(map) => !map.is_empty(),
        _ => false,
    };
    if is_short || !has_parts {
        return;
    }
    out.truncate(begin);
    several_lines(out, value, known, level);
}

fn several_lines(out: &mut String, value: &Value, known: &dyn Known, level: usize) {
    let inner = level + 1;
    let column = inner * INDENT.len();
    let (open, close) = match value {
        Value::Map(_) => ("[\n", ']'),
        _ => ("{\n", '}'),
    };
    out.push_str(open);
    match value {
        Value::List(list) => {
            for item in list.iter() {
                indent(out, inner);
                write_value(out, item, known, (inner, column));
                out.push_str(",\n");
            }
        }
        Value::Map(map) => {
            for (key, value) in map.iter() {
                indent(out, inner);
                let begin = out.len();
                one_line(out, key, known);
                out.push_str(" -> ");
                let column = column + out[begin..].chars().count();
                write_value(out, value, known, (inner, column));
                out.push_str(",\n");
            }
        }
        _ => {}
    }
    indent(out, level);
    out.push(close);
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n(INDENT, level));
}

pub(crate) fn one_line(out: &mut String, value: &Value, known: &dyn Known) {
    // Writing to a string does not fail.
    let _ = match value {
        Value::Str(text) => {
            write_text(out, text.as_str());
            Ok(())
        }
        Value::Float(number) => write!(out, "{number:?}"),
        Value::List(list) => {
            separated(out, ('{', '}'), list.iter(), |out, item| {
                one_line(out, item, known);
            });
            Ok(())
        }
        Value::Map(map) => {
            separated(out, ('[', ']'), map.iter(), |out, (key, value)| {
                one_line(out, key, known);
                out.push_str(" -> ");
                one_line(out, value, known);
            });
            Ok(())
        }
        Value::Anon(anon) if known.has_anon(anon.id()) => write!(out, "anonymous({})", anon.id()),
        Value::Anon(_) => write!(out, "anonymous(gone)"),
        Value::Waif(waif) => {
            let (id, class, owner) = (waif.id(), waif.class(), waif.owner());
            write!(out, "waif({id}, {class}, {owner})")
        }
        Value::Sym(symbol) if !Sym::is_word(symbol.as_str()) => {
            out.push('\'');
            write_text(out, symbol.as_str());
            Ok(())
        }
        Value::Error(error) => {
            out.push_str(error.name().as_str());
            if let Some(message) = error.own_message() {
                out.push('(');
                write_text(out, message.as_str());
                out.push(')');
            }
            Ok(())
        }
        Value::Fly(flyweight) => {
            write_flyweight(out, flyweight, known);
            Ok(())
        }
        Value::Lambda(function) => {
            write_function(out, function, known);
            Ok(())
        }
        other => other.write_literal(out),
    };
}

/// `function("{x} => x + n", ["n" -> 1], this, #programmer, definer, "names of the verb", whether errors are raised, line)`.
fn write_function(out: &mut String, function: &Lambda, known: &dyn Known) {
    let origin = function.origin();
    out.push_str("function(");
    write_text(out, function.source().as_str());
    out.push_str(", ");
    let captured = function.captured().iter();
    separated(out, ('[', ']'), captured, |out, (name, value)| {
        write_text(out, name.as_str());
        out.push_str(" -> ");
        one_line(out, value, known);
    });
    out.push_str(", ");
    one_line(out, &origin.this, known);
    // Writing to a string does not fail.
    let _ = write!(out, ", {}, ", origin.programmer);
    one_line(out, &origin.definer, known);
    out.push_str(", ");
    write_text(out, origin.verb_names.as_str());
    let _ = write!(out, ", {}, {})", origin.debug, origin.line);
}

fn write_flyweight(out: &mut String, flyweight: &Flyweight, known: &dyn Known) {
    // Writing to a string does not fail.
    let _ = write!(out, "<{}", flyweight.delegate());
    for (name, value) in flyweight.slots() {
        out.push_str(", .");
        out.push_str(name.name_text().unwrap_or_default());
        out.push_str(" = ");
        one_line(out, value, known);
    }
    if !flyweight.contents().is_empty() {
        out.push_str(", ");
        one_line(out, &Value::List(flyweight.contents().clone()), known);
    }
    out.push('>');
}

fn separated<T>(
    out: &mut String,
    (open, close): (char, char),
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
    out.push(close);
}

/// A text in quotes; characters that an editor might change or not show are escaped.
pub(crate) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => {
                out.push('\\');
                out.push(char);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if is_unseen(char) => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out.push('"');
}

/// Control characters, and those that only change how others look.
fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A word as it is where it can stand without quotes, else in quotes.
pub(crate) fn write_word(out: &mut String, word: &str) {
    match is_plain_word(word) {
        true => out.push_str(word),
        false => write_text(out, word),
    }
}

/// Letters, digits and underscores, perhaps after a colon, not beginning with a digit.
fn is_plain_word(word: &str) -> bool {
    let body = word.strip_prefix(':').unwrap_or(word);
    let begins = |char: char| char.is_ascii_alphabetic() || char == '_';
    body.starts_with(begins)
        && body
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// Object numbers with spaces between.
pub(crate) fn write_objects(out: &mut String, ids: &[ObjId]) {
    for id in ids {
        // Writing to a string does not fail.
        let _ = write!(out, " {id}");
    }
}
