//! `spellcheck()`.
//!
//! In: a word. Out: whether it is right, else words like it. The list is the operator's.

use moor_value::{ErrorCode, List, Str, Value};

use super::super::BuiltinSpec;
use super::super::env::{Answer, Env, Reply, value};
use super::super::spec::world;

pub(super) const SPECS: &[BuiltinSpec] = &[world!(
    "spellcheck",
    1..=1,
    [Str],
    ToastStunt,
    spellcheck
)
.doc(
    "word",
    "INT or LIST of STR",
    "1 if the word is in the operator's dictionary; else words that are like it, best first.",
)
.raises("E_INVARG where there is no dictionary")];

/// `spellcheck(word)`: 1 if it is right, else a list of words like it. `E_INVARG` where there is no dictionary.
fn spellcheck(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let word = args[0].as_str().map_or("", Str::as_str);
    let spelling = env.stretch.runtime.limits.spelling.as_ref();
    let checked = spelling.and_then(|spelling| spelling.check(word));
    match checked.ok_or(ErrorCode::InvArg)? {
        Ok(()) => value(1),
        Err(like) => {
            let like: List = like.iter().map(|word| Value::from(word.as_str())).collect();
            Ok(Answer::Value(Value::List(like)))
        }
    }
}
