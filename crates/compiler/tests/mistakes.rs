//! Mistakes as programmers make them, and all that they are told: the message, the line, a caret, what may be meant.

use moor_compiler::{CompileErrors, ParseOptions, parse};

fn mistakes(source: &str) -> CompileErrors {
    let is_builtin = |name: &str| name == "length" || name == "notify";
    parse(source, &ParseOptions::new(&is_builtin)).expect_err("a mistake")
}

fn told(source: &str) -> String {
    mistakes(source).lines().join("\n")
}

#[track_caller]
fn check(source: &str, expected: &str) {
    let lines: Vec<&str> = expected
        .trim_matches('\n')
        .lines()
        .map(|line| line.strip_prefix("    |").unwrap_or(line))
        .collect();
    assert_eq!(told(source), lines.join("\n"), "{source}");
}

#[test]
fn a_statement_without_its_end() {
    check(
        "if (x)\n  for y in (z)\n    y;\n  endfor\nreturn 1;",
        "
    |Line 5:  syntax error, column 10: expected `endif', found the end of the program
    |  return 1;
    |           ^ `if' of line 1, column 1 has no `endif'",
    );
    check(
        "while (1)\n  if (x)\n    break;\nendwhile",
        "
    |Line 4:  syntax error, column 1: expected `endif', found `endwhile'
    |  endwhile
    |  ^ `if' of line 2, column 3 has no `endif'",
    );
}

#[test]
fn an_end_without_its_statement() {
    check(
        "x;\nendif",
        "
    |Line 2:  syntax error, column 1: expected a statement, found `endif'
    |  endif
    |  ^ nothing is open that `endif' could end",
    );
}

#[test]
fn brackets_that_do_not_match() {
    check(
        "return foo:bar(1, {2, 3);",
        "
    |Line 1:  syntax error, column 24: expected `}', `,' or an operator, found `)'
    |  return foo:bar(1, {2, 3);
    |                         ^ `{' of line 1, column 19 has no `}'",
    );
    check(
        "x = (1 + 2;\n",
        "
    |Line 1:  syntax error, column 11: expected `)', found `;'
    |  x = (1 + 2;
    |            ^ `(' of line 1, column 5 has no `)'",
    );
    check(
        "x = 1 + 2);",
        "
    |Line 1:  syntax error, column 10: expected `;' or an operator, found `)'
    |  x = 1 + 2);
    |           ^ nothing is open that `)' could end",
    );
}

#[test]
fn a_semicolon_that_is_missing() {
    check(
        "x = 1\ny = 2;",
        "
    |Line 2:  syntax error, column 1: expected `;' or an operator, found `y'
    |  y = 2;
    |  ^ is a `;' missing at the end of line 1?",
    );
}

#[test]
fn a_string_without_its_end() {
    check(
        "notify(player, \"hello);\nx;",
        "
    |Line 1:  Missing quote
    |  notify(player, \"hello);
    |                 ^ column 16; the string that begins here has no end on this line",
    );
}

#[test]
fn a_builtin_that_is_nearly_there() {
    check(
        "x = lenght(y);\nfrobnicate(x);",
        "
    |Line 1:  Unknown built-in function: lenght
    |  x = lenght(y);
    |      ^ column 5; is `length' meant?
    |Line 2:  Unknown built-in function: frobnicate
    |  frobnicate(x);
    |  ^ column 1",
    );
}

#[test]
fn programs_get_one_line_for_each() {
    for (source, expected) in [
        (
            "x = lenght(y);\nfrobnicate(x);",
            &[
                "Line 1:  Unknown built-in function: lenght (column 5; is `length' meant?)",
                "Line 2:  Unknown built-in function: frobnicate (column 1)",
            ][..],
        ),
        (
            "x = 1\ny = 2;",
            &[
                "Line 2:  syntax error, column 1: expected `;' or an operator, found `y' (is a `;' missing at the end of line 1?)",
            ],
        ),
        (
            "x = ;",
            &["Line 1:  syntax error, column 5: expected an expression, found `;'"],
        ),
    ] {
        assert_eq!(mistakes(source).messages(), expected, "{source}");
    }
}

#[test]
fn what_is_told_of_hostile_texts_is_bounded() {
    let endless = "(".repeat(400) + &"x".repeat(1 << 20);
    let many = "nosuch();\n".repeat(10_000);
    let control = "x = \u{1b}[31m\u{7}\";".to_owned();
    for source in [endless, many, control] {
        let errors = parse(&source, &ParseOptions::new(&|_| false)).expect_err("a mistake");
        let lines = errors.lines();
        assert!(lines.len() <= 300, "{}", lines.len());
        for line in lines.iter().chain(&errors.messages()) {
            assert!(line.chars().count() <= 200, "{line}");
            assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
        }
    }
}
