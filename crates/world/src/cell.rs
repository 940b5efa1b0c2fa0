//! The cells of one entity and their older versions.
//! In: values to install at a timestamp. Out: the value that a snapshot sees.
//! Locking, transactions and rows are known to `world`, `transaction` and `rows`, not here.
//!
//! An entity's present cells are a vector ordered by slot: most entities have about ten, and a never-changed cell
//! costs its value and a timestamp. Versions that some snapshot may still see are kept aside in `history`.

use std::sync::Arc;

use moor_value::{ObjId, Value};

use crate::ids::Slot;
use crate::members::MemberSets;
use crate::property::{PropDefs, PropInfos};
use crate::verb::{VerbCode, VerbTable};

/// The parents of an object, in order, without duplicates.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Parents {
    #[default]
    None,
    One(ObjId),
    Many(Arc<Vec<ObjId>>),
}

impl From<Parents> for CellValue {
    fn from(parents: Parents) -> Self {
        match parents {
            Parents::None => Self::NoParents,
            Parents::One(parent) => Self::Parent(parent),
            Parents::Many(parents) => Self::Parents(parents),
        }
    }
}

impl Parents {
    pub(crate) fn from_slice(parents: &[ObjId]) -> Self {
        match parents {
            [] => Self::None,
            [one] => Self::One(*one),
            many => Self::Many(Arc::new(many.to_vec())),
        }
    }

    pub(crate) fn as_slice(&self) -> &[ObjId] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// What a cell holds. Each slot holds one variant only, or `Absent`.
#[derive(Clone, Debug, Default)]
pub(crate) enum CellValue {
    /// Nothing: the default of the slot, or a deletion that older snapshots may not see.
    #[default]
    Absent,
    /// Name, owner, flags, location, last move, last object number, a property's value.
    Value(Value),
    NoParents,
    Parent(ObjId),
    Parents(Arc<Vec<ObjId>>),
    Defs(Arc<PropDefs>),
    Infos(Arc<PropInfos>),
    Verbs(Arc<VerbTable>),
    Code(Arc<VerbCode>),
}

// Every cell of a world has one: kinds other than values must not make it larger than a value.
const _: () = assert!(size_of::<CellValue>() == size_of::<Value>());

impl CellValue {
    /// Bytes of what it holds that programs choose the size of.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Value(value) => value.bytes(),
            Self::Code(code) => code.source().len_bytes(),
            Self::Verbs(verbs) => verbs.0.iter().map(|verb| verb.names.len_bytes()).sum(),
            Self::Defs(defs) => defs.0.iter().map(|def| def.name.len_bytes()).sum(),
            _ => 0,
        }
    }

    /// The parents, in the slot of parents.
    pub(crate) fn parents(&self) -> Option<Parents> {
        match self {
            Self::NoParents => Some(Parents::None),
            Self::Parent(parent) => Some(Parents::One(*parent)),
            Self::Parents(parents) => Some(Parents::Many(parents.clone())),
            _ => None,
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

#[derive(Debug)]
struct Cell {
    slot: Slot,
    ts: u64,
    value: CellValue,
}

#[derive(Debug)]
struct OldVersion {
    slot: Slot,
    /// The timestamp at which it was installed.
    ts: u64,
    /// The timestamp at which it was replaced.
    until: u64,
    value: CellValue,
}

/// All cells of one entity.
#[derive(Debug, Default)]
pub(crate) struct EntityCells {
    cells: Vec<Cell>,
    #[allow(
        clippy::box_collection,
        reason = "one word rather than three on each of millions of entities, of which few have a history"
    )]
    history: Option<Box<Vec<OldVersion>>>,
    members: Option<Box<MemberSets>>,
}

impl EntityCells {
    /// What a snapshot at `snapshot` sees.
    pub(crate) fn read(&self, slot: Slot, snapshot: u64) -> CellValue {
        let Ok(at) = self.find(slot) else {
            return CellValue::Absent;
        };
        let cell = &self.cells[at];
        if cell.ts <= snapshot {
            return cell.value.clone();
        }
        let old = self.history.iter().flat_map(|history| history.iter());
        old.filter(|old| old.slot == slot && old.ts <= snapshot)
            .max_by_key(|old| old.ts)
            .map_or(CellValue::Absent, |old| old.value.clone())
    }

    /// When the newest version was installed; 0 when the cell was never written.
    pub(crate) fn newest_ts(&self, slot: Slot) -> u64 {
        self.find(slot).map_or(0, |at| self.cells[at].ts)
    }

    /// When the newest version of any cell was installed; 0 where there are no cells.
    pub(crate) fn newest_ts_of_all(&self) -> u64 {
        self.cells.iter().map(|cell| cell.ts).max().unwrap_or(0)
    }

    /// Makes `value` the newest version. `ts` is above every installed timestamp.
    pub(crate) fn install(&mut self, slot: Slot, value: CellValue, ts: u64) {
        match self.find(slot) {
            Ok(at) => {
                let cell = &mut self.cells[at];
                let value = std::mem::replace(&mut cell.value, value);
                let old = OldVersion {
                    slot,
                    ts: cell.ts,
                    until: ts,
                    value,
                };
                cell.ts = ts;
                self.history.get_or_insert_default().push(old);
            }
            Err(at) => self.cells.insert(at, Cell { slot, ts, value }),
        }
    }

    /// Puts cells there without a version history, as at start; takes them out of `loaded`. Where there were none before and
    /// they come in order of slots, no memory is left over.
    pub(crate) fn load(&mut self, loaded: &mut Vec<(Slot, CellValue)>) {
        self.cells.reserve_exact(loaded.len());
        for (slot, value) in loaded.drain(..) {
            let is_last = self.cells.last().is_none_or(|last| last.slot < slot);
            let found = match is_last {
                true => Err(self.cells.len()),
                false => self.find(slot),
            };
            match found {
                Ok(at) => self.cells[at].value = value,
                Err(at) => self.cells.insert(at, Cell { slot, ts: 0, value }),
            }
        }
    }

    /// The slots that a snapshot sees filled.
    pub(crate) fn slots(&self, snapshot: u64) -> Vec<Slot> {
        let slots = self.cells.iter().map(|cell| cell.slot);
        slots
            .filter(|slot| !self.read(*slot, snapshot).is_absent())
            .collect()
    }

    /// Every value there is, older versions too.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value> {
        let old = self.history.iter().flat_map(|history| history.iter());
        let cells = self.cells.iter().map(|cell| &cell.value);
        cells
            .chain(old.map(|old| &old.value))
            .filter_map(|value| match value {
                CellValue::Value(value) => Some(value),
                _ => None,
            })
    }

    /// Drops versions and deletions that no snapshot at or after `oldest` can tell from their successors.
    pub(crate) fn trim(&mut self, oldest: u64) {
        if let Some(history) = &mut self.history {
            history.retain(|old| old.until > oldest);
            if history.is_empty() {
                self.history = None;
            }
        }
        self.cells
            .retain(|cell| !(cell.value.is_absent() && cell.ts <= oldest));
        if let Some(members) = &mut self.members {
            members.trim(oldest);
        }
    }

    pub(crate) fn members(&self) -> Option<&MemberSets> {
        self.members.as_deref()
    }

    pub(crate) fn members_mut(&mut self) -> &mut MemberSets {
        self.members.get_or_insert_default()
    }

    #[cfg(test)]
    pub(crate) fn history_len(&self) -> usize {
        self.history.as_ref().map_or(0, |history| history.len())
    }

    fn find(&self, slot: Slot) -> Result<usize, usize> {
        self.cells.binary_search_by_key(&slot, |cell| cell.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(cells: &EntityCells, snapshot: u64) -> Option<i64> {
        match cells.read(Slot::NAME, snapshot) {
            CellValue::Value(Value::Int(number)) => Some(number),
            _ => None,
        }
    }

    #[test]
    fn a_snapshot_sees_the_newest_version_not_after_it() {
        let mut cells = EntityCells::default();
        for ts in [10, 20, 30] {
            cells.install(Slot::NAME, CellValue::Value(Value::Int(ts)), ts as u64);
        }
        cells.install(Slot::NAME, CellValue::Absent, 40);
        for (snapshot, seen) in [
            (9, None),
            (10, Some(10)),
            (19, Some(10)),
            (25, Some(20)),
            (39, Some(30)),
            (40, None),
        ] {
            assert_eq!(int(&cells, snapshot), seen, "at {snapshot}");
        }
    }

    #[test]
    fn trimming_keeps_what_the_oldest_snapshot_sees() {
        let mut cells = EntityCells::default();
        for ts in [10, 20, 30] {
            cells.install(Slot::NAME, CellValue::Value(Value::Int(ts)), ts as u64);
        }
        cells.trim(20);
        assert_eq!(cells.history.as_ref().map(|history| history.len()), Some(1));
        assert_eq!(int(&cells, 20), Some(20));
        cells.install(Slot::NAME, CellValue::Absent, 40);
        cells.trim(40);
        assert!(cells.history.is_none() && cells.cells.is_empty());
    }
}
