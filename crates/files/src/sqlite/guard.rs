//! What SQL may not do: one function, asked by SQLite for every statement that it prepares.
//!
//! In: what a statement is about to do. Out: yes or no. What is refused reaches another file, runs foreign code, or
//! changes what all databases of the process share.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Settings that reach beyond the database: folders for other files, memory of the whole process, files seen as memory
/// (whoever shortens such a file would end the process), and locks on which the guard relies.
const FORBIDDEN_PRAGMAS: [&str; 8] = [
    "data_store_directory",
    "hard_heap_limit",
    "locking_mode",
    "mmap_size",
    "soft_heap_limit",
    "temp_store",
    "temp_store_directory",
    "threads",
];

/// Functions that run foreign code.
const FORBIDDEN_FUNCTIONS: [&str; 2] = ["load_extension", "fts3_tokenizer"];

/// Judges one action.
pub(super) fn judge(context: AuthContext<'_>) -> Authorization {
    let is_allowed = match context.action {
        // VACUUM attaches a nameless database for its own use.
        AuthAction::Attach { filename } => filename.is_empty(),
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => may_set(pragma_name, pragma_value),
        AuthAction::Function { function_name } => !is_among(&FORBIDDEN_FUNCTIONS, function_name),
        AuthAction::Unknown { .. } => false,
        _ => true,
    };
    match is_allowed {
        true => Authorization::Allow,
        false => Authorization::Deny,
    }
}

fn may_set(name: &str, value: Option<&str>) -> bool {
    // The log of writes ahead of the file shares memory with other processes.
    let is_shared = name.eq_ignore_ascii_case("journal_mode")
        && value.is_some_and(|value| value.eq_ignore_ascii_case("wal"));
    !is_shared && !is_among(&FORBIDDEN_PRAGMAS, name)
}

fn is_among(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}
