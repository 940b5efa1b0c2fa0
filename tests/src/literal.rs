//! Values as a MOO prints them.
//!
//! In: the text of one value. Out: the value, for comparison. It is written apart from the server's own reader, so that
//! the two do not share a mistake.

/// Lists and maps inside each other are read to this depth.
const DEPTH_MAX: usize = 1_000;

/// A printed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A string, without its quotes.
    Str(String),
    /// An object, as `#5`.
    Obj(String),
    /// An error, as `E_PERM`.
    Err(String),
    /// `true` or `false`.
    Bool(bool),
    /// A list.
    List(Vec<Literal>),
    /// A map, in the order of printing.
    Map(Vec<(Literal, Literal)>),
    /// What has no literal, as `*anonymous*`.
    Other(String),
}

/// Why a text is no value.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
#[error("expected {expected} at byte {at}")]
pub struct LiteralError {
    /// What would be right there.
    pub expected: &'static str,
    /// Where it is missing.
    pub at: usize,
}

impl Literal {
    /// Reads a value that takes the whole of `text`.
    ///
    /// # Errors
    /// [`LiteralError`] where the text is no printed value.
    pub fn read(text: &str) -> Result<Self, LiteralError> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at < text.len() {
            return Err(reader.error("the end"));
        }
        Ok(value)
    }

    /// The name of its type, as cases write it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Literal::Int(_) => "int",
            Literal::Float(_) => "float",
            Literal::Str(_) => "str",
            Literal::Obj(_) => "obj",
            Literal::Err(_) => "err",
            Literal::Bool(_) => "bool",
            Literal::List(_) => "list",
            Literal::Map(_) => "map",
            Literal::Other(_) => "other",
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Literal, LiteralError> {
        if depth > DEPTH_MAX {
            return Err(self.error("less depth"));
        }
        self.space();
        match self.rest().bytes().next() {
            Some(b'{') => self.list(depth),
            Some(b'[') => self.map(depth),
            Some(b'"') => self.string(),
            Some(_) => self.word(),
            None => Err(self.error("a value")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Literal, LiteralError> {
        self.at += 1;
        let mut elements = Vec::new();
        while !self.takes("}") {
            if !elements.is_empty() && !self.takes(",") {
                return Err(self.error("`,` or `}`"));
            }
            elements.push(self.value(depth + 1)?);
        }
        Ok(Literal::List(elements))
    }

    fn map(&mut self, depth: usize) -> Result<Literal, LiteralError> {
        self.at += 1;
        let mut entries = Vec::new();
        while !self.takes("]") {
            if !entries.is_empty() && !self.takes(",") {
                return Err(self.error("`,` or `]`"));
            }
            let key = self.value(depth + 1)?;
            if !self.takes("->") {
                return Err(self.error("`->`"));
            }
            entries.push((key, self.value(depth + 1)?));
        }
        Ok(Literal::Map(entries))
    }

    fn string(&mut self) -> Result<Literal, LiteralError> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += at + 1;
                    return Ok(Literal::Str(text));
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                plain => text.push(plain),
            }
        }
        Err(self.error("`\"` at the end of the string"))
    }

    fn word(&mut self) -> Result<Literal, LiteralError> {
        let rest = self.rest();
        let length = rest.find(|c: char| c.is_whitespace() || "{}[],".contains(c));
        let word = &rest[..length.unwrap_or(rest.len())];
        if word.is_empty() {
            return Err(self.error("a value"));
        }
        let value = read_word(word);
        self.at += word.len();
        Ok(value)
    }

    fn takes(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error(&self, expected: &'static str) -> LiteralError {
        LiteralError {
            expected,
            at: self.at,
        }
    }
}

fn read_word(word: &str) -> Literal {
    let is_number = |text: &str| text.parse::<i64>().is_ok();
    match word {
        "true" | "false" => Literal::Bool(word == "true"),
        _ if word.strip_prefix('#').is_some_and(is_number) => Literal::Obj(word.into()),
        _ if word.starts_with("E_") => Literal::Err(word.into()),
        _ => word
            .parse()
            .map(Literal::Int)
            .or_else(|_| word.parse().map(Literal::Float))
            .unwrap_or_else(|_| Literal::Other(word.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_values_are_read() {
        use Literal::{Err, Float, Int, List, Map, Obj, Other, Str};
        for (text, wanted) in [
            ("-5", Int(-5)),
            ("1.5e+20", Float(1.5e20)),
            ("#-1", Obj("#-1".into())),
            ("E_PERM", Err("E_PERM".into())),
            (r#""a\"{\\""#, Str(r#"a"{\"#.into())),
            ("*anonymous*", Other("*anonymous*".into())),
            ("{}", List(vec![])),
            (
                "{1, {true}}",
                List(vec![Int(1), List(vec![Literal::Bool(true)])]),
            ),
            (
                "[\"a\" -> 1, 2 -> {}]",
                Map(vec![(Str("a".into()), Int(1)), (Int(2), List(vec![]))]),
            ),
        ] {
            assert_eq!(Literal::read(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, at) in [
            ("", 0),
            ("{1", 2),
            ("{1 2}", 3),
            ("\"a", 0),
            ("[1]", 2),
            ("1 2", 2),
        ] {
            assert_eq!(Literal::read(text).expect_err(text).at, at, "{text}");
        }
    }
}
