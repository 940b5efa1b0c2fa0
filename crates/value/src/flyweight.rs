//! Flyweights: small immutable things that borrow the verbs of an object, their delegate, and carry named slots and a
//! list of contents.
//!
//! In: the delegate's number, slots by name, contents. Out: a counted value, and copies of it with something changed.
//! What the delegate is, and whether it exists, is the world's knowledge.

use std::fmt;

use triomphe::Arc;

use crate::fold::Case;
use crate::value::{DEPTH_MAX, SLOT_BYTES};
use crate::{List, Map, MapKey, ObjId, Sym, Value};

/// Names that no slot may have, because they are asked for as slots are.
pub const RESERVED_SLOTS: [&str; 2] = ["delegate", "slots"];

/// A flyweight.
#[derive(Clone)]
pub struct Flyweight(Arc<Body>);

#[derive(Clone)]
struct Body {
    delegate: ObjId,
    /// The keys are symbols that [`Flyweight::is_slot_name`] takes.
    slots: Map,
    contents: List,
    depth: u32,
}

const _: () = assert!(size_of::<Flyweight>() == 8);

impl Flyweight {
    /// A flyweight without slots. Contents that may not nest any deeper are refused by `None`.
    pub fn new(delegate: ObjId, contents: List) -> Option<Self> {
        Self::from_parts(delegate, Map::new(), contents)
    }

    fn from_parts(delegate: ObjId, slots: Map, contents: List) -> Option<Self> {
        let depth = 1 + slots.depth().max(contents.depth());
        (depth <= DEPTH_MAX).then(|| {
            Self(Arc::new(Body {
                delegate,
                slots,
                contents,
                depth,
            }))
        })
    }

    /// Whether a slot may have that name: a word as source writes names, and none of [`RESERVED_SLOTS`].
    pub fn is_slot_name(name: &str) -> bool {
        let is_reserved = |word: &str| word.eq_ignore_ascii_case(name);
        Sym::is_word(name) && !RESERVED_SLOTS.iter().any(|word| is_reserved(word))
    }

    /// The object whose verbs it has.
    pub fn delegate(&self) -> ObjId {
        self.0.delegate
    }

    /// The slots: symbols to values.
    pub fn slots(&self) -> &Map {
        &self.0.slots
    }

    /// The contents.
    pub fn contents(&self) -> &List {
        &self.0.contents
    }

    /// What the slot of that name holds.
    pub fn slot(&self, name: &str) -> Option<&Value> {
        if self.0.slots.is_empty() {
            return None;
        }
        self.0.slots.get(&Value::Sym(Sym::new(name)))
    }

    /// A copy with that slot. None when the name cannot be a slot's or the value may not nest any deeper.
    #[must_use]
    pub fn with_slot(&self, name: &str, value: Value) -> Option<Self> {
        let key = MapKey::new(Value::Sym(Sym::new(name))).filter(|_| Self::is_slot_name(name))?;
        if !value.nestable() {
            return None;
        }
        let mut slots = self.0.slots.clone();
        slots.insert(key, value);
        Self::from_parts(self.0.delegate, slots, self.0.contents.clone())
    }

    /// A copy without that slot.
    #[must_use]
    pub fn without_slot(&self, name: &str) -> Self {
        let mut body = Body::clone(&self.0);
        body.slots.remove(&Value::Sym(Sym::new(name)));
        Self(Arc::new(body))
    }

    /// A copy with those contents. None when they may not nest any deeper.
    #[must_use]
    pub fn with_contents(&self, contents: List) -> Option<Self> {
        Self::from_parts(self.0.delegate, self.0.slots.clone(), contents)
    }

    /// A flyweight of that delegate with a map's entries as slots: keys are symbols or strings.
    ///
    /// None when a key cannot be a slot's name, or something may not nest any deeper.
    pub fn with_slots(delegate: ObjId, slots: &Map, contents: List) -> Option<Self> {
        let mut named = Map::new();
        for (key, value) in slots {
            let name = key.name_text().filter(|name| Self::is_slot_name(name))?;
            named.insert_value(Value::Sym(Sym::new(name)), value.clone());
        }
        Self::from_parts(delegate, named, contents)
    }

    /// Whether nobody else holds this flyweight, its slots or its contents.
    pub(crate) fn is_unique(&self) -> bool {
        self.0.is_unique() && self.0.slots.is_unique() && self.0.contents.is_unique()
    }

    /// See [`Value::depth`].
    pub(crate) fn depth(&self) -> u32 {
        self.0.depth
    }

    /// What it counts for in `value_bytes()`.
    pub(crate) fn bytes(&self) -> usize {
        let inner = self.0.slots.bytes().saturating_add(self.0.contents.bytes());
        inner.saturating_add(2 * SLOT_BYTES)
    }

    /// Whether everything in it is equal.
    pub(crate) fn equal(&self, other: &Self, case: Case) -> bool {
        let same = |a: Value, b: Value| a.equal(&b, case);
        Arc::ptr_eq(&self.0, &other.0)
            || (self.delegate() == other.delegate()
                && same(self.0.slots.clone().into(), other.0.slots.clone().into())
                && same(
                    self.0.contents.clone().into(),
                    other.0.contents.clone().into(),
                ))
    }
}

impl fmt::Debug for Flyweight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flyweight")
            .field("delegate", &self.0.delegate)
            .field("slots", &self.0.slots)
            .field("contents", &self.0.contents)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Flyweight {
        Flyweight::new(ObjId(1), List::new()).expect("nothing is deep")
    }

    #[test]
    fn copies_change_and_the_first_stays() {
        let first = plain();
        let second = first.with_slot("Name", 1.into()).expect("a slot");
        let third = second.with_slot("name", 2.into()).expect("a slot");
        assert_eq!(first.slots().len(), 0);
        assert_eq!(second.slot("NAME"), Some(&Value::Int(1)));
        assert_eq!(third.slots().len(), 1);
        assert_eq!(third.slot("Name"), Some(&Value::Int(2)));
        assert_eq!(third.without_slot("nAme").slots().len(), 0);
        assert_eq!(third.without_slot("other").slots().len(), 1);
        let filled = third.with_contents(vec![Value::Int(7)].into());
        assert_eq!(filled.expect("contents").contents().len(), 1);
    }

    #[test]
    fn some_names_are_no_slots() {
        for name in ["delegate", "SLOTS", "a b", "", "1"] {
            assert!(plain().with_slot(name, 1.into()).is_none(), "{name}");
        }
    }

    #[test]
    fn the_deepest_fits_a_threads_stack() {
        use crate::codec::{NoHandles, decode, encode};
        let check = || {
            let mut deep = plain();
            while let Some(deeper) = deep.with_slot("in", Value::Fly(deep.clone())) {
                deep = deeper;
            }
            let (value, mut bytes) = (Value::Fly(deep), Vec::new());
            encode(&value, &mut bytes);
            let again = decode(&mut &bytes[..], &mut NoHandles).expect("own bytes decode");
            assert!(again.equal_case_sensitive(&value));
            assert_eq!(again.to_literal(), value.to_literal());
        };
        let thread = std::thread::Builder::new().stack_size(crate::STACK_BYTES_MIN);
        let thread = thread.spawn(check).expect("a thread starts");
        thread.join().expect("the check passes");
    }

    #[test]
    fn depth_is_bounded() {
        let mut deep = plain();
        let mut levels = 0;
        while let Some(deeper) = deep.with_slot("in", Value::Fly(deep.clone())) {
            deep = deeper;
            levels += 1;
            assert!(deep.depth() <= DEPTH_MAX && levels < DEPTH_MAX);
        }
        let mut list = List::new();
        while Value::List(list.clone()).nestable() {
            list = vec![Value::List(list)].into();
        }
        assert!(Flyweight::new(ObjId(1), list).is_none());
    }
}
