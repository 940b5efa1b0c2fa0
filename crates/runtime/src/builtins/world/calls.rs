//! Builtins about calling: who calls, with whose permissions, errors, other builtins by name.
//!
//! In: the machine's stack. Out: facts about it, changed permissions, calls, errors.

use moor_value::{ErrorCode, List, Str, Symbol, Value};
use moor_vm::{BuiltinOutcome, Call, Host};
use moor_world::Entity;

use super::target::object;
use crate::builtins::arg::Args;
use crate::builtins::env::{Answer, Env, Reply, nothing, value};
use crate::builtins::spec::world;
use crate::builtins::{self, BuiltinSpec, Raise};
use crate::registry::registry;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("pass", 0.., [], LambdaMoo, pass)
        .doc(
            "args...",
            "value",
            "Calls the verb of the same name that the parents of the calling verb's object \
             have; `this` stays the same.",
        )
        .raises(
            "E_INVIND if the object that defines the verb is gone or has no parent; E_VERBNF \
             if no parent has such a verb",
        ),
    world!("call_function", 1.., [Str], LambdaMoo, call_function)
        .doc("name args...", "value", "Calls a builtin by its name.")
        .raises("E_INVARG if there is no builtin of that name"),
    world!("function_help", 1..=1, [Str], MooR, function_help)
        .doc(
            "name",
            "LIST of STR",
            "What this reference says about a builtin: how it is called, what it does, its \
             errors, who may call it, where it comes from.",
        )
        .raises("E_INVARG if there is no builtin of that name"),
    world!("function_info", 0..=1, [Str], LambdaMoo, function_info)
        .doc(
            "name",
            "LIST",
            "`{name, least arguments, most arguments, types}` of a builtin, or of each. Types \
             are numbers of `typeof()`, -1 for any, -2 for a number; most arguments is -1 if \
             there is no bound.",
        )
        .raises("E_INVARG if there is no builtin of that name"),
    world!("raise", 1..=3, [Any, Str, Any], LambdaMoo, raise).doc(
        "code message value",
        "never",
        "Raises an error: a code that `except` compares, a message (the code's text \
             unless given) and a value (0 unless given).",
    ),
    world!("caller_perms", 0..=0, [], LambdaMoo, caller_perms).doc(
        "",
        "OBJ",
        "Whose permissions the verb has that called the calling one; #-1 if the server \
             did.",
    ),
    world!("callers", 0..=1, [Any], LambdaMoo, callers).doc(
        "with_lines",
        "LIST",
        "A list for each verb on the way to the calling one, the nearest first: `{this, \
             verb, programmer, definer, player}`, with `with_lines` the line as well.",
    ),
    world!("set_task_perms", 1..=1, [Obj], LambdaMoo, set_task_perms)
        .doc(
            "who",
            "INT",
            "From now on the calling verb has the permissions of `who`.",
        )
        .raises("E_PERM unless it is who the verb has them of already, or a wizard calls")
        .permission("wizards; others for themselves"),
    world!("task_perms", 0..=0, [], ToastStunt, task_perms).doc(
        "",
        "OBJ",
        "Whose permissions the calling verb has.",
    ),
];

/// What begins the names of a class's verbs that its waifs have.
const WAIF_PREFIX: &str = ":";

/// Calls the verb of the same name that the parents of the calling verb's definer have.
fn pass(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let definer = definer(env).ok_or(ErrorCode::InvInd)?;
    let this = env.context.frame().this().clone();
    let called_as = env.context.called_as().clone();
    let name = match &this {
        Value::Waif(_) if !called_as.as_str().starts_with(WAIF_PREFIX) => {
            Symbol::intern(&format!("{WAIF_PREFIX}{called_as}"))
        }
        _ => Symbol::intern(called_as.as_str()),
    };
    let txn = &mut env.stretch.txn;
    if !txn.valid(definer) || txn.parents(definer).is_empty() {
        return Err(ErrorCode::InvInd.into());
    }
    let found = txn
        .find_parent_verb(definer, name)
        .ok_or(ErrorCode::VerbNf)?;
    Ok(Answer::Call(Box::new(Call {
        verb: env.stretch.ready_verb(&found),
        this,
        called_as,
        args: args.iter_mut().map(Value::take).collect(),
        command: None,
        as_command: false,
        then: None,
    })))
}

/// The object that defines the calling verb. One without a number can only be the receiver.
fn definer(env: &Env<'_, '_, '_>) -> Option<Entity> {
    match (&env.context.verb().definer, env.context.frame().this()) {
        (Value::Obj(id), _) if id.0 >= 0 => Some(Entity::object(*id)),
        (_, Value::Anon(this)) => Some(Entity::anon(this.id())),
        _ => None,
    }
}

/// Calls a builtin by its name.
fn call_function(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let name = args.str(0)?;
    let Some(number) = registry().number(name.as_str()) else {
        let unknown = Value::Str(name.clone());
        return Err(Raise::with(
            ErrorCode::InvArg,
            "Unknown built-in function",
            unknown,
        ));
    };
    match env
        .stretch
        .call_builtin(number, &mut args[1..], env.context)
    {
        BuiltinOutcome::Return(value) => Ok(Answer::Value(value)),
        BuiltinOutcome::ReturnInt(n) => Ok(Answer::Value(Value::Int(n))),
        BuiltinOutcome::Call(call) => Ok(Answer::Call(call)),
        BuiltinOutcome::Suspend(request) => Ok(Answer::Suspend(request)),
        BuiltinOutcome::Abort(reason) => Ok(Answer::Abort(reason)),
        BuiltinOutcome::Resize(sizes) => Ok(Answer::Resize(sizes)),
        BuiltinOutcome::Raise(raise) => Err(Raise {
            message: raise.message(),
            code: raise.code,
            value: raise.value,
        }),
    }
}

/// What arguments a builtin takes, or all builtins.
fn function_info(_: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    if args.is_empty() {
        let all = registry()
            .specs()
            .iter()
            .map(|spec| builtins::function_info(spec));
        return value(all.collect::<Vec<_>>());
    }
    value(builtins::function_info(named(args)?))
}

/// What the reference says about a builtin, line by line.
fn function_help(_: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let lines = named(args)?.help().into_iter();
    value(lines.map(Value::from).collect::<Vec<_>>())
}

/// The builtin that the first argument names, or E_INVARG.
fn named(args: &[Value]) -> Result<&'static BuiltinSpec, Raise> {
    let name = args.str(0)?.as_str().to_ascii_lowercase();
    let found = registry().by_name(&name);
    found.ok_or_else(|| ErrorCode::InvArg.into())
}

/// Raises any value as an error; its text is the message unless there is another.
fn raise(_: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let code = args[0].take();
    let message = match args.given(1) {
        Some(Value::Str(message)) => message.clone(),
        _ => Str::from(code.to_text()),
    };
    let about = args.given(2).cloned().unwrap_or(Value::ZERO);
    Err(Raise {
        code,
        message,
        value: about,
    })
}

fn caller_perms(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    value(env.context.caller_perms())
}

fn callers(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let with_lines = args.flag(0);
    let rows = env.context.stack().into_iter().skip(1);
    let rows: List = rows
        .map(|row| env.shown_row(row).to_value(with_lines))
        .collect();
    value(rows)
}

fn set_task_perms(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let who = object(args, 0)?;
    env.self_or_wizard(who)?;
    env.context.set_perms(who);
    nothing()
}

fn task_perms(env: &mut Env<'_, '_, '_>, _: &mut [Value]) -> Reply {
    value(env.perms())
}
