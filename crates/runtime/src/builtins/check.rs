//! The argument check that every builtin shares, and the row that `function_info()` shows.
//! In: a row of the table and arguments. Out: E_ARGS, E_TYPE or nothing, worded as ToastStunt
//! words them; the row as a value.

use moor_value::{ErrorCode, Value};
use moor_vm::type_name;

use super::{ArgType, BuiltinSpec, Raise};

/// Checks count, then types, in ToastStunt's order. A symbol in place of a name becomes a string.
///
/// # Errors
/// E_ARGS for a wrong count, E_TYPE for a wrong type.
#[inline]
pub(crate) fn check_args(spec: &BuiltinSpec, args: &mut [Value]) -> Result<(), Raise> {
    let enough = args.len() >= usize::from(spec.args_min);
    let too_many = spec
        .args_max
        .is_some_and(|max| args.len() > usize::from(max));
    if !enough || too_many {
        return Err(wrong_count(spec, args.len()));
    }
    for (at, (arg_type, arg)) in spec.types.iter().zip(args).enumerate() {
        if !arg_type.accepts(arg) && !spell_out(*arg_type, arg) {
            return Err(wrong_type(spec, at, *arg_type, arg));
        }
    }
    Ok(())
}

#[cold]
fn wrong_count(spec: &BuiltinSpec, count: usize) -> Raise {
    let min = spec.args_min;
    let expected = match spec.args_max {
        Some(max) if max == min => min.to_string(),
        Some(max) => format!("{min}-{max}"),
        None => format!("at least {min}"),
    };
    let usual = ErrorCode::Args.message();
    let message = format!("{usual} (expected {expected}; got {count})");
    Raise::with(ErrorCode::Args, message, Value::ZERO)
}

#[cold]
fn wrong_type(spec: &BuiltinSpec, at: usize, expected: ArgType, found: &Value) -> Raise {
    let (usual, name) = (ErrorCode::Type.message(), spec.name);
    let expected = expected.value_type().map_or("number", type_name);
    let found = type_name(found.value_type());
    let at = at + 1;
    let message = format!("{usual} (args[{at}] of {name}() expected {expected}; got {found})");
    Raise::with(ErrorCode::Type, message, Value::ZERO)
}

/// Makes a symbol that names something the string that it stands for; whether it was one.
#[cold]
fn spell_out(arg_type: ArgType, arg: &mut Value) -> bool {
    match arg {
        Value::Sym(name) if arg_type == ArgType::Name => {
            *arg = Value::from(name.as_str());
            true
        }
        _ => false,
    }
}

/// What `function_info(name)` shows: name, least arguments, most arguments (-1 for any number),
/// and the list of types.
pub(crate) fn function_info(spec: &BuiltinSpec) -> Value {
    let types: Vec<Value> = spec.types.iter().map(|t| t.number().into()).collect();
    let max = spec.args_max.map_or(-1, i64::from);
    Value::from(vec![
        spec.name.into(),
        i64::from(spec.args_min).into(),
        max.into(),
        types.into(),
    ])
}
