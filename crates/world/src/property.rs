//! What a property is: its definition on one object, and owner and permissions on every object that has it.
//! In: names, owners, permission letters. Out: definitions and the shared tables of owner and permissions.
//! Values are cells of their own; who may read or write them is decided in `ops`.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use moor_value::{ObjId, Str, Symbol};
use parking_lot::Mutex;

use crate::ids::PropId;

/// Permissions of a property: any of `r`, `w`, `c`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PropFlags(u8);

impl PropFlags {
    /// Everyone may read the value.
    pub const READ: Self = Self(1);
    /// Everyone may change the value.
    pub const WRITE: Self = Self(2);
    /// The owner of a descendant owns the property on it.
    pub const CHOWN: Self = Self(4);

    /// From the bits of a textdump (`r` 1, `w` 2, `c` 4); other bits are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 7)
    }

    /// The bits of a textdump.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether every flag of `other` is set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Reads letters in any order and case; `None` when there is another letter.
    pub fn parse(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self(0), |flags, letter| {
            let bit = match letter.to_ascii_lowercase() {
                'r' => Self::READ.0,
                'w' => Self::WRITE.0,
                'c' => Self::CHOWN.0,
                _ => return None,
            };
            Some(Self(flags.0 | bit))
        })
    }
}

impl fmt::Display for PropFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [(Self::READ, "r"), (Self::WRITE, "w"), (Self::CHOWN, "c")];
        letters
            .iter()
            .filter(|(flag, _)| self.has(*flag))
            .try_for_each(|(_, letter)| f.write_str(letter))
    }
}

/// Owner and permissions of one property on one object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PropInfo {
    /// Who owns the property there.
    pub owner: ObjId,
    /// What others may do with it.
    pub flags: PropFlags,
}

impl PropInfo {
    /// What a child owned by `owner` gets: with `c` the property belongs to the child's owner.
    pub(crate) fn inherited_by(self, owner: ObjId) -> Self {
        if self.flags.has(PropFlags::CHOWN) {
            Self { owner, ..self }
        } else {
            self
        }
    }
}

/// A property as defined on an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PropDef {
    /// The name as it was written.
    pub name: Str,
    /// The name for lookups.
    pub symbol: Symbol,
    /// Its identity.
    pub id: PropId,
}

/// The properties that an object defines, in order of definition.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct PropDefs(pub(crate) Vec<PropDef>);

impl PropDefs {
    pub(crate) fn find(&self, symbol: Symbol) -> Option<&PropDef> {
        self.0.iter().find(|def| def.symbol == symbol)
    }
}

/// Numbers for tables and layouts: later ones are larger. One source per world.
#[derive(Debug)]
pub(crate) struct LayoutSource(AtomicU64);

impl LayoutSource {
    pub(crate) const fn new(first: u64) -> Self {
        Self(AtomicU64::new(first))
    }

    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn raise_above(&self, used: u64) {
        self.0.fetch_max(used + 1, Ordering::Relaxed);
    }
}

/// How many tables derived for children a table remembers; more owners than that derive anew.
const DERIVED_MAX: usize = 4;

/// Owner and permissions of every property that an object has, own and inherited.
///
/// The table is immutable and shared by all objects for which it is equal: a class and its children, in most
/// worlds.
#[derive(Debug)]
pub(crate) struct PropInfos {
    /// The identity of the table, the key of its row.
    pub(crate) id: u64,
    /// Grows when a property is added to the object or taken from it: how an anonymous object notices that a parent
    /// changed.
    pub(crate) layout: u64,
    entries: Box<[(PropId, PropInfo)]>,
    has_chown: bool,
    /// Whether a committed batch holds the table's row.
    pub(crate) stored: AtomicBool,
    derived: Mutex<Vec<(ObjId, Weak<PropInfos>)>>,
}

impl PropInfos {
    pub(crate) fn new(id: u64, layout: u64, mut entries: Vec<(PropId, PropInfo)>) -> Arc<Self> {
        entries.sort_by_key(|(prop, _)| *prop);
        entries.dedup_by_key(|(prop, _)| *prop);
        let has_chown = entries
            .iter()
            .any(|(_, info)| info.flags.has(PropFlags::CHOWN));
        Arc::new(Self {
            id,
            layout,
            entries: entries.into(),
            has_chown,
            stored: AtomicBool::new(false),
            derived: Mutex::default(),
        })
    }

    pub(crate) fn entries(&self) -> &[(PropId, PropInfo)] {
        &self.entries
    }

    pub(crate) fn get(&self, prop: PropId) -> Option<PropInfo> {
        self.entries
            .binary_search_by_key(&prop, |(id, _)| *id)
            .ok()
            .map(|at| self.entries[at].1)
    }

    /// The entries with one set or added.
    pub(crate) fn with(&self, prop: PropId, info: PropInfo) -> Vec<(PropId, PropInfo)> {
        let mut entries = self.without(prop);
        entries.push((prop, info));
        entries
    }

    /// The entries without one.
    pub(crate) fn without(&self, prop: PropId) -> Vec<(PropId, PropInfo)> {
        self.entries
            .iter()
            .copied()
            .filter(|(id, _)| *id != prop)
            .collect()
    }

    /// The table of a fresh only child of an object with this table.
    pub(crate) fn for_child(self: &Arc<Self>, owner: ObjId, layouts: &LayoutSource) -> Arc<Self> {
        if !self.has_chown {
            return self.clone();
        }
        let mut derived = self.derived.lock();
        let known = derived
            .iter()
            .find(|(of, _)| *of == owner)
            .and_then(|(_, table)| table.upgrade());
        if let Some(table) = known {
            return table;
        }
        let entries = self
            .entries
            .iter()
            .map(|(prop, info)| (*prop, info.inherited_by(owner)));
        let table = Self::new(layouts.next(), self.layout, entries.collect());
        derived.retain(|(of, table)| *of != owner && table.strong_count() > 0);
        if derived.len() == DERIVED_MAX {
            derived.remove(0);
        }
        derived.push((owner, Arc::downgrade(&table)));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_parse_and_print() {
        for (letters, printed) in [
            ("", Some("")),
            ("r", Some("r")),
            ("CWR", Some("rwc")),
            ("rx", None),
        ] {
            assert_eq!(
                PropFlags::parse(letters)
                    .map(|flags| flags.to_string())
                    .as_deref(),
                printed
            );
        }
    }

    #[test]
    fn children_share_the_table_of_their_owner() {
        let layouts = LayoutSource::new(1);
        let info = |owner, letters| PropInfo {
            owner: ObjId(owner),
            flags: PropFlags::parse(letters).unwrap(),
        };
        let table = PropInfos::new(
            1,
            1,
            vec![(PropId(1), info(2, "rc")), (PropId(2), info(2, "r"))],
        );
        let child = table.for_child(ObjId(7), &layouts);
        assert_eq!(child.get(PropId(1)), Some(info(7, "rc")));
        assert_eq!(child.get(PropId(2)), Some(info(2, "r")));
        assert!(Arc::ptr_eq(&child, &table.for_child(ObjId(7), &layouts)));
        let plain = PropInfos::new(3, 3, table.without(PropId(1)));
        assert!(Arc::ptr_eq(&plain, &plain.for_child(ObjId(7), &layouts)));
    }
}
