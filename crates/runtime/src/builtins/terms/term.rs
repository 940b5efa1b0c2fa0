//! Values as terms: with their variables numbered, and with what has none left as it is.
//! In: values. Out: terms, names of variables; also which values have been seen before.

use moor_value::{ErrorCode, Map, Sym, Value};
use rustc_hash::FxHashMap;

use super::store::Budget;
use super::symbols;
use crate::builtins::{Call, Raise};

/// What says that a list is a variable.
const MARK: &str = "var";

/// A term.
pub(super) enum Term<'a> {
    /// A variable, by its number.
    Var(usize),
    /// A value without variables.
    Ground(&'a Value),
    List(Vec<Term<'a>>),
    /// Keys and what is under them, in the order of the keys.
    Map(Vec<(&'a Value, Term<'a>)>),
}

impl<'a> Term<'a> {
    /// The term that a value is.
    ///
    /// # Errors
    /// E_INVARG for a variable that is not well-formed, E_MAXREC where it goes too deep or has too many variables.
    pub(super) fn read(
        budget: &mut Budget<'_, '_>,
        names: &mut Names,
        value: &'a Value,
    ) -> Result<Self, Raise> {
        Self::part(budget, names, value, 0)
    }

    fn part(
        budget: &mut Budget<'_, '_>,
        names: &mut Names,
        value: &'a Value,
        depth: usize,
    ) -> Result<Self, Raise> {
        budget.enter(depth)?;
        if let Some(name) = marker(value)? {
            let name = Value::Sym(name.clone());
            return Ok(Self::Var(names.number(budget, &name)?));
        }
        let is_ground = |term: &Term<'_>| matches!(term, Term::Ground(_));
        Ok(match value {
            Value::List(list) => {
                let items = list.iter();
                let items = items.map(|item| Self::part(budget, names, item, depth + 1));
                let items: Vec<Self> = items.collect::<Result<_, _>>()?;
                match items.iter().all(is_ground) {
                    true => Self::Ground(value),
                    false => Self::List(items),
                }
            }
            Value::Map(map) => {
                let entries = map.iter().map(|(key, value)| {
                    let term = Self::part(budget, names, value, depth + 1)?;
                    Ok((key, term))
                });
                let entries: Vec<(&Value, Self)> = entries.collect::<Result<_, Raise>>()?;
                match entries.iter().all(|(_, term)| is_ground(term)) {
                    true => Self::Ground(value),
                    false => Self::Map(entries),
                }
            }
            _ => Self::Ground(value),
        })
    }
}

/// The name, if a value is a variable.
///
/// # Errors
/// E_INVARG for a list that begins as one and is none.
pub(super) fn marker(value: &Value) -> Result<Option<&Sym>, Raise> {
    let Value::List(list) = value else {
        return Ok(None);
    };
    match list.as_slice() {
        [Value::Sym(mark), rest @ ..] if mark.as_str().eq_ignore_ascii_case(MARK) => match rest {
            [Value::Sym(name)] => Ok(Some(name)),
            _ => Err(ErrorCode::InvArg.into()),
        },
        _ => Ok(None),
    }
}

/// A variable of that name, as a value.
pub(super) fn marked(name: &str) -> Value {
    vec![Value::Sym(Sym::new(MARK)), Value::Sym(Sym::new(name))].into()
}

/// The variables of a term by their numbers. Letters of either case are the same.
#[derive(Default)]
pub(super) struct Names {
    all: Vec<Value>,
    numbers: Map,
}

impl Names {
    /// The number of a name, a symbol; a new one if it is not known.
    pub(super) fn number(
        &mut self,
        budget: &mut Budget<'_, '_>,
        name: &Value,
    ) -> Result<usize, Raise> {
        let known = self.numbers.get(name).and_then(Value::as_int);
        if let Some(known) = known.and_then(|known| usize::try_from(known).ok()) {
            return Ok(known);
        }
        budget.allow_bindings(self.all.len() + 1)?;
        let number = self.all.len();
        self.numbers
            .insert_value(name.clone(), (number as i64).into());
        self.all.push(name.clone());
        Ok(number)
    }

    /// What is known of the variables, by their numbers; those that the term does not have get one.
    pub(super) fn bind<'a>(
        &mut self,
        budget: &mut Budget<'_, '_>,
        bindings: Option<&'a Value>,
    ) -> Result<Vec<Option<&'a Value>>, Raise> {
        let mut known = vec![None; self.all.len()];
        let Some(bindings) = bindings.and_then(Value::as_map) else {
            return Ok(known);
        };
        for (name, value) in symbols(bindings, budget.bounds)?.iter() {
            let number = self.number(budget, name)?;
            known.resize(self.all.len(), None);
            known[number] = Some(value);
        }
        Ok(known)
    }

    /// The names, symbols, in the order of their numbers.
    pub(super) fn all(&self) -> &[Value] {
        &self.all
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

/// Values that have been seen.
#[derive(Default)]
pub(super) struct Seen(FxHashMap<String, Vec<Value>>);

impl Seen {
    /// Notes a value. Whether it is a new one.
    pub(super) fn insert(&mut self, call: &mut Call<'_>, value: &Value) -> Result<bool, Raise> {
        call.charge(2 * value.bytes())?;
        // Literals may be alike where values are not, as those of anonymous objects are.
        let alike = self.0.entry(value.to_literal()).or_default();
        let is_new = !alike.contains(value);
        if is_new {
            alike.push(value.clone());
        }
        Ok(is_new)
    }
}
