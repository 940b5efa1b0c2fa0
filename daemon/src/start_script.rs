//! What the operator hands to `#0:do_start_script()` at a start.
//!
//! In: flags. Out: the lines of each script, in the order in which the world gets them. What the world does with them is its own
//! business.

use anyhow::{Context, Result};

use crate::args::Args;

/// The scripts of the flags: `--start-line` as one of one line, then that of `--start-script`.
pub(crate) fn read(args: &Args) -> Result<Vec<Vec<String>>> {
    let line = args.start_line.as_deref().map(|line| vec![clean(line)]);
    let file = match &args.start_script {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("--start-script {}: not to be read", path.display()))?;
            Some(text.lines().map(clean).collect())
        }
        None => None,
    };
    Ok(line.into_iter().chain(file).collect())
}

/// A line as if a user had typed it: without control characters, tabs apart.
fn clean(line: &str) -> String {
    let kept = |character: &char| !character.is_control() || *character == '\t';
    line.chars().filter(kept).collect()
}
