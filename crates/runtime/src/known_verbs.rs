//! The verbs that the calls of one stretch have found: the same call again costs a comparison.
//! In: a receiver and a name. Out: the verb that they found before. It does not know how verbs are looked up.
//!
//! The table is a thread's rather than a stretch's, because most stretches are shorter than making one. What earlier
//! stretches have left in it is told by its number.

use std::cell::RefCell;
use std::sync::Arc;

use moor_value::{Symbol, Value};
use moor_vm::Verb;
use moor_world::Entity;

/// How many calls are remembered. A power of two.
const WAYS: usize = 256;

/// A call, and the verb that it found.
struct Found {
    /// The number of the table's user at the time.
    user: u64,
    receiver: Entity,
    name: Symbol,
    verb: Arc<Verb>,
}

/// A table of one thread, between two of its users.
#[derive(Default)]
struct Table {
    ways: Vec<Option<Found>>,
    users: u64,
    /// A verb in it holds a handle of an anonymous object, which would outlive its last user here.
    has_handles: bool,
}

thread_local! {
    static KEPT: RefCell<Option<Table>> = const { RefCell::new(None) };
}

/// The verbs that a stretch has found.
#[derive(Default)]
pub(crate) struct KnownVerbs {
    table: Table,
}

impl KnownVerbs {
    /// Nothing is known.
    pub(crate) fn new() -> Self {
        let kept = KEPT.try_with(|kept| kept.borrow_mut().take());
        let mut known = Self {
            table: kept.ok().flatten().unwrap_or_default(),
        };
        known.forget();
        known
    }

    /// Forgets what was found: parents or verbs have changed.
    pub(crate) fn forget(&mut self) {
        self.table.users += 1;
    }

    /// Where the verb that a call found before stands, for [`at`](Self::at).
    #[inline]
    pub(crate) fn find(&self, receiver: Entity, name: Symbol) -> Option<usize> {
        let way = way_of(receiver, name);
        let found = self.table.ways.get(way)?.as_ref()?;
        let is_it =
            found.user == self.table.users && found.receiver == receiver && found.name == name;
        is_it.then_some(way)
    }

    /// The verb at a place that [`find`](Self::find) or [`remember`](Self::remember) gave.
    #[inline]
    pub(crate) fn at(&self, way: usize) -> Option<&Arc<Verb>> {
        self.table.ways.get(way)?.as_ref().map(|found| &found.verb)
    }

    /// Remembers what a call found. Answers its place.
    pub(crate) fn remember(&mut self, receiver: Entity, name: Symbol, verb: Arc<Verb>) -> usize {
        let Table {
            ways,
            users,
            has_handles,
        } = &mut self.table;
        *has_handles |= matches!(verb.definer, Value::Anon(_));
        if ways.is_empty() {
            ways.resize_with(WAYS, || None);
        }
        let way = way_of(receiver, name);
        ways[way] = Some(Found {
            user: *users,
            receiver,
            name,
            verb,
        });
        way
    }
}

impl Drop for KnownVerbs {
    fn drop(&mut self) {
        let mut table = std::mem::take(&mut self.table);
        if table.has_handles {
            table.ways.clear();
            table.has_handles = false;
        }
        // A thread that is ending keeps nothing.
        let _ = KEPT.try_with(|kept| kept.replace(Some(table)));
    }
}

/// The way that a receiver and a name share with others. Names and objects that are used together often have numbers that
/// follow each other.
#[inline]
fn way_of(receiver: Entity, name: Symbol) -> usize {
    let object = receiver.as_object().map_or(0, |id| id.0 as usize);
    (object.wrapping_mul(37) ^ name.index() as usize) % WAYS
}
