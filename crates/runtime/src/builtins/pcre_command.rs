//! The substitution command of `pcre_replace()`: `s/pattern/replacement/flags`.
//! In: the command's text. Out: its parts. Matching is `pcre.rs`'s work.

/// A part of a replacement.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// Text as it is.
    Text(String),
    /// What a group matched; 0 is the whole match.
    Group(usize),
    /// What the last group that took part matched.
    LastGroup,
    /// The text before the match.
    Before,
    /// The text after the match.
    After,
}

/// A command taken apart.
#[derive(Debug)]
pub(super) struct Command {
    pattern: String,
    /// What is put in place of a match.
    pub(super) replacement: Vec<Part>,
    flags: String,
}

impl Command {
    /// Any character after the `s` delimits the parts, and a backslash before it takes that
    /// meaning from it.
    pub(super) fn parse(source: &str) -> Option<Self> {
        let rest = source.strip_prefix('s')?;
        let delimiter = rest.chars().next()?;
        let rest = &rest[delimiter.len_utf8()..];
        let (pattern, rest) = until(delimiter, rest)?;
        let (replacement, flags) = until(delimiter, rest)?;
        if pattern.is_empty() {
            return None;
        }
        let trivial = flags.contains('T');
        Some(Self {
            pattern,
            replacement: if trivial {
                vec![Part::Text(replacement)]
            } else {
                parts(&replacement)
            },
            flags: flags.to_owned(),
        })
    }

    /// The pattern with its flags in front, in PCRE's notation.
    pub(super) fn pattern(&self) -> String {
        let inner = "msxU".chars().filter(|flag| self.flags.contains(*flag));
        let inner: String = inner.collect();
        if inner.is_empty() {
            self.pattern.clone()
        } else {
            format!("(?{inner}){}", self.pattern)
        }
    }

    /// Whether case does not matter.
    pub(super) fn fold(&self) -> bool {
        self.flags.contains('i')
    }

    /// Whether all matches are replaced rather than the first.
    pub(super) fn global(&self) -> bool {
        self.flags.contains('g')
    }
}

/// The text up to the delimiter, and what follows it.
fn until(delimiter: char, text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '\\' => match chars.next()? {
                c if c == delimiter => part.push(c),
                other => part.extend(['\\', other]),
            },
            c if c == delimiter => return Some((part, chars.as_str())),
            c => part.push(c),
        }
    }
}

fn parts(replacement: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = replacement;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let escaped = rest.chars().next().unwrap_or('\\');
                rest = rest.get(escaped.len_utf8()..).unwrap_or("");
                text.push(unescaped(escaped));
            }
            '$' => match reference(rest) {
                Some((part, len)) => {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    parts.push(part);
                    rest = &rest[len..];
                }
                None => text.push('$'),
            },
            other => text.push(other),
        }
    }
    parts.push(Part::Text(text));
    parts
}

/// The reference after a `$`, and its length.
fn reference(text: &str) -> Option<(Part, usize)> {
    Some(match text.bytes().next()? {
        b'&' => (Part::Group(0), 1),
        b'+' => (Part::LastGroup, 1),
        b'`' => (Part::Before, 1),
        b'\'' => (Part::After, 1),
        b'0'..=b'9' => {
            let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
            (Part::Group(text[..digits].parse().ok()?), digits)
        }
        _ => return None,
    })
}

fn unescaped(c: char) -> char {
    match c {
        'a' => '\x07',
        'e' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    }
}
