//! LambdaMOO patterns against PCRE: for patterns that both can say, both find the same.

use moor_value::Value;
use pcre2::bytes::RegexBuilder;
use proptest::prelude::*;

use super::run;
use crate::builtins::Limits;

/// A pattern in both notations, never one that matches nothing under a repetition (where the two
/// engines differ about the last turn).
#[derive(Clone, Debug)]
struct Both {
    moo: String,
    perl: String,
    empty: bool,
}

fn leaf() -> impl Strategy<Value = Both> {
    let same = |text: &str| Both {
        moo: text.to_owned(),
        perl: text.to_owned(),
        empty: false,
    };
    let pair = |moo: &str, perl: &str, empty: bool| Both {
        moo: moo.to_owned(),
        perl: perl.to_owned(),
        empty,
    };
    prop_oneof![
        Just(same("a")),
        Just(same("B")),
        Just(same(".")),
        Just(same("[ab]")),
        Just(same("[^a-b]")),
        Just(pair("[]c]", "[\\]c]", false)),
        Just(pair("%.", "\\.", false)),
        Just(pair("%w", "[a-zA-Z0-9]", false)),
        Just(pair("%W", "[^a-zA-Z0-9]", false)),
        Just(pair("%b", "\\b", true)),
        Just(pair("%<", "\\b(?=\\w)", true)),
        Just(pair("%>", "\\b(?<=\\w)", true)),
    ]
}

fn pattern() -> impl Strategy<Value = Both> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["*", "+", "?"])).prop_map(|(p, op)| {
                if p.empty && op != "?" {
                    return p;
                }
                Both {
                    moo: format!("%({}%){op}", p.moo),
                    perl: format!("({}){op}", p.perl),
                    empty: p.empty || op != "+",
                }
            }),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| Both {
                moo: parts.iter().map(|p| p.moo.as_str()).collect(),
                perl: parts.iter().map(|p| p.perl.as_str()).collect(),
                empty: parts.iter().all(|p| p.empty),
            }),
            prop::collection::vec(inner, 2..4).prop_map(|parts| {
                let join = |side: fn(&Both) -> &str, or: &str| {
                    parts.iter().map(side).collect::<Vec<_>>().join(or)
                };
                Both {
                    moo: format!("%({}%)", join(|p| &p.moo, "%|")),
                    perl: format!("({})", join(|p| &p.perl, "|")),
                    empty: parts.iter().any(|p| p.empty),
                }
            }),
        ]
    })
}

/// The places of the whole match and of the first nine groups, as `match()` gives them.
fn perl_places(perl: &str, text: &str, fold: bool) -> Vec<(i64, i64)> {
    let regex = RegexBuilder::new().caseless(fold).build(perl);
    let regex = regex.expect("an own pattern compiles");
    let Some(found) = regex.captures(text.as_bytes()).expect("it ends") else {
        return Vec::new();
    };
    let place = |i: usize| {
        let group = found.get(i);
        group.map_or((0, -1), |g| (g.start() as i64 + 1, g.end() as i64))
    };
    (0..10).map(place).collect()
}

fn moo_places(moo: &str, text: &str, fold: bool) -> Vec<(i64, i64)> {
    let mut args = [text.into(), moo.into(), i64::from(!fold).into()];
    let found = run("match", &mut args, &Limits::default(), false).expect("it ends");
    let [start, end, groups, _] = found.as_list().map_or(&[][..], |l| l.as_slice()) else {
        return Vec::new();
    };
    let int = |value: &Value| value.as_int().expect("an integer");
    let groups = groups.as_list().expect("nine groups").iter().map(|pair| {
        let pair = pair.as_list().expect("a pair").as_slice();
        (int(&pair[0]), int(&pair[1]))
    });
    std::iter::once((int(start), int(end)))
        .chain(groups)
        .collect()
}

proptest! {
    #[test]
    fn both_find_the_same(pattern in pattern(), text in "[abcABC .]{0,12}", fold in any::<bool>()) {
        let moo = moo_places(&pattern.moo, &text, fold);
        prop_assert_eq!(moo, perl_places(&pattern.perl, &text, fold), "{:?} {:?}", pattern, text);
    }
}
