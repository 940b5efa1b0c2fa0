//! The pure builtins, the reader and writer of XML and that of stored tasks from outside, for the fuzz targets; compiled for them
//! only.
//!
//! In: a name and arguments; a text; a row. Out: what a program that calls it gets, what a start of the server reads. The world
//! outside stands still, and no wizard calls.

use moor_value::{Str, Value, codec};
use moor_vm::{StateResolver, Vm};

use crate::builtins::{self, Limits, Still, pure_builtins};
use crate::task::TaskRow;

/// The names of all pure builtins, in order.
#[must_use]
pub fn pure_builtin_names() -> Vec<&'static str> {
    let mut names: Vec<_> = pure_builtins().map(|spec| spec.name).collect();
    names.sort_unstable();
    names
}

/// Calls a pure builtin: its value, or the code and message of its error. `None` where there is none of that name. After so
/// many polls its time is up.
pub fn call_pure_builtin(
    name: &str,
    args: &mut [Value],
    polls: u32,
) -> Option<Result<Value, (Value, Str)>> {
    /// Bytes of a value that it may build.
    const BYTES_MAX: usize = 1 << 20;
    let limits = Limits {
        string_bytes_max: BYTES_MAX,
        list_bytes_max: BYTES_MAX,
        map_bytes_max: BYTES_MAX,
        ..Limits::default()
    };
    let result = Still::new(polls, false).call(name, args, &limits)?;
    Some(result.map_err(|raise| (raise.code, raise.message)))
}

/// What a text says as XML, in the writer's own words; `None` where it is refused, or has names that the writer refuses. After so
/// many polls its time is up.
#[must_use]
pub fn rewritten_xml(text: &str, polls: u32) -> Option<String> {
    builtins::rewritten_xml(text, polls)
}

/// The machine of a stored task, and the value that it goes on with if it has begun. `None` where the server would not start with
/// such a row.
pub fn stored_machine<R: StateResolver>(
    row: &[u8],
    resolver: &mut R,
) -> Option<(Vm, Option<Value>)> {
    let row = TaskRow::decode(row).ok()?;
    let machine = Vm::decode(&row.machine, resolver).ok()?;
    codec::decode(&mut row.local.as_slice(), resolver).ok()?;
    let value = codec::decode(&mut row.value.as_slice(), resolver).ok()?;
    Some((machine, (!row.forked).then_some(value)))
}
