//! Code generation never fails on what the parser accepts, except at its documented limits.

use std::path::Path;

use moor_compiler::{
    CompileErrors, ErrorKind, Features, LanguageVersion, ParseOptions, UnknownBuiltins, canonical,
    compile,
};

fn compiled(source: &str) -> Result<usize, CompileErrors> {
    let options = ParseOptions {
        version: LanguageVersion::LAMBDAMOO,
        is_builtin: &|name| name == "call_function",
        unknown_builtins: UnknownBuiltins::CallByName,
        features: Features::default(),
    };
    let canonical = canonical(source, &options)?;
    let program = compile(&canonical.ast, &|name| {
        (name == "call_function").then_some(0)
    })?;
    Ok(program.code.len())
}

fn too_large(source: &str) -> &'static str {
    let errors = compiled(source).expect_err("the program is too large");
    match errors.iter().next().map(|error| error.kind.clone()) {
        Some(ErrorKind::TooLarge { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn programs_at_their_limits_are_refused_in_words() {
    let variables: String = (0..66_000).map(|n| format!("v{n} = 1;\n")).collect();
    assert_eq!(too_large(&variables), "variables");
    let fewer: String = (0..64_990).map(|n| format!("v{n};")).collect();
    assert_eq!(
        too_large(&format!(
            "{fewer} return {{v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12}};"
        )),
        "variables and temporaries"
    );
    assert_eq!(too_large(&"x = y;\n".repeat(66_000)), "instructions");
    let constants: String = (0..66_000).map(|n| format!("x = {n}.5;")).collect();
    assert!(["constants", "instructions"].contains(&too_large(&constants)));
}

#[test]
fn every_verb_of_a_real_world_compiles() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/LambdaCore-latest.db");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("{} is absent: nothing to compile", path.display());
        return;
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    let is_verb = |line: &str| {
        let parts = line.strip_prefix('#').and_then(|rest| rest.split_once(':'));
        parts.is_some_and(|(object, verb)| {
            !object.is_empty()
                && !verb.is_empty()
                && (object.to_owned() + verb)
                    .bytes()
                    .all(|b| b.is_ascii_digit())
        })
    };
    let mut count = 0;
    while let Some(line) = lines.next() {
        if !is_verb(line) {
            continue;
        }
        let source: Vec<&str> = lines.by_ref().take_while(|line| *line != ".").collect();
        if let Err(errors) = compiled(&source.join("\n")) {
            panic!("{line}: {errors}");
        }
        count += 1;
    }
    assert!(count > 1_000, "only {count} verbs were found");
}
