//! The tokens of MOO: what they are, which words are keywords since when, and which signs exist.

use moor_value::{ErrorCode, ObjId};

use crate::ast::Pos;
use crate::version::LanguageVersion;

/// One token of a program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Int(i64),
    /// A float; infinite when the text was too large.
    Float(f64),
    /// A string with its escapes resolved.
    Str(Box<str>),
    Obj(ObjId),
    Err(ErrorCode),
    /// The bytes of `b".."`.
    Binary(Box<[u8]>),
    /// A word that is no keyword, as the program spells it.
    Id(Box<str>),
    /// A keyword, in lower case whatever the program's spelling.
    Word(&'static str),
    /// An operator or a punctuation mark.
    Sign(&'static str),
    /// A character that belongs to no token.
    Stray(char),
    /// The end of the program.
    End,
}

/// A token and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) pos: Pos,
}

/// How much of a token is quoted in an error message, in characters.
const QUOTED_CHARS_MAX: usize = 30;

impl Token {
    /// The text of a keyword or sign; nothing for other tokens.
    pub(crate) fn text(&self) -> Option<&'static str> {
        match self {
            Token::Word(text) | Token::Sign(text) => Some(text),
            _ => None,
        }
    }

    /// What an error message calls the token.
    pub(crate) fn describe(&self) -> String {
        match self {
            Token::Int(_) => "an integer".into(),
            Token::Float(_) => "a float".into(),
            Token::Str(_) => "a string".into(),
            Token::Obj(number) => format!("`{number}'"),
            Token::Err(_) => "an error code".into(),
            Token::Binary(_) => "a binary".into(),
            Token::Id(name) => format!(
                "`{}'",
                name.chars().take(QUOTED_CHARS_MAX).collect::<String>()
            ),
            Token::Word(text) | Token::Sign(text) => format!("`{text}'"),
            Token::Stray(c) => format!("{c:?}"),
            Token::End => "the end of the program".into(),
        }
    }
}

/// Every keyword that is not an error's name, and the version of the language that brought it.
const KEYWORDS: [(&str, LanguageVersion); 19] = [
    ("if", LanguageVersion::PREHISTORY),
    ("else", LanguageVersion::PREHISTORY),
    ("elseif", LanguageVersion::PREHISTORY),
    ("endif", LanguageVersion::PREHISTORY),
    ("for", LanguageVersion::PREHISTORY),
    ("in", LanguageVersion::PREHISTORY),
    ("endfor", LanguageVersion::PREHISTORY),
    ("fork", LanguageVersion::PREHISTORY),
    ("endfork", LanguageVersion::PREHISTORY),
    ("return", LanguageVersion::PREHISTORY),
    ("while", LanguageVersion::PREHISTORY),
    ("endwhile", LanguageVersion::PREHISTORY),
    ("try", LanguageVersion::EXCEPTIONS),
    ("except", LanguageVersion::EXCEPTIONS),
    ("finally", LanguageVersion::EXCEPTIONS),
    ("endtry", LanguageVersion::EXCEPTIONS),
    ("any", LanguageVersion::EXCEPTIONS),
    ("break", LanguageVersion::BREAK_CONTINUE),
    ("continue", LanguageVersion::BREAK_CONTINUE),
];

/// The keyword or error name that this word is, in any case, with the version that brought it.
pub(crate) fn keyword(word: &str) -> Option<(Token, LanguageVersion)> {
    let keyword = KEYWORDS
        .iter()
        .find(|(keyword, _)| keyword.eq_ignore_ascii_case(word));
    if let Some(&(keyword, since)) = keyword {
        return Some((Token::Word(keyword), since));
    }
    let code = ErrorCode::from_name(word)?;
    Some((Token::Err(code), error_since(code)))
}

fn error_since(code: ErrorCode) -> LanguageVersion {
    match code {
        ErrorCode::Float => LanguageVersion::FLOAT,
        ErrorCode::File => LanguageVersion::FILE_IO,
        ErrorCode::Exec => LanguageVersion::EXEC,
        ErrorCode::Intrpt => LanguageVersion::INTERRUPT,
        _ => LanguageVersion::PREHISTORY,
    }
}

/// Whether a word can stand as a name in a program of the current language.
pub(crate) fn is_identifier(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(starts_word) && chars.all(continues_word) && keyword(word).is_none()
}

/// Whether a name may begin with the character.
pub(crate) fn starts_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// Whether a name may go on with the character.
pub(crate) fn continues_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Every sign; of two where one begins the other, the longer first.
pub(crate) const SIGNS: [&str; 43] = [
    "..", "=>", "==", "=", "->", "--", "-", "++", "+", "!=", "!", "<<", "<=", "<", ">>", ">=", ">",
    "||", "|.", "|", "&&", "&.", "^.", "^", "*", "/", "%", "~", "?", ":", ".", ",", ";", "@", "$",
    "(", ")", "[", "]", "{", "}", "`", "'",
];
