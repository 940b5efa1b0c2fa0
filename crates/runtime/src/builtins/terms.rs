//! Patterns of values: lists and maps with variables in them, which are matched, filled in, and asked of facts and rules.
//!
//! A variable is `{'var, 'Name}`. In: patterns, values, facts, rules, what variables stand for. Out: what they stand for, or values. Only
//! what is given is looked at: nothing is known of objects and verbs.

mod query;
mod store;
mod term;

use moor_value::{ErrorCode, List, Map, Sym, Value};

use self::query::Query;
use self::store::{Budget, Ref, Store};
use self::term::{Names, Seen, Term, marker};
use super::arg::Args;
use super::named_options::Options;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("term_ground", 1..=2, [Any, Map], MooR, term_ground)
        .truth()
        .doc(
            "term options",
            "INT",
            "1 if there is no variable `{'var, 'Name}` in a value, else 0. Only items of lists and values of maps are looked into. The option \
             `max_depth` (64) says how deep.",
        )
        .raises(TERM_ERRORS),
    pure!("term_match", 2..=4, [Any, List, Map, Map], MooR, term_match)
        .doc(
            "pattern values bindings options",
            "LIST of MAP",
            "What `term_unify()` gives for each value that fits. Options are those, `max_solutions` (256), `max_steps` (10,000 values), and `dedupe` (true), with which \
             each map is there once.",
        )
        .raises(TERM_ERRORS),
    pure!("term_normalize", 1..=3, [Any, Map, Map], MooR, term_normalize)
        .doc(
            "term bindings options",
            "value",
            "The value with its variables filled in as far as they are known, and the others named `'V1`, `'V2` and so on in their order.",
        )
        .raises(
            "E_INVARG if a variable is not well-formed or stands for something that it is in, or there is no such option; E_TYPE if a variable is known by no symbol, or an option is of another type; \
             E_RANGE if an option is out of its bounds; E_MAXREC if it goes deeper, or has more variables; E_QUOTA if the answer would be too large, or the task's time is up",
        ),
    pure!(
        "term_query",
        2..=5,
        [Any, List, List, Map, Map],
        MooR,
        term_query
    )
    .doc(
        "query facts rules bindings options",
        "LIST of MAP",
        "What the variables of a query may stand for, so that it is one of the facts or follows from them by the rules, in the order in which \
         facts and rules are tried. A rule is `{head, {terms...}}`: the head is so if all the terms are; each of its variables is in one of them. Variables of facts and rules are their own. Variables of which nothing follows are left out. \
         Options: `max_depth` (32; also of rules within one another), `max_bindings` (256), `max_solutions` (256, then it ends), \
         `max_steps` (10,000), `dedupe` (true: each map is there once, and what is being asked already is not asked again).",
    )
    .raises(
        "E_INVARG if a variable or rule is not well-formed, or there is no such option; E_TYPE if a variable is known by no symbol, or an option is of another type; E_RANGE if an option is \
         out of its bounds; E_MAXREC if it goes deeper, or has more variables or steps; E_QUOTA if the answer would be too large, or the task's time is up",
    ),
    pure!("term_substitute", 2..=3, [Any, Map, Map], MooR, term_substitute)
        .doc(
            "template bindings options",
            "value",
            "The value with each variable replaced by what it stands for. With the option `unbound`, `'leave`, those that stand for nothing stay.",
        )
        .raises(
            "E_INVARG if a variable stands for nothing or is not well-formed, or there is no such option; E_TYPE if a variable is known by no symbol, or an option is of another type; \
             E_RANGE if an option is out of its bounds; E_MAXREC if it goes deeper; E_QUOTA if the answer would be too large, or the task's time is up",
        ),
    pure!("term_unify", 2..=4, [Any, Any, Map, Map], MooR, term_unify)
        .truth()
        .doc(
            "pattern value bindings options",
            "MAP|INT",
            "What the variables of a pattern stand for if it fits a value, with `bindings` among them, which hold; 0 if it does not fit. \
             Lists fit item by item, maps have the same keys, other values are equal. Options: `max_depth` (64), `max_bindings` (256).",
        )
        .raises(TERM_ERRORS),
    pure!("term_variables", 1..=2, [Any, Map], MooR, term_variables)
        .doc(
            "term options",
            "LIST of SYM",
            "The variables of a value, each once, in their order.",
        )
        .raises(TERM_ERRORS),
];

const TERM_ERRORS: &str = "E_INVARG if a variable is not well-formed, or there is no such option; E_TYPE if a variable is known by no symbol, or an option is of another type; E_RANGE if an option is out of \
     its bounds; E_MAXREC if it goes deeper, or has more variables or steps; E_QUOTA if the answer would be too large, or the task's time is up";

/// The options that all of them have.
const COMMON: [&str; 2] = ["max_depth", "max_bindings"];
/// Those of a search.
const SEARCH: [&str; 5] = [
    "max_depth",
    "max_bindings",
    "max_solutions",
    "max_steps",
    "dedupe",
];

/// Terms within one another, unless said otherwise.
const DEPTH: usize = 64;
/// The same of a query.
const QUERY_DEPTH: usize = 32;
/// The most that can be said.
const DEPTH_MAX: usize = 1_000;
/// Variables.
const BINDINGS: usize = 256;
const BINDINGS_MAX: usize = 1 << 16;

/// How far the work on terms goes.
#[derive(Clone, Copy)]
struct Bounds {
    depth_max: usize,
    bindings_max: usize,
}

impl Bounds {
    fn read(options: Options<'_>, depth: usize) -> Result<Self, Raise> {
        Ok(Self {
            depth_max: options.number("max_depth", depth, 1..=DEPTH_MAX)?,
            bindings_max: options.number("max_bindings", BINDINGS, 0..=BINDINGS_MAX)?,
        })
    }
}

/// How far a search goes.
struct SearchBounds {
    solutions_max: usize,
    steps_max: usize,
    dedupe: bool,
}

impl SearchBounds {
    fn read(options: Options<'_>) -> Result<Self, Raise> {
        Ok(Self {
            solutions_max: options.number("max_solutions", 256, 1..=usize::MAX)?,
            steps_max: options.number("max_steps", 10_000, 1..=usize::MAX)?,
            dedupe: options.flag("dedupe", true),
        })
    }
}

fn term_unify(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let bounds = Bounds::read(Options::read(args.given(3), &COMMON)?, DEPTH)?;
    let mut pattern = Pattern::read(call, bounds, &args[0], args.given(2))?;
    let matched = pattern.matched(call, &args[1])?;
    Ok(matched.map_or(Value::ZERO, Value::Map))
}

fn term_match(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let options = Options::read(args.given(3), &SEARCH)?;
    let (bounds, search) = (Bounds::read(options, DEPTH)?, SearchBounds::read(options)?);
    let mut pattern = Pattern::read(call, bounds, &args[0], args.given(2))?;
    let (mut found, mut seen) = (List::new(), Seen::default());
    for (step, value) in args.list(1)?.iter().enumerate() {
        if step >= search.steps_max {
            return Err(ErrorCode::MaxRec.into());
        }
        let Some(matched) = pattern.matched(call, value)? else {
            continue;
        };
        let matched = Value::Map(matched);
        if !search.dedupe || seen.insert(call, &matched)? {
            found.push(matched);
            call.allow_list(&found)?;
        }
        if found.len() >= search.solutions_max {
            break;
        }
    }
    Ok(found.into())
}

fn term_query(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let options = Options::read(args.given(4), &SEARCH)?;
    let bounds = Bounds::read(options, QUERY_DEPTH)?;
    let search = SearchBounds::read(options)?;
    let mut budget = Budget::new(call, bounds);
    let mut names = Names::default();
    let goal = Term::read(&mut budget, &mut names, &args[0])?;
    let known = names.bind(&mut budget, args.given(3))?;
    let rules = args.given(2).and_then(Value::as_list);
    let query = Query::read(&mut budget, search, args.list(1)?, rules)?;
    query.answers(&mut budget, &goal, &names, &known)
}

fn term_substitute(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let options = Options::read(args.given(2), &[COMMON[0], COMMON[1], "unbound"])?;
    let bounds = Bounds::read(options, DEPTH)?;
    let leaves = options.word("unbound", &["raise", "leave"])? == 1;
    let bindings = symbols(args.map(1)?, bounds)?;
    rebuilt(
        call,
        bounds,
        &args[0],
        &mut |_, name, marker| match bindings.get(&Value::Sym(name.clone())) {
            Some(value) => Ok(value.clone()),
            None if leaves => Ok(marker.clone()),
            None => Err(ErrorCode::InvArg.into()),
        },
    )
}

fn term_normalize(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let bounds = Bounds::read(Options::read(args.given(2), &COMMON)?, DEPTH)?;
    let mut budget = Budget::new(call, bounds);
    let mut names = Names::default();
    let term = Term::read(&mut budget, &mut names, &args[0])?;
    let none = Map::new();
    let bindings = args.given(1).and_then(Value::as_map).unwrap_or(&none);
    // What variables stand for may have variables in it, which may be known too.
    let mut terms = Vec::new();
    for (name, value) in symbols(bindings, bounds)?.iter() {
        let variable = Term::Var(names.number(&mut budget, name)?);
        terms.push((variable, Term::read(&mut budget, &mut names, value)?));
    }
    let mut store = Store::with(names.len());
    for (variable, term) in &terms {
        let (variable, term) = (Ref::Term(variable, 0), Ref::Term(term, 0));
        if !store.unify(&mut budget, variable, term)? {
            return Err(ErrorCode::InvArg.into());
        }
    }
    store.normal(&mut budget, Ref::Term(&term, 0))
}

fn term_variables(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let bounds = Bounds::read(Options::read(args.given(1), &COMMON)?, DEPTH)?;
    let mut budget = Budget::new(call, bounds);
    let mut names = Names::default();
    Term::read(&mut budget, &mut names, &args[0])?;
    call.list(names.all().to_vec())
}

fn term_ground(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let bounds = Bounds::read(Options::read(args.given(1), &COMMON)?, DEPTH)?;
    let mut budget = Budget::new(call, bounds);
    let term = Term::read(&mut budget, &mut Names::default(), &args[0])?;
    Ok(i64::from(matches!(term, Term::Ground(_))).into())
}

/// A pattern with what is known of its variables, for one value after the other.
struct Pattern<'a> {
    bounds: Bounds,
    term: Term<'a>,
    names: Names,
    known: Vec<Option<&'a Value>>,
}

impl<'a> Pattern<'a> {
    fn read(
        call: &mut Call<'_>,
        bounds: Bounds,
        pattern: &'a Value,
        bindings: Option<&'a Value>,
    ) -> Result<Self, Raise> {
        let mut budget = Budget::new(call, bounds);
        let mut names = Names::default();
        let term = Term::read(&mut budget, &mut names, pattern)?;
        let known = names.bind(&mut budget, bindings)?;
        Ok(Self {
            bounds,
            term,
            names,
            known,
        })
    }

    /// What the variables stand for if a value fits.
    fn matched(&mut self, call: &mut Call<'_>, value: &Value) -> Result<Option<Map>, Raise> {
        let mut budget = Budget::new(call, self.bounds);
        let mut store = Store::knowing(&self.known);
        let (pattern, value) = (Ref::Term(&self.term, 0), Ref::Value(value));
        match store.unify(&mut budget, pattern, value)? {
            true => store.named(&mut budget, &self.names).map(Some),
            false => Ok(None),
        }
    }
}

/// Bindings, all of whose names are symbols.
fn symbols(bindings: &Map, bounds: Bounds) -> Result<&Map, Raise> {
    if bindings.len() > bounds.bindings_max {
        return Err(ErrorCode::MaxRec.into());
    }
    match bindings.keys().all(|key| matches!(key, Value::Sym(_))) {
        true => Ok(bindings),
        false => Err(ErrorCode::Type.into()),
    }
}

/// What a variable becomes, by its name, in place of the marker.
type Fill<'f> = dyn FnMut(&mut Budget<'_, '_>, &Sym, &Value) -> Result<Value, Raise> + 'f;

/// A value with each variable replaced.
fn rebuilt(
    call: &mut Call<'_>,
    bounds: Bounds,
    value: &Value,
    fill: &mut Fill<'_>,
) -> Result<Value, Raise> {
    fn part(
        budget: &mut Budget<'_, '_>,
        value: &Value,
        depth: usize,
        fill: &mut Fill<'_>,
    ) -> Result<Value, Raise> {
        budget.enter(depth)?;
        if let Some(name) = marker(value)? {
            let made = fill(budget, name, value)?;
            return budget.made(made);
        }
        match value {
            Value::List(list) => {
                let items = list.iter().map(|item| part(budget, item, depth + 1, fill));
                let items: Vec<Value> = items.collect::<Result<_, _>>()?;
                budget.made(items.into())
            }
            Value::Map(map) => {
                let mut made = Map::new();
                for (key, value) in map.iter() {
                    made.insert_value(key.clone(), part(budget, value, depth + 1, fill)?);
                }
                budget.made(made.into())
            }
            other => Ok(other.clone()),
        }
    }
    part(&mut Budget::new(call, bounds), value, 0, fill)
}
