//! Making and destroying objects, up to the verbs that the runtime calls in between.
//! In: permissions, parents, owners. Out: new object numbers or handles, or the error.
//! `:initialize` and `:recycle` are called by the runtime.

use moor_value::{AnonRef, ErrorCode, ObjId, Symbol, Value};

use super::hierarchy::{children_key, ids};
use super::listing::UNIQUES;
use super::{MooResult, ObjectFlags};
use crate::arena::OBJECTS_MAX;
use crate::cell::{CellValue, Parents};
use crate::ids::{CellKey, Entity, EntityKind, MemberKey, MemberKind, Slot};
use crate::lookup::Facts;
use crate::transaction::Transaction;

const QUOTA: &str = "ownership_quota";
/// How far above the last number [`Transaction::create_at`] goes: what looks at all objects looks at the numbers between, too.
const GAP_MAX: i64 = 100_000;

impl Transaction {
    /// `create()` of a permanent object, without `:initialize`. An owner of `#-1` makes the object own itself.
    ///
    /// # Errors
    /// E_INVARG when a parent or the owner does not exist, and for parents that cannot be combined; E_PERM when a
    /// parent is not fertile for `perms` or the owner is somebody else; E_QUOTA.
    pub fn create(&mut self, perms: ObjId, parents: &[ObjId], owner: ObjId) -> MooResult<ObjId> {
        self.check_create(perms, parents, owner, ObjectFlags::FERTILE)?;
        let id = ObjId(self.max_object().0 + 1);
        if id.0 >= OBJECTS_MAX {
            return Err(ErrorCode::Quota);
        }
        self.use_quota(owner);
        self.write_value(Entity::WORLD, Slot::MAX_OBJECT, Value::Obj(id));
        self.furnish(id.into(), parents, owner);
        Ok(id)
    }

    /// `create()` of an object with a unique id, without `:initialize`. The id is the caller's, for whom time and chance are.
    ///
    /// # Errors
    /// As [`create`](Self::create); E_QUOTA too when the id is none or an object has it.
    pub fn create_unique(
        &mut self,
        perms: ObjId,
        parents: &[ObjId],
        owner: ObjId,
        id: ObjId,
    ) -> MooResult<()> {
        self.check_create(perms, parents, owner, ObjectFlags::FERTILE)?;
        if !id.is_unique() || self.valid_object(id) {
            return Err(ErrorCode::Quota);
        }
        self.use_quota(owner);
        self.add_member(UNIQUES, id);
        self.furnish(id.into(), parents, owner);
        Ok(())
    }

    /// `create()` of an anonymous object, without `:initialize`.
    ///
    /// # Errors
    /// As [`create`](Self::create), with the `a` flag for fertility; E_INVARG for an owner of `#-1` too.
    pub fn create_anonymous(
        &mut self,
        perms: ObjId,
        parents: &[ObjId],
        owner: ObjId,
    ) -> MooResult<AnonRef> {
        if owner == ObjId::NOTHING {
            return Err(ErrorCode::InvArg);
        }
        self.check_create(perms, parents, owner, ObjectFlags::ANONYMOUS)?;
        self.use_quota(owner);
        let handle = self.world.new_anon();
        self.new_anons.push(handle.clone());
        self.furnish(Entity::anon(handle.id()), parents, owner);
        Ok(handle)
    }

    /// `recreate()`, without `:initialize`: makes an object with the number of one that was recycled.
    ///
    /// # Errors
    /// E_INVARG for a number that is in use, not positive or above the last; else as [`create`](Self::create).
    pub fn recreate(
        &mut self,
        perms: ObjId,
        id: ObjId,
        parent: ObjId,
        owner: ObjId,
    ) -> MooResult<()> {
        if id.0 <= 0 || id > self.max_object() || self.valid_object(id) {
            return Err(ErrorCode::InvArg);
        }
        let parents = if parent == ObjId::NOTHING {
            &[][..]
        } else {
            std::slice::from_ref(&parent)
        };
        self.check_create(perms, parents, owner, ObjectFlags::FERTILE)?;
        self.use_quota(owner);
        self.furnish(id.into(), parents, owner);
        Ok(())
    }

    /// `create_at()`, without `:initialize`: makes an object with a number or unique id of the caller's choice.
    ///
    /// # Errors
    /// E_PERM for all but wizards and where an object has the id; E_INVARG for a negative number; E_QUOTA for one that is more than
    /// 100,000 above the last; else as [`create`](Self::create).
    pub fn create_at(
        &mut self,
        perms: ObjId,
        id: ObjId,
        parents: &[ObjId],
        owner: ObjId,
    ) -> MooResult<()> {
        if !self.is_wizard(perms) || self.valid_object(id) {
            return Err(ErrorCode::Perm);
        }
        if id.is_unique() {
            return self.create_unique(perms, parents, owner, id);
        }
        if id.0 < 0 {
            return Err(ErrorCode::InvArg);
        }
        self.check_create(perms, parents, owner, ObjectFlags::FERTILE)?;
        let last = self.max_object();
        if id.0 - last.0 > GAP_MAX || id.0 >= OBJECTS_MAX {
            return Err(ErrorCode::Quota);
        }
        self.use_quota(owner);
        if id > last {
            self.write_value(Entity::WORLD, Slot::MAX_OBJECT, Value::Obj(id));
        }
        self.furnish(id.into(), parents, owner);
        Ok(())
    }

    fn check_create(
        &mut self,
        perms: ObjId,
        parents: &[ObjId],
        owner: ObjId,
        fertile: ObjectFlags,
    ) -> MooResult<()> {
        let owner_exists = owner == ObjId::NOTHING || self.valid_object(owner);
        if !owner_exists || !parents.iter().all(|parent| self.valid_object(*parent)) {
            return Err(ErrorCode::InvArg);
        }
        if perms != owner && !self.is_wizard(perms) {
            return Err(ErrorCode::Perm);
        }
        if !parents
            .iter()
            .all(|parent| self.allows(perms, (*parent).into(), fertile))
        {
            return Err(ErrorCode::Perm);
        }
        if self.quota(owner).is_some_and(|left| left <= 0) {
            return Err(ErrorCode::Quota);
        }
        // Along a single line no name is defined twice, so that most creations need not look at definitions.
        if parents.is_empty() || self.is_single_line(parents) {
            return Ok(());
        }
        // A number that no object can have stands for the object to come: it has neither definitions nor children.
        self.check_new_parents(Entity::object(ObjId::NOTHING), parents, &[])
    }

    fn is_single_line(&mut self, parents: &[ObjId]) -> bool {
        let mut parents = Parents::from_slice(parents);
        loop {
            match parents {
                Parents::None => return true,
                Parents::One(parent) => parents = self.parents_of(parent.into()),
                Parents::Many(_) => return false,
            }
        }
    }

    /// Fills the cells of an entity that did not exist.
    fn furnish(&mut self, entity: Entity, parents: &[ObjId], owner: ObjId) {
        let owner = match entity.as_object() {
            Some(id) if owner == ObjId::NOTHING => id,
            _ => owner,
        };
        self.created.insert(entity);
        self.write_value(entity, Slot::FLAGS, Value::Int(ObjectFlags::NONE.bits()));
        self.write_value(entity, Slot::OWNER, Value::Obj(owner));
        self.write_parents(entity, parents);
        let infos = self.first_infos(parents, owner);
        self.write_infos(entity, infos);
        if let Some(id) = entity.as_object() {
            parents
                .iter()
                .for_each(|parent| self.add_member(children_key(*parent), id));
        }
    }

    /// How many more objects `owner` may own; `None` for no limit.
    fn quota(&mut self, owner: ObjId) -> Option<i64> {
        self.property_value(owner.into(), Symbol::intern(QUOTA))
            .and_then(|value| value.as_int())
    }

    fn use_quota(&mut self, owner: ObjId) {
        self.change_quota(owner, -1);
    }

    fn change_quota(&mut self, owner: ObjId, by: i64) {
        if let Some(left) = self.quota(owner) {
            self.put_property_value(
                owner.into(),
                Symbol::intern(QUOTA),
                Value::Int(left.wrapping_add(by)),
            );
        }
    }

    /// What `recycle()` checks before it calls `:recycle`.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_PERM when it is not controlled.
    pub fn check_recycle(&mut self, perms: ObjId, entity: Entity) -> MooResult<()> {
        match () {
            () if !self.valid(entity) => Err(ErrorCode::InvArg),
            () if !self.controls(perms, entity) => Err(ErrorCode::Perm),
            () => Ok(()),
        }
    }

    /// The last step of `recycle()`: children go to the parents, and the entity is gone. The runtime has moved the
    /// contents out by then; what is left of them is moved to nowhere.
    pub fn raw_destroy(&mut self, entity: Entity) {
        if let Some(id) = entity.as_object() {
            self.leave_places(id);
            self.give_children_to_parents(id);
            self.set_member_of_players(id, false);
            if id.is_unique() {
                self.remove_member(UNIQUES, id);
            }
        }
        let owner = self.owner(entity);
        self.change_quota(owner, 1);
        self.erase(entity);
    }

    fn leave_places(&mut self, id: ObjId) {
        let contents = self.members(MemberKey {
            entity: id.into(),
            kind: MemberKind::Contents,
        });
        for thing in ids(&contents) {
            self.put_into(thing, ObjId::NOTHING, 0);
        }
        self.put_into(id, ObjId::NOTHING, 0);
    }

    fn give_children_to_parents(&mut self, id: ObjId) {
        let parents = self.parents(id.into());
        for child in ids(&self.members(children_key(id))) {
            let mut new: Vec<ObjId> = Vec::new();
            for parent in self.parents(child.into()) {
                let in_its_place = if parent == id {
                    &parents[..]
                } else {
                    std::slice::from_ref(&parent)
                };
                in_its_place.iter().for_each(|parent| {
                    if !new.contains(parent) {
                        new.push(*parent)
                    }
                });
            }
            self.change_parents(child.into(), &new, &[]);
        }
        for parent in parents {
            self.remove_member(children_key(parent), id);
        }
    }

    /// Empties every cell of an entity.
    pub(super) fn erase(&mut self, entity: Entity) {
        let mut slots = self.slots(entity);
        // Reading the flags makes the commit depend on nobody else having touched the entity's existence. Writing the
        // parents, even where there are none, makes lookups on the old entity a thing of the past.
        slots.extend([Slot::FLAGS, Slot::PARENTS]);
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            if !self.read(CellKey { entity, slot }).is_absent() || slot == Slot::PARENTS {
                self.write(entity, slot, CellValue::Absent);
            }
        }
    }

    /// Removes an anonymous object or waif that nothing refers to any more. Whatever else it held is dropped with it.
    pub fn collect(&mut self, dead: moor_value::Dead) {
        let entity = match dead {
            moor_value::Dead::Anon(id) => Entity::anon(id),
            moor_value::Dead::Waif(id) => Entity::waif(id),
        };
        if entity.kind() == EntityKind::Anon {
            let owner = self.owner(entity);
            self.change_quota(owner, 1);
        }
        self.erase(entity);
    }
}
