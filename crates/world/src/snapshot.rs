//! A committed state to read at leisure, for export.
//! In: a world. Out: images of everything in it as of one moment, while commits go on.
//! Nothing is recorded and nothing can conflict; permissions are not asked.

use std::sync::Arc;

use moor_store::Seq;
use moor_value::{ObjId, Value};

use crate::cell::CellValue;
use crate::ids::{CellKey, Entity, EntityKind, MemberKey, MemberKind, PropId, Slot};
use crate::image::{AnonImage, ObjectImage, PropImage, VerbImage, WaifImage, WorldImage};
use crate::lookup::{Facts, SnapshotFacts, ancestors};
use crate::ops::ObjectFlags;
use crate::property::PropInfo;
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

    fn read(&self, entity: Entity, slot: Slot) -> CellValue {
        self.world.read_at(CellKey { entity, slot }, self.moment.ts)
    }

    fn value(&self, entity: Entity, slot: Slot) -> Option<Value> {
        match self.read(entity, slot) {
            CellValue::Value(value) => Some(value),
            _ => None,
        }
    }

    fn object_at(&self, entity: Entity, slot: Slot) -> ObjId {
        self.value(entity, slot)
            .and_then(|value| value.as_obj())
            .unwrap_or(ObjId::NOTHING)
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
        let Value::Int(flags) = self.value(entity, Slot::FLAGS)? else {
            return None;
        };
        let name = self
            .value(entity, Slot::NAME)
            .and_then(|name| name.as_str().cloned())
            .unwrap_or_default();
        let mut image = ObjectImage::new(
            ObjId::NOTHING,
            name.as_str(),
            self.object_at(entity, Slot::OWNER),
        );
        image.flags = ObjectFlags::from_bits(flags);
        image.last_move = self.value(entity, Slot::LAST_MOVE).unwrap_or(Value::None);
        image.parents = self.facts().parents_of(entity).as_slice().to_vec();
        let defs = self.facts().defs_of(entity);
        image.propdefs = defs
            .iter()
            .flat_map(|defs| &defs.0)
            .map(|def| def.name.clone())
            .collect();
        image.propvals = self.properties(entity);
        image.verbs = self.verbs(entity);
        Some(image)
    }

    /// The definitions of an entity and its ancestors, in the order of property values, each with whether waifs
    /// have it.
    fn definitions(&self, entity: Entity) -> Vec<(PropId, bool)> {
        let mut facts = self.facts();
        let line = ancestors(&mut facts, entity);
        let holders = std::iter::once(entity).chain(line.into_iter().map(Entity::object));
        let defs = holders
            .filter_map(|holder| facts.defs_of(holder))
            .collect::<Vec<_>>();
        let defs = defs.iter().flat_map(|defs| defs.0.iter());
        defs.map(|def| (def.id, def.name.as_str().starts_with(':')))
            .collect()
    }

    fn properties(&self, entity: Entity) -> Vec<PropImage> {
        let CellValue::Infos(infos) = self.read(entity, Slot::INFOS) else {
            return Vec::new();
        };
        let image = |(prop, _)| {
            let info = infos
                .get(prop)
                .or_else(|| self.inherited_info(entity, prop));
            let PropInfo { owner, flags } = info?;
            Some(PropImage {
                value: self.value(entity, Slot::value(prop)),
                owner,
                flags,
            })
        };
        self.definitions(entity)
            .into_iter()
            .filter_map(image)
            .collect()
    }

    /// What a new child would have: an anonymous object has no entry for a property that an ancestor got after it was
    /// made.
    fn inherited_info(&self, entity: Entity, prop: PropId) -> Option<PropInfo> {
        let owner = self.object_at(entity, Slot::OWNER);
        let parents = self.facts().parents_of(entity);
        parents.as_slice().iter().find_map(|parent| {
            match self.read(Entity::object(*parent), Slot::INFOS) {
                CellValue::Infos(infos) => Some(infos.get(prop)?.inherited_by(owner)),
                _ => None,
            }
        })
    }

    fn verbs(&self, entity: Entity) -> Vec<VerbImage> {
        let mut facts = self.facts();
        let verbs = facts.verbs_of(entity).unwrap_or_default();
        let image = |verb: &crate::verb::Verb| VerbImage {
            names: verb.names.clone(),
            owner: verb.owner,
            flags: verb.flags,
            args: verb.args,
            source: facts.code_of(entity, verb).source().as_str().to_owned(),
        };
        verbs.0.iter().map(image).collect()
    }

    /// The waif of that id.
    pub fn waif(&self, id: u64) -> Option<WaifImage> {
        let entity = Entity::waif(id);
        let class = self.value(entity, Slot::CLASS)?.as_obj()?;
        let definitions = self.definitions(class.into());
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
