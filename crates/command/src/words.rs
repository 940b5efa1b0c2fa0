//! Splitting a line into words.
//!
//! In: a line. Out: its words, quotes and backslashes resolved. Knows no grammar beyond that.

/// The words of `line`: separated by spaces, `"` starts and ends a stretch in which spaces are
/// part of the word, `\` makes the next character an ordinary one (LambdaMOO manual, "The
/// built-in command parser").
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(' ');
    while !rest.is_empty() {
        let (word, after) = first_word(rest);
        words.push(word);
        rest = after.trim_start_matches(' ');
    }
    words
}

/// The text behind the first word and the spaces that follow it, exactly as typed.
pub(crate) fn after_first_word(line: &str) -> &str {
    first_word(line).1.trim_start_matches(' ')
}

/// The first word, resolved, and the unread rest.
fn first_word(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut quoted = false;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            ' ' if !quoted => return (word, &text[at..]),
            '"' => quoted = !quoted,
            '\\' => {
                if let Some((_, escaped)) = characters.next() {
                    word.push(escaped);
                }
            }
            other => word.push(other),
        }
    }
    (word, "")
}
