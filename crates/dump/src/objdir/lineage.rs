//! Which properties an object has, in the order of its property values, and what it would have of them as a new child.
//! In: parents and definitions. Out: tables with one entry for each property.

use std::sync::Arc;

use moor_value::{ObjId, Str};
use moor_world::PropFlags;
use rustc_hash::{FxHashMap, FxHashSet};

use super::spec::{Access, PropertyName};

/// A property of an object.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    /// The object that defines it.
    pub(crate) definer: ObjId,
    /// The name.
    pub(crate) name: Str,
    /// Owner and permissions on the object.
    pub(crate) access: Access<PropFlags>,
}

/// The properties of an object: those that it defines, then those of each ancestor, depth first, each ancestor once.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) parents: Vec<ObjId>,
    /// How many of the entries are its own.
    pub(crate) own: usize,
    pub(crate) entries: Vec<Entry>,
}

/// Tables of objects that are somebody's parents.
pub(crate) type Tables = FxHashMap<ObjId, Arc<Table>>;

impl Table {
    fn own(&self) -> &[Entry] {
        &self.entries[..self.own]
    }

    fn position(&self, definer: ObjId, name: &Str) -> Option<usize> {
        let is = |entry: &Entry| entry.definer == definer && entry.name.eq_exact(name);
        self.entries.iter().position(is)
    }
}

/// The properties that a child of these parents inherits, with what a new child owned by `owner` would have. Every
/// ancestor has a table.
pub(crate) fn inherited(parents: &[ObjId], owner: ObjId, tables: &Tables) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut seen = FxHashSet::default();
    let mut stack: Vec<ObjId> = parents.iter().rev().copied().collect();
    while let Some(next) = stack.pop() {
        if !seen.insert(next) {
            continue;
        }
        let Some(table) = tables.get(&next) else {
            continue;
        };
        for entry in table.own() {
            found.push(Entry {
                access: given(parents, owner, entry, tables),
                ..entry.clone()
            });
        }
        stack.extend(table.parents.iter().rev());
    }
    found
}

/// Owner and permissions that a new child gets from the first parent that has the property.
fn given(parents: &[ObjId], owner: ObjId, entry: &Entry, tables: &Tables) -> Access<PropFlags> {
    let of_parent = parents.iter().find_map(|parent| {
        let table = tables.get(parent)?;
        let place = table.position(entry.definer, &entry.name)?;
        Some(table.entries[place].access)
    });
    let access = of_parent.unwrap_or(entry.access);
    match access.flags.has(PropFlags::CHOWN) {
        true => Access { owner, ..access },
        false => access,
    }
}

/// How a property is called among these: by its name, and by its definer where that is not enough.
pub(crate) fn name_of(entries: &[Entry], place: usize) -> PropertyName {
    let Entry { definer, name, .. } = &entries[place];
    let same = entries.iter().filter(|entry| entry.name.eq_fold(name));
    PropertyName {
        name: name.clone(),
        definer: (same.count() > 1).then_some(*definer),
    }
}

/// The property that is called so; `None` if there is none, or more than one.
pub(crate) fn find(entries: &[Entry], called: &PropertyName) -> Option<usize> {
    let is = |entry: &Entry| {
        let by_definer = called
            .definer
            .is_none_or(|definer| definer == entry.definer);
        by_definer && entry.name.eq_fold(&called.name)
    };
    let mut places = (0..entries.len()).filter(|place| is(&entries[*place]));
    let first = places.next()?;
    places.next().is_none().then_some(first)
}
