//! Values of properties: reading, writing, clearing.
//! In: permissions, an entity, a name. Out: the value, own or inherited, or the error.
//! Definitions, owners and permissions of properties are changed in `definitions`.

use std::sync::Arc;

use moor_value::{ErrorCode, ObjId, Symbol, Value};

use super::{Builtin, MooResult};
use crate::cell::CellValue;
use crate::ids::{Entity, NameKey, Slot};
use crate::lookup::{LookupKey, LookupKind, PropHit, Resolution};
use crate::property::{PropFlags, PropInfo};
use crate::transaction::Transaction;

/// A property of an entity as last read, so that reading it again is one probe.
#[derive(Clone)]
pub(crate) struct CachedProperty {
    pub(crate) hit: Arc<PropHit>,
    pub(crate) info: PropInfo,
    value: Value,
    /// The value is the entity's own rather than inherited.
    own: bool,
    /// The transaction's count of value writes when the value was read; decides whether an inherited one is fresh.
    value_writes: u64,
}

impl Transaction {
    /// `entity.name`.
    ///
    /// # Errors
    /// E_INVIND when the entity does not exist, E_PROPNF, E_PERM.
    #[inline]
    pub fn get_property(&mut self, perms: ObjId, entity: Entity, name: Symbol) -> MooResult<Value> {
        if let Some(cached) = self.cached_property(entity, name) {
            let fresh = cached.own || cached.value_writes == self.value_writes;
            if fresh && (cached.info.flags.has(PropFlags::READ) || cached.info.owner == perms) {
                return Ok(cached.value.clone());
            }
        }
        self.get_property_slowly(perms, entity, name)
    }

    #[inline]
    fn cached_property(&self, entity: Entity, name: Symbol) -> Option<&CachedProperty> {
        self.properties.get(&NameKey::new(entity, name)?)
    }

    fn cache_property(&mut self, entity: Entity, name: Symbol, property: CachedProperty) {
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
        Ok(property.value)
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
        let known = self.cached_property(entity, name);
        let Some((prop, info)) = known.map(|cached| (cached.hit.prop, cached.info)) else {
            return self.set_property_slowly(perms, entity, name, value);
        };
        if !self.property_allows(perms, info, PropFlags::WRITE) {
            return Err(ErrorCode::Perm);
        }
        // Writing a value leaves the cache as it is: what is known is still known, only the value is new.
        self.write_value(entity, Slot::value(prop), value.clone());
        let key = NameKey::new(entity, name);
        if let Some(cached) = key.and_then(|key| self.properties.get_mut(&key)) {
            cached.value = value;
            cached.own = true;
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
        self.write_value(entity, Slot::value(hit.prop), value.clone());
        let value_writes = self.value_writes;
        let property = CachedProperty {
            hit,
            info,
            value,
            own: true,
            value_writes,
        };
        self.cache_property(entity, name, property);
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
            self.properties.remove(&key);
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
            self.property(entity, name).map(|property| property.value)
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

    /// Definition, permissions and value, from the cache where it is fresh.
    pub(super) fn property(&mut self, entity: Entity, name: Symbol) -> Option<CachedProperty> {
        let known = self.cached_property(entity, name);
        if let Some(cached) =
            known.filter(|cached| cached.own || cached.value_writes == self.value_writes)
        {
            return Some(cached.clone());
        }
        let (hit, info) = self.find_property(entity, name)?;
        let (value, own) = self.inherited_value(entity, &hit);
        let property = CachedProperty {
            hit,
            info,
            value,
            own,
            value_writes: self.value_writes,
        };
        self.cache_property(entity, name, property.clone());
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

    /// The value, and whether it is the entity's own.
    fn inherited_value(&mut self, entity: Entity, hit: &PropHit) -> (Value, bool) {
        let slot = Slot::value(hit.prop);
        if let Some(value) = self.value_cell(entity, slot) {
            return (value, true);
        }
        let inherited = hit
            .path
            .iter()
            .find_map(|ancestor| self.value_cell((*ancestor).into(), slot));
        (inherited.unwrap_or(Value::ZERO), false)
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
