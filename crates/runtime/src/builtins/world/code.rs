//! Builtins about code: reading and changing that of verbs, listing bytecode, `eval()`.
//!
//! In: source as lists of lines. Out: compiled verbs, source lines, error lines, results. Stored
//! source is canonical; the language is the compiler's knowledge.

use std::cell::RefCell;
use std::hash::BuildHasher;
use std::sync::Arc;

use moor_bytecode::{Listing, Program};
use moor_compiler::ast::Ast;
use moor_compiler::{CompileErrors, Features, LanguageVersion, Layout};
use moor_value::{ErrorCode, List, ObjId, Str, Value};
use moor_vm::{Call, Command, PendingBuiltin, Verb};

use super::invoke::Then;
use super::verbs::asked;
use crate::builtins::arg::Args;
use crate::builtins::env::{Answer, Env, Reply, value};
use crate::builtins::spec::world;
use crate::builtins::{BuiltinSpec, Raise};
use crate::program;
use crate::registry::registry;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!(
        "verb_code",
        2..=4,
        [Any, Any, Any, Any],
        LambdaMoo,
        verb_code
    )
    .doc(
        "object:OBJ|ANON verb:STR|INT fully_parenthesized indented",
        "LIST of STR",
        "The lines of a verb's program, in the language's usual layout: with as few \
             parentheses as possible unless `fully_parenthesized` is true, indented unless \
             `indented` is false.",
    )
    .raises(
        "E_INVARG if the object is gone; E_VERBNF if there is no such verb; E_PERM if the \
             verb is not readable",
    )
    .permission("owners of the verb and wizards; everybody for verbs with `r`"),
    world!(
        "set_verb_code",
        3..=3,
        [Any, Any, List],
        LambdaMoo,
        set_verb_code
    )
    .doc(
        "object:OBJ|ANON verb:STR|INT code",
        "LIST of STR",
        "Compiles lines and makes them the verb's program. Returns `{}`, or a string for \
             each error in them; then nothing is changed.",
    )
    .raises(
        "E_INVARG if the object is gone; E_VERBNF if there is no such verb; E_PERM if the \
             verb is not writable, or the caller no programmer",
    )
    .permission("programmers who own the verb and wizards; every programmer for verbs with `w`"),
    world!("disassemble", 2..=2, [Any, Any], LambdaMoo, disassemble)
        .doc(
            "object:OBJ|ANON verb:STR|INT",
            "LIST of STR",
            "The instructions of a verb's program, a line each, with the line of the source \
             that they stand for.",
        )
        .raises(
            "E_INVARG if the object is gone; E_VERBNF if there is no such verb; E_PERM if the \
             verb is not readable",
        )
        .permission("owners of the verb and wizards; everybody for verbs with `r`"),
    world!("eval", 1.., [Str], LambdaMoo, eval, then evaluated)
        .doc(
            "line lines...",
            "LIST",
            "Compiles lines and runs them with the permissions of the caller: `{1, what they \
             return}`, or `{0, {error, ...}}` with a string for each error if they do not compile.",
        )
        .raises("E_PERM unless a programmer calls; E_MAXREC if the calls are too deep already")
        .permission("programmers"),
];

/// What the listings of LambdaMOO have above the instructions, behind the version of the language; programs look for it.
const DISASSEMBLY_HEADING: [&str; 4] = [
    "First line number: 1",
    "",
    "Main code vector:",
    "=================",
];
/// What tracebacks call the code of `eval()`.
const EVAL_NAMES: &str = "Input to EVAL";
/// The step at which `eval()` goes on after its code.
const AFTER_CODE: u32 = 2;
/// Texts whose programs each thread remembers.
const EVAL_WAYS: usize = 64;
/// The longest text that is remembered.
const EVAL_BYTES_MAX: usize = 4096;

/// Lines as a list of strings.
fn lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> List {
    lines.into_iter().map(Value::from).collect()
}

/// What is wrong with source that does not compile: a line for each error.
fn error_lines(errors: &CompileErrors) -> List {
    lines(errors.messages().iter().map(String::as_str))
}

/// The text of a list of lines.
///
/// # Errors
/// `E_TYPE` when anything but strings is in it.
pub(super) fn text(code: &[Value]) -> Result<String, Raise> {
    let strings: Option<Vec<&str>> = code
        .iter()
        .map(|line| line.as_str().map(Str::as_str))
        .collect();
    Ok(strings.ok_or(ErrorCode::Type)?.join("\n"))
}

/// The syntax tree of stored source. What this server does not compile it has not stored.
fn parse_stored(env: &Env<'_, '_, '_>, source: &str) -> Result<Ast, Raise> {
    let parsed = program::parse_stored(source, env.features());
    parsed.map_err(|_| ErrorCode::InvArg.into())
}

/// The code of a verb: canonical, or with all parentheses, or without indentation.
pub(super) fn verb_code(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, description) = asked(env, args)?;
    let perms = env.perms();
    let code = env.stretch.txn.verb_code(perms, entity, &description)?;
    let layout = Layout {
        fully_parenthesized: args.flag(2),
        indented: args.given(3).is_none_or(Value::is_true),
    };
    if layout == Layout::CANONICAL {
        return value(lines(code.source().as_str().lines()));
    }
    let printed = moor_compiler::unparse(&parse_stored(env, code.source().as_str())?, layout);
    value(lines(printed.iter().map(String::as_str)))
}

/// Compiles and stores code: `{}`, or the errors in it.
fn set_verb_code(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let text = text(args.list(2)?.as_slice())?;
    let (entity, description) = asked(env, args)?;
    let perms = env.perms();
    env.stretch
        .txn
        .check_set_verb_code(perms, entity, &description)?;
    let (source, program) = match program::canonical(&text, env.features()) {
        Ok(compiled) => compiled,
        Err(errors) => return value(error_lines(&errors)),
    };
    let program = Some(program::kept(program));
    env.stretch
        .txn
        .set_verb_code(perms, entity, &description, source, program)?;
    env.stretch.forget_verbs();
    value(List::new())
}

/// The bytecode of a verb as text.
fn disassemble(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let (entity, description) = asked(env, args)?;
    let perms = env.perms();
    let code = env.stretch.txn.verb_code(perms, entity, &description)?;
    let ast = parse_stored(env, code.source().as_str())?;
    let program = moor_compiler::compile(&ast, &|name| registry().number(name))
        .map_err(|_| ErrorCode::InvArg)?;
    let listing = Listing(&program).to_string();
    let version = format!("Language version number: {}", LanguageVersion::CURRENT.0);
    let heading = std::iter::once(version.as_str()).chain(DISASSEMBLY_HEADING);
    value(lines(heading.chain(listing.lines())))
}

/// Runs lines of code with the caller's permissions: `{1, result}`, or `{0, errors}`.
fn eval(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let perms = env.perms();
    if !env.stretch.txn.is_programmer(perms) {
        return Err(ErrorCode::Perm.into());
    }
    let text = text(args)?;
    let program = match compiled(&text, env.features()) {
        Ok(program) => program,
        Err(errors) => return value(vec![Value::ZERO, Value::List(error_lines(&errors))]),
    };
    if env.context.depth() >= env.stretch.limits.stack_depth {
        return Err(ErrorCode::MaxRec.into());
    }
    let then = Then {
        builtin: "eval",
        step: AFTER_CODE,
        state: Value::ZERO,
    };
    Ok(Answer::Call(Box::new(Call {
        verb: Arc::new(Verb {
            program,
            definer: Value::Obj(ObjId::NOTHING),
            names: Str::new(EVAL_NAMES),
            owner: perms,
            debug: true,
            own_name: None,
        }),
        this: Value::Obj(ObjId::NOTHING),
        called_as: Str::EMPTY,
        args: Vec::new(),
        command: Some(Command::default()),
        as_command: false,
        then: then.pending(),
    })))
}

fn evaluated(_: &mut Env<'_, '_, '_>, _: PendingBuiltin, result: Value, _unwinding: bool) -> Reply {
    value(vec![Value::Int(1), result])
}

/// A text and its program.
struct Remembered {
    text: Box<str>,
    program: Arc<Program>,
}

thread_local! {
    /// Programs of texts that this thread has compiled lately: worlds evaluate the same again and again.
    static REMEMBERED: RefCell<Vec<Option<Remembered>>> = const { RefCell::new(Vec::new()) };
}

/// The program of a text.
fn compiled(text: &str, features: Features) -> Result<Arc<Program>, CompileErrors> {
    if text.len() > EVAL_BYTES_MAX {
        return Ok(program::canonical(text, features)?.1);
    }
    let way = rustc_hash::FxBuildHasher.hash_one(text) as usize % EVAL_WAYS;
    let known = REMEMBERED.with_borrow(|ways| {
        let known = ways.get(way)?.as_ref()?;
        (*known.text == *text).then(|| Arc::clone(&known.program))
    });
    if let Some(program) = known {
        return Ok(program);
    }
    let (_, program) = program::canonical(text, features)?;
    REMEMBERED.with_borrow_mut(|ways| {
        if ways.is_empty() {
            ways.resize_with(EVAL_WAYS, || None);
        }
        ways[way] = Some(Remembered {
            text: text.into(),
            program: Arc::clone(&program),
        });
    });
    Ok(program)
}
