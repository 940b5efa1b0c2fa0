//! Locations and contents, up to the verbs that the runtime calls in between.
//! In: permissions, what and where to. Out: a changed place, or the error.
//! `:accept`, `:exitfunc` and `:enterfunc` are called by the runtime.

use moor_value::{ErrorCode, List, Map, MapKey, ObjId, Value};

use super::MooResult;
use super::hierarchy::ids;
use crate::ids::{Entity, MemberKey, MemberKind, Slot};
use crate::transaction::Transaction;

pub(super) fn contents_key(id: ObjId) -> MemberKey {
    MemberKey {
        entity: id.into(),
        kind: MemberKind::Contents,
    }
}

impl Transaction {
    /// The contents of an object, in order.
    pub fn contents(&mut self, id: ObjId) -> List {
        self.members(contents_key(id))
    }

    /// What `move()` checks before it calls `:accept`. `position` counts from 1; 0 means the end.
    /// Answers whether `:accept` need not be asked: the object goes nowhere or stays where it is.
    ///
    /// # Errors
    /// E_INVARG when an object does not exist or the position is negative, E_PERM.
    pub fn check_move(
        &mut self,
        perms: ObjId,
        what: ObjId,
        to: ObjId,
        position: i64,
    ) -> MooResult<bool> {
        let place_exists = to == ObjId::NOTHING || self.valid_object(to);
        if !self.valid_object(what) || !place_exists || position < 0 {
            return Err(ErrorCode::InvArg);
        }
        if !self.controls(perms, what.into()) {
            return Err(ErrorCode::Perm);
        }
        if to == ObjId::NOTHING || to == self.location(what.into()) {
            return Ok(true);
        }
        if position > 0 && !self.controls(perms, to.into()) {
            return Err(ErrorCode::Perm);
        }
        Ok(false)
    }

    /// `move()` after `:accept`; `now` is the time in seconds for `last_move`. Answers the old location when the
    /// object moved, `None` when there was nothing to do.
    ///
    /// # Errors
    /// E_NACC when the destination did not accept and `perms` is no wizard, E_RECMOVE when the destination is in the
    /// object.
    pub fn raw_move(
        &mut self,
        perms: ObjId,
        what: ObjId,
        to: ObjId,
        position: i64,
        accepted: bool,
        now: i64,
    ) -> MooResult<Option<ObjId>> {
        if !accepted && !self.is_wizard(perms) {
            return Err(ErrorCode::NAcc);
        }
        let place_exists = to == ObjId::NOTHING || self.valid_object(to);
        let from = self.location(what.into());
        if !self.valid_object(what) || !place_exists || (from == to && position == 0) {
            return Ok(None);
        }
        if self.is_inside(to, what) {
            return Err(ErrorCode::RecMove);
        }
        self.put_into(what, to, position);
        self.note_move(what, from, now);
        Ok(Some(from))
    }

    /// Moves an object to nowhere without asking, as `recycle()` does; answers the old location.
    pub fn raw_evict(&mut self, what: ObjId, now: i64) -> ObjId {
        let from = self.location(what.into());
        self.put_into(what, ObjId::NOTHING, 0);
        self.note_move(what, from, now);
        from
    }

    pub(super) fn is_inside(&mut self, place: ObjId, container: ObjId) -> bool {
        let mut place = place;
        while place != ObjId::NOTHING {
            if place == container {
                return true;
            }
            place = self.location(place.into());
        }
        false
    }

    pub(super) fn put_into(&mut self, what: ObjId, to: ObjId, position: i64) {
        let from = self.location(what.into());
        if self.valid_object(from) {
            self.remove_member(contents_key(from), what);
        }
        if self.valid_object(to) {
            self.insert_into(what, to, position);
        }
        self.write_value(what.into(), Slot::LOCATION, Value::Obj(to));
    }

    fn insert_into(&mut self, what: ObjId, to: ObjId, position: i64) {
        let key = contents_key(to);
        let after = match usize::try_from(position) {
            Ok(position @ 1..) => ids(&self.members(key))
                .into_iter()
                .skip(position - 1)
                .collect(),
            _ => Vec::new(),
        };
        // Everything behind the wanted position is added again behind the newcomer.
        self.add_member(key, what);
        after
            .into_iter()
            .for_each(|other| self.add_member(key, other));
    }

    fn note_move(&mut self, what: ObjId, from: ObjId, now: i64) {
        let keys = [("time", Value::Int(now)), ("source", Value::Obj(from))];
        let entries = keys
            .into_iter()
            .filter_map(|(key, value)| Some((MapKey::new(Value::from(key))?, value)));
        let last_move: Map = entries.collect();
        self.write_value(Entity::object(what), Slot::LAST_MOVE, Value::Map(last_move));
    }
}
