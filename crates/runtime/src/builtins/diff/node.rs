//! The difference of two values, and of the parts of maps and flyweights.
//! In: two values, limits. Out: the map that describes it. How items of lists are matched is `lists`' knowledge.

use moor_value::{Flyweight, List, Map, Value, ValueType};

use super::lists::{Edit, edits};
use crate::builtins::{Call, Raise, named_map};

/// How far a comparison goes.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Lists and maps within one another that are looked into.
    pub(super) depth_max: usize,
    /// Changes that one list, map or flyweight tells.
    pub(super) changes_max: usize,
    /// The product of two lengths up to which items of lists are matched.
    pub(super) cells_max: usize,
    /// Whether numbers and the like stand in the answer.
    pub(super) with_values: bool,
}

/// A comparison.
pub(super) struct Differ<'a, 'c> {
    pub(super) call: &'a mut Call<'c>,
    pub(super) limits: Limits,
}

/// The changes of one list, map or flyweight.
#[derive(Default)]
struct Changes {
    list: List,
    /// Whether some are left out, here or in a part.
    truncated: bool,
}

/// What a change has besides.
type Entry = (&'static str, Value);

impl Differ<'_, '_> {
    /// Whether two values are the same, letters of either case apart.
    pub(super) fn equal(&mut self, a: &Value, b: &Value) -> Result<bool, Raise> {
        self.call.charge(1 + a.bytes().min(b.bytes()))?;
        Ok(a.equal_case_sensitive(b))
    }

    /// The difference of two values at a depth.
    pub(super) fn diff(&mut self, old: &Value, new: &Value, depth: usize) -> Result<Value, Raise> {
        match self.equal(old, new)? {
            true => self.node("unchanged", Changes::default(), []),
            false => self.differing(old, new, depth),
        }
    }

    /// The difference of two values that are not the same.
    fn differing(&mut self, old: &Value, new: &Value, depth: usize) -> Result<Value, Raise> {
        match (old, new) {
            _ if depth >= self.limits.depth_max => self.replace(old, new),
            (Value::List(old), Value::List(new)) => {
                let changes = self.list(old, new, depth)?;
                let length = |list: &List| Value::from(list.len() as i64);
                let lengths = [("old_len", length(old)), ("new_len", length(new))];
                self.node("list", changes, lengths)
            }
            (Value::Map(old), Value::Map(new)) => {
                let changes = self.map(old, new, depth)?;
                self.node("map", changes, [])
            }
            (Value::Fly(old), Value::Fly(new)) => {
                let changes = self.flyweight(old, new, depth)?;
                self.node("flyweight", changes, [])
            }
            _ => self.replace(old, new),
        }
    }

    fn replace(&mut self, old: &Value, new: &Value) -> Result<Value, Raise> {
        let types = [("old_type", type_of(old)), ("new_type", type_of(new))];
        let values = [("old", old), ("new", new)];
        let values = values.into_iter().filter(|(_, value)| self.shows(value));
        let values: Vec<Entry> = values.map(|(name, value)| (name, value.clone())).collect();
        let parts = types.into_iter().chain(values);
        self.node("replace", Changes::default(), parts)
    }

    fn list(&mut self, old: &List, new: &List, depth: usize) -> Result<Changes, Raise> {
        let mut changes = Changes::default();
        for edit in edits(self, old.as_slice(), new.as_slice())? {
            if !self.has_room(&mut changes) {
                break;
            }
            let index = |at: usize| Value::from(at as i64 + 1);
            let length = |length: usize| Value::from(length as i64);
            match edit {
                Edit::Change(at, from, to) => {
                    let diff = self.differing(from, to, depth + 1)?;
                    self.push_diff(&mut changes, [("index", index(at))], diff)?;
                }
                Edit::Add(at, value) => {
                    let parts = [("index", index(at)), ("value", self.summary(value))];
                    self.push(&mut changes, "add", parts)?;
                }
                Edit::Remove(at, value) => {
                    let parts = [("index", index(at)), ("value", self.summary(value))];
                    self.push(&mut changes, "remove", parts)?;
                }
                Edit::Range(from, to) => {
                    let parts = [
                        ("old_start", index(from.start)),
                        ("old_len", length(from.len())),
                        ("new_start", index(to.start)),
                        ("new_len", length(to.len())),
                    ];
                    self.push(&mut changes, "replace_range", parts)?;
                }
            }
        }
        Ok(changes)
    }

    fn map(&mut self, old: &Map, new: &Map, depth: usize) -> Result<Changes, Raise> {
        let mut changes = Changes::default();
        let (mut before, mut after) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let key = |key: &Value| [("key", key.clone())];
            // Where both have a key, in whatever spelling, they stand at it at the same time.
            let (gone, come) = match (before.peek(), after.peek()) {
                (None, None) => return Ok(changes),
                (Some((key, _)), other) if new.get_exact(key).is_none() => {
                    let is_next = other.is_some_and(|(other, _)| other == key);
                    (before.next(), is_next.then(|| after.next()).flatten())
                }
                (_, Some((key, _))) if old.get_exact(key).is_none() => (None, after.next()),
                _ => {
                    let (from, to) = (before.next(), after.next());
                    let (Some((name, from)), Some((_, to))) = (from, to) else {
                        return Ok(changes);
                    };
                    if self.equal(from, to)? {
                        continue;
                    }
                    if !self.has_room(&mut changes) {
                        return Ok(changes);
                    }
                    let diff = self.differing(from, to, depth + 1)?;
                    self.push_diff(&mut changes, key(name), diff)?;
                    continue;
                }
            };
            for (op, entry) in [("remove", gone), ("add", come)] {
                let Some((name, value)) = entry else {
                    continue;
                };
                if !self.has_room(&mut changes) {
                    return Ok(changes);
                }
                let parts = key(name)
                    .into_iter()
                    .chain([("value", self.summary(value))]);
                self.push(&mut changes, op, parts)?;
            }
        }
    }

    fn flyweight(
        &mut self,
        old: &Flyweight,
        new: &Flyweight,
        depth: usize,
    ) -> Result<Changes, Raise> {
        let mut changes = Changes::default();
        let parts = |of: &Flyweight| {
            [
                ("delegate", Value::Obj(of.delegate())),
                ("slots", Value::Map(of.slots().clone())),
                ("contents", Value::List(of.contents().clone())),
            ]
        };
        for ((field, from), (_, to)) in parts(old).into_iter().zip(parts(new)) {
            if self.equal(&from, &to)? {
                continue;
            }
            if !self.has_room(&mut changes) {
                break;
            }
            let diff = self.differing(&from, &to, depth + 1)?;
            self.push_diff(&mut changes, [("field", field.into())], diff)?;
        }
        Ok(changes)
    }

    /// Whether there may be another change; notes that some are left out where not.
    fn has_room(&self, changes: &mut Changes) -> bool {
        let has_room = changes.list.len() < self.limits.changes_max;
        changes.truncated |= !has_room;
        has_room
    }

    /// A part has changed, as `diff` says.
    fn push_diff(
        &mut self,
        changes: &mut Changes,
        place: impl IntoIterator<Item = Entry>,
        diff: Value,
    ) -> Result<(), Raise> {
        let truncated = diff.as_map().and_then(|diff| diff.get(&"truncated".into()));
        changes.truncated |= truncated.is_some_and(Value::is_true);
        let parts = place.into_iter().chain([("diff", diff)]);
        self.push(changes, "change", parts)
    }

    fn push(
        &mut self,
        changes: &mut Changes,
        op: &'static str,
        parts: impl IntoIterator<Item = Entry>,
    ) -> Result<(), Raise> {
        self.call.charge(64)?;
        let entry = [("op", op.into())].into_iter().chain(parts);
        changes.list.push(named_map(entry));
        self.call.allow_list(&changes.list)
    }

    /// The map of a difference.
    fn node(
        &mut self,
        kind: &'static str,
        changes: Changes,
        parts: impl IntoIterator<Item = Entry>,
    ) -> Result<Value, Raise> {
        self.call.charge(64)?;
        let head = [
            ("equal", Value::Bool(kind == "unchanged")),
            ("kind", kind.into()),
            ("truncated", changes.truncated.into()),
            ("changes", changes.list.into()),
        ];
        Ok(named_map(head.into_iter().chain(parts)))
    }

    /// Whether a value stands in the answer itself.
    fn shows(&self, value: &Value) -> bool {
        let is_small = !matches!(
            value,
            Value::Str(_)
                | Value::Binary(_)
                | Value::List(_)
                | Value::Map(_)
                | Value::Fly(_)
                | Value::Lambda(_)
                | Value::Waif(_)
                | Value::Anon(_)
        );
        self.limits.with_values && is_small
    }

    /// A value that is there on one side only.
    fn summary(&self, value: &Value) -> Value {
        match self.shows(value) {
            true => value.clone(),
            false => type_of(value),
        }
    }
}

/// The word for the type of a value.
fn type_of(value: &Value) -> Value {
    let word = match value.value_type() {
        ValueType::None => "none",
        ValueType::Int => "int",
        ValueType::Float => "float",
        ValueType::Obj => "obj",
        ValueType::Err => "err",
        ValueType::Bool => "bool",
        ValueType::Str => "str",
        ValueType::List => "list",
        ValueType::Map => "map",
        ValueType::Anon => "anon",
        ValueType::Waif => "waif",
        ValueType::Sym => "sym",
        ValueType::Binary => "binary",
        ValueType::Flyweight => "flyweight",
        ValueType::Lambda => "lambda",
    };
    word.into()
}
