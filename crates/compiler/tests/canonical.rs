//! The canonical layout: what is stored, and which lines tracebacks name.

use moor_compiler::ast::{ExprKind, StmtKind};
use moor_compiler::{Features, LanguageVersion, ParseOptions, UnknownBuiltins, canonical};

fn options(version: LanguageVersion) -> ParseOptions<'static> {
    ParseOptions {
        version,
        is_builtin: &|name| name == "call_function",
        unknown_builtins: UnknownBuiltins::CallByName,
        features: Features::default(),
    }
}

#[test]
fn positions_are_those_of_the_canonical_lines() {
    let source = "if(a)b;elseif(c)d;endif return 1 /\n\n0;";
    let program = canonical(source, &options(LanguageVersion::CURRENT)).expect("a program");
    assert_eq!(
        program.lines,
        [
            "if (a)",
            "  b;",
            "elseif (c)",
            "  d;",
            "endif",
            "return 1 / 0;"
        ]
    );
    let StmtKind::If { arms, .. } = &program.ast.body[0].kind else {
        panic!("an if statement")
    };
    let lines: Vec<u32> = arms.iter().map(|arm| arm.condition.pos.line).collect();
    assert_eq!(lines, [1, 3]);
    let StmtKind::Return(Some(value)) = &program.ast.body[1].kind else {
        panic!("a return statement")
    };
    assert!(matches!(value.kind, ExprKind::Binary(..)));
    assert_eq!((value.pos.line, value.pos.column), (6, 10));
}

#[test]
fn a_program_of_an_old_version_can_be_read_as_a_current_one() {
    let old = canonical(
        "Try = 1; this.try = Try; old(2);",
        &options(LanguageVersion::PREHISTORY),
    )
    .expect("a program");
    assert_eq!(
        old.lines,
        [
            "Try_ = 1;",
            "this.(\"try\") = Try_;",
            "call_function(\"old\", 2);"
        ]
    );
    assert_eq!(old.warnings.len(), 4);
    let again =
        canonical(&old.lines.join("\n"), &options(LanguageVersion::CURRENT)).expect("a program");
    assert_eq!((again.lines, again.warnings.len()), (old.lines, 0));
}

#[test]
fn an_old_program_becomes_one_of_the_current_language() {
    let program =
        canonical("Map = TRUE;", &options(LanguageVersion::LAMBDAMOO)).expect("a program");
    assert_eq!(program.lines, ["MAP = true;"]);
}

#[test]
fn errors_are_told_at_their_places_in_the_source() {
    let errors =
        canonical("x;\n\n break;", &options(LanguageVersion::CURRENT)).expect_err("no loop");
    assert_eq!(
        errors.lines(),
        [
            "Line 3:  No enclosing loop for `break' statement",
            "   break;",
            "   ^ column 2"
        ]
    );
}
