//! The programs of an object directory in the canonical layout of the current language.
//! In: descriptions. Out: the same with canonical sources; every error, with its line of the file.

use moor_compiler::{
    CompileError, CompileErrors, ErrorKind, ParseOptions, UnknownBuiltins, canonical,
};
use moor_value::ObjId;

use super::FileFault;
use super::cursor::TextFault;
use super::files::{anonymous_file, object_file};
use super::spec::{ObjectSpec, VerbSpec, WorldSpec};
use crate::programs::{CompileOptions, OnFault};

/// What makes canonical source of source.
pub type Compile<'a> = dyn Fn(&str) -> Result<String, CompileErrors> + Sync + 'a;

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
        let found = compile_object(object, &|source| canonical_source(source, options));
        faults.extend(found.into_iter().map(|fault| FileFault::new(&file, fault)));
    }
}

fn canonical_source(source: &str, options: &CompileOptions<'_>) -> Result<String, CompileErrors> {
    let is_builtin = |name: &str| (options.is_builtin)(name);
    let mut parse = ParseOptions::new(&is_builtin);
    parse.unknown_builtins = match options.on_fault {
        OnFault::Refuse => UnknownBuiltins::Refuse,
        OnFault::Keep => UnknownBuiltins::CallByName,
    };
    parse.features = options.features.of_accepted();
    Ok(canonical(source, &parse)?.lines.join("\n"))
}

/// Compiles the verbs of an object; answers every error in them.
pub(crate) fn compile_object(object: &mut ObjectSpec, compile: &Compile<'_>) -> Vec<TextFault> {
    let mut faults = Vec::new();
    for verb in &mut object.verbs {
        match compile(&verb.source) {
            Ok(source) => verb.source = source,
            Err(errors) => faults.extend(errors.iter().map(|error| fault(verb, error.clone()))),
        }
    }
    faults
}

fn fault(verb: &VerbSpec, error: CompileError) -> TextFault {
    // The program begins in the line after the head of the verb.
    let error = error.lower(verb.place.line);
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
        line: error.pos.line,
        column,
        what: format!("{what} (verb {}){details}", verb.names).into(),
    }
}
