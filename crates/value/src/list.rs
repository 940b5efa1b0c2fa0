//! MOO lists: counted vectors that change in place while nobody else holds them.
//!
//! In: values and 0-based positions. Out: lists. Positions are the caller's to check: where one is
//! out of range the operation panics like a slice would. Size and depth are kept with the body, so
//! that limits cost nothing to check. A list never nests deeper than `DEPTH_MAX`.

use std::fmt;
use std::ops::Range;

use triomphe::Arc;

use crate::Value;
use crate::value::{DEPTH_MAX, SLOT_BYTES};

/// A MOO list. The empty list has no allocation.
#[derive(Clone, Default)]
pub struct List(Option<Arc<Body>>);

struct Body {
    items: Vec<Value>,
    /// The sum of the items' sizes.
    bytes: usize,
    /// One more than the deepest item's depth, or more: it does not fall when items leave.
    depth: u32,
}

const _: () = assert!(size_of::<List>() == 8);

impl Body {
    fn new(items: Vec<Value>) -> Self {
        let (bytes, deepest) = measure(&items);
        Self {
            items,
            bytes,
            depth: deepest + 1,
        }
    }

    /// The same with E_QUOTA in place of the items that may not nest.
    #[cold]
    fn with_nestable(mut self) -> Self {
        let mut items = std::mem::take(&mut self.items);
        for item in items.iter_mut().filter(|item| !item.nestable()) {
            *item = item.take().nested();
        }
        Self::new(items)
    }

    /// A copy with room for `extra` more items.
    fn copy(&self, extra: usize) -> Self {
        let mut items = Vec::with_capacity(self.items.len() + extra);
        items.extend(self.items.iter().map(copy));
        Self { items, ..*self }
    }

    /// A copy with another item before the one at `index`.
    fn copy_with(&self, index: usize, value: Value) -> Self {
        let (before, after) = self.items.split_at(index);
        let mut items = Vec::with_capacity(self.items.len() + 1);
        items.extend(before.iter().map(copy));
        items.push(value);
        items.extend(after.iter().map(copy));
        Self { items, ..*self }
    }

    /// Appends copies of these values, with E_QUOTA in place of those that may not nest.
    #[cold]
    fn extend_with_nestable(&mut self, values: &[Value]) {
        for value in values {
            let value = value.clone().nested();
            self.account(&value);
            self.items.push(value);
        }
    }

    #[inline]
    fn account(&mut self, added: &Value) {
        self.bytes = self.bytes.saturating_add(added.bytes());
        self.depth = self.depth.max(added.depth() + 1);
    }

    #[inline]
    fn discount(&mut self, removed: &Value) {
        self.bytes = self.bytes.saturating_sub(removed.bytes());
    }
}

/// Drops the items; those that are not counted without a call for each.
impl Drop for Body {
    fn drop(&mut self) {
        for item in std::mem::take(&mut self.items) {
            match item {
                Value::Int(_) | Value::Obj(_) | Value::Float(_) => std::mem::forget(item),
                counted => drop(counted),
            }
        }
    }
}

/// Copies a value; one that is not counted without a call.
#[inline(always)]
fn copy(value: &Value) -> Value {
    match value {
        Value::Int(n) => Value::Int(*n),
        Value::Obj(id) => Value::Obj(*id),
        value => value.clone(),
    }
}

/// The sum of the items' sizes, and the depth of the deepest.
fn measure(items: &[Value]) -> (usize, u32) {
    let (mut bytes, mut deepest) = (0usize, 0);
    for item in items {
        match item {
            Value::Int(_) | Value::Obj(_) => bytes = bytes.saturating_add(SLOT_BYTES),
            item => {
                bytes = bytes.saturating_add(item.bytes());
                deepest = deepest.max(item.depth());
            }
        }
    }
    (bytes, deepest)
}

impl List {
    /// The empty list.
    pub const fn new() -> Self {
        Self(None)
    }

    /// An empty list with room for `capacity` items.
    pub fn with_capacity(capacity: usize) -> Self {
        if capacity == 0 {
            return Self::new();
        }
        Self(Some(Arc::new(Body::new(Vec::with_capacity(capacity)))))
    }

    /// A list of these items. Items that may not nest become E_QUOTA.
    pub fn from_vec(items: Vec<Value>) -> Self {
        if items.is_empty() {
            return Self::new();
        }
        let mut body = Body::new(items);
        if body.depth > DEPTH_MAX {
            body = body.with_nestable();
        }
        Self(Some(Arc::new(body)))
    }

    /// How many items there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are no items.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at 0-based `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.as_slice().get(index)
    }

    /// The items.
    #[inline]
    pub fn as_slice(&self) -> &[Value] {
        match &self.0 {
            Some(body) => &body.items,
            None => &[],
        }
    }

    /// The items in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.as_slice().iter()
    }

    /// The items, copied only if somebody else holds the list.
    pub fn into_vec(self) -> Vec<Value> {
        match self.0.map(Arc::try_unwrap) {
            Some(Ok(mut body)) => std::mem::take(&mut body.items),
            Some(Err(shared)) => shared.items.clone(),
            None => Vec::new(),
        }
    }

    /// The size of the items and their count, in `value_bytes()` measure; the list as a value
    /// counts for 16 more.
    #[inline]
    pub fn bytes(&self) -> usize {
        let items = self.0.as_ref().map_or(0, |body| body.bytes);
        items.saturating_add(SLOT_BYTES)
    }

    /// See [`Value::depth`].
    #[inline]
    pub fn depth(&self) -> u32 {
        self.0.as_ref().map_or(1, |body| body.depth)
    }

    /// Whether changing this list copies nothing.
    #[inline]
    pub fn is_unique(&self) -> bool {
        self.0.as_ref().is_none_or(Arc::is_unique)
    }

    /// Whether both are one and the same body (so they are equal).
    #[inline]
    pub fn is_same(&self, other: &List) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    /// The body to change, copied first (with room for `extra` more) if it is shared.
    #[inline]
    fn own(&mut self, extra: usize) -> &mut Body {
        let body = self
            .0
            .get_or_insert_with(|| Arc::new(Body::new(Vec::with_capacity(extra))));
        if !body.is_unique() {
            *body = Arc::new(body.copy(extra));
        }
        Arc::get_mut(body).expect("an own or fresh body has one holder")
    }

    /// Appends a value: amortised O(1) while nobody else holds the list.
    #[inline]
    pub fn push(&mut self, value: Value) {
        let value = value.nested();
        let body = self.own(4);
        body.account(&value);
        body.items.push(value);
    }

    /// Puts a value at `index` in place of the one there.
    ///
    /// # Panics
    /// When there is no item at `index`.
    #[inline]
    pub fn set(&mut self, index: usize, value: Value) {
        let value = value.nested();
        let body = self.own(0);
        let old = std::mem::take(&mut body.items[index]);
        body.discount(&old);
        body.account(&value);
        body.items[index] = value;
    }

    /// Puts an integer in place of another one, where nobody else holds the list: neither size nor depth changes.
    /// `false`, and nothing happened, where it is not so simple or there is no item at `index`.
    #[inline]
    pub fn replace_int(&mut self, index: usize, n: i64) -> bool {
        let body = self.0.as_mut().and_then(Arc::get_mut);
        match body.and_then(|body| body.items.get_mut(index)) {
            Some(Value::Int(old)) => {
                *old = n;
                true
            }
            _ => false,
        }
    }

    /// Moves the item at `index` out, leaving [`Value::None`] until the caller sets it again.
    ///
    /// # Panics
    /// When there is no item at `index`.
    #[inline]
    pub fn take(&mut self, index: usize) -> Value {
        let body = self.own(0);
        let value = std::mem::take(&mut body.items[index]);
        body.discount(&value);
        body.account(&Value::None);
        value
    }

    /// Inserts a value before the item at `index`.
    ///
    /// # Panics
    /// When `index` is beyond the end.
    pub fn insert(&mut self, index: usize, value: Value) {
        let value = value.nested();
        if !self.is_unique()
            && let Some(body) = &mut self.0
        {
            let (bytes, depth) = (value.bytes(), value.depth());
            let mut copy = body.copy_with(index, value);
            copy.bytes = copy.bytes.saturating_add(bytes);
            copy.depth = copy.depth.max(depth + 1);
            *body = Arc::new(copy);
            return;
        }
        let body = self.own(1);
        body.account(&value);
        body.items.insert(index, value);
    }

    /// Removes and returns the item at `index`.
    ///
    /// # Panics
    /// When there is no item at `index`.
    pub fn remove(&mut self, index: usize) -> Value {
        let body = self.own(0);
        let value = body.items.remove(index);
        body.discount(&value);
        if body.items.is_empty() {
            self.0 = None;
        }
        value
    }

    /// Appends copies of these values.
    pub fn extend_from_slice(&mut self, values: &[Value]) {
        if values.is_empty() {
            return;
        }
        let (bytes, deepest) = measure(values);
        let body = self.own(values.len());
        if deepest >= DEPTH_MAX {
            return body.extend_with_nestable(values);
        }
        body.items.extend(values.iter().map(copy));
        body.bytes = body.bytes.saturating_add(bytes);
        body.depth = body.depth.max(deepest + 1);
    }

    /// Appends all of `other`, without copying when this list is empty.
    pub fn append(&mut self, other: List) {
        if self.is_empty() {
            *self = other;
        } else {
            self.extend_from_slice(other.as_slice());
        }
    }

    /// The items in `range`.
    ///
    /// # Panics
    /// When the range is not within the list.
    pub fn slice(&self, range: Range<usize>) -> List {
        if range.len() == self.len() {
            return self.clone();
        }
        let items = self.as_slice()[range].iter().map(copy);
        List::from_vec(items.collect())
    }

    /// Keeps the items in `range` only, in place while nobody else holds the list.
    ///
    /// # Panics
    /// When the range is not within the list.
    pub fn keep(&mut self, range: Range<usize>) {
        if range.is_empty() || !self.is_unique() {
            *self = self.slice(range);
            return;
        }
        let body = self.own(0);
        body.items.truncate(range.end);
        body.items.drain(..range.start);
        body.bytes = measure(&body.items).0;
    }

    /// Puts all of `with` in place of the items in `range`.
    ///
    /// # Panics
    /// When the range is not within the list.
    pub fn splice_range(&mut self, range: Range<usize>, with: &List) {
        let body = self.own(with.len());
        body.depth = body.depth.max(with.depth());
        let removed = body.items.splice(range, with.iter().cloned());
        let removed: Vec<Value> = removed.collect();
        body.bytes = body.bytes.saturating_sub(measure(&removed).0);
        body.bytes = body.bytes.saturating_add(measure(with.as_slice()).0);
        if body.items.is_empty() {
            self.0 = None;
        }
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::from_vec(items.into_iter().collect())
    }
}

impl From<Vec<Value>> for List {
    fn from(items: Vec<Value>) -> Self {
        Self::from_vec(items)
    }
}

impl<'a> IntoIterator for &'a List {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.as_slice() == other.as_slice()
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
