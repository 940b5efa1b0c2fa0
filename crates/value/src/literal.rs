//! Values as text: the literal that `toliteral()` gives, and the plain text of `tostr()`.
//! In: a value. Out: text, in ToastStunt's spelling. Parsing literals is the compiler's business.

use std::fmt::{self, Write};

use crate::{ErrorValue, FloatText, Flyweight, Lambda, List, Map, Sym, Value};

impl Value {
    /// What `toliteral()` gives: source text of the value, where one exists.
    pub fn to_literal(&self) -> String {
        let mut text = String::new();
        let written = self.write_literal(&mut text);
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        text
    }

    /// Writes the literal.
    ///
    /// # Errors
    /// When `out` refuses, and only then.
    pub fn write_literal(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Value::None => out.write_str("<none>"),
            Value::Int(n) => write_int(out, *n),
            Value::Float(x) => write!(out, "{}", FloatText(*x)),
            Value::Obj(id) if id.is_unique() => write!(out, "{id}"),
            Value::Obj(id) => {
                out.write_char('#')?;
                write_int(out, id.0)
            }
            Value::Err(code) => out.write_str(code.name()),
            Value::Bool(truth) => out.write_str(if *truth { "true" } else { "false" }),
            Value::Error(error) => write_error(out, error),
            Value::Sym(symbol) => write_symbol(out, symbol),
            Value::Binary(bytes) => {
                out.write_str("b\"")?;
                bytes.write_base64(out)?;
                out.write_char('"')
            }
            Value::Fly(flyweight) => write_flyweight(out, flyweight),
            Value::Lambda(function) => write_function(out, function),
            Value::Str(s) => write_quoted(out, s.as_str()),
            Value::List(list) => write_list(out, list),
            Value::Map(map) => write_map(out, map),
            Value::Anon(_) => out.write_str("*anonymous*"),
            Value::Waif(waif) => write!(
                out,
                "[[class = {}, owner = {}]]",
                waif.class(),
                waif.owner()
            ),
        }
    }

    /// What `tostr()` gives: strings and symbols as they are, errors as what they say, lists and maps as `{list}` and
    /// `[map]`.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let written = self.write_text(&mut text);
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        text
    }

    /// Writes the text.
    ///
    /// # Errors
    /// When `out` refuses, and only then.
    pub fn write_text(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Value::Str(s) => out.write_str(s.as_str()),
            Value::Err(code) => out.write_str(code.message()),
            Value::Error(error) => out.write_str(error.message().as_str()),
            Value::Sym(symbol) => out.write_str(symbol.as_str()),
            Value::Fly(_) => out.write_str("<flyweight>"),
            Value::Lambda(_) => out.write_str("<function>"),
            Value::List(_) => out.write_str("{list}"),
            Value::Map(_) => out.write_str("[map]"),
            Value::Waif(_) => out.write_str("[[waif]]"),
            other => other.write_literal(out),
        }
    }
}

/// Faster than `write!`, which goes through the formatter.
fn write_int(out: &mut impl Write, n: i64) -> fmt::Result {
    out.write_str(itoa::Buffer::new().format(n))
}

fn write_quoted(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        out.write_str(&rest[..at])?;
        out.write_char('\\')?;
        out.write_str(&rest[at..=at])?;
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

fn write_symbol(out: &mut impl Write, symbol: &Sym) -> fmt::Result {
    out.write_char('\'')?;
    match Sym::is_word(symbol.as_str()) {
        true => out.write_str(symbol.as_str()),
        false => write_quoted(out, symbol.as_str()),
    }
}

fn write_error(out: &mut impl Write, error: &ErrorValue) -> fmt::Result {
    out.write_str(error.name().as_str())?;
    let Some(message) = error.own_message() else {
        return Ok(());
    };
    out.write_char('(')?;
    write_quoted(out, message.as_str())?;
    out.write_char(')')
}

/// The source in one line, as lines have no meaning of their own. What it captured is not in it.
fn write_function(out: &mut impl Write, function: &Lambda) -> fmt::Result {
    for (i, line) in function.source().as_str().lines().enumerate() {
        if i > 0 {
            out.write_char(' ')?;
        }
        out.write_str(line.trim_start())?;
    }
    Ok(())
}

fn write_flyweight(out: &mut impl Write, flyweight: &Flyweight) -> fmt::Result {
    write!(out, "<{}", flyweight.delegate())?;
    for (name, value) in flyweight.slots() {
        out.write_str(", .")?;
        name.write_text(out)?;
        out.write_str(" = ")?;
        value.write_literal(out)?;
    }
    if !flyweight.contents().is_empty() {
        out.write_str(", ")?;
        write_list(out, flyweight.contents())?;
    }
    out.write_char('>')
}

fn write_list(out: &mut impl Write, list: &List) -> fmt::Result {
    out.write_char('{')?;
    for (i, item) in list.iter().enumerate() {
        if i > 0 {
            out.write_str(", ")?;
        }
        item.write_literal(out)?;
    }
    out.write_char('}')
}

fn write_map(out: &mut impl Write, map: &Map) -> fmt::Result {
    out.write_char('[')?;
    for (i, (key, value)) in map.iter().enumerate() {
        if i > 0 {
            out.write_str(", ")?;
        }
        key.write_literal(out)?;
        out.write_str(" -> ")?;
        value.write_literal(out)?;
    }
    out.write_char(']')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AnonRef, Binary, ErrorCode, ErrorName, Graveyard, ObjId, WaifRef};

    #[test]
    fn literals_and_texts() {
        let graveyard = Graveyard::new();
        let mut map = Map::new();
        map.insert_value("k".into(), vec![Value::Int(1)].into());
        map.insert_value(2.into(), 2.5.into());
        let waif = WaifRef::new(1, ObjId(3), ObjId(4), graveyard.clone());
        let error = |name, message: Option<&str>| {
            let name = ErrorName::from_text(name).expect("a name");
            ErrorValue::make(name, message.map(Into::into))
        };
        let plain = Flyweight::new(ObjId(1), List::new()).expect("it is not deep");
        let full = plain
            .with_slot("b", 2.into())
            .and_then(|full| full.with_slot("a", plain.clone().into()))
            .and_then(|full| full.with_contents(vec!["c".into()].into()))
            .expect("slots");
        let cases: Vec<(Value, &str, &str)> = vec![
            ((-5).into(), "-5", "-5"),
            (1.0.into(), "1.0", "1.0"),
            (ObjId(-1).into(), "#-1", "#-1"),
            (
                ObjId::unique(1, 2, 3).into(),
                "#000042-0000000003",
                "#000042-0000000003",
            ),
            (ErrorCode::Type.into(), "E_TYPE", "Type mismatch"),
            (true.into(), "true", "true"),
            (r#"a"b\c"#.into(), r#""a\"b\\c""#, r#"a"b\c"#),
            (vec![1.into(), "x".into()].into(), r#"{1, "x"}"#, "{list}"),
            (map.into(), r#"[2 -> 2.5, "k" -> {1}]"#, "[map]"),
            (Map::new().into(), "[]", "[map]"),
            (
                AnonRef::new(1, graveyard).into(),
                "*anonymous*",
                "*anonymous*",
            ),
            (waif.into(), "[[class = #3, owner = #4]]", "[[waif]]"),
            (Sym::new("Foo").into(), "'Foo", "Foo"),
            (Sym::new("a \"b").into(), r#"'"a \"b""#, "a \"b"),
            (error("E_PERM", Some("no")), r#"E_PERM("no")"#, "no"),
            (error("E_MINE", None), "E_MINE", "E_MINE"),
            (
                Binary::from_vec(b"moo".to_vec()).into(),
                r#"b"bW9v""#,
                r#"b"bW9v""#,
            ),
            (plain.clone().into(), "<#1>", "<flyweight>"),
            (
                full.into(),
                r#"<#1, .a = <#1>, .b = 2, {"c"}>"#,
                "<flyweight>",
            ),
        ];
        for (value, literal, text) in cases {
            assert_eq!(value.to_literal(), literal);
            assert_eq!(value.to_text(), text);
        }
    }
}
