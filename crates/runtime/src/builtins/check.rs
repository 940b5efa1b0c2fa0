//! The argument check that every builtin shares, and the row that `function_info()` shows.
//! In: a row of the table and arguments. Out: E_ARGS, E_TYPE or nothing; the row as a value.

use moor_value::{ErrorCode, Value};

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
        return Err(ErrorCode::Args.into());
    }
    for (arg_type, arg) in spec.types.iter().zip(args) {
        if !arg_type.accepts(arg) {
            spell_out(*arg_type, arg)?;
        }
    }
    Ok(())
}

/// Makes a symbol that names something the string that it stands for.
#[cold]
fn spell_out(arg_type: ArgType, arg: &mut Value) -> Result<(), Raise> {
    match arg {
        Value::Sym(name) if arg_type == ArgType::Name => {
            *arg = Value::from(name.as_str());
            Ok(())
        }
        _ => Err(ErrorCode::Type.into()),
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
