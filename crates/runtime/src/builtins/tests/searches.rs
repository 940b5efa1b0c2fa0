//! Builtins that search or compare: their bounds of time, depth and size.

use moor_value::{ErrorCode, List, Sym, Value};

use crate::builtins::{Limits, Still, named_map};

/// The code that a call raises whose time is up after so many polls; none for an answer.
fn raised(name: &str, args: &[Value], polls: u32, limits: &Limits) -> Option<Value> {
    let result = Still::new(polls, false).call(name, &mut args.to_vec(), limits);
    result.expect("it is there").err().map(|raise| raise.code)
}

fn sym(name: &str) -> Value {
    Value::Sym(Sym::new(name))
}

fn var(name: &str) -> Value {
    vec![sym("var"), sym(name)].into()
}

fn ints(count: i64) -> Value {
    (0..count).map(Value::from).collect::<List>().into()
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(var("A"), |inner, _| vec![inner].into())
}

/// Rules by which everything follows from everything.
fn endless() -> Vec<Value> {
    let p = |name: &str| Value::from(vec![sym("p"), var(name), var("Z")]);
    let facts: List = (0..100)
        .map(|n| vec![sym("p"), Value::from(n), Value::from(n + 1)].into())
        .collect();
    let rule = vec![p("X"), vec![p("Y"), p("X")].into()];
    let most = Value::from(i64::MAX);
    let options = named_map([("max_steps", most.clone()), ("max_solutions", most)]);
    let rules: List = std::iter::once(Value::from(rule)).collect();
    vec![
        p("Q"),
        facts.into(),
        rules.into(),
        named_map::<&str>([]),
        options,
    ]
}

#[test]
fn the_time_of_a_task_ends_each() {
    let limits = Limits::default();
    let quota = Some(Value::Err(ErrorCode::Quota));
    let side = Value::from(1_000);
    let corner = Value::from(999);
    let grid = |name: &str| {
        let mut args = vec![side.clone(), side.clone(), 0.into(), 0.into()];
        if name != "grid_flood" {
            args.extend([corner.clone(), corner.clone()]);
        }
        args.extend([List::new().into(), vec![Value::from(7)].into()]);
        args
    };
    let (old, new) = (ints(2_000), ints(2_001));
    let cells = named_map([("max_lcs_cells", (1 << 22).into())]);
    let mut shifted = new.as_list().expect("a list").clone();
    shifted.remove(0);
    shifted.push(0.into());
    let pattern: Value = vec![var("A"), var("B")].into();
    let none = named_map::<&str>([]);
    let steps = named_map([("max_steps", i64::MAX.into())]);
    for (name, args) in [
        ("grid_astar", grid("grid_astar")),
        ("grid_flood", grid("grid_flood")),
        ("value_diff", vec![old, shifted.into(), cells]),
        ("term_query", endless()),
        ("term_match", vec![pattern, ints(100_000), none, steps]),
    ] {
        assert_eq!(raised(name, &args, 3, &limits), quota, "{name}");
    }
}

#[test]
fn deep_terms_are_refused_or_looked_through() {
    let limits = Limits::default();
    let options = named_map([("max_depth", 1_000.into())]);
    for (depth, expected) in [(1_000, None), (1_001, Some(Value::Err(ErrorCode::MaxRec)))] {
        let term = nested(depth);
        for name in ["term_ground", "term_variables"] {
            let args = [term.clone(), options.clone()];
            assert_eq!(
                raised(name, &args, 1_000, &limits),
                expected,
                "{name} {depth}"
            );
        }
        let none = named_map::<&str>([]);
        let args = [term.clone(), term, none, options.clone()];
        assert_eq!(raised("term_unify", &args, 1_000, &limits), expected);
    }
    let options = named_map([("max_depth", 500.into())]);
    let diff = |old: usize, new: usize| [nested(old), nested(new), options.clone()];
    assert_eq!(
        raised("value_diff", &diff(1_900, 1_901), 10_000, &limits),
        None
    );
    assert_eq!(raised("value_diff", &diff(400, 401), 10_000, &limits), None);
}

#[test]
fn answers_have_the_size_of_values() {
    let small = Limits {
        list_bytes_max: 1_000,
        ..Limits::default()
    };
    let quota = Some(Value::Err(ErrorCode::Quota));
    let dedupe = named_map([("dedupe", 0.into()), ("max_solutions", 1_000.into())]);
    let none = named_map::<&str>([]);
    let tiles = [
        10.into(),
        10.into(),
        0.into(),
        0.into(),
        List::new().into(),
        List::new().into(),
    ];
    for (name, args) in [
        ("term_match", vec![var("A"), ints(100), none, dedupe]),
        ("grid_flood", tiles.to_vec()),
        ("value_diff", vec![ints(0), ints(100)]),
    ] {
        assert_eq!(raised(name, &args, 1_000, &small), quota, "{name}");
    }
}

#[test]
fn rules_that_begin_with_themselves_find_all() {
    let edge = |from: i64, to: i64| Value::from(vec![sym("e"), from.into(), to.into()]);
    let facts: List = (0..40).map(|n| edge(n, (n + 1) % 40)).collect();
    let p = |name: &str, a: &str, b: &str| Value::from(vec![sym(name), var(a), var(b)]);
    let rules: Vec<Value> = vec![
        vec![
            p("r", "A", "B"),
            vec![p("r", "A", "C"), p("e", "C", "B")].into(),
        ]
        .into(),
        vec![p("r", "A", "B"), vec![p("e", "A", "B")].into()].into(),
    ];
    let goal = vec![sym("r"), 0.into(), var("W")];
    let args = &mut [goal.into(), facts.into(), rules.into()];
    let found = Still::new(1_000, false).call("term_query", args, &Limits::default());
    let found = found.expect("it is there").expect("answers");
    assert_eq!(found.as_list().map(List::len), Some(40));
}
