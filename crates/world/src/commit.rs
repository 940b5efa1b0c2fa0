//! The end of a transaction: validation, the batch for the log, installation.
//! In: what a transaction read and wrote, and rows that the caller adds. Out: a receipt, or the reason for refusal.
//! How bytes become durable is the log's knowledge.
//!
//! Order under the commit turn: validate; append to the log, which may refuse; install; publish. So a refused batch
//! leaves memory as it was, and whoever sees a commit also sees the number of a batch that contains it.

use moor_store::{AppendError, Batch, Seq};
use moor_value::{ObjId, Symbol, WaifRef};

use crate::ids::{CellKey, Entity, EntityKind, MemberKey};
use crate::lookup::{SnapshotFacts, resolve};
use crate::members::MemberSet;
use crate::rows;
use crate::transaction::{PENDING_ORDER, Transaction};
use crate::world::{CommitState, Moment, Turn, World};

/// Order numbers of one commit are its timestamp times two to this, plus a count.
const ORDER_BITS: u32 = 24;

/// The verb of a class that is called when a waif of it is lost.
const WAIF_FAREWELL: &str = ":recycle";

/// What the caller's rows may refer to while a commit is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommitInfo {
    /// The timestamp that the commit gets; larger than that of every earlier commit.
    pub ts: u64,
}

/// Proof of a commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The commit's timestamp; for a transaction that wrote nothing, that of its snapshot.
    pub ts: u64,
    /// The batch that must be durable before anything that the transaction computed may be shown.
    pub seq: Seq,
    /// Whether the transaction put a batch of its own into the log.
    pub wrote: bool,
}

/// What another transaction changed under this one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Conflict {
    /// A cell of the entity.
    Cell(Entity),
    /// The children, contents or players of the entity.
    Members(Entity),
    /// What a name means on the entity.
    Lookup(Entity),
}

/// Why a transaction was not committed. Nothing of it was installed or stored.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Something that it had read was changed since; run it again.
    #[error("another transaction changed what this one had read: {0:?}")]
    Conflict(Conflict),
    /// The log refuses writes.
    #[error(transparent)]
    Log(#[from] AppendError),
}

impl Transaction {
    /// Ends the transaction. One that wrote nothing never fails.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] when another commit changed what this one had read, [`CommitError::Log`] when the
    /// log refuses the batch.
    pub fn commit(self) -> Result<Receipt, CommitError> {
        self.commit_with(|_, _| ())
    }

    /// Ends the transaction; `add_rows` puts further rows of the caller's tables into the same batch. It runs in
    /// commit order, only if nothing conflicts, under the commit turn: it must be short and must not touch the world.
    ///
    /// # Errors
    /// As [`commit`](Self::commit); a transaction without writes to the world fails only if there are rows to log.
    pub fn commit_with(
        mut self,
        add_rows: impl FnOnce(CommitInfo, &mut Batch),
    ) -> Result<Receipt, CommitError> {
        // What the transaction made and dropped dies only once it is installed, where `World::orphans` finds it.
        let _last_handles = (
            self.drop_unreachable_waifs(),
            std::mem::take(&mut self.new_anons),
        );
        let mut batch = Batch::new();
        rows::put_cells(&self, &mut batch);
        let world = self.world.clone();
        let mut turn = self.turn.take().unwrap_or_else(|| world.take_turn());
        let ts = turn.last_ts + 1;
        if self.wrote {
            self.validate(&turn)
                .inspect_err(|_| world.count_conflict())?;
            self.give_orders(ts);
            rows::put_locked(&self, &turn, &mut batch);
        }
        add_rows(CommitInfo { ts }, &mut batch);
        if batch.is_empty() && !self.wrote {
            return Ok(Receipt {
                ts: self.snapshot.ts,
                seq: self.snapshot.seq,
                wrote: false,
            });
        }
        let seq = world.log.append(batch)?;
        rows::mark_stored(&self);
        let entities = self.install(ts, &mut turn);
        if self.wrote {
            turn.rows_started = true;
            turn.unused_tables.clear();
        }
        world.publish(Moment {
            ts: turn.last_ts,
            seq,
            schema_ts: turn.schema_ts,
        });
        drop(turn);
        drop(self);
        world.count_commit();
        world.retire(ts, entities);
        Ok(Receipt {
            ts,
            seq,
            wrote: true,
        })
    }

    /// Forgets the cells of waifs that nothing but this transaction's list refers to, unless their class wants to
    /// hear of their end; answers the handles of these.
    fn drop_unreachable_waifs(&mut self) -> Vec<WaifRef> {
        let mut heard = Vec::new();
        if self.new_waifs.is_empty() {
            return heard;
        }
        self.properties.clear();
        // A waif may hold the last handle of an older one, so the youngest are looked at first.
        while let Some(waif) = self.new_waifs.pop() {
            if waif.count() > 1 {
                continue;
            }
            if self.has_farewell(waif.class()) {
                heard.push(waif);
            } else {
                let entity = Entity::waif(waif.id());
                self.cells.retain(|key| key.entity != entity);
            }
        }
        let wrote_cell = self.cells.iter().any(|(_, entry)| entry.written);
        self.wrote = wrote_cell || self.members.values().any(|entry| !entry.delta.is_empty());
        heard
    }

    /// Whether a class has a verb that is called when one of its waifs is lost.
    fn has_farewell(&mut self, class: ObjId) -> bool {
        let name = Symbol::intern(WAIF_FAREWELL);
        self.find_callable_verb(class.into(), name).is_some()
    }

    fn validate(&mut self, turn: &CommitState) -> Result<(), CommitError> {
        let snapshot = self.snapshot.ts;
        if turn.last_ts == snapshot || self.world.skips_validation() {
            return Ok(());
        }
        let world = &self.world;
        let stale_cell = self
            .cells
            .iter()
            .find(|(key, entry)| entry.read && world.newest_ts(**key) > snapshot);
        if let Some((key, _)) = stale_cell {
            return Err(CommitError::Conflict(Conflict::Cell(key.entity)));
        }
        let is_stale = |entity: &&Entity| world.newest_ts_of(**entity) > snapshot;
        if let Some(whole) = self.wholes.iter().find(is_stale) {
            return Err(CommitError::Conflict(Conflict::Cell(*whole)));
        }
        let mut sets = self
            .members
            .iter()
            .filter(|(_, entry)| entry.base.is_some());
        if let Some((key, _)) = sets.find(|(key, _)| world.members_ts(**key) > snapshot) {
            return Err(CommitError::Conflict(Conflict::Members(key.entity)));
        }
        if turn.schema_ts > snapshot {
            self.validate_lookups(turn.last_ts)
        } else {
            Ok(())
        }
    }

    /// The schema changed; what was looked up must still have the same outcome.
    fn validate_lookups(&self, now: u64) -> Result<(), CommitError> {
        let mut facts = SnapshotFacts {
            world: &self.world,
            ts: now,
        };
        let changed = self
            .lookups
            .iter()
            .find(|(key, outcome)| resolve(&mut facts, *key) != *outcome);
        match changed {
            Some((key, _)) => Err(CommitError::Conflict(Conflict::Lookup(key.entity))),
            None => Ok(()),
        }
    }

    /// Replaces order numbers that only counted inside the transaction by lasting ones.
    fn give_orders(&mut self, ts: u64) {
        for entry in self.members.values_mut() {
            for order in entry.delta.values_mut().flatten() {
                *order = (ts << ORDER_BITS) + (*order - PENDING_ORDER);
            }
        }
    }

    /// Makes the writes the newest versions; answers the entities that were changed.
    fn install(&mut self, ts: u64, turn: &mut Turn) -> Vec<Entity> {
        let mut entities = Vec::new();
        let world = self.world.clone();
        for (CellKey { entity, slot }, entry) in
            self.cells.drain().filter(|(_, entry)| entry.written)
        {
            world
                .arena
                .change(entity, |cells| cells.install(slot, entry.value, ts));
            entities.push(entity);
        }
        for (key, entry) in self
            .members
            .drain()
            .filter(|(_, entry)| !entry.delta.is_empty())
        {
            change_set(&world, key, |set| {
                entry
                    .delta
                    .iter()
                    .for_each(|(member, order)| set.set(*member, *order, ts));
            });
            entities.push(key.entity);
        }
        turn.last_ts = ts;
        if self.schema_written {
            turn.schema_ts = ts;
        }
        entities.sort_unstable();
        entities.dedup();
        entities
    }
}

fn change_set(world: &World, key: MemberKey, change: impl FnOnce(&mut MemberSet)) {
    world.arena.change(key.entity, |cells| {
        change(cells.members_mut().get_mut(key.kind))
    });
}

/// The timestamp after which order numbers up to `order` cannot come again.
pub(crate) fn ts_of_order(order: u64) -> u64 {
    order >> ORDER_BITS
}

/// The order number of the member at `index` of a list that is loaded rather than committed.
pub(crate) fn loaded_order(index: usize) -> u64 {
    index as u64
}

impl Conflict {
    /// The entity that was changed.
    pub fn entity(self) -> Entity {
        match self {
            Self::Cell(entity) | Self::Members(entity) | Self::Lookup(entity) => entity,
        }
    }

    /// Whether the world itself was changed, as by two transactions that both create an object.
    pub fn is_world(self) -> bool {
        self.entity().kind() == EntityKind::World
    }
}
