//! Any pure builtin with any arguments: a value or an error, in bounded time.
//!
//! The first two bytes choose the builtin; the others are its arguments, as stored values one after the other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_runtime::fuzzing::{call_pure_builtin, pure_builtin_names};
use moor_value::codec::{NoHandles, decode};

/// Polls until the time of the call is up.
const POLLS: u32 = 50;
/// Arguments of one call.
const ARGS_MAX: usize = 9;

fuzz_target!(|data: &[u8]| {
    let Some((choice, mut rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let names = pure_builtin_names();
    let name = names[usize::from(u16::from_le_bytes(*choice)) % names.len()];
    let mut args = Vec::new();
    while args.len() < ARGS_MAX
        && let Ok(value) = decode(&mut rest, &mut NoHandles)
    {
        args.push(value);
    }
    let _ = call_pure_builtin(name, &mut args, POLLS);
});
