//! Programs that use a feature of the language which the server has switched off.

use moor_compiler::{Feature, Features, ParseOptions, parse};

/// A program for each feature that is a matter of syntax.
const PROGRAMS: [(Feature, &str); 5] = [
    (Feature::ReturnExpressions, "x = 1;\ny = x ||\n  return 2;"),
    (Feature::LexicalScopes, "let x = 1;"),
    (Feature::LexicalScopes, "const {x} = {1};"),
    (Feature::LexicalScopes, "global x;"),
    (Feature::LexicalScopes, "begin x; end"),
];

fn errors(source: &str, features: Features) -> Vec<String> {
    let mut options = ParseOptions::new(&|_| false);
    options.features = features;
    match parse(source, &options) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.lines(),
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
