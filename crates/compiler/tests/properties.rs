//! What must hold of every tree and of every text.

mod support;

use moor_compiler::{Feature, Features, Layout, ParseOptions, parse, unparse};
use proptest::prelude::*;

/// Words and signs of which many texts consist that are almost programs.
const PIECES: [&str; 80] = [
    "if",
    "else",
    "elseif",
    "endif",
    "for",
    "in",
    "endfor",
    "fork",
    "endfork",
    "return",
    "while",
    "endwhile",
    "try",
    "except",
    "finally",
    "endtry",
    "ANY",
    "break",
    "continue",
    "E_PERM",
    "x",
    "y",
    "length",
    "1",
    "2.5",
    "1e",
    "#",
    "#0",
    "\"s\"",
    "\"",
    "\\",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "`",
    "'",
    "=",
    "==",
    "=>",
    "->",
    "--",
    "++",
    "-",
    "!",
    "?",
    "|",
    "||",
    "&",
    "&.",
    "^",
    "^.",
    "..",
    ".",
    ":",
    "$",
    "@",
    ",",
    ";",
    "/*",
    "*/",
    "\n",
    "<",
    ">",
    "<<",
    ">>",
    "'s",
    "b\"AA==\"",
    ".s =",
    "E_PERM(",
    "let",
    "const",
    "global",
    "begin",
    "end",
    "fn",
    "endfn",
    "for x in",
];

fn options() -> ParseOptions<'static> {
    ParseOptions::new(&|name| name == "length")
}

/// Any set of features; each other one is that of a server whose operator has said nothing.
fn any_features() -> impl Strategy<Value = Features> {
    prop_oneof![Just(Features::default()), any::<u32>().prop_map(features)]
}

/// The features whose bits are set, in the order of their table.
fn features(bits: u32) -> Features {
    let rows = Feature::ALL.iter().enumerate();
    rows.fold(Features::NONE, |set, (index, row)| {
        set.with(row.feature, bits >> index & 1 == 1)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_parses_to_the_same_tree(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        features in any_features(),
    ) {
        let ast = support::draw(&bytes, features);
        let options = ParseOptions { features, ..options() };
        for layout in Layout::ALL {
            let text = unparse(&ast, layout).join("\n");
            let again = parse(&text, &options).map_err(|e| TestCaseError::fail(format!("{text}\n{e}")))?;
            prop_assert_eq!(&again, &ast, "{}", text);
            prop_assert_eq!(unparse(&again, layout).join("\n"), text);
        }
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&text, &options());
        let _ = parse(&String::from_utf8_lossy(&bytes), &options());
    }

    #[test]
    fn no_order_of_tokens_makes_the_compiler_panic(picks in prop::collection::vec(0..PIECES.len(), 0..60)) {
        let text = picks.iter().map(|&pick| PIECES[pick]).collect::<Vec<_>>().join(" ");
        match parse(&text, &options()) {
            Ok(ast) => {
                let printed = unparse(&ast, Layout::CANONICAL).join("\n");
                prop_assert_eq!(parse(&printed, &options()), Ok(ast));
            }
            Err(errors) => prop_assert!(errors.iter().all(|error| error.to_string().starts_with("Line "))),
        }
    }
}
