//! The programs of an object directory in the canonical layout of the current language.
//! In: descriptions. Out: the same with canonical sources; every error, with its line of the file.

use moor_compiler::{CompileError, ErrorKind, ParseOptions, UnknownBuiltins, canonical};
use moor_value::ObjId;

use super::FileFault;
use super::cursor::TextFault;
use super::files::{anonymous_file, object_file};
use super::spec::{ObjectSpec, VerbSpec, WorldSpec};
use crate::programs::{CompileOptions, OnFault};

/// Compiles every verb.
pub(crate) fn compile(
    world: &mut WorldSpec,
    options: &CompileOptions<'_>,
    faults: &mut Vec<FileFault>,
) {
    let objects = world.objects.iter_mut();
    let objects = objects.map(|(id, object): (&ObjId, _)| (object_file(*id), object));
    let anons = world.anons.iter_mut();
    let anons = anons.map(|(id, object)| (anonymous_file(*id), object));
    for (file, object) in objects.chain(anons) {
        compile_object(&file, object, options, faults);
    }
}

fn compile_object(
    file: &str,
    object: &mut ObjectSpec,
    options: &CompileOptions<'_>,
    faults: &mut Vec<FileFault>,
) {
    for verb in &mut object.verbs {
        compile_verb(file, verb, options, faults);
    }
}

fn compile_verb(
    file: &str,
    verb: &mut VerbSpec,
    options: &CompileOptions<'_>,
    faults: &mut Vec<FileFault>,
) {
    let is_builtin = |name: &str| (options.is_builtin)(name);
    let mut parse = ParseOptions::new(&is_builtin);
    parse.unknown_builtins = match options.on_fault {
        OnFault::Refuse => UnknownBuiltins::Refuse,
        OnFault::Keep => UnknownBuiltins::CallByName,
    };
    parse.features = options.features.of_accepted();
    match canonical(&verb.source, &parse) {
        Ok(program) => verb.source = program.lines.join("\n"),
        Err(errors) => faults.extend(errors.iter().map(|error| FileFault {
            file: file.to_owned(),
            fault: fault(verb, error),
        })),
    }
}

fn fault(verb: &VerbSpec, error: &CompileError) -> TextFault {
    let (column, what) = match &error.kind {
        ErrorKind::Syntax {
            column,
            expected,
            found,
        } => (*column, format!("expected {expected}, found {found}")),
        kind => (error.pos.column, kind.to_string()),
    };
    let details: String = error
        .details()
        .iter()
        .map(|line| format!("\n{line}"))
        .collect();
    TextFault {
        // The program begins in the line after the head of the verb.
        line: verb.place.line + error.pos.line,
        column,
        what: format!("{what} (verb {}){details}", verb.names).into(),
    }
}
