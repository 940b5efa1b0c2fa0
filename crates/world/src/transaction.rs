//! A transaction: a snapshot to read, a record of what was read, and private writes.
//! In: cell keys. Out: the values that the transaction sees. The operations of the language are in `ops`, the end of
//! a transaction in `commit`.
//!
//! The record is also the cache: the first reading of a cell goes to the shared store under its lock, every further
//! one is a probe of a private hash table.

use std::cell::RefCell;
use std::sync::Arc;

use moor_store::Seq;
use moor_value::{AnonRef, List, ObjId, Symbol, Value, WaifRef};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::cell::CellValue;
use crate::cells::{Cells, Entry, Place};
use crate::ids::{CellKey, Entity, MemberKey, NameKey, Slot};
use crate::known::KnownProperties;
use crate::lookup::{self, Facts, LookupKey, Resolution};
use crate::ops::BuiltinSet;
use crate::verb::ResolvedVerb;
use crate::world::{Moment, Turn, World};

/// Order numbers given inside a transaction start here, after every committed one, until the commit replaces them.
pub(crate) const PENDING_ORDER: u64 = 1 << 63;

/// An ordered set as the transaction sees it.
#[derive(Default)]
pub(crate) struct MemberEntry {
    /// The committed list, once it was seen.
    pub(crate) base: Option<List>,
    /// Members added (with an order number) and removed.
    pub(crate) delta: FxHashMap<ObjId, Option<u64>>,
    merged: Option<List>,
}

/// Tables above this many entries are not kept for another transaction.
const KEPT_ENTRIES_MAX: usize = 4096;
/// How many sets of tables a thread keeps.
const KEPT_TABLES_MAX: usize = 4;

/// The tables of a finished transaction, empty, for the next one of the thread: most transactions are shorter than
/// making these anew.
#[derive(Default)]
struct Tables {
    cells: Cells,
    members: FxHashMap<MemberKey, MemberEntry>,
    lookups: Vec<(LookupKey, Resolution)>,
    properties: KnownProperties,
    verbs: FxHashMap<NameKey, Option<Arc<ResolvedVerb>>>,
}

thread_local! {
    static KEPT: RefCell<Vec<Tables>> = const { RefCell::new(Vec::new()) };
}

impl Tables {
    fn take() -> Self {
        KEPT.try_with(|kept| kept.borrow_mut().pop())
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    fn keep(mut self) {
        // Dropping values may run into other code of this thread's, so nothing is borrowed meanwhile.
        self.cells.clear();
        self.members.clear();
        self.lookups.clear();
        self.properties.clear();
        self.verbs.clear();
        let capacities = [
            self.cells.capacity(),
            self.members.capacity(),
            self.lookups.capacity(),
            self.properties.capacity(),
            self.verbs.capacity(),
        ];
        if capacities
            .into_iter()
            .all(|entries| entries <= KEPT_ENTRIES_MAX)
        {
            // A thread that is ending keeps nothing.
            let _ = KEPT.try_with(|kept| {
                let mut kept = kept.borrow_mut();
                if kept.len() < KEPT_TABLES_MAX {
                    kept.push(self);
                }
            });
        }
    }
}

/// One serializable unit of work on a world; see the module of the same name.
///
/// Dropping it gives everything up. An exclusive one keeps all others from committing while it lives.
pub struct Transaction {
    pub(crate) world: Arc<World>,
    pub(crate) snapshot: Moment,
    pub(crate) cells: Cells,
    pub(crate) members: FxHashMap<MemberKey, MemberEntry>,
    /// Entities that exist in this transaction only; no committed schema depends on them.
    pub(crate) created: FxHashSet<Entity>,
    /// Lookups answered from the committed schema, with their outcome.
    pub(crate) lookups: Vec<(LookupKey, Resolution)>,
    pub(crate) properties: KnownProperties,
    verbs: FxHashMap<NameKey, Option<Arc<ResolvedVerb>>>,
    /// Counts property values that came or went: inherited ones found before the last of them may stand elsewhere now.
    /// One that takes the place of another is seen where that was found.
    pub(crate) value_moves: u64,
    /// Whether parents, definitions, verbs or code of committed objects were written.
    pub(crate) schema_written: bool,
    pub(crate) wrote: bool,
    pub(crate) next_order: u64,
    /// Waifs made by this transaction; most do not outlive it.
    pub(crate) new_waifs: Vec<WaifRef>,
    /// Anonymous objects made by this transaction, so that none dies before it is installed.
    pub(crate) new_anons: Vec<AnonRef>,
    /// Entities of which all cells were asked for.
    pub(crate) wholes: Vec<Entity>,
    pub(crate) protected: BuiltinSet,
    pub(crate) turn: Option<Turn>,
}

impl Transaction {
    pub(crate) fn new(world: Arc<World>, snapshot: Moment, turn: Option<Turn>) -> Self {
        let tables = Tables::take();
        Self {
            world,
            snapshot,
            cells: tables.cells,
            members: tables.members,
            created: FxHashSet::default(),
            lookups: tables.lookups,
            properties: tables.properties,
            verbs: tables.verbs,
            value_moves: 0,
            schema_written: false,
            wrote: false,
            next_order: PENDING_ORDER,
            new_waifs: Vec::new(),
            new_anons: Vec::new(),
            wholes: Vec::new(),
            protected: BuiltinSet::default(),
            turn,
        }
    }

    /// The world it works on.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The newest batch of the log that the snapshot contains.
    pub fn seq(&self) -> Seq {
        self.snapshot.seq
    }

    /// Whether nothing was written so far.
    pub fn is_read_only(&self) -> bool {
        !self.wrote
    }

    /// Bytes of the values that it has written so far, as `value_bytes()` counts them. It looks at each.
    pub fn written_bytes(&self) -> usize {
        let written = self.cells.iter().filter(|(_, entry)| entry.written);
        let bytes = written.map(|(_, entry)| entry.value.bytes());
        bytes.fold(0, usize::saturating_add)
    }

    /// Whether nobody else can commit while it lives.
    pub fn is_exclusive(&self) -> bool {
        self.turn.is_some()
    }

    /// A number that stays the same while name lookups cannot have new outcomes, for inline caches; `None` when this
    /// transaction itself changed the schema, so that nothing may be reused. Two transactions with the same number
    /// see the same schema for every object that exists in both.
    pub fn schema_version(&self) -> Option<u64> {
        (!self.schema_written).then_some(self.snapshot.schema_ts)
    }

    pub(crate) fn read(&mut self, key: CellKey) -> &CellValue {
        let place = self.place(key);
        &self.cells.at(place).value
    }

    /// Every slot of an entity that may hold something, ascending. The commit then depends on there being no other.
    pub(crate) fn slots(&mut self, entity: Entity) -> Vec<Slot> {
        let snapshot = self.snapshot.ts;
        let committed = self.world.arena.look(entity, |cells| cells.slots(snapshot));
        let mut slots = committed.unwrap_or_default();
        let own = self.cells.iter().filter(|(key, _)| key.entity == entity);
        slots.extend(own.map(|(key, _)| key.slot));
        slots.sort_unstable();
        slots.dedup();
        self.wholes.push(entity);
        slots
    }

    /// Where a cell stands among those that the transaction has seen, which it has then.
    pub(crate) fn place(&mut self, key: CellKey) -> Place {
        self.cells.place_or_insert(key, || Entry {
            value: self.world.read_at(key, self.snapshot.ts),
            read: true,
            written: false,
        })
    }

    /// The value in a cell; 0 where it has none.
    #[inline]
    pub(crate) fn value_at(&self, place: Option<Place>) -> Value {
        match place.map(|place| &self.cells.at(place).value) {
            Some(CellValue::Value(value)) => value.clone(),
            _ => Value::ZERO,
        }
    }

    pub(crate) fn cell(&mut self, entity: Entity, slot: Slot) -> &CellValue {
        self.read(CellKey { entity, slot })
    }

    pub(crate) fn value_cell(&mut self, entity: Entity, slot: Slot) -> Option<Value> {
        match self.cell(entity, slot) {
            CellValue::Value(value) => Some(value.clone()),
            _ => None,
        }
    }

    /// Where the value stands, when there is one.
    pub(crate) fn value_place(&mut self, entity: Entity, slot: Slot) -> Option<Place> {
        let place = self.place(CellKey { entity, slot });
        matches!(self.cells.at(place).value, CellValue::Value(_)).then_some(place)
    }

    pub(crate) fn write(&mut self, entity: Entity, slot: Slot, value: CellValue) -> Place {
        self.note_write(entity, slot);
        let place = self
            .cells
            .place_or_insert(CellKey { entity, slot }, || Entry {
                value: CellValue::Absent,
                read: false,
                written: true,
            });
        let entry = self.cells.at_mut(place);
        let stays = matches!(
            (&entry.value, &value),
            (CellValue::Value(_), CellValue::Value(_))
        );
        entry.value = value;
        entry.written = true;
        if slot.is_value() && !stays {
            self.value_moves += 1;
        }
        place
    }

    pub(crate) fn write_value(&mut self, entity: Entity, slot: Slot, value: Value) -> Place {
        self.write(entity, slot, CellValue::Value(value))
    }

    /// Writes a property's value to the cell that it was found in.
    #[inline]
    pub(crate) fn write_value_at(&mut self, place: Place, value: Value) {
        self.wrote = true;
        let entry = self.cells.at_mut(place);
        entry.value = CellValue::Value(value);
        entry.written = true;
    }

    /// The value in a cell, which is about to be written.
    #[inline]
    pub(crate) fn value_mut_at(&mut self, place: Place) -> Option<&mut Value> {
        let entry = self.cells.at_mut(place);
        let CellValue::Value(value) = &mut entry.value else {
            return None;
        };
        entry.written = true;
        self.wrote = true;
        Some(value)
    }

    fn note_write(&mut self, entity: Entity, slot: Slot) {
        self.wrote = true;
        if slot.is_schema() || slot == Slot::INFOS {
            self.properties.clear();
            self.verbs.clear();
            self.schema_written |= slot.is_schema() && !self.created.contains(&entity);
        }
    }

    /// The members of a set in order; the commit then depends on the whole list.
    pub(crate) fn members(&mut self, key: MemberKey) -> List {
        let (world, snapshot) = (&self.world, self.snapshot.ts);
        let entry = self.members.entry(key).or_default();
        let base = entry
            .base
            .get_or_insert_with(|| world.members_at(key, snapshot));
        if entry.delta.is_empty() {
            return base.clone();
        }
        let merged = entry
            .merged
            .get_or_insert_with(|| merge(base, &entry.delta));
        merged.clone()
    }

    /// Appends a member, or moves it to the end.
    pub(crate) fn add_member(&mut self, key: MemberKey, member: ObjId) {
        let order = self.next_order;
        self.next_order += 1;
        self.set_member(key, member, Some(order));
    }

    pub(crate) fn remove_member(&mut self, key: MemberKey, member: ObjId) {
        self.set_member(key, member, None);
    }

    fn set_member(&mut self, key: MemberKey, member: ObjId, order: Option<u64>) {
        self.wrote = true;
        let entry = self.members.entry(key).or_default();
        entry.delta.insert(member, order);
        entry.merged = None;
    }

    /// Looks a name up; the commit depends on the outcome.
    pub(crate) fn resolve(&mut self, key: LookupKey) -> Resolution {
        if self.schema_written || self.created.contains(&key.entity) {
            return lookup::resolve(self, key);
        }
        let resolution =
            lookup::resolve_cached(&self.world, self.snapshot.ts, self.snapshot.schema_ts, key);
        self.lookups.push((key, resolution.clone()));
        resolution
    }

    /// The verb that a call of `symbol` on `entity` runs: the first in line with that name and the `x` flag.
    /// `None` too when the entity does not exist; ask [`valid`](Self::valid) where that matters.
    pub fn find_callable_verb(
        &mut self,
        entity: Entity,
        symbol: Symbol,
    ) -> Option<Arc<ResolvedVerb>> {
        let place = NameKey::new(entity, symbol);
        if let Some(known) = place.and_then(|place| self.verbs.get(&place)) {
            return known.clone();
        }
        if !self.valid(entity) {
            return None;
        }
        let key = LookupKey {
            entity,
            symbol,
            kind: lookup::LookupKind::Callable,
        };
        let Resolution::Verb(found) = self.resolve(key) else {
            return None;
        };
        if let Some(place) = place {
            self.verbs.insert(place, found.clone());
        }
        found
    }
}

/// The committed list with the transaction's own changes.
fn merge(base: &List, delta: &FxHashMap<ObjId, Option<u64>>) -> List {
    let kept = base
        .iter()
        .filter(|value| value.as_obj().is_none_or(|id| !delta.contains_key(&id)));
    let mut merged: Vec<Value> = kept.cloned().collect();
    let mut added: Vec<(u64, ObjId)> = delta
        .iter()
        .filter_map(|(member, order)| order.map(|order| (order, *member)))
        .collect();
    added.sort_unstable();
    merged.extend(added.into_iter().map(|(_, member)| Value::Obj(member)));
    merged.into()
}

impl Facts for Transaction {
    fn fact(&mut self, key: CellKey) -> CellValue {
        self.read(key).clone()
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.world.leave(self.snapshot.ts);
        let tables = Tables {
            cells: std::mem::take(&mut self.cells),
            members: std::mem::take(&mut self.members),
            lookups: std::mem::take(&mut self.lookups),
            properties: std::mem::take(&mut self.properties),
            verbs: std::mem::take(&mut self.verbs),
        };
        tables.keep();
    }
}
