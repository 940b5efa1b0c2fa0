//! `renumber()`: an object takes the lowest free number.
//! In: permissions, an object. Out: its new number. Values that hold the old number are left alone, as in LambdaMOO.

use std::sync::Arc;

use moor_value::{ErrorCode, ObjId, Value};
use rustc_hash::FxHashMap;

use super::MooResult;
use super::hierarchy::ids;
use super::listing::UNIQUES;
use crate::arena::OBJECTS_MAX;
use crate::cell::CellValue;
use crate::ids::{CellKey, Entity, EntityKind, MemberKey, MemberKind, PropId, Slot};
use crate::lookup::Facts;
use crate::property::{PropInfo, PropInfos};
use crate::transaction::Transaction;
use crate::verb::VerbTable;

impl Transaction {
    /// Gives an object the lowest free number below its own; answers the number that it has then.
    ///
    /// # Errors
    /// E_INVARG when the object does not exist, E_PERM for all but wizards, E_QUOTA when there are no more numbers.
    pub fn renumber(&mut self, perms: ObjId, old: ObjId) -> MooResult<ObjId> {
        if !self.valid_object(old) {
            return Err(ErrorCode::InvArg);
        }
        if !self.is_wizard(perms) {
            return Err(ErrorCode::Perm);
        }
        let free = (0..old.0).map(ObjId).find(|id| !self.valid_object(*id));
        let Some(new) = free else { return Ok(old) };
        if new.0 >= OBJECTS_MAX {
            return Err(ErrorCode::Quota);
        }
        if new > self.max_object() {
            self.write_value(Entity::WORLD, Slot::MAX_OBJECT, Value::Obj(new));
        }
        if old.is_unique() {
            self.remove_member(UNIQUES, old);
        }
        self.relink(old, new);
        self.move_cells(old, new);
        self.reassign_everything(old, new);
        Ok(new)
    }

    /// Replaces `old` in the lists of its parents, children, location, contents and in the players.
    fn relink(&mut self, old: ObjId, new: ObjId) {
        let players = MemberKey {
            entity: Entity::WORLD,
            kind: MemberKind::Players,
        };
        if self.is_player(old) {
            self.replace_member(players, old, new);
        }
        for parent in self.parents(old.into()) {
            self.replace_member(
                MemberKey {
                    entity: parent.into(),
                    kind: MemberKind::Children,
                },
                old,
                new,
            );
        }
        let location = self.location(old.into());
        if self.valid_object(location) {
            self.replace_member(
                MemberKey {
                    entity: location.into(),
                    kind: MemberKind::Contents,
                },
                old,
                new,
            );
        }
        let children = self.move_members(old, new, MemberKind::Children);
        let anonymous = self.anonymous_objects();
        for child in children.into_iter().map(Entity::from).chain(anonymous) {
            self.replace_parent(child, old, new);
        }
        for thing in self.move_members(old, new, MemberKind::Contents) {
            self.write_value(thing.into(), Slot::LOCATION, Value::Obj(new));
        }
    }

    /// Every anonymous object, those made by this transaction included. They are nobody's children.
    fn anonymous_objects(&self) -> Vec<Entity> {
        let stored = self.world.arena.ids(EntityKind::Anon);
        let stored = stored
            .into_iter()
            .map(|id| Entity::anon(id.cast_unsigned()));
        let own = self.cells.iter().filter(|(key, entry)| {
            key.entity.kind() == EntityKind::Anon && key.slot == Slot::PARENTS && entry.written
        });
        let mut all: Vec<Entity> = stored.chain(own.map(|(key, _)| key.entity)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn replace_parent(&mut self, child: Entity, old: ObjId, new: ObjId) {
        let mut parents = self.parents(child);
        if !parents.contains(&old) {
            return;
        }
        parents
            .iter_mut()
            .filter(|parent| **parent == old)
            .for_each(|parent| *parent = new);
        self.write_parents(child, &parents);
    }

    fn replace_member(&mut self, key: MemberKey, old: ObjId, new: ObjId) {
        let members = ids(&self.members(key));
        self.remove_member(key, old);
        members
            .into_iter()
            .for_each(|member| self.add_member(key, if member == old { new } else { member }));
    }

    fn move_members(&mut self, old: ObjId, new: ObjId, kind: MemberKind) -> Vec<ObjId> {
        let members = ids(&self.members(MemberKey {
            entity: old.into(),
            kind,
        }));
        for member in &members {
            self.remove_member(
                MemberKey {
                    entity: old.into(),
                    kind,
                },
                *member,
            );
            self.add_member(
                MemberKey {
                    entity: new.into(),
                    kind,
                },
                *member,
            );
        }
        members
    }

    fn move_cells(&mut self, old: ObjId, new: ObjId) {
        let (from, to) = (Entity::object(old), Entity::object(new));
        for slot in self.slots(from) {
            let value = self.read(CellKey { entity: from, slot }).clone();
            if !value.is_absent() {
                self.write(to, slot, value);
            }
        }
        self.erase(from);
    }

    /// Makes `new` the owner of what `old` owned, and nobody the owner of what an earlier `new` owned.
    fn reassign_everything(&mut self, old: ObjId, new: ObjId) {
        let reassigned = |owner: ObjId| match owner {
            owner if owner == new => ObjId::NOTHING,
            owner if owner == old => new,
            owner => owner,
        };
        let mut tables: FxHashMap<usize, Arc<PropInfos>> = FxHashMap::default();
        for id in self.all_objects() {
            self.reassign(id.into(), &reassigned, &mut tables);
        }
    }

    fn reassign(
        &mut self,
        entity: Entity,
        reassigned: &impl Fn(ObjId) -> ObjId,
        tables: &mut FxHashMap<usize, Arc<PropInfos>>,
    ) {
        let owner = self.owner(entity);
        if reassigned(owner) != owner {
            self.write_value(entity, Slot::OWNER, Value::Obj(reassigned(owner)));
        }
        if let Some(verbs) = self.verbs_of(entity).filter(|verbs| {
            verbs
                .0
                .iter()
                .any(|verb| reassigned(verb.owner) != verb.owner)
        }) {
            let mut verbs = verbs.0.clone();
            verbs
                .iter_mut()
                .for_each(|verb| verb.owner = reassigned(verb.owner));
            self.write(
                entity,
                Slot::VERBS,
                CellValue::Verbs(Arc::new(VerbTable(verbs))),
            );
        }
        let Some(infos) = self.infos_of(entity) else {
            return;
        };
        if infos
            .entries()
            .iter()
            .any(|(_, info)| reassigned(info.owner) != info.owner)
        {
            let id = self.world.layouts.next();
            let entry = |(prop, info): &(PropId, PropInfo)| {
                (
                    *prop,
                    PropInfo {
                        owner: reassigned(info.owner),
                        ..*info
                    },
                )
            };
            let new = tables.entry(Arc::as_ptr(&infos).addr()).or_insert_with(|| {
                PropInfos::new(
                    id,
                    infos.layout,
                    infos.entries().iter().map(entry).collect(),
                )
            });
            let new = new.clone();
            self.write_infos(entity, Some(new));
        }
    }
}
