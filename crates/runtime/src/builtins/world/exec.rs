//! `exec()`: programs of the machine.
//!
//! In: a name with arguments, input, environment. Out: a wish that the commit hands on. Only wizards may, and only where
//! the operator has named a folder.

use moor_files::executables::{Call, ExecutableError};
use moor_value::{ErrorCode, Value};

use super::super::encoding::bytes_from_binary;
use super::super::env::{Answer, Env, Reply};
use super::super::spec::world;
use super::super::{BuiltinSpec, Raise};
use crate::exec::Wish;
use crate::request::Request;

/// The search path of programs, unless the third argument says otherwise; as ToastStunt's.
const PATH: &str = "/bin:/usr/bin";

pub(super) const SPECS: &[BuiltinSpec] =
    &[world!("exec", 1..=3, [List, Str, List], ToastStunt, exec)
        .doc(
            "command input environment",
            "LIST of INT STR STR",
            "Runs a program of the operator's folder, and waits for its end: `command` is its name there and its \
             arguments, `input` a binary string for its standard input, `environment` variables as `NAME=value`. The \
             answer is its exit code, and binary strings of its standard output and standard error.",
        )
        .raises(
            "E_PERM unless a wizard calls, and where the operator has named no folder; E_INVARG if a name leads out of \
             the folder, does not exist or is no file, and for what is no string; E_EXEC if it cannot be started or ran \
             too long; E_QUOTA if it wrote too much, or too many run; E_INTRPT if the server was restarted",
        )
        .permission("wizards")];

/// `exec({name, argument...} [, input [, {"NAME=value", ...}]])`: `{code, standard output, standard error}`, both as binary
/// strings.
fn exec(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let words = strings(&args[0])?;
    let name = words.first().ok_or(ErrorCode::InvArg)?.clone();
    moor_files::executables::check_name(&name).map_err(raise)?;
    let environment = environment(args.get(2))?;
    let input = match args.get(1).and_then(Value::as_str) {
        Some(text) => bytes_from_binary(text.as_str()).ok_or(ErrorCode::InvArg)?,
        None => Vec::new(),
    };
    env.wizard_only()?;
    let runtime = env.stretch.runtime;
    let folder = runtime.limits.executables.as_ref().ok_or(ErrorCode::Perm)?;
    let executable = folder.find(&name).map_err(raise)?;
    Ok(Answer::Suspend(Request::Exec(Box::new(Wish {
        request: runtime.workers.allocate(),
        task: env.stretch.task,
        executable,
        call: Call {
            args: words,
            environment,
            input,
        },
    }))))
}

/// The strings of a list. What holds a NUL no program can be given.
fn strings(list: &Value) -> Result<Vec<String>, Raise> {
    let list = list.as_list().cloned().unwrap_or_default();
    let string = |value: &Value| {
        let text = value.as_str()?.as_str();
        (!text.contains('\0')).then(|| text.to_owned())
    };
    let strings: Option<Vec<String>> = list.iter().map(string).collect();
    Ok(strings.ok_or(ErrorCode::InvArg)?)
}

/// The variables of the third argument, and the search path.
fn environment(list: Option<&Value>) -> Result<Vec<(String, String)>, Raise> {
    let mut variables = vec![("PATH".to_owned(), PATH.to_owned())];
    for text in list.map_or(Ok(Vec::new()), strings)? {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                variables.push((name.to_owned(), value.to_owned()));
            }
            _ => return Err(ErrorCode::InvArg.into()),
        }
    }
    Ok(variables)
}

fn raise(error: ExecutableError) -> Raise {
    Raise::with(ErrorCode::InvArg, error.to_string(), Value::ZERO)
}
