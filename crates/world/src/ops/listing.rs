//! Questions about all objects: the last number, the players, free numbers, who owns what, how large.
//! In: permissions where they matter. Out: numbers and lists. A scan of all objects depends on all of them, so its
//! transaction may lose to any other that creates, recycles or gives away an object.

use moor_value::{ErrorCode, List, ObjId, Value};

use super::hierarchy::ids;
use super::{MooResult, ObjectFlags};
use crate::cell::CellValue;
use crate::ids::{Entity, MemberKey, MemberKind, Slot};
use crate::lookup::Facts;
use crate::transaction::Transaction;

const PLAYERS: MemberKey = MemberKey {
    entity: Entity::WORLD,
    kind: MemberKind::Players,
};

/// The objects with unique ids. Who adds one is in nobody's way, and who looks at all of them notices.
pub(super) const UNIQUES: MemberKey = MemberKey {
    entity: Entity::WORLD,
    kind: MemberKind::Uniques,
};

/// What an object, a property or a verb costs beside its text and values, in bytes, for `object_bytes()`.
const OBJECT_BYTES: usize = 64;
const CELL_BYTES: usize = 32;

impl Transaction {
    /// `max_object()`: the last number ever given; `#-1` in an empty world.
    pub fn max_object(&mut self) -> ObjId {
        self.value_cell(Entity::WORLD, Slot::MAX_OBJECT)
            .and_then(|value| value.as_obj())
            .unwrap_or(ObjId::NOTHING)
    }

    /// `reset_max_object()`: makes the last existing object the last number.
    ///
    /// # Errors
    /// E_PERM for all but wizards.
    pub fn reset_max_object(&mut self, perms: ObjId) -> MooResult<()> {
        if !self.is_wizard(perms) {
            return Err(ErrorCode::Perm);
        }
        let mut last = self.max_object();
        while last.0 >= 0 && !self.valid_object(last) {
            last.0 -= 1;
        }
        self.write_value(Entity::WORLD, Slot::MAX_OBJECT, Value::Obj(last));
        Ok(())
    }

    /// `players()`, in the order in which they became players.
    pub fn players(&mut self) -> List {
        self.members(PLAYERS)
    }

    /// `set_player_flag()`; disconnecting one who is no player any more is the runtime's.
    ///
    /// # Errors
    /// E_INVARG when the object does not exist, E_PERM for all but wizards.
    pub fn set_player_flag(&mut self, perms: ObjId, id: ObjId, on: bool) -> MooResult<()> {
        if !self.valid_object(id) {
            return Err(ErrorCode::InvArg);
        }
        if !self.is_wizard(perms) {
            return Err(ErrorCode::Perm);
        }
        self.set_member_of_players(id, on);
        self.set_flag(id.into(), ObjectFlags::PLAYER, on);
        Ok(())
    }

    pub(super) fn set_member_of_players(&mut self, id: ObjId, on: bool) {
        match (self.is_player(id), on) {
            (false, true) => self.add_member(PLAYERS, id),
            (true, false) => self.remove_member(PLAYERS, id),
            (true, true) | (false, false) => {}
        }
    }

    /// Every object: those with numbers, then those with unique ids, ascending.
    pub fn all_objects(&mut self) -> Vec<ObjId> {
        let mut uniques = ids(&self.members(UNIQUES));
        uniques.sort_unstable();
        let numbers = self.numbers();
        let mut all: Vec<ObjId> = numbers.filter(|id| self.valid_object(*id)).collect();
        all.append(&mut uniques);
        all
    }

    /// Every number up to the last.
    fn numbers(&mut self) -> impl Iterator<Item = ObjId> + use<> {
        (0..=self.max_object().0).map(ObjId)
    }

    /// `recycled_objects()`: the numbers up to the last that no object has, ascending.
    pub fn recycled_objects(&mut self) -> Vec<ObjId> {
        self.numbers()
            .filter(|id| !self.valid_object(*id))
            .collect()
    }

    /// `next_recycled_object()`: the first free number from `start` on, below the last.
    ///
    /// # Errors
    /// E_INVARG for a start outside the numbers given so far.
    pub fn next_recycled_object(&mut self, start: ObjId) -> MooResult<Option<ObjId>> {
        let last = self.max_object();
        if start.0 < 0 || start > last {
            return Err(ErrorCode::InvArg);
        }
        Ok((start.0..last.0)
            .map(ObjId)
            .find(|id| !self.valid_object(*id)))
    }

    /// `owned_objects()`, ascending.
    ///
    /// # Errors
    /// E_INVIND when the owner does not exist.
    pub fn owned_objects(&mut self, owner: ObjId) -> MooResult<Vec<ObjId>> {
        if !self.valid_object(owner) {
            return Err(ErrorCode::InvInd);
        }
        let mut owned = self.all_objects();
        owned.retain(|id| self.owner((*id).into()) == owner);
        Ok(owned)
    }

    /// `object_bytes()`: about how much memory the entity takes.
    ///
    /// # Errors
    /// E_INVIND when the entity does not exist, E_PERM for all but wizards.
    pub fn object_bytes(&mut self, perms: ObjId, entity: Entity) -> MooResult<usize> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvInd);
        }
        if !self.is_wizard(perms) {
            return Err(ErrorCode::Perm);
        }
        let verbs = self
            .verbs_of(entity)
            .map_or_else(Vec::new, |verbs| verbs.0.clone());
        let code = verbs.iter().map(|verb| {
            CELL_BYTES + verb.names.len_bytes() + self.code_of(entity, verb).source().len_bytes()
        });
        let mut bytes = OBJECT_BYTES + code.sum::<usize>() + self.name(entity).len_bytes();
        bytes += self
            .own_defs(entity)
            .iter()
            .map(|def| CELL_BYTES + def.name.len_bytes())
            .sum::<usize>();
        let props: Vec<_> = self
            .infos_of(entity)
            .map_or_else(Vec::new, |infos| infos.entries().to_vec());
        for (prop, _) in props {
            if let CellValue::Value(value) = self.cell(entity, Slot::value(prop)) {
                bytes += CELL_BYTES + value.bytes();
            }
        }
        Ok(bytes)
    }
}
