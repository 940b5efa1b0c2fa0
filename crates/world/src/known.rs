//! What a transaction has found out about properties by name, so that coming back to one costs a comparison.
//! In: an entity and a name as one key. Out: the definition, owner and permissions, and where the value stands.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cells::Place;
use crate::ids::NameKey;
use crate::lookup::PropHit;
use crate::property::PropInfo;

/// A property of an entity as last found.
#[derive(Clone)]
pub(crate) struct KnownProperty {
    pub(crate) hit: Arc<PropHit>,
    pub(crate) info: PropInfo,
    /// The cell that has the value; none where the entity and its ancestors have none, which reads as 0.
    pub(crate) cell: Option<Place>,
    /// The cell is the entity's own rather than an ancestor's.
    pub(crate) own: bool,
    /// The transaction's count of values that came or went at the time; decides whether an inherited value is still that one.
    pub(crate) value_moves: u64,
    /// How often the value has been read where it stands.
    pub(crate) reads: u32,
}

/// How many properties are found without hashing. A power of two.
const RECENT: usize = 32;

/// The properties that one transaction knows.
#[derive(Default)]
pub(crate) struct KnownProperties {
    places: FxHashMap<NameKey, u32>,
    known: Vec<KnownProperty>,
    recent: [Option<(NameKey, u32)>; RECENT],
}

impl KnownProperties {
    /// The number of a property, for [`at`](Self::at).
    #[inline]
    pub(crate) fn find(&mut self, key: NameKey) -> Option<usize> {
        let slot = key.mixed() as usize % RECENT;
        if let Some((recent, at)) = self.recent[slot]
            && recent == key
        {
            return Some(at as usize);
        }
        let at = *self.places.get(&key)?;
        self.recent[slot] = Some((key, at));
        Some(at as usize)
    }

    #[inline]
    pub(crate) fn at(&self, at: usize) -> &KnownProperty {
        &self.known[at]
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, at: usize) -> &mut KnownProperty {
        &mut self.known[at]
    }

    /// Remembers a property, in the place of what was known of it.
    pub(crate) fn insert(&mut self, key: NameKey, property: KnownProperty) {
        let next = self.known.len() as u32;
        let at = *self.places.entry(key).or_insert(next);
        if at == next {
            self.known.push(property);
        } else {
            self.known[at as usize] = property;
        }
    }

    /// Forgets one property.
    pub(crate) fn remove(&mut self, key: NameKey) {
        self.places.remove(&key);
        self.recent[key.mixed() as usize % RECENT] = None;
    }

    pub(crate) fn clear(&mut self) {
        if !self.known.is_empty() {
            self.places.clear();
            self.known.clear();
            self.recent.fill(None);
        }
    }

    /// How many properties fit without new memory.
    pub(crate) fn capacity(&self) -> usize {
        self.places.capacity().max(self.known.capacity())
    }
}
