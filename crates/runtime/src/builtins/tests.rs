//! Cases of the pure builtins as data: `tests/cases.txt` has one call a line with what it gives.

mod age;
mod cbor;
mod literal;
mod pattern_oracle;
mod reference;
mod searches;

use literal::{Expr, parse};
use moor_value::{Binary, ErrorCode, ErrorName, ErrorValue, Flyweight, List, ObjId, Sym, Value};

use super::{Limits, Raise, Still, pure_builtins};

/// Polls until the time of a call is up.
const POLLS: u32 = 2_000;

fn run(name: &str, args: &mut [Value], limits: &Limits, wizard: bool) -> Result<Value, Raise> {
    let result = Still::new(POLLS, wizard).call(name, args, limits);
    result.unwrap_or_else(|| panic!("no pure builtin {name}"))
}

fn eval(expr: &Expr, wizard: bool) -> Result<Value, Raise> {
    let all = |items: &[Expr]| -> Result<Vec<Value>, Raise> {
        items.iter().map(|item| eval(item, wizard)).collect()
    };
    match expr {
        Expr::Value(value) => Ok(value.clone()),
        Expr::List(items) => Ok(all(items)?.into()),
        Expr::Map(entries) => {
            let mut map = moor_value::Map::new();
            for (key, value) in entries {
                assert!(map.insert_value(eval(key, wizard)?, eval(value, wizard)?));
            }
            Ok(map.into())
        }
        Expr::Call(name, args) => {
            let mut args = all(args)?;
            run(name, &mut args, &Limits::default(), wizard)
        }
    }
}

/// What went wrong with a line `[wizard] call => value` or `[wizard] call => ! E_CODE`.
fn fault(line: &str) -> Option<String> {
    let (call, expected) = line.split_once(" => ").expect("a line has ` => `");
    let (wizard, call) = match call.strip_prefix("wizard ") {
        Some(call) => (true, call),
        None => (false, call),
    };
    let got = eval(&parse(call), wizard);
    let as_expected = match expected.strip_prefix("! ") {
        Some(code) => {
            let code = ErrorCode::from_name(code.trim()).expect("an error code");
            matches!(&got, Err(raise) if raise.code == Value::Err(code))
        }
        None => {
            let expected = eval(&parse(expected), wizard).expect("an expected value");
            matches!(&got, Ok(value) if value.equal_case_sensitive(&expected)
                && value.value_type() == expected.value_type())
        }
    };
    let shown = got.map_or_else(
        |raise| format!("! {}", raise.code.to_literal()),
        |value| value.to_literal(),
    );
    (!as_expected).then(|| format!("{line}\n    but got {shown}"))
}

#[test]
fn cases() {
    let lines = include_str!("tests/cases.txt").lines();
    let cases = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let faults: Vec<String> = cases.filter_map(fault).collect();
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn a_wrong_pattern_is_told_with_its_place_in_what_was_given() {
    for (name, pattern) in [("pcre_match", "ab("), ("pcre_replace", "s/ab(/x/")] {
        let mut args = [Value::from("foobar"), Value::from(pattern)];
        let raise = run(name, &mut args, &Limits::default(), false).expect_err("a wrong pattern");
        let message = raise.message;
        assert!(
            message.as_str().contains("at offset 3:"),
            "{name}: {message}"
        );
    }
}

#[test]
fn names_are_unique_and_arities_fit() {
    let mut names: Vec<&str> = pure_builtins().map(|spec| spec.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for spec in pure_builtins() {
        if let Some(max) = spec.args_max {
            assert!(spec.args_min <= max, "{}", spec.name);
            assert_eq!(spec.types.len(), usize::from(max), "{}", spec.name);
        }
    }
}

#[test]
fn attributes_of_one_tag_have_a_bound() {
    let limits = Limits {
        list_bytes_max: 10_000,
        ..Limits::default()
    };
    let shown = |count: usize| {
        let names: String = (0..count).map(|number| format!(" a{number}")).collect();
        let filter = super::named_map([("b", "*".into())]);
        let mut args = [format!("<p{names}>").into(), "p".into(), filter];
        run("html_query", &mut args, &limits, false)
    };
    assert!(shown(50).is_ok());
    assert_eq!(
        shown(500).expect_err("too many").code,
        Value::Err(ErrorCode::Quota)
    );
}

#[test]
fn elements_without_ends_do_not_nest() {
    for tag in ["li", "p", "td", "dd", "option", "a"] {
        let page = format!("<table><tr><td>{}", format!("<{tag}>x").repeat(2_000));
        let args = &mut [page.into(), tag.into()];
        let found = run("html_query", args, &Limits::default(), false).expect("elements");
        let found = found.as_list().expect("a list").len();
        assert!((2_000..=2_001).contains(&found), "{tag}: {found}");
    }
}

/// Values of every kind, some of them unkind.
fn samples() -> Vec<Value> {
    let texts = [
        "",
        "x",
        "%",
        "[",
        "~",
        "~0",
        "é~FF",
        "$5$rounds=1000$",
        "s/x/y/",
        "日本語",
    ];
    let numbers = [0, 1, -1, 2, 300, i64::MAX, i64::MIN];
    let floats = [0.0, -0.5, 1e308];
    let mut samples: Vec<Value> = texts.into_iter().map(Value::from).collect();
    samples.extend(numbers.map(Value::from));
    samples.extend(floats.map(Value::from));
    samples.extend([
        true.into(),
        ErrorCode::Perm.into(),
        moor_value::ObjId(1).into(),
    ]);
    samples.extend([
        Sym::new("a b").into(),
        Binary::from_vec(vec![0, 255]).into(),
        ErrorValue::make(ErrorName::Known(ErrorCode::Perm), Some("no".into())),
        Flyweight::new(ObjId(1), List::new())
            .expect("it is not deep")
            .into(),
    ]);
    let list: Vec<Value> = vec![1.into(), "a".into(), 2.5.into()];
    samples.push(list.clone().into());
    samples.push(vec![Value::from(list.clone()), list.into()].into());
    samples.push(Vec::new().into());
    let mut map = moor_value::Map::new();
    map.insert_value("a".into(), 1.into());
    samples.push(map.into());
    samples
}

#[test]
fn no_arguments_panic() {
    let limits = Limits {
        string_bytes_max: 10_000,
        ..Limits::default()
    };
    let samples = samples();
    // argon2 takes seconds for so many arguments that are right.
    let quick = |name: &&str| *name != "argon2";
    for name in pure_builtins().map(|spec| spec.name).filter(quick) {
        for a in &samples {
            for b in &samples {
                for c in &samples {
                    let _ = run(name, &mut [a.clone(), b.clone(), c.clone()], &limits, true);
                }
                let _ = run(name, &mut [a.clone(), b.clone()], &limits, true);
            }
            let _ = run(name, std::slice::from_mut(&mut a.clone()), &limits, true);
        }
    }
}

#[test]
fn strings_end_at_their_limit() {
    let limits = Limits {
        string_bytes_max: 10,
        ..Limits::default()
    };
    let quota = Err(ErrorCode::Quota.into());
    let ten = || Value::from("0123456789");
    assert_eq!(run("tostr", &mut [ten()], &limits, false), Ok(ten()));
    assert_eq!(
        run("tostr", &mut [ten(), "x".into()], &limits, false),
        quota
    );
    assert_eq!(run("toliteral", &mut [ten()], &limits, false), quota);
    let args = &mut [ten(), "5".into(), "55".into()];
    assert_eq!(run("strsub", args, &limits, false), quota);
    assert_eq!(run("encode_base64", &mut [ten()], &limits, false), quota);
    assert_eq!(run("random_bytes", &mut [11.into()], &limits, false), quota);
}

#[test]
fn lists_end_at_their_limit() {
    let limits = Limits {
        list_bytes_max: 48,
        ..Limits::default()
    };
    let one = || Value::from(vec![Value::Int(1)]);
    let quota = Err(ErrorCode::Quota.into());
    assert_eq!(
        run("setadd", &mut [one(), 1.into()], &limits, false),
        Ok(one())
    );
    assert_eq!(run("setadd", &mut [one(), 2.into()], &limits, false), quota);
    assert_eq!(
        run("listappend", &mut [one(), 2.into()], &limits, false),
        quota
    );
    for (name, text) in [
        ("explode", "a b"),
        ("decode_binary", "~00~01"),
        ("parse_json", "[1, 2, 3]"),
    ] {
        assert_eq!(
            run(name, &mut [text.into()], &limits, false),
            quota,
            "{name}"
        );
    }
}

#[test]
fn a_pattern_that_never_ends_is_stopped() {
    let text = Value::from("a".repeat(40));
    for pattern in ["%(a*%)*b", "%(a|aa%)+$b", "%(%(a+%)+%)+b"] {
        let got = run(
            "match",
            &mut [text.clone(), pattern.into()],
            &Limits::default(),
            false,
        );
        let code = got.map_err(|raise| raise.code);
        let stopped = [Err(ErrorCode::Quota.into()), Err(ErrorCode::InvArg.into())];
        assert!(stopped.contains(&code), "{pattern} {code:?}");
    }
}

#[test]
fn an_unshared_list_grows_in_place() {
    let mut list = Value::from(Vec::new());
    for i in 0..50_000 {
        let mut args = [list, i.into()];
        list = run("listappend", &mut args, &Limits::default(), false).expect("it fits");
    }
    assert_eq!(list.as_list().map(moor_value::List::len), Some(50_000));
}
