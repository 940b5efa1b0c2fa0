//! Starting a world from the rows of a store.
//! In: keys and values of one scan. Out: the world in memory, or the first row that is not one.
//! Where the rows come from is the caller's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use moor_store::{CommitLog, Table};
use moor_value::ObjId;
use moor_value::codec::HandleResolver;
use rustc_hash::FxHashMap;

use crate::cell::CellValue;
use crate::commit::ts_of_order;
use crate::ids::{CellKey, Entity, EntityKind, MemberKey, PropId, Slot, VerbId};
use crate::property::PropInfos;
use crate::rows::{self, ROWS_VERSION, Row, RowError};
use crate::world::World;

/// A world being read from its rows.
///
/// Give it every row with [`row`](Self::row), in any order, then [`finish`](Self::finish).
pub struct Loader {
    world: World,
    tables: FxHashMap<u64, Arc<PropInfos>>,
    /// Entities that refer to a table that was not there yet.
    waiting: Vec<(Entity, u64)>,
    version: Option<i64>,
    rows: u64,
    /// The last timestamp that an order number was made from.
    last_ts: u64,
}

impl Loader {
    /// Nothing read yet; the world will commit to `log`, into `table`.
    pub fn new(log: Arc<dyn CommitLog>, table: Table) -> Self {
        Self {
            world: World::empty(log, table),
            tables: FxHashMap::default(),
            waiting: Vec::new(),
            version: None,
            rows: 0,
            last_ts: 0,
        }
    }

    /// Takes one row.
    ///
    /// # Errors
    /// [`RowError`] when it is none of this version; the loader is of no use then.
    pub fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        self.rows += 1;
        match rows::decode(key, value, &mut self.world.handles())? {
            Row::Version(found) => self.check_version(found)?,
            Row::Infos(table) => self.take_table(table),
            Row::Cell(entity, slot, value) => self.take_cell(entity, slot, value),
            Row::InfosOf(entity, id) => self.take_infos_of(entity, id),
            Row::Member(key, member, order) => self.take_member(key, member, order),
        }
        Ok(())
    }

    fn check_version(&mut self, found: i64) -> Result<(), RowError> {
        self.version = Some(found);
        if (1..=ROWS_VERSION).contains(&found) {
            Ok(())
        } else {
            Err(RowError::Version { found })
        }
    }

    fn take_table(&mut self, table: Arc<PropInfos>) {
        table.stored.store(true, Ordering::Relaxed);
        self.world.layouts.raise_above(table.id.max(table.layout));
        if let Some((last, _)) = table.entries().last() {
            self.raise_props(*last);
        }
        self.tables.insert(table.id, table);
    }

    fn raise_props(&self, used: PropId) {
        self.world
            .next_prop
            .fetch_max(used.0.saturating_add(1), Ordering::Relaxed);
    }

    fn raise_verbs(&self, used: VerbId) {
        self.world
            .next_verb
            .fetch_max(used.0.saturating_add(1), Ordering::Relaxed);
    }

    fn take_cell(&mut self, entity: Entity, slot: Slot, value: CellValue) {
        match &value {
            CellValue::Defs(defs) => defs.0.iter().for_each(|def| self.raise_props(def.id)),
            CellValue::Verbs(verbs) => verbs.0.iter().for_each(|verb| self.raise_verbs(verb.id)),
            _ => {}
        }
        if matches!(entity.kind(), EntityKind::Anon | EntityKind::Waif) {
            self.world.raise_handles(entity.raw_id().cast_unsigned());
        }
        self.world
            .arena
            .change(entity, |cells| cells.load(slot, value));
    }

    fn take_infos_of(&mut self, entity: Entity, id: u64) {
        match self.tables.get(&id) {
            Some(table) => self.take_cell(entity, Slot::INFOS, CellValue::Infos(table.clone())),
            None => self.waiting.push((entity, id)),
        }
    }

    fn take_member(&mut self, key: MemberKey, member: ObjId, order: u64) {
        self.last_ts = self.last_ts.max(ts_of_order(order));
        self.world.arena.change(key.entity, |cells| {
            cells.members_mut().get_mut(key.kind).load(member, order)
        });
    }

    /// The world, once every row was taken.
    ///
    /// # Errors
    /// [`RowError::Version`] when there are rows but no version, [`RowError::MissingInfos`].
    pub fn finish(mut self) -> Result<Arc<World>, RowError> {
        if self.rows > 0 && self.version.is_none() {
            return Err(RowError::Version { found: 0 });
        }
        for (entity, id) in std::mem::take(&mut self.waiting) {
            let table = self
                .tables
                .get(&id)
                .cloned()
                .ok_or(RowError::MissingInfos { id, entity })?;
            self.take_cell(entity, Slot::INFOS, CellValue::Infos(table));
        }
        if self.rows > 0 {
            let unused = self
                .tables
                .values()
                .filter(|table| Arc::strong_count(table) == 1);
            let unused = unused.map(|table| table.id).collect();
            self.world.start_clock(self.last_ts + 1, unused);
        }
        self.make_missing_handles();
        self.world.arena.settle();
        Ok(Arc::new(self.world))
    }

    /// Gives those a handle that no value refers to, so that they too become orphans when the handles are released.
    fn make_missing_handles(&self) {
        let snapshot = self.last_ts + 1;
        for id in self.world.arena.ids(EntityKind::Anon) {
            self.world.handles().anon(id.cast_unsigned());
        }
        for id in self.world.arena.ids(EntityKind::Waif) {
            let entity = Entity::waif(id.cast_unsigned());
            let object = |slot| match self.world.read_at(CellKey { entity, slot }, snapshot) {
                CellValue::Value(value) => value.as_obj().unwrap_or(ObjId::NOTHING),
                _ => ObjId::NOTHING,
            };
            self.world
                .handles()
                .waif(id.cast_unsigned(), object(Slot::CLASS), object(Slot::OWNER));
        }
    }
}
