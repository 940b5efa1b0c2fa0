//! Values of properties: reading, writing, clearing.
//! In: permissions, an entity, a name. Out: the value, own or inherited, or the error.
//! Definitions, owners and permissions of properties are changed in `definitions`.

use std::sync::Arc;

use moor_value::{ErrorCode, ObjId, Symbol, Value};

use super::{Builtin, MooResult};
use crate::cell::CellValue;
use crate::cells::Place;
use crate::ids::{Entity, NameKey, Slot};
use crate::known::KnownProperty;
use crate::lookup::{LookupKey, LookupKind, PropHit, Resolution};
use crate::property::{PropFlags, PropInfo};
use crate::transaction::Transaction;

/// A transaction that reads a property for this time has a copy of the value from then on: others may read it as often.
const OFTEN: u32 = 64;

impl Transaction {
    /// `entity.name`.
    ///
    /// # Errors
    /// E_INVIND when the entity does not exist, E_PROPNF, E_PERM.
    #[inline]
    pub fn get_property(&mut self, perms: ObjId, entity: Entity, name: Symbol) -> MooResult<Value> {
        if let Some(value) = self.known_value(perms, entity, name) {
            return Ok(value.clone());
        }
        self.get_property_slowly(perms, entity, name)
    }

    /// The value of a property that this transaction has found before, where it stands, if the permissions are seen
    /// to be enough at a glance.
    #[inline]
    pub fn known_value(&mut self, perms: ObjId, entity: Entity, name: Symbol) -> Option<&Value> {
        let at = self.known_property(entity, name)?;
        let known = self.properties.at_mut(at);
        let is_fresh = known.own || known.value_moves == self.value_moves;
        let is_readable = known.info.flags.has(PropFlags::READ) || known.info.owner == perms;
        let cell = known.cell.filter(|_| is_fresh && is_readable)?;
        known.reads = known.reads.wrapping_add(1);
        if known.reads == OFTEN {
            self.cells.at_mut(cell).have_own_copy();
        }
        match &self.cells.at(cell).value {
            CellValue::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The same for a value that is about to be written: it counts as written from then on.
    #[inline]
    pub fn known_value_mut(
        &mut self,
        perms: ObjId,
        entity: Entity,
        name: Symbol,
    ) -> Option<&mut Value> {
        let at = self.known_property(entity, name)?;
        let known = self.properties.at(at);
        let is_writable = known.info.flags.has(PropFlags::WRITE) || known.info.owner == perms;
        let cell = known.cell.filter(|_| known.own && is_writable)?;
        self.value_mut_at(cell)
    }

    #[inline]
    fn known_property(&mut self, entity: Entity, name: Symbol) -> Option<usize> {
        self.properties.find(NameKey::new(entity, name)?)
    }

    fn remember_property(&mut self, entity: Entity, name: Symbol, property: KnownProperty) {
        if let Some(key) = NameKey::new(entity, name) {
            self.properties.insert(key, property);
        }
    }

    fn get_property_slowly(
        &mut self,
        perms: ObjId,
        entity: Entity,
        name: Symbol,
    ) -> MooResult<Value> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvInd);
        }
        if let Some(builtin) = Builtin::of(name) {
            return self.get_builtin(perms, entity, builtin);
        }
        let property = self.property(entity, name).ok_or(ErrorCode::PropNf)?;
        if !self.property_allows(perms, property.info, PropFlags::READ) {
            return Err(ErrorCode::Perm);
        }
        Ok(self.value_at(property.cell))
    }

    /// `entity.name = value`.
    ///
    /// # Errors
    /// E_INVIND when the entity does not exist, E_PROPNF, E_PERM; E_TYPE, E_PERM and E_INVARG for built-in ones.
    pub fn set_property(
        &mut self,
        perms: ObjId,
        entity: Entity,
        name: Symbol,
        value: Value,
    ) -> MooResult<()> {
        let Some(at) = self.known_property(entity, name) else {
            return self.set_property_slowly(perms, entity, name, value);
        };
        let known = self.properties.at(at);
        let (info, prop) = (known.info, known.hit.prop);
        let own_cell = known.cell.filter(|_| known.own);
        if !self.property_allows(perms, info, PropFlags::WRITE) {
            return Err(ErrorCode::Perm);
        }
        match own_cell {
            Some(cell) => self.write_value_at(cell, value),
            None => {
                let cell = self.write_value(entity, Slot::value(prop), value);
                let known = self.properties.at_mut(at);
                known.cell = Some(cell);
                known.own = true;
            }
        }
        Ok(())
    }

    fn set_property_slowly(
        &mut self,
        perms: ObjId,
        entity: Entity,
        name: Symbol,
        value: Value,
    ) -> MooResult<()> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvInd);
        }
        if let Some(builtin) = Builtin::of(name) {
            return self.set_builtin(perms, entity, builtin, value);
        }
        let (hit, info) = self.find_property(entity, name).ok_or(ErrorCode::PropNf)?;
        if !self.property_allows(perms, info, PropFlags::WRITE) {
            return Err(ErrorCode::Perm);
        }
        self.store_value(entity, name, hit, info, value);
        Ok(())
    }

    fn store_value(
        &mut self,
        entity: Entity,
        name: Symbol,
        hit: Arc<PropHit>,
        info: PropInfo,
        value: Value,
    ) {
        let cell = self.write_value(entity, Slot::value(hit.prop), value);
        let property = KnownProperty {
            hit,
            info,
            cell: Some(cell),
            own: true,
            value_moves: self.value_moves,
            reads: 0,
        };
        self.remember_property(entity, name, property);
    }

    /// Makes a property inherit its value.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist or defines the property itself, E_PROPNF, E_PERM.
    pub fn clear_property(&mut self, perms: ObjId, entity: Entity, name: Symbol) -> MooResult<()> {
        let (hit, info) = self.property_for_info(entity, name, ErrorCode::Perm)?;
        if !self.property_allows(perms, info, PropFlags::WRITE) {
            return Err(ErrorCode::Perm);
        }
        if hit.definer == entity {
            return Err(ErrorCode::InvArg);
        }
        self.write(entity, Slot::value(hit.prop), CellValue::Absent);
        if let Some(key) = NameKey::new(entity, name) {
            self.properties.remove(key);
        }
        Ok(())
    }

    /// Whether a property inherits its value.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_PROPNF, E_PERM.
    pub fn is_clear_property(
        &mut self,
        perms: ObjId,
        entity: Entity,
        name: Symbol,
    ) -> MooResult<bool> {
        if self.valid(entity) && Builtin::of(name).is_some() {
            return Ok(false);
        }
        let (hit, info) = self.property_for_info(entity, name, ErrorCode::PropNf)?;
        if !self.property_allows(perms, info, PropFlags::READ) {
            return Err(ErrorCode::Perm);
        }
        Ok(self.cell(entity, Slot::value(hit.prop)).is_absent())
    }

    /// The property for operations other than reading and writing: E_INVARG for what does not exist, `builtin` for
    /// the built-in ones.
    pub(super) fn property_for_info(
        &mut self,
        entity: Entity,
        name: Symbol,
        builtin: ErrorCode,
    ) -> MooResult<(Arc<PropHit>, PropInfo)> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvArg);
        }
        if Builtin::of(name).is_some() {
            return Err(builtin);
        }
        self.find_property(entity, name).ok_or(ErrorCode::PropNf)
    }

    /// The value that an existing entity has for a property that is not built in, whoever asks.
    pub fn property_value(&mut self, entity: Entity, name: Symbol) -> Option<Value> {
        if self.valid(entity) {
            self.property(entity, name)
                .map(|property| self.value_at(property.cell))
        } else {
            None
        }
    }

    /// Sets the value of an existing property, whoever asks; answers whether there is one.
    pub(super) fn put_property_value(
        &mut self,
        entity: Entity,
        name: Symbol,
        value: Value,
    ) -> bool {
        let Some((hit, info)) = self.find_property(entity, name) else {
            return false;
        };
        self.store_value(entity, name, hit, info, value);
        true
    }

    /// Definition, permissions and the place of the value; from memory where that is fresh.
    pub(super) fn property(&mut self, entity: Entity, name: Symbol) -> Option<KnownProperty> {
        if let Some(at) = self.known_property(entity, name) {
            let known = self.properties.at(at);
            if known.own || known.value_moves == self.value_moves {
                return Some(known.clone());
            }
        }
        let (hit, info) = self.find_property(entity, name)?;
        let (cell, own) = self.inherited_value(entity, &hit);
        let property = KnownProperty {
            hit,
            info,
            cell,
            own,
            value_moves: self.value_moves,
            reads: 0,
        };
        self.remember_property(entity, name, property.clone());
        Some(property)
    }

    pub(super) fn find_property(
        &mut self,
        entity: Entity,
        name: Symbol,
    ) -> Option<(Arc<PropHit>, PropInfo)> {
        let key = LookupKey {
            entity,
            symbol: name,
            kind: LookupKind::Property,
        };
        let Resolution::Property(Some(hit)) = self.resolve(key) else {
            return None;
        };
        let info = self.infos_of(entity)?.get(hit.prop)?;
        Some((hit, info))
    }

    /// Where the value stands, and whether it is the entity's own.
    fn inherited_value(&mut self, entity: Entity, hit: &PropHit) -> (Option<Place>, bool) {
        let slot = Slot::value(hit.prop);
        if let Some(place) = self.value_place(entity, slot) {
            return (Some(place), true);
        }
        let inherited = hit
            .path
            .iter()
            .find_map(|ancestor| self.value_place((*ancestor).into(), slot));
        (inherited, false)
    }

    pub(super) fn property_allows(
        &mut self,
        perms: ObjId,
        info: PropInfo,
        flag: PropFlags,
    ) -> bool {
        info.flags.has(flag) || info.owner == perms || self.is_wizard(perms)
    }
}
