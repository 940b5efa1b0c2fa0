//! Symbols, and errors that say more than a code.
//! In: values. Out: symbols; what an error is called, and what it says.

use moor_value::{ErrorCode, Sym, Value};

use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("tosym", 1..=1, [Any], MooR, tosym)
        .doc(
            "value:STR|SYM|ERR|BOOL",
            "SYM",
            "The symbol of that text: of a string, of the name of an error or of `true` and `false`.",
        )
        .raises("E_TYPE if the value is of another type"),
    pure!("error_code", 1..=1, [Err], MooR, error_code).doc(
        "error",
        "ERR",
        "The error without a message of its own.",
    ),
    pure!("error_message", 1..=1, [Err], MooR, error_message).doc(
        "error",
        "STR",
        "What the error says: its own message; without one the usual one of its code, or the name of an error of the \
         world's own.",
    ),
];

fn tosym(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let symbol = match &args[0] {
        symbol @ Value::Sym(_) => return Ok(symbol.clone()),
        Value::Str(text) => Sym::new(text.as_str()),
        Value::Bool(truth) => Sym::new(if *truth { "true" } else { "false" }),
        other => {
            let name = other.error_name().ok_or(ErrorCode::Type)?;
            Sym::new(name.as_str())
        }
    };
    Ok(symbol.into())
}

fn error_code(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let name = args[0].error_name().ok_or(ErrorCode::Type)?;
    Ok(name.into_value())
}

fn error_message(_: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let message = args[0].error_message().ok_or(ErrorCode::Type)?;
    Ok(message.into())
}
