//! Source text to verbs that are ready to run.
//!
//! In: the code of a verb that was found, or text for `eval()`. Out: programs, compiled once for
//! each text. The language is the compiler's knowledge.

use std::sync::{Arc, LazyLock};

use moor_bytecode::{CodeTable, Program};
use moor_compiler::ast::Ast;
use moor_compiler::{CompileErrors, Features, ParseOptions, UnknownBuiltins};
use moor_value::{Lambda, ObjId, Str, Value};
use moor_vm::Verb;
use moor_world::{Compiled, EntityKind, ResolvedVerb, VerbFlags};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::lanes::Lanes;
use crate::registry::registry;

/// Bytes of source of the functions of the store that are kept compiled; beyond it all are forgotten.
const FUNCTION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A worker thread whose stretches have asked for a verb more often than this gets a copy of its own.
const SELDOM: u32 = 32;

/// Takes a programmer's text: its canonical source and its program, which has it and whose line numbers are those
/// of the canonical source.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn canonical(
    source: &str,
    features: Features,
) -> Result<(Str, Arc<Program>), CompileErrors> {
    let is_builtin = |name: &str| registry().number(name).is_some();
    let mut options = ParseOptions::new(&is_builtin);
    options.features = features;
    let canonical = moor_compiler::canonical(source, &options)?;
    let program = moor_compiler::compile(&canonical.ast, &|name| registry().number(name))?;
    let source = Str::from(canonical.lines.join("\n"));
    Ok((source.clone(), Arc::new(program.with_source(source))))
}

/// The tree of stored source, which may call functions that are not there and use features that are off by now.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn parse_stored(source: &str, features: Features) -> Result<Ast, CompileErrors> {
    let is_builtin = |name: &str| registry().number(name).is_some();
    let mut options = ParseOptions::new(&is_builtin);
    options.unknown_builtins = UnknownBuiltins::CallByName;
    options.features = features.of_accepted();
    moor_compiler::parse(source, &options)
}

/// Compiles stored source.
fn compile_stored(source: &Str, features: Features) -> Result<Program, CompileErrors> {
    let ast = parse_stored(source.as_str(), features)?;
    let program = moor_compiler::compile(&ast, &|name| registry().number(name))?;
    Ok(program.with_source(source.clone()))
}

/// A verb as the machine runs it, for this thread. Its code is compiled by whoever runs it first.
pub(crate) fn ready_verb(found: &Arc<ResolvedVerb>, features: Features) -> Arc<Verb> {
    let ready = found.prepared(|found| {
        let first = verb_of(found, features, Lanes::first);
        Arc::new(Lanes::new(first)) as Compiled
    });
    let copy = |_: &_| verb_of(found, features, |programs| programs.own(0, copied));
    let verbs = ready.downcast_ref::<Lanes<Arc<Verb>>>();
    verbs.map_or_else(
        || code_without_verb(empty(), ObjId::NOTHING),
        |verbs| Arc::clone(verbs.own(SELDOM, copy)),
    )
}

fn verb_of(
    found: &ResolvedVerb,
    features: Features,
    choose: impl FnOnce(&Lanes<Arc<Program>>) -> &Arc<Program>,
) -> Arc<Verb> {
    let code = found
        .code
        .compiled(|source| kept(compiled(found, source, features)));
    let programs = code.downcast_ref::<Lanes<Arc<Program>>>();
    Arc::new(Verb {
        program: programs.map_or_else(empty, |programs| Arc::clone(choose(programs))),
        definer: definer_value(found),
        names: Str::new(found.verb.names.as_str()),
        owner: found.verb.owner,
        debug: found.verb.flags.has(VerbFlags::DEBUG),
        own_name: None,
    })
}

/// A program as the world keeps it beside its source.
pub(crate) fn kept(program: Arc<Program>) -> Compiled {
    Arc::new(Lanes::new(program))
}

/// A program that has nothing in common with the other one but its text, which is not looked at when it runs.
fn copied(program: &Arc<Program>) -> Arc<Program> {
    let bytes = program.encode();
    let copy = Program::decode(&mut bytes.as_slice(), &|name| registry().number(name));
    match (copy, &program.source) {
        (Ok(copy), Some(source)) => Arc::new(copy.with_source(source.clone())),
        (Ok(copy), None) => Arc::new(copy),
        (Err(_), _) => Arc::clone(program),
    }
}

/// The program of stored source. Source that does not compile was never accepted by this server;
/// should it occur, the verb runs as if it were empty and the log says so.
fn compiled(found: &ResolvedVerb, source: &Str, features: Features) -> Arc<Program> {
    match compile_stored(source, features) {
        Ok(program) => Arc::new(program),
        Err(errors) => {
            tracing::error!(
                definer = ?found.definer, verb = found.verb.names.as_str(), %errors,
                "stored code does not compile"
            );
            empty()
        }
    }
}

/// The program without a statement.
fn empty() -> Arc<Program> {
    static EMPTY: LazyLock<Arc<Program>> = LazyLock::new(|| {
        let program = compile_stored(&Str::EMPTY, Features::default());
        Arc::new(program.expect("a program without a statement compiles"))
    });
    Arc::clone(&EMPTY)
}

/// Programs of functions.
#[derive(Default)]
struct Functions {
    /// By their place, what they captured and their source.
    programs: FxHashMap<Box<str>, Arc<Program>>,
    /// The bytes of the keys.
    bytes: usize,
}

impl Functions {
    fn keep(&mut self, key: String, program: Arc<Program>) {
        if self.bytes + key.len() > FUNCTION_BYTES_MAX {
            *self = Self::default();
        }
        self.bytes += key.len();
        self.programs.insert(key.into(), program);
    }
}

/// The program of a function that was stored, compiled once for each source and place; nothing when it does not compile.
pub(crate) fn function_program(function: &Lambda, features: Features) -> Option<Arc<Program>> {
    static COMPILED: LazyLock<Mutex<Functions>> = LazyLock::new(Mutex::default);
    let mut key = format!("{} ", function.origin().line);
    for (name, _) in function.captured() {
        key.push_str(name.as_str());
        key.push(' ');
    }
    key.push_str(function.source().as_str());
    if let Some(program) = COMPILED.lock().programs.get(key.as_str()) {
        return Some(Arc::clone(program));
    }
    let program = Arc::new(compile_function(function, features)?);
    COMPILED.lock().keep(key, Arc::clone(&program));
    Some(program)
}

fn compile_function(function: &Lambda, features: Features) -> Option<Program> {
    let is_builtin = |name: &str| registry().number(name).is_some();
    let mut options = ParseOptions::new(&is_builtin);
    options.unknown_builtins = UnknownBuiltins::CallByName;
    options.features = features.of_accepted();
    let names = function.captured().iter().map(|(name, _)| name.as_str());
    let builtin = |name: &str| registry().number(name);
    let source = function.source().as_str();
    let program = moor_compiler::compile_function(source, names, &options, &builtin);
    let program = program.inspect_err(|errors| {
        tracing::error!(source, %errors, "a stored function does not compile");
    });
    program
        .ok()
        .map(|program| below(&program, function.origin().line))
}

/// The program with its lines as they are where it begins in that line.
pub(crate) fn below(program: &Program, line: u32) -> Program {
    let mut table = CodeTable::clone(program);
    for (_, own) in &mut table.lines {
        *own = own.saturating_add(line.saturating_sub(1));
    }
    for function in &mut table.functions {
        function.line = function.line.saturating_add(line.saturating_sub(1));
        function.program = Arc::new(below(&function.program, line));
    }
    Program::new(table).expect("later lines do not break a program")
}

/// Code that belongs to no verb: `eval()` and the server's own calls.
pub(crate) fn code_without_verb(program: Arc<Program>, owner: ObjId) -> Arc<Verb> {
    Arc::new(Verb {
        program,
        definer: Value::Obj(ObjId::NOTHING),
        names: Str::EMPTY,
        owner,
        debug: true,
        own_name: None,
    })
}

/// The definer as programs see it.
fn definer_value(found: &ResolvedVerb) -> Value {
    match found.definer.kind() {
        EntityKind::Object => Value::Obj(found.definer.as_object().unwrap_or(ObjId::NOTHING)),
        _ => Value::Obj(ObjId::NOTHING),
    }
}
