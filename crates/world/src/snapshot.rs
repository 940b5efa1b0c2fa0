//! A committed state to read at leisure, for export.
//! In: a world. Out: images of everything in it as of one moment, while commits go on.
//! Nothing is recorded and nothing can conflict; permissions are not asked.

use std::sync::Arc;

use moor_store::Seq;
use moor_value::{ObjId, Value};

use crate::ids::{Entity, EntityKind, MemberKey, MemberKind, Slot};
use crate::image::{AnonImage, ObjectImage, WaifImage, WorldImage};
use crate::imaging;
use crate::lookup::SnapshotFacts;
use crate::world::{Moment, World};

/// The state of a world at one moment. While it lives, old versions are kept for it.
pub struct WorldSnapshot {
    world: Arc<World>,
    moment: Moment,
}

impl World {
    /// The newest committed state, to be read as a whole.
    pub fn snapshot(self: &Arc<Self>) -> WorldSnapshot {
        WorldSnapshot {
            world: self.clone(),
            moment: self.enter(),
        }
    }

    /// The newest committed state, with what `look` sees while nobody commits: it must be short and must not touch the
    /// world.
    pub fn snapshot_with<T>(self: &Arc<Self>, look: impl FnOnce() -> T) -> (WorldSnapshot, T) {
        let turn = self.take_turn();
        let snapshot = self.snapshot();
        let seen = look();
        drop(turn);
        (snapshot, seen)
    }
}

impl Drop for WorldSnapshot {
    fn drop(&mut self) {
        self.world.leave(self.moment.ts);
    }
}

impl WorldSnapshot {
    /// The newest batch of the log that this state contains.
    pub fn seq(&self) -> Seq {
        self.moment.seq
    }

    /// The last number ever given.
    pub fn max_object(&self) -> ObjId {
        self.object_at(Entity::WORLD, Slot::MAX_OBJECT)
    }

    /// The players in order.
    pub fn players(&self) -> Vec<ObjId> {
        self.members(Entity::WORLD, MemberKind::Players)
    }

    /// The unique ids that objects have, ascending.
    pub fn uniques(&self) -> Vec<ObjId> {
        let mut ids = self.members(Entity::WORLD, MemberKind::Uniques);
        ids.sort_unstable();
        ids
    }

    /// How many permanent objects there are.
    pub fn object_count(&self) -> usize {
        let is_there = |id| self.value(Entity::object(ObjId(id)), Slot::FLAGS).is_some();
        let numbered = (0..=self.max_object().0).filter(|id| is_there(*id)).count();
        numbered + self.uniques().len()
    }

    /// The name of the object of that number; empty if there is none.
    pub fn object_name(&self, id: ObjId) -> String {
        let name = self.value(id.into(), Slot::NAME);
        let name = name.and_then(|name| name.as_str().cloned());
        name.unwrap_or_default().as_str().to_owned()
    }

    /// Every permanent object, ascending.
    pub fn objects(&self) -> impl Iterator<Item = ObjectImage> + '_ {
        let numbers = (0..=self.max_object().0).map(ObjId);
        numbers
            .chain(self.uniques())
            .filter_map(|id| self.object(id))
    }

    /// The object of that number.
    pub fn object(&self, id: ObjId) -> Option<ObjectImage> {
        let mut image = self.entity(Entity::object(id))?;
        image.id = id;
        image.location = self.object_at(id.into(), Slot::LOCATION);
        image.contents = self.members(id.into(), MemberKind::Contents);
        image.children = self.members(id.into(), MemberKind::Children);
        Some(image)
    }

    /// The ids of all anonymous objects, ascending.
    pub fn anon_ids(&self) -> Vec<u64> {
        self.ids(EntityKind::Anon)
    }

    /// The anonymous object of that id.
    pub fn anon(&self, id: u64) -> Option<AnonImage> {
        let object = self.entity(Entity::anon(id))?;
        Some(AnonImage { id, object })
    }

    /// Every anonymous object, by id.
    pub fn anons(&self) -> impl Iterator<Item = AnonImage> + '_ {
        let ids = self.anon_ids().into_iter();
        ids.filter_map(|id| self.anon(id))
    }

    /// The ids of all waifs, ascending.
    pub fn waif_ids(&self) -> Vec<u64> {
        self.ids(EntityKind::Waif)
    }

    /// Every waif, by id.
    pub fn waifs(&self) -> impl Iterator<Item = WaifImage> + '_ {
        let ids = self.waif_ids().into_iter();
        ids.filter_map(|id| self.waif(id))
    }

    /// The whole state in memory.
    pub fn image(&self) -> WorldImage {
        WorldImage {
            objects: self.objects().collect(),
            max_object: self.max_object(),
            players: self.players(),
            anons: self.anons().collect(),
            waifs: self.waifs().collect(),
        }
    }

    /// The ids of anonymous objects or waifs that exist in this state, ascending.
    fn ids(&self, kind: EntityKind) -> Vec<u64> {
        let (slot, entity): (_, fn(u64) -> Entity) = match kind {
            EntityKind::Waif => (Slot::CLASS, Entity::waif),
            _ => (Slot::FLAGS, Entity::anon),
        };
        let ids = self.world.arena.ids(kind).into_iter();
        let mut ids: Vec<u64> = ids.map(i64::cast_unsigned).collect();
        ids.retain(|id| self.value(entity(*id), slot).is_some());
        ids.sort_unstable();
        ids
    }

    fn value(&self, entity: Entity, slot: Slot) -> Option<Value> {
        imaging::value(&mut self.facts(), entity, slot)
    }

    fn object_at(&self, entity: Entity, slot: Slot) -> ObjId {
        imaging::object_at(&mut self.facts(), entity, slot)
    }

    fn members(&self, entity: Entity, kind: MemberKind) -> Vec<ObjId> {
        let list = self
            .world
            .members_at(MemberKey { entity, kind }, self.moment.ts);
        list.iter().filter_map(Value::as_obj).collect()
    }

    fn facts(&self) -> SnapshotFacts<'_> {
        SnapshotFacts {
            world: &self.world,
            ts: self.moment.ts,
        }
    }

    /// What permanent and anonymous objects have in common.
    fn entity(&self, entity: Entity) -> Option<ObjectImage> {
        imaging::image(&mut self.facts(), entity)
    }

    /// The waif of that id.
    pub fn waif(&self, id: u64) -> Option<WaifImage> {
        let entity = Entity::waif(id);
        let class = self.value(entity, Slot::CLASS)?.as_obj()?;
        let definitions = imaging::definitions(&mut self.facts(), class.into());
        let places = definitions
            .into_iter()
            .filter(|(_, of_waifs)| *of_waifs)
            .enumerate();
        let values = places
            .filter_map(|(place, (prop, _))| Some((place, self.value(entity, Slot::value(prop))?)));
        Some(WaifImage {
            id,
            class,
            owner: self.object_at(entity, Slot::OWNER),
            values: values.collect(),
        })
    }
}
