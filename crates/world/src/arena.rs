//! Where entities live: permanent objects with numbers in a dense array that only grows, the others in hash maps.
//! In: an entity. Out: its cells under a short lock. It knows nothing of versions or transactions.
//!
//! The array is a row of segments, each twice as long as the one before, so that a reader never waits for growth and
//! nothing ever moves.

use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use crate::cell::EntityCells;
use crate::ids::{Entity, EntityKind};

/// Objects in the first segment, as a power of two.
const FIRST_BITS: u32 = 8;
/// Segments; together they hold [`OBJECTS_MAX`] objects.
const SEGMENTS: usize = 19;
/// How many permanent objects a world can number; `create()` answers E_QUOTA beyond.
pub const OBJECTS_MAX: i64 = (1 << (FIRST_BITS as usize + SEGMENTS)) - (1 << FIRST_BITS);

type Slot = RwLock<EntityCells>;
type ById = RwLock<FxHashMap<i64, Arc<Slot>>>;

#[derive(Debug, Default)]
pub(crate) struct Arena {
    segments: [OnceLock<Box<[Slot]>>; SEGMENTS],
    /// Permanent objects with unique ids.
    uniques: ById,
    anons: ById,
    waifs: ById,
    world: Slot,
}

impl Arena {
    /// Runs `look` on the cells of an entity, or answers `None` when it never had any.
    pub(crate) fn look<R>(
        &self,
        entity: Entity,
        look: impl FnOnce(&EntityCells) -> R,
    ) -> Option<R> {
        match entity.kind() {
            EntityKind::Object if !entity.is_sparse() => {
                let (segment, at) = place(entity.raw_id())?;
                self.segments[segment]
                    .get()
                    .map(|slots| look(&slots[at].read()))
            }
            EntityKind::World => Some(look(&self.world.read())),
            EntityKind::Object | EntityKind::Anon | EntityKind::Waif => {
                let slot = self
                    .by_id(entity.kind())
                    .read()
                    .get(&entity.raw_id())
                    .cloned();
                slot.map(|slot| look(&slot.read()))
            }
        }
    }

    /// Runs `change` on the cells of an entity, making room for it first. `None` only for an object number that no
    /// world can have.
    pub(crate) fn change<R>(
        &self,
        entity: Entity,
        change: impl FnOnce(&mut EntityCells) -> R,
    ) -> Option<R> {
        match entity.kind() {
            EntityKind::Object if !entity.is_sparse() => {
                let (segment, at) = place(entity.raw_id())?;
                let slots = self.segments[segment].get_or_init(|| new_segment(segment));
                Some(change(&mut slots[at].write()))
            }
            EntityKind::World => Some(change(&mut self.world.write())),
            EntityKind::Object | EntityKind::Anon | EntityKind::Waif => {
                let slot = self
                    .by_id(entity.kind())
                    .write()
                    .entry(entity.raw_id())
                    .or_default()
                    .clone();
                Some(change(&mut slot.write()))
            }
        }
    }

    /// Forgets an entity that has no place of its own in the array.
    pub(crate) fn forget(&self, entity: Entity) {
        if entity.is_sparse() {
            let gone = self.by_id(entity.kind()).write().remove(&entity.raw_id());
            drop(gone);
        }
    }

    /// The ids of all anonymous objects or all waifs, ascending.
    pub(crate) fn ids(&self, kind: EntityKind) -> Vec<i64> {
        let mut ids: Vec<i64> = match kind {
            EntityKind::Anon | EntityKind::Waif => {
                self.by_id(kind).read().keys().copied().collect()
            }
            EntityKind::Object | EntityKind::World => Vec::new(),
        };
        ids.sort_unstable();
        ids
    }

    fn by_id(&self, kind: EntityKind) -> &ById {
        match kind {
            EntityKind::Waif => &self.waifs,
            EntityKind::Object => &self.uniques,
            EntityKind::Anon | EntityKind::World => &self.anons,
        }
    }
}

/// Segment and place in it of an object number.
fn place(id: i64) -> Option<(usize, usize)> {
    if !(0..OBJECTS_MAX).contains(&id) {
        return None;
    }
    let shifted = id.cast_unsigned() + (1 << FIRST_BITS);
    let bit = 63 - shifted.leading_zeros();
    Some(((bit - FIRST_BITS) as usize, (shifted - (1 << bit)) as usize))
}

fn new_segment(segment: usize) -> Box<[Slot]> {
    (0..1usize << (FIRST_BITS as usize + segment))
        .map(|_| Slot::default())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_dense_and_bounded() {
        let mut expected = (0, 0);
        for id in 0..5_000 {
            assert_eq!(place(id), Some(expected));
            expected.1 += 1;
            if expected.1 == 1 << (FIRST_BITS as usize + expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(place(-1), None);
        assert!(place(OBJECTS_MAX - 1).is_some_and(|(segment, _)| segment == SEGMENTS - 1));
        assert_eq!(place(OBJECTS_MAX), None);
    }
}
