//! The shared half of the database: committed cells, the clock of commits, id sources, the commit turn.
//! In: transactions that begin and end. Out: snapshots for them to read. What a transaction may do is in
//! `transaction` and `ops`; how it ends is in `commit`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use moor_store::{CommitLog, Seq, Table};
use moor_value::{AnonRef, Dead, Graveyard, List, ObjId, WaifRef};
use parking_lot::{ArcMutexGuard, Mutex, RawMutex};

use crate::arena::Arena;
use crate::cell::CellValue;
use crate::handles::{Handles, WorldHandles};
use crate::ids::{CellKey, Entity, MemberKey, PropId, VerbId};
use crate::property::LayoutSource;
use crate::transaction::Transaction;

/// The right to commit; held for the length of a commit, or of an exclusive transaction.
pub(crate) type Turn = ArcMutexGuard<RawMutex, CommitState>;

/// What only the holder of the commit turn may change.
#[derive(Debug, Default)]
pub(crate) struct CommitState {
    /// The timestamp of the last installed commit.
    pub(crate) last_ts: u64,
    /// The last installed commit that changed parents, definitions, verbs or code.
    pub(crate) schema_ts: u64,
    /// Whether the store holds rows of this world, the version among them.
    pub(crate) rows_started: bool,
    /// Shared tables whose rows the next commit removes.
    pub(crate) unused_tables: Vec<u64>,
}

/// What begins and ends of transactions share.
#[derive(Debug, Default)]
struct Clock {
    now: Moment,
    /// Snapshots in use, with the number of their transactions.
    active: BTreeMap<u64, usize>,
}

/// A published state of the world.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    pub(crate) ts: u64,
    /// The newest batch of the log that this state contains.
    pub(crate) seq: Seq,
    pub(crate) schema_ts: u64,
}

/// How often something happened since the start.
#[derive(Debug, Default)]
pub struct WorldCounters {
    pub(crate) commits: AtomicU64,
    pub(crate) conflicts: AtomicU64,
}

impl WorldCounters {
    /// Transactions that wrote and were installed.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Transactions that were refused because something they had read was changed.
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }
}

/// The object database. One per process and data directory; share it in an `Arc`.
pub struct World {
    /// Tells worlds of one process apart in per-thread caches.
    pub(crate) instance: u64,
    pub(crate) arena: Arena,
    pub(crate) log: Arc<dyn CommitLog>,
    pub(crate) table: Table,
    turn: Arc<Mutex<CommitState>>,
    clock: Mutex<Clock>,
    /// Entities with versions to trim once the oldest snapshot has passed the timestamp; ascending.
    stale: Mutex<VecDeque<(u64, Entity)>>,
    pub(crate) layouts: LayoutSource,
    pub(crate) next_prop: AtomicU32,
    pub(crate) next_verb: AtomicU32,
    pub(crate) next_handle: AtomicU64,
    graveyard: triomphe::Arc<Graveyard>,
    pub(crate) handles: Mutex<Handles>,
    counters: WorldCounters,
    #[cfg(test)]
    pub(crate) validation_off: std::sync::atomic::AtomicBool,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

static INSTANCES: AtomicU64 = AtomicU64::new(1);

impl World {
    /// An empty world whose commits go to `log`, its rows into `table`. Its first commit must be an import or create
    /// `#0`.
    pub fn new(log: Arc<dyn CommitLog>, table: Table) -> Arc<Self> {
        Arc::new(Self::empty(log, table))
    }

    pub(crate) fn empty(log: Arc<dyn CommitLog>, table: Table) -> Self {
        let graveyard = Graveyard::new();
        let seq = log.accepted();
        Self {
            instance: INSTANCES.fetch_add(1, Ordering::Relaxed),
            arena: Arena::default(),
            log,
            table,
            turn: Arc::default(),
            clock: Mutex::new(Clock {
                now: Moment {
                    seq,
                    ..Moment::default()
                },
                ..Clock::default()
            }),
            stale: Mutex::default(),
            layouts: LayoutSource::new(1),
            next_prop: AtomicU32::new(1),
            next_verb: AtomicU32::new(1),
            next_handle: AtomicU64::new(1),
            handles: Mutex::new(Handles::new(graveyard.clone())),
            graveyard,
            counters: WorldCounters::default(),
            #[cfg(test)]
            validation_off: Default::default(),
        }
    }

    /// Starts a transaction on the newest committed state.
    pub fn begin(self: &Arc<Self>) -> Transaction {
        Transaction::new(self.clone(), self.enter(), None)
    }

    /// Waits for the commit turn and starts a transaction that keeps it: until it ends nobody else commits, and its
    /// own commit cannot conflict. For stretches that lost too often or cannot be undone.
    pub fn begin_exclusive(self: &Arc<Self>) -> Transaction {
        let turn = self.take_turn();
        Transaction::new(self.clone(), self.enter(), Some(turn))
    }

    /// How often commits succeeded and conflicted.
    pub fn counters(&self) -> &WorldCounters {
        &self.counters
    }

    /// The newest batch of the log that a transaction begun now could see.
    pub fn seq(&self) -> Seq {
        self.now().seq
    }

    /// Anonymous objects and waifs that nothing refers to any more and whose cells still exist, in order of death.
    /// Each is reported once; collect them with [`Transaction::collect`].
    pub fn orphans(&self) -> Vec<Dead> {
        let mut dead = self.graveyard.take();
        let now = self.now().ts;
        dead.retain(|dead| {
            self.arena
                .look(of_dead(*dead), |cells| !cells.slots(now).is_empty())
                == Some(true)
        });
        dead
    }

    /// Lets go of the handles that loading made, so that whatever the world and the restored tasks do not refer to
    /// becomes an orphan. Call once, after everything with values in it is decoded.
    pub fn release_loaded_handles(&self) {
        let released = std::mem::replace(
            &mut *self.handles.lock(),
            Handles::new(self.graveyard.clone()),
        );
        drop(released);
    }

    pub(crate) fn take_turn(&self) -> Turn {
        self.turn.lock_arc()
    }

    pub(crate) fn now(&self) -> Moment {
        self.clock.lock().now
    }

    /// Begins the use of the newest state.
    pub(crate) fn enter(&self) -> Moment {
        let mut clock = self.clock.lock();
        let now = clock.now;
        *clock.active.entry(now.ts).or_insert(0) += 1;
        now
    }

    /// Ends the use of a snapshot.
    pub(crate) fn leave(&self, snapshot: u64) {
        let mut clock = self.clock.lock();
        if let Some(users) = clock.active.get_mut(&snapshot) {
            *users -= 1;
            if *users == 0 {
                clock.active.remove(&snapshot);
            }
        }
    }

    /// Makes an installed commit visible to transactions that begin from now on.
    pub(crate) fn publish(&self, now: Moment) {
        self.clock.lock().now = now;
    }

    /// Notes that `entities` hold versions replaced at `ts`, and trims those that no snapshot can see any more.
    pub(crate) fn retire(&self, ts: u64, entities: impl IntoIterator<Item = Entity>) {
        let oldest = {
            let clock = self.clock.lock();
            clock
                .active
                .first_key_value()
                .map_or(clock.now.ts, |(oldest, _)| *oldest)
        };
        let mut stale = self.stale.lock();
        stale.extend(entities.into_iter().map(|entity| (ts, entity)));
        let ready = stale.iter().take_while(|(ts, _)| *ts <= oldest).count();
        let ready: Vec<(u64, Entity)> = stale.drain(..ready).collect();
        drop(stale);
        for (_, entity) in ready {
            self.trim(entity, oldest);
        }
    }

    fn trim(&self, entity: Entity, oldest: u64) {
        let empty = self.arena.change(entity, |cells| {
            cells.trim(oldest);
            cells.slots(u64::MAX).is_empty()
        });
        if empty == Some(true) && entity.is_sparse() {
            self.arena.forget(entity);
        }
    }

    pub(crate) fn count_commit(&self) {
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_conflict(&self) {
        self.counters.conflicts.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read_at(&self, key: CellKey, snapshot: u64) -> CellValue {
        self.arena
            .look(key.entity, |cells| cells.read(key.slot, snapshot))
            .unwrap_or_default()
    }

    pub(crate) fn newest_ts(&self, key: CellKey) -> u64 {
        self.arena
            .look(key.entity, |cells| cells.newest_ts(key.slot))
            .unwrap_or(0)
    }

    /// When the newest version of any cell was installed; 0 for an entity without cells.
    pub(crate) fn newest_ts_of(&self, entity: Entity) -> u64 {
        self.arena
            .look(entity, |cells| cells.newest_ts_of_all())
            .unwrap_or(0)
    }

    pub(crate) fn members_at(&self, key: MemberKey, snapshot: u64) -> List {
        let read = self.arena.look(key.entity, |cells| {
            cells.members().map(|sets| {
                let set = sets.get(key.kind);
                (set.read(snapshot), set.ts(), set.is_remembered())
            })
        });
        let Some((list, ts, remembered)) = read.flatten() else {
            return List::default();
        };
        if !remembered && ts <= snapshot {
            self.arena.change(key.entity, |cells| {
                cells.members_mut().get_mut(key.kind).remember(ts, &list)
            });
        }
        list
    }

    pub(crate) fn members_ts(&self, key: MemberKey) -> u64 {
        let ts = self.arena.look(key.entity, |cells| {
            cells.members().map(|sets| sets.get(key.kind).ts())
        });
        ts.flatten().unwrap_or(0)
    }

    pub(crate) fn new_prop(&self) -> PropId {
        PropId(self.next_prop.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn new_verb(&self) -> VerbId {
        VerbId(self.next_verb.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn new_anon(&self) -> AnonRef {
        AnonRef::new(
            self.next_handle.fetch_add(1, Ordering::Relaxed),
            self.graveyard.clone(),
        )
    }

    /// A handle of an anonymous object that has lost all others, so that `:recycle` can be called on it.
    pub fn revive_anon(&self, id: u64) -> AnonRef {
        AnonRef::new(id, self.graveyard.clone())
    }

    pub(crate) fn revive_waif(&self, id: u64, class: ObjId, owner: ObjId) -> WaifRef {
        WaifRef::new(id, class, owner, self.graveyard.clone())
    }

    pub(crate) fn new_waif(&self, class: ObjId, owner: ObjId) -> WaifRef {
        WaifRef::new(
            self.next_handle.fetch_add(1, Ordering::Relaxed),
            class,
            owner,
            self.graveyard.clone(),
        )
    }

    /// For decoding values that belong to this world while it starts.
    pub fn handles(&self) -> WorldHandles<'_> {
        WorldHandles(&self.handles)
    }

    #[cfg(test)]
    pub(crate) fn skips_validation(&self) -> bool {
        self.validation_off.load(Ordering::Relaxed)
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "tests plant an anomaly here")]
    pub(crate) const fn skips_validation(&self) -> bool {
        false
    }

    /// Sets the clock of a world that was just loaded and nobody uses yet; `unused_tables` have rows that nothing
    /// refers to.
    pub(crate) fn start_clock(&self, ts: u64, unused_tables: Vec<u64>) {
        let mut turn = self.take_turn();
        turn.last_ts = ts;
        turn.rows_started = true;
        turn.unused_tables = unused_tables;
        self.clock.lock().now.ts = ts;
    }

    /// Keeps ids of loaded anonymous objects and waifs from being given again.
    pub(crate) fn raise_handles(&self, used: u64) {
        self.next_handle
            .fetch_max(used.saturating_add(1), Ordering::Relaxed);
    }
}

fn of_dead(dead: Dead) -> Entity {
    match dead {
        Dead::Anon(id) => Entity::anon(id),
        Dead::Waif(id) => Entity::waif(id),
    }
}
