//! A reader of calls and literals for the case tables.
//! In: one expression of literals and calls. Out: its tree. Faulty text panics: the tables are ours.

use moor_value::{Binary, ErrorCode, ObjId, Sym, Value};

/// An expression of the case tables.
pub(super) enum Expr {
    Value(Value),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Call(String, Vec<Expr>),
}

/// Reads all of `text`.
pub(super) fn parse(text: &str) -> Expr {
    let mut reader = Reader { rest: text.trim() };
    let expr = reader.expr();
    assert!(reader.rest.is_empty(), "left over: {}", reader.rest);
    expr
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expr(&mut self) -> Expr {
        if self.skip("{") {
            return Expr::List(self.items("}", Self::expr));
        }
        if self.skip("[") {
            return Expr::Map(self.items("]", |reader| {
                let key = reader.expr();
                assert!(reader.skip("->"));
                (key, reader.expr())
            }));
        }
        if self.skip("\"") {
            return Expr::Value(self.string().into());
        }
        if self.skip("b\"") {
            let bytes = Binary::from_base64(&self.string()).expect("base 64");
            return Expr::Value(bytes.into());
        }
        if self.skip("'") {
            return Expr::Value(Sym::new(self.word()).into());
        }
        if self.skip("#") {
            let number = self.word().parse().expect("an object number");
            return Expr::Value(ObjId(number).into());
        }
        let word = self.word().to_owned();
        if self.skip("(") {
            return Expr::Call(word, self.items(")", Self::expr));
        }
        Expr::Value(scalar(&word))
    }

    fn items<T>(&mut self, close: &str, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        while !self.skip(close) {
            items.push(item(self));
            self.skip(",");
        }
        items
    }

    fn word(&mut self) -> &str {
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+');
        let end = self.rest.find(|c| !in_word(c)).unwrap_or(self.rest.len());
        assert!(end > 0, "no expression: {}", self.rest);
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn string(&mut self) -> String {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next().expect("a string ends") {
                '"' => break,
                '\\' => text.extend(chars.next()),
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        text
    }
}

fn scalar(word: &str) -> Value {
    match word {
        "true" => return true.into(),
        "false" => return false.into(),
        _ => {}
    }
    if let Some(code) = ErrorCode::from_name(word) {
        return code.into();
    }
    if let Ok(integer) = word.parse::<i64>() {
        return integer.into();
    }
    let float: f64 = word
        .parse()
        .unwrap_or_else(|_| panic!("no literal: {word}"));
    float.into()
}
