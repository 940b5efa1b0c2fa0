//! What a transaction knows of cells: those that it has read or written, in the order of the first touch.
//! In: keys. Out: entries, and their places, by which whoever remembers one comes back without searching.

use rustc_hash::FxHashMap;

use crate::cell::CellValue;
use crate::ids::CellKey;

/// A cell as the transaction sees it.
pub(crate) struct Entry {
    pub(crate) value: CellValue,
    /// The committed value was seen, so the commit depends on it.
    pub(crate) read: bool,
    pub(crate) written: bool,
}

impl Entry {
    /// The committed value is copied, so that no other transaction uses the same memory.
    #[cold]
    pub(crate) fn have_own_copy(&mut self) {
        if let CellValue::Value(value) = &mut self.value
            && !self.written
        {
            *value = value.unshared();
        }
    }
}

/// Where an entry stands; good until entries are removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(u32);

/// The cells of one transaction, each once.
#[derive(Default)]
pub(crate) struct Cells {
    places: FxHashMap<CellKey, Place>,
    entries: Vec<(CellKey, Entry)>,
}

impl Cells {
    /// The place of a cell, whose entry is made by `entry` when there is none.
    #[inline]
    pub(crate) fn place_or_insert(&mut self, key: CellKey, entry: impl FnOnce() -> Entry) -> Place {
        let next = Place(self.entries.len() as u32);
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.entries.push((key, entry()));
        }
        place
    }

    #[inline]
    pub(crate) fn at(&self, place: Place) -> &Entry {
        &self.entries[place.0 as usize].1
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, place: Place) -> &mut Entry {
        &mut self.entries[place.0 as usize].1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&CellKey, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key, entry))
    }

    /// Takes all entries out; the memory stays.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (CellKey, Entry)> {
        self.places.clear();
        self.entries.drain(..)
    }

    /// Removes entries; all places are void.
    pub(crate) fn retain(&mut self, keep: impl Fn(&CellKey) -> bool) {
        self.entries.retain(|(key, _)| keep(key));
        self.places.clear();
        let places = self.entries.iter().enumerate();
        self.places
            .extend(places.map(|(at, (key, _))| (*key, Place(at as u32))));
    }

    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.entries.clear();
    }

    /// How many entries fit without new memory.
    pub(crate) fn capacity(&self) -> usize {
        self.places.capacity().max(self.entries.capacity())
    }
}
