//! Programs that were written for older versions of the language, and programs that call unknown functions.

use moor_compiler::{
    CompileError, Features, LanguageVersion, Layout, ParseOptions, Parsed, UnknownBuiltins, parse,
    parse_with_warnings, unparse,
};

fn load(source: &str, version: LanguageVersion) -> (Vec<String>, Vec<String>) {
    let options = ParseOptions {
        version,
        is_builtin: &|name| name == "length",
        unknown_builtins: UnknownBuiltins::CallByName,
        features: Features::default(),
    };
    let Parsed { ast, warnings } = parse_with_warnings(source, &options).expect("a program");
    let warnings = warnings.iter().map(CompileError::to_string).collect();
    (unparse(&ast, Layout::CANONICAL), warnings)
}

#[test]
fn variables_that_are_keywords_by_now_get_another_name() {
    let source = "try = 1;\ntry_ = Try;\nthis.break = except:finally(e_float);";
    let (lines, warnings) = load(source, LanguageVersion::PREHISTORY);
    assert_eq!(
        lines,
        [
            "try__ = 1;",
            "try_ = try__;",
            "this.(\"break\") = except_:(\"finally\")(e_float_);"
        ]
    );
    assert_eq!(warnings[0], "Line 1:  Renaming old use of new keyword: try");
    assert_eq!(warnings.len(), 6);
}

#[test]
fn predefined_variables_of_later_versions_are_ordinary() {
    let source = "map = true; Num = Player;";
    assert_eq!(
        load(source, LanguageVersion::LAMBDAMOO).0,
        ["map = true;", "NUM = player;"]
    );
    assert_eq!(
        load(source, LanguageVersion::CURRENT).0,
        ["MAP = true;", "NUM = player;"]
    );
    assert_eq!(
        load("Map = TRUE;", LanguageVersion::LAMBDAMOO).0,
        ["Map = TRUE;"]
    );
    assert_eq!(
        load("Map = TRUE;", LanguageVersion::CURRENT).0,
        ["MAP = true;"]
    );
}

#[test]
fn unknown_functions_are_called_by_name_when_a_database_is_loaded() {
    let (lines, warnings) = load("Old_Function(1, @x); old();", LanguageVersion::LAMBDAMOO);
    assert_eq!(
        lines,
        [
            "call_function(\"Old_Function\", 1, @x);",
            "call_function(\"old\");"
        ]
    );
    assert_eq!(
        warnings,
        [
            "Line 1:  Unknown built-in function: Old_Function",
            "Line 1:  Unknown built-in function: old"
        ]
    );
}

#[test]
fn errors_carry_line_and_column() {
    let errors =
        parse("x = 1;\n  y = (2;", &ParseOptions::new(&|_| false)).expect_err("no program");
    let error = errors.iter().next().expect("an error");
    assert_eq!((error.pos.line, error.pos.column), (2, 9));
    assert_eq!(
        error.to_string(),
        "Line 2:  syntax error, column 9: expected `)', found `;'"
    );
}
