//! MOO maps: counted ordered maps that change in place while nobody else holds them.
//!
//! In: keys (any value that is not a list, a map or a flyweight) and values. Out: maps, in ToastStunt's key
//! order. String keys are the same key whatever the case of their letters; the spelling of
//! the last insertion is kept. Size and depth are kept with the body.

use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::ops::Bound;

use triomphe::Arc;

use crate::Value;
use crate::order::key_order;
use crate::value::SLOT_BYTES;

/// What an entry counts for in `value_bytes()` besides its key and value, in bytes (the links and
/// the colour of ToastStunt's tree node).
const ENTRY_BYTES: usize = 24;

/// A value that may be a key.
#[derive(Clone, Debug)]
pub struct MapKey(Value);

/// A MOO map. The empty map has no allocation.
#[derive(Clone, Default)]
pub struct Map(Option<Arc<Body>>);

#[derive(Clone, Default)]
struct Body {
    entries: BTreeMap<MapKey, Value>,
    /// The sum of the entries' sizes.
    bytes: usize,
    /// One more than the deepest value's depth, or more: it does not fall when entries leave.
    depth: u32,
}

const _: () = assert!(size_of::<Map>() == 8);

impl MapKey {
    /// The key of that value; none for lists, maps, flyweights, functions and [`Value::None`].
    pub fn new(value: Value) -> Option<Self> {
        match value {
            Value::None | Value::List(_) | Value::Map(_) | Value::Fly(_) | Value::Lambda(_) => None,
            key => Some(Self(key)),
        }
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The value itself.
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl PartialEq for MapKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for MapKey {}

impl PartialOrd for MapKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MapKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        key_order(&self.0, &other.0)
    }
}

fn entry_bytes(key: &Value, value: &Value) -> usize {
    ENTRY_BYTES
        .saturating_add(key.bytes())
        .saturating_add(value.bytes())
}

impl Map {
    /// The empty map.
    pub const fn new() -> Self {
        Self(None)
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |body| body.entries.len())
    }

    /// Whether there are no entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What an entry counts for in `value_bytes()` measure.
    pub fn entry_bytes(key: &Value, value: &Value) -> usize {
        entry_bytes(key, value)
    }

    /// The size of the entries, in `value_bytes()` measure; the map as a value counts for 16 more.
    #[inline]
    pub fn bytes(&self) -> usize {
        let entries = self.0.as_ref().map_or(0, |body| body.bytes);
        entries.saturating_add(SLOT_BYTES)
    }

    /// See [`Value::depth`].
    #[inline]
    pub fn depth(&self) -> u32 {
        self.0.as_ref().map_or(1, |body| body.depth)
    }

    /// Whether changing this map copies nothing.
    #[inline]
    pub fn is_unique(&self) -> bool {
        self.0.as_ref().is_none_or(Arc::is_unique)
    }

    /// Whether both are one and the same body (so they are equal).
    #[inline]
    pub fn is_same(&self, other: &Map) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    fn own(&mut self) -> &mut Body {
        let fresh = || {
            Arc::new(Body {
                depth: 1,
                ..Body::default()
            })
        };
        Arc::make_mut(self.0.get_or_insert_with(fresh))
    }

    /// The entry with that key, as it was inserted. A value that cannot be a key has none.
    pub fn get_entry(&self, key: &Value) -> Option<(&Value, &Value)> {
        let body = self.0.as_ref()?;
        let (key, value) = body.entries.get_key_value(&MapKey(key.clone()))?;
        Some((&key.0, value))
    }

    /// The value of that key.
    #[inline]
    pub fn get(&self, key: &Value) -> Option<&Value> {
        self.0.as_ref()?.entries.get(&MapKey(key.clone()))
    }

    /// The value of that key, where a string key must agree in case too.
    pub fn get_exact(&self, key: &Value) -> Option<&Value> {
        let (found, value) = self.get_entry(key)?;
        found.equal_case_sensitive(key).then_some(value)
    }

    /// Puts a value under that key; returns what it takes the place of. Values that may not nest
    /// become E_QUOTA.
    pub fn insert(&mut self, key: MapKey, value: Value) -> Option<Value> {
        let value = value.nested();
        let body = self.own();
        body.bytes = body.bytes.saturating_add(entry_bytes(&key.0, &value));
        body.depth = body.depth.max(value.depth() + 1);
        // The tree would keep the old spelling of an equal key, or what an equal error said.
        let old = match &key.0 {
            Value::Str(_) | Value::Sym(_) | Value::Err(_) | Value::Error(_) => {
                body.entries.remove_entry(&key)
            }
            _ => None,
        };
        if let Some((old_key, old_value)) = old {
            body.bytes = body
                .bytes
                .saturating_sub(entry_bytes(&old_key.0, &old_value));
            body.entries.insert(key, value);
            return Some(old_value);
        }
        let key_bytes = key.0.bytes();
        let old = body.entries.insert(key, value)?;
        let old_bytes = (ENTRY_BYTES + key_bytes).saturating_add(old.bytes());
        body.bytes = body.bytes.saturating_sub(old_bytes);
        Some(old)
    }

    /// [`insert`](Self::insert) for a key that may turn out not to be one: whether it was.
    pub fn insert_value(&mut self, key: Value, value: Value) -> bool {
        let key = MapKey::new(key);
        key.is_some_and(|key| {
            self.insert(key, value);
            true
        })
    }

    /// Removes the entry with that key; returns its value.
    pub fn remove(&mut self, key: &Value) -> Option<Value> {
        self.get(key)?;
        let body = self.own();
        let (key, value) = body.entries.remove_entry(&MapKey(key.clone()))?;
        body.bytes = body.bytes.saturating_sub(entry_bytes(&key.0, &value));
        if body.entries.is_empty() {
            self.0 = None;
        }
        Some(value)
    }

    /// Moves the value of that key out, leaving [`Value::None`] until the caller sets it again.
    pub fn take(&mut self, key: &Value) -> Option<Value> {
        self.get(key)?;
        let body = self.own();
        let slot = body.entries.get_mut(&MapKey(key.clone()))?;
        let value = slot.take();
        body.bytes = body.bytes.saturating_sub(value.bytes());
        body.bytes = body.bytes.saturating_add(SLOT_BYTES);
        Some(value)
    }

    /// The entries in key order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.as_ref().map(|body| body.entries.iter()))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.iter().map(|(key, _)| key)
    }

    /// The values in key order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.iter().map(|(_, value)| value)
    }

    /// The entry with the least key.
    pub fn first(&self) -> Option<(&Value, &Value)> {
        self.iter().next()
    }

    /// The entry with the greatest key.
    pub fn last(&self) -> Option<(&Value, &Value)> {
        self.iter().next_back()
    }

    /// The first entry whose key comes after `key`, which need not be in the map.
    pub fn next_after(&self, key: &Value) -> Option<(&Value, &Value)> {
        let after = (Bound::Excluded(MapKey(key.clone())), Bound::Unbounded);
        self.between(after).next()
    }

    /// The entries from key `from` to key `to`, both included; empty when `from` is the greater.
    pub fn range(&self, from: &Value, to: &Value) -> Map {
        if key_order(from, to).is_gt() {
            return Map::new();
        }
        let bounds = (
            Bound::Included(MapKey(from.clone())),
            Bound::Included(MapKey(to.clone())),
        );
        let mut map = Map::new();
        for (key, value) in self.between(bounds) {
            map.insert(MapKey(key.clone()), value.clone());
        }
        map
    }

    fn between(
        &self,
        bounds: (Bound<MapKey>, Bound<MapKey>),
    ) -> impl Iterator<Item = (&Value, &Value)> {
        let entries = self.0.as_ref().map(|body| body.entries.range(bounds));
        entries
            .into_iter()
            .flatten()
            .map(|(key, value)| (&key.0, value))
    }
}

/// The entries of a map in key order.
pub struct Iter<'a>(Option<btree_map::Iter<'a, MapKey, Value>>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Value, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.0.as_mut()?.next()?;
        Some((&key.0, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0
            .as_ref()
            .map_or((0, Some(0)), |iter| iter.size_hint())
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (key, value) = self.0.as_mut()?.next_back()?;
        Some((&key.0, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Value, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl FromIterator<(MapKey, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (MapKey, Value)>>(entries: I) -> Self {
        let mut map = Map::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || (self.len() == other.len() && self.iter().eq(other.iter()))
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
