//! What variables stand for while terms are made equal, and how that is taken back.
//! In: terms with variables of their own. Out: whether they can be made equal; values with variables filled in.

use moor_value::{ErrorCode, Map, Value};
use rustc_hash::FxHashMap;

use super::Bounds;
use super::term::{Names, Term, marked};
use crate::builtins::{Call, Raise};

/// What a part of a term counts for, in steps of work.
const PART_STEPS: usize = 16;

/// The bounds of one call.
pub(super) struct Budget<'a, 'c> {
    pub(super) call: &'a mut Call<'c>,
    pub(super) bounds: Bounds,
}

impl<'a, 'c> Budget<'a, 'c> {
    pub(super) fn new(call: &'a mut Call<'c>, bounds: Bounds) -> Self {
        Self { call, bounds }
    }

    /// Accounts for a part at a depth.
    ///
    /// # Errors
    /// E_MAXREC where that is too deep, E_QUOTA when the time is up.
    pub(super) fn enter(&mut self, depth: usize) -> Result<(), Raise> {
        self.call.charge(PART_STEPS)?;
        within(depth <= self.bounds.depth_max)
    }

    /// E_MAXREC for more variables than there may be.
    pub(super) fn allow_bindings(&self, count: usize) -> Result<(), Raise> {
        within(count <= self.bounds.bindings_max)
    }

    /// A value that was made, unless it is too large.
    pub(super) fn made(&mut self, value: Value) -> Result<Value, Raise> {
        let is_small = value.bytes() <= self.call.limits.list_bytes_max;
        match is_small && value.nestable() {
            true => Ok(value),
            false => Err(ErrorCode::Quota.into()),
        }
    }
}

/// E_MAXREC unless a bound is kept.
pub(super) fn within(is_within: bool) -> Result<(), Raise> {
    match is_within {
        true => Ok(()),
        false => Err(ErrorCode::MaxRec.into()),
    }
}

/// A term whose variables are numbered from a place on, or a value in which nothing is a variable.
#[derive(Clone, Copy)]
pub(super) enum Ref<'a> {
    Term(&'a Term<'a>, usize),
    Value(&'a Value),
}

/// What each variable stands for.
pub(super) struct Store<'a> {
    slots: Vec<Option<Ref<'a>>>,
    /// Those that have got a value, in this order.
    trail: Vec<usize>,
}

/// Variables that stand for nothing, with their place among these.
type Free = FxHashMap<usize, usize>;

/// A state to come back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    slots: usize,
    trail: usize,
}

/// How a term is looked at: a variable, the parts of a list or map, or a value.
enum View<'a> {
    Var(usize),
    List(&'a [Term<'a>], usize),
    Map(&'a [(&'a Value, Term<'a>)], usize),
    Value(&'a Value),
}

impl<'a> Store<'a> {
    /// So many variables of which nothing is known.
    pub(super) fn with(count: usize) -> Self {
        Self {
            slots: vec![None; count],
            trail: Vec::new(),
        }
    }

    /// Variables of which this is known.
    pub(super) fn knowing(known: &[Option<&'a Value>]) -> Self {
        Self {
            slots: known.iter().map(|value| value.map(Ref::Value)).collect(),
            trail: Vec::new(),
        }
    }

    /// Room for so many variables more; the number of the first.
    pub(super) fn fresh(&mut self, count: usize) -> usize {
        let first = self.slots.len();
        self.slots.resize(first + count, None);
        first
    }

    /// The present state.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            slots: self.slots.len(),
            trail: self.trail.len(),
        }
    }

    /// Goes back to a state.
    pub(super) fn back_to(&mut self, mark: Mark) {
        for number in self.trail.drain(mark.trail..) {
            self.slots[number] = None;
        }
        self.slots.truncate(mark.slots);
    }

    /// Makes two terms equal, if they can be. If not, some variables have got values in vain.
    pub(super) fn unify(
        &mut self,
        budget: &mut Budget<'_, '_>,
        a: Ref<'a>,
        b: Ref<'a>,
    ) -> Result<bool, Raise> {
        self.unify_at(budget, a, b, 0)
    }

    fn unify_at(
        &mut self,
        budget: &mut Budget<'_, '_>,
        a: Ref<'a>,
        b: Ref<'a>,
        depth: usize,
    ) -> Result<bool, Raise> {
        budget.enter(depth)?;
        match (self.view(a), self.view(b)) {
            (View::Var(a), View::Var(b)) if a == b => Ok(true),
            (View::Var(number), _) => self.bind(budget, number, b),
            (_, View::Var(number)) => self.bind(budget, number, a),
            (View::Value(a), View::Value(b)) => {
                budget.call.charge(a.bytes().min(b.bytes()))?;
                Ok(a == b)
            }
            (View::List(a, a_from), View::List(b, b_from)) => {
                let pairs = a.iter().zip(b);
                let pairs = pairs.map(|(a, b)| (Ref::Term(a, a_from), Ref::Term(b, b_from)));
                Ok(a.len() == b.len() && self.unify_all(budget, pairs, depth)?)
            }
            (View::List(terms, from), View::Value(Value::List(list)))
            | (View::Value(Value::List(list)), View::List(terms, from)) => {
                let pairs = terms.iter().zip(list.as_slice());
                let pairs = pairs.map(|(term, item)| (Ref::Term(term, from), Ref::Value(item)));
                Ok(terms.len() == list.len() && self.unify_all(budget, pairs, depth)?)
            }
            (View::Map(a, a_from), View::Map(b, b_from)) => {
                budget.call.charge(PART_STEPS * a.len())?;
                let same_keys = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0);
                let pairs = a.iter().zip(b);
                let pairs = pairs.map(|(a, b)| (Ref::Term(&a.1, a_from), Ref::Term(&b.1, b_from)));
                Ok(same_keys && self.unify_all(budget, pairs, depth)?)
            }
            (View::Map(terms, from), View::Value(Value::Map(map)))
            | (View::Value(Value::Map(map)), View::Map(terms, from)) => {
                budget.call.charge(PART_STEPS * terms.len())?;
                let same_keys =
                    terms.len() == map.len() && terms.iter().zip(map.keys()).all(|(a, b)| a.0 == b);
                let pairs = terms.iter().zip(map.values());
                let pairs = pairs.map(|(a, value)| (Ref::Term(&a.1, from), Ref::Value(value)));
                Ok(same_keys && self.unify_all(budget, pairs, depth)?)
            }
            _ => Ok(false),
        }
    }

    fn unify_all(
        &mut self,
        budget: &mut Budget<'_, '_>,
        mut pairs: impl Iterator<Item = (Ref<'a>, Ref<'a>)>,
        depth: usize,
    ) -> Result<bool, Raise> {
        pairs.try_fold(true, |so_far, (a, b)| {
            Ok(so_far && self.unify_at(budget, a, b, depth + 1)?)
        })
    }

    /// A variable that stands for nothing yet stands for a term, unless it is in it.
    fn bind(
        &mut self,
        budget: &mut Budget<'_, '_>,
        number: usize,
        what: Ref<'a>,
    ) -> Result<bool, Raise> {
        if self.is_in(budget, number, what, 0)? {
            return Ok(false);
        }
        self.slots[number] = Some(what);
        self.trail.push(number);
        Ok(true)
    }

    fn is_in(
        &self,
        budget: &mut Budget<'_, '_>,
        number: usize,
        what: Ref<'a>,
        depth: usize,
    ) -> Result<bool, Raise> {
        budget.enter(depth)?;
        let mut is_in = |term, from| self.is_in(budget, number, Ref::Term(term, from), depth + 1);
        match self.view(what) {
            View::Var(other) => Ok(other == number),
            View::Value(_) => Ok(false),
            View::List(terms, from) => terms
                .iter()
                .try_fold(false, |found, term| Ok(found || is_in(term, from)?)),
            View::Map(entries, from) => entries
                .iter()
                .try_fold(false, |found, (_, term)| Ok(found || is_in(term, from)?)),
        }
    }

    /// A term behind all variables that stand for something.
    fn view(&self, mut what: Ref<'a>) -> View<'a> {
        loop {
            match what {
                Ref::Value(value) => return View::Value(value),
                Ref::Term(Term::Ground(value), _) => return View::Value(value),
                Ref::Term(Term::List(items), from) => return View::List(items, from),
                Ref::Term(Term::Map(entries), from) => return View::Map(entries, from),
                Ref::Term(Term::Var(number), from) => match self.slots[from + number] {
                    Some(next) => what = next,
                    None => return View::Var(from + number),
                },
            }
        }
    }

    /// What the first variables stand for, by their names; those that stand for nothing are left out.
    pub(super) fn named(&self, budget: &mut Budget<'_, '_>, names: &Names) -> Result<Map, Raise> {
        let mut named = Map::new();
        let mut free = Free::default();
        for (number, name) in names.all().iter().enumerate() {
            let Some(what) = self.slots[number] else {
                continue;
            };
            if !matches!(self.view(what), View::Var(_)) {
                let value = self.filled(budget, what, 0, &mut free)?;
                named.insert_value(name.clone(), value);
            }
        }
        match budget.made(Value::Map(named))? {
            Value::Map(named) => Ok(named),
            _ => Ok(Map::new()),
        }
    }

    /// A term as a value, in which the variables that stand for nothing are `'V1`, `'V2` and so on in their order.
    pub(super) fn normal(
        &self,
        budget: &mut Budget<'_, '_>,
        what: Ref<'a>,
    ) -> Result<Value, Raise> {
        self.filled(budget, what, 0, &mut Free::default())
    }

    /// A term as a value, if all of its variables stand for something.
    pub(super) fn ground(
        &self,
        budget: &mut Budget<'_, '_>,
        what: Ref<'a>,
    ) -> Result<Option<Value>, Raise> {
        let mut free = Free::default();
        let value = self.filled(budget, what, 0, &mut free)?;
        Ok(free.is_empty().then_some(value))
    }

    fn filled(
        &self,
        budget: &mut Budget<'_, '_>,
        what: Ref<'a>,
        depth: usize,
        free: &mut Free,
    ) -> Result<Value, Raise> {
        budget.enter(depth)?;
        match self.view(what) {
            View::Value(value) => Ok(value.clone()),
            View::Var(number) => {
                let next = free.len() + 1;
                let place = free.entry(number).or_insert(next);
                Ok(marked(&format!("V{place}")))
            }
            View::List(items, from) => {
                let items = items.iter();
                let items =
                    items.map(|item| self.filled(budget, Ref::Term(item, from), depth + 1, free));
                let items: Vec<Value> = items.collect::<Result<_, _>>()?;
                budget.made(items.into())
            }
            View::Map(entries, from) => {
                let mut map = Map::new();
                for (key, term) in entries {
                    let value = self.filled(budget, Ref::Term(term, from), depth + 1, free)?;
                    map.insert_value((*key).clone(), value);
                }
                budget.made(map.into())
            }
        }
    }
}
