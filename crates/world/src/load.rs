//! Starting a world from the rows of a store.
//! In: a store, or keys and values of one scan. Out: the world in memory, or the first row that is not one.
//! Where the rows come from is the caller's.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use moor_store::{CommitLog, Snapshot, StateError, Table};
use moor_value::codec::HandleResolver;
use moor_value::{ObjId, STACK_BYTES_MIN};
use rustc_hash::FxHashMap;

use crate::cell::CellValue;
use crate::commit::ts_of_order;
use crate::ids::{CellKey, Entity, EntityKind, MemberKind, PropId, Slot, VerbId};
use crate::property::PropInfos;
use crate::rows::{self, ROWS_VERSION, Row, RowError};
use crate::world::World;

/// Threads that read rows at most; more would wait for the disk and for memory.
const THREADS_MAX: usize = 8;
/// A thread is worth its beginning for so many objects.
const THREAD_OBJECTS_MIN: i64 = 10_000;

/// Why a world could not be read from a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A row is none of this version.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The store cannot be read.
    #[error("the rows of the world cannot be read")]
    State(#[from] StateError),
    /// No thread could be started.
    #[error("no thread could be started to read the world")]
    Thread(#[from] std::io::Error),
}

/// A world being read from its rows.
///
/// Give it a store with [`read`](Self::read), or every row with [`row`](Self::row), in any order, then
/// [`finish`](Self::finish).
pub struct Loader {
    world: World,
    tables: FxHashMap<u64, Arc<PropInfos>>,
    version: Option<i64>,
    part: Part,
}

/// What one thread has read.
#[derive(Default)]
struct Part {
    /// Whose cells and members were read last and are not in the world yet: rows lie together by entity, so each
    /// entity is touched once and gets exactly the memory that it needs.
    entity: Option<Entity>,
    cells: Vec<(Slot, CellValue)>,
    members: Vec<(MemberKind, ObjId, u64)>,
    /// Entities that refer to a table that was not there yet.
    waiting: Vec<(Entity, u64)>,
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
            version: None,
            part: Part::default(),
        }
    }

    /// Takes every row of the world's table, on as many threads as there are processors.
    ///
    /// # Errors
    /// [`LoadError`]; the loader is of no use then.
    pub fn read(&mut self, store: &Snapshot) -> Result<(), LoadError> {
        let first = rows::first_entity_key();
        let (table, mut failed) = (self.world.table, None);
        store.scan(table, before(&first), |key, value| {
            failed = self.row(key, value).err();
            failed.is_none()
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let last = store.get(table, &rows::max_object_key())?;
        let last = last.and_then(|value| rows::object_of(&value));
        let bounds = bounds(first, last.map_or(0, |last| last.0));
        let loader = &*self;
        let parts = thread::scope(|scope| {
            let begun = bounds.windows(2).map(|range| {
                let thread = thread::Builder::new().stack_size(STACK_BYTES_MIN);
                thread.spawn_scoped(scope, move || loader.read_part(store, &range[0], &range[1]))
            });
            let begun: Vec<_> = begun.collect();
            let ended = begun.into_iter().map(|thread| match thread?.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            ended.collect::<Result<Vec<Part>, LoadError>>()
        })?;
        parts.into_iter().for_each(|part| self.part.add(part));
        Ok(())
    }

    /// Reads the rows from one key to before another; an empty one is the end of the table.
    fn read_part(&self, store: &Snapshot, from: &[u8], until: &[u8]) -> Result<Part, LoadError> {
        let end = match until {
            [] => Bound::Unbounded,
            until => Bound::Excluded(until),
        };
        let (mut part, mut failed) = (Part::default(), None);
        store.scan(
            self.world.table,
            (Bound::Included(from), end),
            |key, value| {
                let row = rows::decode(key, value, &mut self.world.handles());
                failed = row.map(|row| part.take(self, row)).err();
                failed.is_none()
            },
        )?;
        part.settle(&self.world);
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(part),
        }
    }

    /// Takes one row.
    ///
    /// # Errors
    /// [`RowError`] when it is none of this version; the loader is of no use then.
    pub fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        match rows::decode(key, value, &mut self.world.handles())? {
            Row::Version(found) => self.check_version(found)?,
            Row::Infos(table) => self.take_table(table),
            row => {
                let mut part = std::mem::take(&mut self.part);
                part.take(self, row);
                self.part = part;
            }
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
        self.part.rows += 1;
        table.stored.store(true, Ordering::Relaxed);
        self.world.layouts.raise_above(table.id.max(table.layout));
        if let Some((last, _)) = table.entries().last() {
            raise_props(&self.world, *last);
        }
        self.tables.insert(table.id, table);
    }

    /// The world, once every row was taken.
    ///
    /// # Errors
    /// [`RowError::Version`] when there are rows but no version, [`RowError::MissingInfos`].
    pub fn finish(mut self) -> Result<Arc<World>, RowError> {
        let Part { rows, last_ts, .. } = self.part;
        if rows > 0 && self.version.is_none() {
            return Err(RowError::Version { found: 0 });
        }
        self.part.settle(&self.world);
        for (entity, id) in std::mem::take(&mut self.part.waiting) {
            let table = self
                .tables
                .get(&id)
                .cloned()
                .ok_or(RowError::MissingInfos { id, entity })?;
            let mut cell = vec![(Slot::INFOS, CellValue::Infos(table))];
            self.world
                .arena
                .change(entity, |cells| cells.load(&mut cell));
        }
        if self.version.is_some() {
            let unused = self
                .tables
                .values()
                .filter(|table| Arc::strong_count(table) == 1);
            let unused = unused.map(|table| table.id).collect();
            self.world.start_clock(last_ts + 1, unused);
        }
        self.make_missing_handles(last_ts + 1);
        Ok(Arc::new(self.world))
    }

    /// Gives those a handle that no value refers to, so that they too become orphans when the handles are released.
    fn make_missing_handles(&self, snapshot: u64) {
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

impl Part {
    fn take(&mut self, loader: &Loader, row: Row) {
        self.rows += 1;
        match row {
            Row::Cell(entity, slot, value) => self.take_cell(&loader.world, entity, slot, value),
            Row::InfosOf(entity, id) => match loader.tables.get(&id) {
                Some(table) => {
                    let value = CellValue::Infos(table.clone());
                    self.take_cell(&loader.world, entity, Slot::INFOS, value);
                }
                None => self.waiting.push((entity, id)),
            },
            Row::Member(key, member, order) => {
                self.begin(&loader.world, key.entity);
                self.last_ts = self.last_ts.max(ts_of_order(order));
                self.members.push((key.kind, member, order));
            }
            // Rows of the whole world are the loader's.
            Row::Version(_) | Row::Infos(_) => {}
        }
    }

    fn take_cell(&mut self, world: &World, entity: Entity, slot: Slot, value: CellValue) {
        self.begin(world, entity);
        match &value {
            CellValue::Defs(defs) => defs.0.iter().for_each(|def| raise_props(world, def.id)),
            CellValue::Verbs(verbs) => verbs.0.iter().for_each(|verb| raise_verbs(world, verb.id)),
            _ => {}
        }
        self.cells.push((slot, value));
    }

    /// What comes next is of this entity.
    fn begin(&mut self, world: &World, entity: Entity) {
        if self.entity != Some(entity) {
            self.settle(world);
            self.entity = Some(entity);
            if matches!(entity.kind(), EntityKind::Anon | EntityKind::Waif) {
                world.raise_handles(entity.raw_id().cast_unsigned());
            }
        }
    }

    /// Puts what was read of an entity into the world.
    fn settle(&mut self, world: &World) {
        let Some(entity) = self.entity.take() else {
            return;
        };
        world.arena.change(entity, |cells| {
            cells.load(&mut self.cells);
            for of_kind in self.members.chunk_by(|one, next| one.0 == next.0) {
                let members = of_kind.iter().map(|(_, member, order)| (*member, *order));
                cells.members_mut().get_mut(of_kind[0].0).load(members);
            }
        });
        self.members.clear();
    }

    /// Adds what another thread has read.
    fn add(&mut self, other: Part) {
        self.waiting.extend(other.waiting);
        self.rows += other.rows;
        self.last_ts = self.last_ts.max(other.last_ts);
    }
}

fn raise_props(world: &World, used: PropId) {
    let next = used.0.saturating_add(1);
    world.next_prop.fetch_max(next, Ordering::Relaxed);
}

fn raise_verbs(world: &World, used: VerbId) {
    let next = used.0.saturating_add(1);
    world.next_verb.fetch_max(next, Ordering::Relaxed);
}

/// The keys before `key`.
fn before(key: &[u8]) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (Bound::Unbounded, Bound::Excluded(key))
}

/// Keys between which the threads read, about the same number of objects each, then the empty one.
fn bounds(first: Vec<u8>, last_object: i64) -> Vec<Vec<u8>> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let worth = (last_object / THREAD_OBJECTS_MIN).max(1);
    let parts = worth.min(processors.min(THREADS_MAX) as i64);
    let inner = (1..parts).map(|at| rows::object_key(ObjId(last_object / parts * at)));
    let mut bounds = vec![first];
    bounds.extend(inner);
    bounds.push(Vec::new());
    bounds
}
