//! The world's own login line, made from a name and a password that anybody may have typed.
//!
//! In: two texts. Out: one line that a MOO takes apart into exactly its words, or why there is none. It knows the
//! words of a MOO's command line: split at blanks, `"` begins and ends a quoted part, `\` takes the next character as
//! it is. It does not know who the players are.

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// The longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Sign in as a player that exists.
    Connect,
    /// Make a new player.
    Create,
}

impl Wish {
    /// The world's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Create => "create",
        }
    }
}

/// Why there is no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginLineError {
    /// There is no name.
    #[error("the name is missing")]
    NoName,
    /// There is no password for a new player. (A guest may come without one.)
    #[error("the password is missing")]
    NoPassword,
    /// The name is too long.
    #[error("the name is longer than {NAME_BYTES_MAX} bytes")]
    LongName,
    /// The password is too long.
    #[error("the password is longer than {PASSWORD_BYTES_MAX} bytes")]
    LongPassword,
    /// One of them has a line end or another control character, which would begin a line of its own.
    #[error("names and passwords have no control characters")]
    Control,
}

/// The line for `wish`.
///
/// # Errors
/// See [`LoginLineError`].
pub fn login_line(wish: Wish, name: &str, password: &str) -> Result<String, LoginLineError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(LoginLineError::NoName);
    }
    if password.is_empty() && wish == Wish::Create {
        return Err(LoginLineError::NoPassword);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(LoginLineError::LongName);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(LoginLineError::LongPassword);
    }
    if name.chars().chain(password.chars()).any(is_control) {
        return Err(LoginLineError::Control);
    }
    let mut line = format!("{} {}", wish.word(), quoted(name));
    if !password.is_empty() {
        line.push(' ');
        line.push_str(&quoted(password));
    }
    Ok(line)
}

/// Control characters, and the two of Unicode that also end a line.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// One word of a command line: as it is, or in quotes if a MOO would take it apart.
fn quoted(text: &str) -> String {
    if !text
        .chars()
        .any(|c| c.is_whitespace() || matches!(c, '"' | '\\'))
    {
        return text.to_owned();
    }
    let mut word = String::with_capacity(text.len() + 2);
    word.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            word.push('\\');
        }
        word.push(c);
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The words of a line, as LambdaMOO's programmer's manual describes them.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut is_quoted) = (Vec::new(), None::<String>, false);
        let mut characters = line.chars();
        while let Some(c) = characters.next() {
            match c {
                '"' => {
                    is_quoted = !is_quoted;
                    word.get_or_insert_default();
                }
                '\\' => word.get_or_insert_default().extend(characters.next()),
                ' ' if !is_quoted => words.extend(word.take()),
                c => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }

    #[test]
    fn a_plain_name_stays_as_it_is() {
        let line = login_line(Wish::Connect, "Wizard", "pass-word");
        assert_eq!(line.as_deref(), Ok("connect Wizard pass-word"));
        let line = login_line(Wish::Create, "Ada Lovelace", "a\"b\\c");
        assert_eq!(line.as_deref(), Ok(r#"create "Ada Lovelace" "a\"b\\c""#));
    }

    #[test]
    fn what_could_be_a_second_line_is_refused() {
        for text in [
            "a\nb",
            "a\rb",
            "a\0",
            "\u{1b}[2J",
            "a\u{85}b",
            "a\u{2028}b",
            "a\tb",
        ] {
            let line = login_line(Wish::Connect, text, "secret");
            assert_eq!(line, Err(LoginLineError::Control), "{text:?}");
            let line = login_line(Wish::Connect, "name", &format!("x{text}x"));
            assert_eq!(line, Err(LoginLineError::Control), "{text:?}");
        }
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let longest = (&"n".repeat(NAME_BYTES_MAX), &"p".repeat(PASSWORD_BYTES_MAX));
        let line = |name: &str, password: &str| login_line(Wish::Create, name, password);
        assert!(line(longest.0, longest.1).is_ok());
        assert_eq!(
            line(&format!("{}n", longest.0), "p"),
            Err(LoginLineError::LongName)
        );
        assert_eq!(
            line("n", &format!("{}p", longest.1)),
            Err(LoginLineError::LongPassword)
        );
        assert_eq!(line("  ", "p"), Err(LoginLineError::NoName));
        assert_eq!(line("n", ""), Err(LoginLineError::NoPassword));
        let guest = login_line(Wish::Connect, "guest", "");
        assert_eq!(guest.as_deref(), Ok("connect guest"));
    }

    proptest! {
        #[test]
        fn a_moo_finds_the_name_and_the_password_again(name in "\\PC{1,30}", password in "\\PC{1,30}") {
            if let Ok(line) = login_line(Wish::Connect, &name, &password) {
                let name = name.trim().to_owned();
                prop_assert_eq!(words(&line), vec!["connect".to_owned(), name, password]);
            }
        }
    }
}
