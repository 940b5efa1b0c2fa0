//! The bounds of a program's shape: at the bound, one past it, and far beyond it.

use moor_compiler::ast::Ast;
use moor_compiler::parser::{
    DEPTH_MAX, ERRORS_MAX, EXCEPT_ARMS_MAX, FUNCTION_DEPTH_MAX, NESTING_MAX, SCATTER_ITEMS_MAX,
    SOURCE_BYTES_MAX,
};
use moor_compiler::{CompileErrors, ErrorKind, Layout, ParseOptions, parse, unparse};

fn try_parse(source: &str) -> Result<Ast, CompileErrors> {
    parse(source, &ParseOptions::new(&|name| name == "f"))
}

/// The stack that any work of the compiler may take; Rust's threads have more unless told otherwise.
const STACK_BYTES: usize = 3 << 19;

fn in_small_thread(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(work);
    thread
        .expect("a thread starts")
        .join()
        .expect("nothing fails");
}

fn is_too_deep(source: &str) -> bool {
    match try_parse(source) {
        Ok(_) => false,
        Err(errors) => errors.iter().any(|error| error.kind == ErrorKind::TooDeep),
    }
}

#[test]
fn no_nesting_overflows_the_stack() {
    let openings = [
        "(",
        "[1 -> ",
        "[",
        "{",
        "-",
        "!",
        "~",
        "++",
        "x[",
        "x[1..",
        "x.(",
        "x:(",
        "x:y(",
        "f(",
        "$f(",
        "`",
        "`x ! ",
        "`x ! ANY => ",
        "x = ",
        "x ^ ",
        "x ? ",
        "x ? y | (",
        "{?a = ",
        "{?a} = ",
        "if (1) ",
        "while (1) ",
        "try ",
        "for x in (y) ",
        "fork (1) ",
        "for x in [1..2] ",
        "try finally ",
        "try except (ANY) ",
        "if (1) else ",
        "begin\n",
        "{{x for x in (",
        "{x for x in (",
        "x[1](",
    ];
    for opening in openings {
        in_small_thread(move || {
            let source = opening.repeat(100_000);
            assert!(is_too_deep(&source), "{opening}");
        });
    }
}

#[test]
fn no_chain_overflows_the_stack() {
    for link in [
        " + x", " && x", " - x", ".x", "[1]", "[1..2]", ":y()", ".(x)", "(1)",
    ] {
        let source = format!("x{};", link.repeat(100_000));
        assert!(is_too_deep(&source), "{link}");
    }
}

fn is_too_large(source: &str) -> bool {
    let too_large = |kind: &ErrorKind| matches!(kind, ErrorKind::TooLarge { max, .. } if *max == SOURCE_BYTES_MAX);
    try_parse(source).is_err_and(|errors| errors.iter().any(|error| too_large(&error.kind)))
}

#[test]
fn a_program_may_be_as_long_as_the_limit() {
    let source = |bytes: usize| format!("{}x;", " ".repeat(bytes - 2));
    assert!(try_parse(&source(SOURCE_BYTES_MAX)).is_ok());
    assert!(is_too_large(&source(SOURCE_BYTES_MAX + 1)));
}

#[test]
fn what_is_short_may_not_become_long_by_its_layout() {
    let deep = |count: usize| {
        let (opening, end) = ("if (1)\n".repeat(400), "endif\n".repeat(400));
        format!("{opening}{}{end}", "x;".repeat(count))
    };
    assert!(try_parse(&deep(2_000)).is_ok());
    assert!(is_too_large(&deep(3_000)));
}

#[test]
fn what_is_long_but_not_deep_is_no_matter() {
    let count = 20_000;
    assert!(try_parse(&"x;".repeat(count)).is_ok());
    assert!(try_parse(&format!("if (1) {} endif", "elseif (1) x;".repeat(count))).is_ok());
    assert!(try_parse(&format!("{{{}1}};", "1, ".repeat(count))).is_ok());
    assert!(try_parse(&format!("[{}1 -> 1];", "1 -> 1, ".repeat(count))).is_ok());
}

#[test]
fn trees_may_be_as_deep_as_the_limit() {
    // The statement and the first operand are nodes too.
    let operators = DEPTH_MAX - 2;
    let chain = |count| format!("x{};", " + x".repeat(count));
    assert!(try_parse(&chain(operators)).is_ok());
    assert!(is_too_deep(&chain(operators + 1)));
    let blocks = |count| format!("{}{}", "if (1)\n".repeat(count), "endif\n".repeat(count));
    assert!(try_parse(&blocks(DEPTH_MAX - 1)).is_ok());
    assert!(is_too_deep(&blocks(DEPTH_MAX)));
}

#[test]
fn parentheses_may_be_as_many_as_the_limit() {
    // The statement and its expression are open too.
    let most = NESTING_MAX - 2;
    let source = |count| format!("{}x{};", "(".repeat(count), ")".repeat(count));
    assert!(try_parse(&source(most)).is_ok());
    assert!(is_too_deep(&source(most + 1)));
}

#[test]
fn the_deepest_trees_can_be_printed_and_read_in_every_layout() {
    let operators = DEPTH_MAX - 2;
    let deepest = [
        format!("x{};", " + x".repeat(operators)),
        format!("{}x;", "x ^ ".repeat(operators)),
        format!("{}x;", "!".repeat(operators)),
        format!("{}x;", "x = ".repeat(operators)),
        format!("{}x;", "- ".repeat(operators)),
        format!("x{};", ".y".repeat(operators)),
        format!("{}x{};", "[".repeat(operators), " -> 1]".repeat(operators)),
        format!("{}x{};", "x[".repeat(operators), "]".repeat(operators)),
        format!(
            "{}{}",
            "if (1)\n".repeat(DEPTH_MAX - 1),
            "endif\n".repeat(DEPTH_MAX - 1)
        ),
    ];
    for source in deepest {
        in_small_thread(move || print_and_read(&source));
    }
}

fn print_and_read(source: &str) {
    let ast = try_parse(source).expect("not too deep");
    for layout in [Layout::CANONICAL, Layout::TEXTDUMP] {
        let printed = unparse(&ast.clone(), layout).join(
            "
",
        );
        assert_eq!(try_parse(&printed).as_ref(), Ok(&ast));
    }
}

#[test]
fn except_clauses_and_scatter_targets_are_limited() {
    let clauses = |count| format!("try {} endtry", "except (E_PERM) ".repeat(count));
    assert!(try_parse(&clauses(EXCEPT_ARMS_MAX)).is_ok());
    assert!(try_parse(&clauses(EXCEPT_ARMS_MAX + 1)).is_err());
    let targets = |count| format!("{{{}?y}} = x;", "x, ".repeat(count - 1));
    assert!(try_parse(&targets(SCATTER_ITEMS_MAX)).is_ok());
    assert!(try_parse(&targets(SCATTER_ITEMS_MAX + 1)).is_err());
}

#[test]
fn errors_are_told_up_to_the_limit() {
    let count = |breaks| {
        try_parse(&"break;".repeat(breaks))
            .expect_err("no loop")
            .iter()
            .count()
    };
    assert_eq!(count(ERRORS_MAX - 1), ERRORS_MAX - 1);
    assert_eq!(count(ERRORS_MAX), ERRORS_MAX);
    assert_eq!(count(10 * ERRORS_MAX), ERRORS_MAX);
}

#[test]
fn the_texts_of_forks_within_forks_stay_small() {
    const KEPT_MAX: usize = 256 * 1024;
    let literal = format!("x = \"{}\";\n", "a".repeat(10_000));
    let nested = |depth: usize| {
        let open = "fork (1)\n".repeat(depth);
        let close = "endfork\n".repeat(depth);
        let ast = try_parse(&format!("{open}{literal}{close}")).expect("it is a program");
        let program = moor_compiler::compile(&ast, &|_| Some(0)).expect("it compiles");
        let bytes = program.forks.iter().map(|(_, text)| text.len_bytes());
        bytes.collect::<Vec<usize>>()
    };
    assert_eq!(nested(20).len(), 20, "all have their texts");
    let texts = nested(100);
    let (last, before) = texts.split_last().expect("some have their texts");
    let before: usize = before.iter().sum();
    assert!(texts.len() < 100, "{} of 100 have a text", texts.len());
    assert!(
        before < KEPT_MAX && before + last >= KEPT_MAX,
        "{texts:?} bytes"
    );
}

#[test]
fn functions_within_functions_are_bounded() {
    for (begin, end) in [
        ("{} => ", ""),
        ("fn () x = ", "; endfn"),
        ("{?a = ", "} => 1"),
    ] {
        let source = |count: usize| format!("{}1{};", begin.repeat(count), end.repeat(count));
        assert!(try_parse(&source(FUNCTION_DEPTH_MAX)).is_ok(), "{begin}");
        let errors = try_parse(&source(FUNCTION_DEPTH_MAX + 1)).expect_err("one too many");
        assert!(
            errors
                .iter()
                .any(|error| matches!(error.kind, ErrorKind::TooLarge { .. })),
            "{begin} {errors}"
        );
        in_small_thread(move || assert!(try_parse(&begin.repeat(100_000)).is_err()));
    }
}
