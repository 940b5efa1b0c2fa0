//! Numbers for things that are open.
//!
//! In: things. Out: a number for each, as ToastStunt gives them: from 1 up, from 1 again when nothing is open.

use std::collections::BTreeMap;

/// Open things by number.
#[derive(Debug)]
pub(crate) struct Handles<T> {
    open: BTreeMap<i64, T>,
    next: i64,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
            next: 1,
        }
    }
}

impl<T> Handles<T> {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Adds a thing; its number.
    pub(crate) fn add(&mut self, thing: T) -> i64 {
        let handle = self.next;
        self.next += 1;
        self.open.insert(handle, thing);
        handle
    }

    pub(crate) fn get(&self, handle: i64) -> Option<&T> {
        self.open.get(&handle)
    }

    pub(crate) fn get_mut(&mut self, handle: i64) -> Option<&mut T> {
        self.open.get_mut(&handle)
    }

    /// Takes a thing out.
    pub(crate) fn remove(&mut self, handle: i64) -> Option<T> {
        let thing = self.open.remove(&handle)?;
        if self.open.is_empty() {
            self.next = 1;
        }
        Some(thing)
    }

    /// All, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &T)> {
        self.open.iter().map(|(handle, thing)| (*handle, thing))
    }
}
