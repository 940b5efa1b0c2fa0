//! Programs that use a feature of the language which the server has switched off.

use moor_compiler::{Feature, Features, ParseOptions, parse};

/// A program for each feature that is a matter of syntax.
const PROGRAMS: [(Feature, &str); 14] = [
    (Feature::ReturnExpressions, "x = 1;\ny = x ||\n  return 2;"),
    (Feature::LexicalScopes, "let x = 1;"),
    (Feature::LexicalScopes, "const {x} = {1};"),
    (Feature::LexicalScopes, "global x;"),
    (Feature::LexicalScopes, "begin x; end"),
    (Feature::SymbolType, "'name;"),
    (Feature::SymbolType, "x.('\"some text\");"),
    (Feature::BinaryType, "b\"AA==\";"),
    (Feature::FlyweightType, "<#1, .a = 1>;"),
    (Feature::Lambdas, "{x} => x;"),
    (Feature::Lambdas, "fn (x) endfn;"),
    (Feature::Lambdas, "fn name(x) endfn"),
    (Feature::Lambdas, "x = y.z(1);"),
    (Feature::ListComprehensions, "x = {y for y in ({})};"),
];

fn errors(source: &str, features: Features) -> Vec<String> {
    let mut options = ParseOptions::new(&|_| false);
    options.features = features;
    match parse(source, &options) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_feature_that_is_off_is_named_where_it_is_used() {
    for (feature, source) in PROGRAMS {
        let told = errors(source, Features::default().with(feature, false));
        let name = feature.name();
        let wanted = format!("  This server does not have the feature {name} (--{name})");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].ends_with(&wanted), "{told:?}");
        assert_eq!(errors(source, Features::NONE.with(feature, true)), [""; 0]);
    }
}

#[test]
fn the_error_names_the_line() {
    let (feature, source) = PROGRAMS[0];
    let told = errors(source, Features::default().with(feature, false));
    assert!(told[0].starts_with("Line 3:  "), "{told:?}");
}

#[test]
fn words_of_custom_errors_are_variables_without_the_feature() {
    let source = "E_MINE = 1; return e_mine;";
    assert_eq!(errors(source, Features::default()), [""; 0]);
    let with = Features::default().with(Feature::CustomErrors, true);
    let told = errors(source, with);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("left side of assignment"), "{told:?}");
    for source in [
        "raise(E_MINE);",
        "return E_MINE(\"so\");",
        "`x.E_MINE ! E_MINE';",
    ] {
        let mut options = ParseOptions::new(&|name| name == "raise");
        options.features = with;
        assert!(parse(source, &options).is_ok(), "{source}");
    }
    assert_eq!(errors("return E_;", with), [""; 0]);
    assert_eq!(errors("E_MINE(1);", Features::default()).len(), 1);
}
