//! Paths as programs write them, from the top of their folder.
//!
//! In: text. Out: a relative path, or none. That a path which looks harmless leads nowhere else, by a symbolic link for
//! example, is the folder's business, which opens beneath itself only.

use std::path::Path;

use crate::FileError;

/// The folder itself.
const TOP: &str = ".";

/// The path below the folder. A leading slash means the folder; parts that begin with a dot, and so all ways up, are
/// refused.
///
/// # Errors
/// [`FileError::BadPath`].
pub(crate) fn below_folder(path: &str) -> Result<&Path, FileError> {
    let is_hidden = path.contains("/.") || (path.len() > 1 && path.starts_with(".."));
    if is_hidden || path.contains('\0') {
        return Err(FileError::BadPath);
    }
    let relative = path.trim_start_matches('/');
    Ok(Path::new(if relative.is_empty() { TOP } else { relative }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_up_and_hidden_names_are_refused() {
        for path in [
            "..",
            "../a",
            "../../etc/passwd",
            "a/../b",
            "a/./b",
            "a/.b",
            "/..",
            "/.a",
            "..\\a",
            "a\0",
        ] {
            assert!(below_folder(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn everything_else_is_below_the_folder() {
        for (path, below) in [
            ("a", "a"),
            ("/a/b", "a/b"),
            ("//a", "a"),
            ("/", TOP),
            ("", TOP),
            (".a", ".a"),
            ("a..b", "a..b"),
            ("a\\..\\b", "a\\..\\b"),
        ] {
            assert_eq!(below_folder(path).expect(path), Path::new(below));
        }
    }
}
