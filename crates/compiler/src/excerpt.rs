//! The line of a program that an error is in, and the place in it.
//!
//! In: the text and a position. Out: two lines to show, of bounded length whatever the text holds. It does not know what
//! is wrong there.

use std::fmt;

use crate::ast::Pos;

/// Characters of a line that are shown.
const CHARS_MAX: usize = 72;

/// Characters that are shown before the place where a line is too long to be shown whole.
const CHARS_BEFORE: usize = 40;

/// What stands for the rest of a line.
const MORE: &str = "...";

/// What a shown line begins with.
const INDENT: &str = "  ";

/// A line of a program, cut short when long, and where in it something is. As text: the line, and a caret under the
/// place.
#[derive(Clone, Debug, PartialEq)]
pub struct Excerpt {
    line: String,
    /// Characters before the caret.
    before: usize,
}

impl Excerpt {
    /// The place in the line that it is in. A place behind the end of the text has its last line.
    pub(crate) fn new(line: &str, pos: Pos) -> Self {
        let at = (pos.column as usize).saturating_sub(1);
        let chars = line.chars().count();
        let skipped = match chars > CHARS_MAX {
            true => at.saturating_sub(CHARS_BEFORE),
            false => 0,
        };
        let lead = if skipped > 0 { MORE } else { "" };
        let shown = line.chars().skip(skipped).take(CHARS_MAX).map(visible);
        let mut text: String = lead.chars().chain(shown).collect();
        if chars > skipped + CHARS_MAX {
            text += MORE;
        }
        Self {
            line: text,
            before: lead.len() + at.saturating_sub(skipped).min(CHARS_MAX),
        }
    }
}

/// A character as it is shown: every one as wide as the caret takes it to be.
fn visible(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{INDENT}{}\n{INDENT}{:2$}^", self.line, "", self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, column: u32) -> String {
        Excerpt::new(line, Pos { line: 1, column }).to_string()
    }

    #[test]
    fn the_caret_is_under_the_place() {
        assert_eq!(shown("x = é + ;", 9), "  x = é + ;\n          ^");
        assert_eq!(shown("\tx", 2), "   x\n   ^");
        assert_eq!(shown("", 1), "  \n  ^");
        assert_eq!(shown("x", 2), "  x\n   ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = "a".repeat(1_000) + "b" + &"c".repeat(1_000);
        let text = shown(&line, 1_001);
        let (above, below) = text.split_once('\n').expect("two lines");
        assert_eq!(above.find('b'), below.find('^'));
        assert!(above.starts_with("  ...a") && above.ends_with("c..."));
        assert!(above.len() < 90);
        assert!(shown(&line, 3_000_000).lines().all(|line| line.len() < 90));
    }
}
