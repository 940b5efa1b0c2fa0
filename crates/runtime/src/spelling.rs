//! The word list of `spellcheck()`.
//!
//! In: the two files of a Hunspell dictionary, by whoever reads them, when the first word is asked about. Out: whether a
//! word is in it, and words like it. Where the files are is not known here.

use std::fmt;
use std::io;
use std::sync::OnceLock;

use spellbook::Dictionary;

/// Characters of a word; a longer one is wrong, and nothing is like it. Looking for like words takes time with each
/// further letter.
pub(crate) const WORD_CHARS_MAX: usize = 64;

/// The text of a dictionary's two files: rules (`.aff`) and words (`.dic`).
pub type DictionaryFiles = (Vec<u8>, Vec<u8>);

/// A word list that is read when it is needed.
pub struct Spelling {
    read: Box<dyn Fn() -> io::Result<DictionaryFiles> + Send + Sync>,
    dictionary: OnceLock<Option<Dictionary>>,
}

impl fmt::Debug for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spelling").finish_non_exhaustive()
    }
}

impl Spelling {
    /// The list that `read` gives; it is asked once.
    pub fn new(read: impl Fn() -> io::Result<DictionaryFiles> + Send + Sync + 'static) -> Self {
        Self {
            read: Box::new(read),
            dictionary: OnceLock::new(),
        }
    }

    /// The words that are like this one; nothing if it is right. `None` if there is no list; the log says why.
    pub(crate) fn check(&self, word: &str) -> Option<Result<(), Vec<String>>> {
        let dictionary = self.dictionary.get_or_init(|| self.load()).as_ref()?;
        let mut like = Vec::new();
        if word.chars().count() > WORD_CHARS_MAX {
            return Some(Err(like));
        }
        if dictionary.check(word) {
            return Some(Ok(()));
        }
        dictionary.suggest(word, &mut like);
        Some(Err(like))
    }

    fn load(&self) -> Option<Dictionary> {
        let files = (self.read)();
        let (rules, words) = files
            .inspect_err(|error| tracing::warn!(%error, "spellcheck() has no dictionary"))
            .ok()?;
        let is_latin = !is_utf8(&rules);
        let (rules, words) = (text(rules, is_latin), text(words, is_latin));
        Dictionary::new(&rules, &words)
            .inspect_err(|error| tracing::warn!(%error, "spellcheck() cannot read its dictionary"))
            .ok()
    }
}

/// Whether the rules say that the files are UTF-8.
fn is_utf8(rules: &[u8]) -> bool {
    let mut lines = rules.split(|byte| *byte == b'\n');
    lines.any(|line| line.trim_ascii().eq_ignore_ascii_case(b"SET UTF-8"))
}

/// The text of a file; one that is not UTF-8 is taken for Latin-1.
fn text(bytes: Vec<u8>, is_latin: bool) -> String {
    match is_latin {
        true => bytes.into_iter().map(char::from).collect(),
        false => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "SET UTF-8\nTRY aeioubdlmnrst\nSFX S Y 1\nSFX S 0 s .\n";
    const WORDS: &str = "3\nball/S\ntable/S\nna\u{ef}ve\n";

    fn spelling(rules: &str, words: &str) -> Spelling {
        let files = (rules.as_bytes().to_vec(), words.as_bytes().to_vec());
        Spelling::new(move || Ok(files.clone()))
    }

    #[test]
    fn known_words_are_right_and_others_have_like_ones() {
        let spelling = spelling(RULES, WORDS);
        for word in ["ball", "balls", "Tables", "na\u{ef}ve"] {
            assert_eq!(spelling.check(word), Some(Ok(())), "{word}");
        }
        let like = spelling
            .check("bal")
            .expect("a list")
            .expect_err("it is wrong");
        assert!(like.contains(&"ball".to_owned()), "{like:?}");
    }

    #[test]
    fn a_long_word_is_wrong_and_like_nothing() {
        let spelling = spelling(RULES, &format!("1\n{}\n", "a".repeat(WORD_CHARS_MAX)));
        let word = "a".repeat(WORD_CHARS_MAX);
        assert_eq!(spelling.check(&word), Some(Ok(())));
        assert_eq!(spelling.check(&(word + "a")), Some(Err(Vec::new())));
    }

    #[test]
    fn files_that_are_not_utf8_are_latin() {
        let files = (b"SET ISO8859-1\n".to_vec(), b"1\nna\xEFve\n".to_vec());
        let spelling = Spelling::new(move || Ok(files.clone()));
        assert_eq!(spelling.check("na\u{ef}ve"), Some(Ok(())));
    }

    #[test]
    fn without_files_there_is_no_list() {
        let missing = Spelling::new(|| Err(io::ErrorKind::NotFound.into()));
        assert_eq!(missing.check("ball"), None);
        assert_eq!(spelling("SFX", "x").check("ball"), None);
    }
}
