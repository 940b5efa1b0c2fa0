//! Definitions of properties: adding, deleting, renaming, owner and permissions.
//! In: permissions, an entity, names and letters. Out: changed definitions, or the error.
//! Values alone are in `properties`.

use std::sync::Arc;

use moor_value::{ErrorCode, ObjId, Str, Symbol, Value};
use rustc_hash::FxHashMap;

use super::{Builtin, MooResult, ObjectFlags};
use crate::cell::CellValue;
use crate::ids::{Entity, EntityKind, PropId, Slot};
use crate::lookup::{Facts, ancestors};
use crate::property::{PropDef, PropDefs, PropFlags, PropInfo, PropInfos};
use crate::transaction::Transaction;

impl Transaction {
    /// `properties()`: the names that the entity itself defines, in order.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_PERM.
    pub fn property_names(&mut self, perms: ObjId, entity: Entity) -> MooResult<Vec<Str>> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvArg);
        }
        if !self.allows(perms, entity, ObjectFlags::READ) {
            return Err(ErrorCode::Perm);
        }
        Ok(self
            .own_defs(entity)
            .into_iter()
            .map(|def| def.name)
            .collect())
    }

    pub(super) fn own_defs(&mut self, entity: Entity) -> Vec<PropDef> {
        self.defs_of(entity)
            .map_or_else(Vec::new, |defs| defs.0.clone())
    }

    pub(super) fn write_defs(&mut self, entity: Entity, defs: Vec<PropDef>) {
        let value = if defs.is_empty() {
            CellValue::Absent
        } else {
            CellValue::Defs(Arc::new(PropDefs(defs)))
        };
        self.write(entity, Slot::DEFS, value);
    }

    /// `property_info()`.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_PROPNF (for built-in ones too), E_PERM.
    pub fn property_info(
        &mut self,
        perms: ObjId,
        entity: Entity,
        name: Symbol,
    ) -> MooResult<PropInfo> {
        let (_, info) = self.property_for_info(entity, name, ErrorCode::PropNf)?;
        if self.property_allows(perms, info, PropFlags::READ) {
            Ok(info)
        } else {
            Err(ErrorCode::Perm)
        }
    }

    /// `set_property_info()`; `letters` are the permissions, `new_name` renames a property where it is defined.
    ///
    /// # Errors
    /// E_INVARG when the entity or the owner does not exist, for unknown letters, and for a new name that is taken or
    /// given elsewhere than at the definition; E_PROPNF; E_PERM.
    pub fn set_property_info(
        &mut self,
        perms: ObjId,
        entity: Entity,
        name: Symbol,
        owner: ObjId,
        letters: &str,
        new_name: Option<&str>,
    ) -> MooResult<()> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvArg);
        }
        let wanted = self.parse_property_info(owner, letters)?;
        let (hit, info) = self.property_for_info(entity, name, ErrorCode::PropNf)?;
        let may = self.property_allows(perms, info, PropFlags::WRITE);
        if !may || (info.owner != owner && !self.is_wizard(perms)) {
            return Err(ErrorCode::Perm);
        }
        if let Some(new_name) = new_name {
            self.rename_property(entity, name, new_name)?;
        }
        let Some(infos) = self.infos_of(entity) else {
            return Err(ErrorCode::PropNf);
        };
        let new = PropInfos::new(
            self.world.layouts.next(),
            infos.layout,
            infos.with(hit.prop, wanted),
        );
        self.write_infos(entity, Some(new));
        Ok(())
    }

    fn parse_property_info(&mut self, owner: ObjId, letters: &str) -> MooResult<PropInfo> {
        if !self.valid_object(owner) {
            return Err(ErrorCode::InvArg);
        }
        let flags = PropFlags::parse(letters).ok_or(ErrorCode::InvArg)?;
        Ok(PropInfo { owner, flags })
    }

    fn rename_property(&mut self, entity: Entity, old: Symbol, new: &str) -> MooResult<()> {
        let mut defs = self.own_defs(entity);
        let symbol = Symbol::intern(new);
        let at = defs
            .iter()
            .position(|def| def.symbol == old)
            .ok_or(ErrorCode::InvArg)?;
        if symbol != old && !self.name_is_free(entity, symbol) {
            return Err(ErrorCode::InvArg);
        }
        defs[at].name = Str::new(new);
        defs[at].symbol = symbol;
        self.write_defs(entity, defs);
        Ok(())
    }

    /// Whether neither the entity, nor an ancestor, nor a descendant has a property of that name.
    fn name_is_free(&mut self, entity: Entity, symbol: Symbol) -> bool {
        let above = ancestors(self, entity);
        Builtin::of(symbol).is_none()
            && !above
                .into_iter()
                .any(|ancestor| self.defines(ancestor.into(), symbol))
            && !self
                .with_descendants(entity)
                .into_iter()
                .any(|below| self.defines(below, symbol))
    }

    pub(super) fn defines(&mut self, entity: Entity, symbol: Symbol) -> bool {
        self.defs_of(entity)
            .is_some_and(|defs| defs.find(symbol).is_some())
    }

    /// `add_property()`.
    ///
    /// # Errors
    /// E_INVARG when the entity or the owner does not exist, for unknown letters, and for a name that is taken;
    /// E_PERM.
    pub fn add_property(
        &mut self,
        perms: ObjId,
        entity: Entity,
        name: &str,
        value: Value,
        owner: ObjId,
        letters: &str,
    ) -> MooResult<()> {
        let info = self.parse_property_info(owner, letters)?;
        if !self.valid(entity) {
            return Err(ErrorCode::InvArg);
        }
        if !self.allows(perms, entity, ObjectFlags::WRITE)
            || (perms != owner && !self.is_wizard(perms))
        {
            return Err(ErrorCode::Perm);
        }
        let symbol = Symbol::intern(name);
        if !self.name_is_free(entity, symbol) {
            return Err(ErrorCode::InvArg);
        }
        self.define(
            entity,
            PropDef {
                name: Str::new(name),
                symbol,
                id: self.world.new_prop(),
            },
            value,
            info,
        );
        Ok(())
    }

    pub(super) fn define(&mut self, entity: Entity, def: PropDef, value: Value, info: PropInfo) {
        let prop = def.id;
        let mut defs = self.own_defs(entity);
        defs.push(def);
        self.write_defs(entity, defs);
        self.write_value(entity, Slot::value(prop), value);
        self.change_tables(entity, |owner, entries| {
            entries.with(prop, info.inherited_by(owner))
        });
    }

    /// Gives the entity and its descendants new tables; `change` makes the entries from an owner and an old table.
    fn change_tables(
        &mut self,
        entity: Entity,
        change: impl Fn(ObjId, &PropInfos) -> Vec<(PropId, PropInfo)>,
    ) {
        let empty = PropInfos::new(0, 0, Vec::new());
        let mut shared: FxHashMap<(usize, ObjId), Arc<PropInfos>> = FxHashMap::default();
        for affected in self.with_descendants(entity) {
            let owner = self.owner(affected);
            let old = self.infos_of(affected).unwrap_or_else(|| empty.clone());
            let key = (Arc::as_ptr(&old).addr(), owner);
            let new = match shared.get(&key) {
                Some(known) => known.clone(),
                None => self.new_infos(change(owner, &old)),
            };
            shared.insert(key, new.clone());
            self.write_infos(affected, Some(new));
        }
    }

    /// `delete_property()`.
    ///
    /// # Errors
    /// E_INVARG when the entity does not exist, E_PERM, E_PROPNF when it does not define the property itself.
    pub fn delete_property(&mut self, perms: ObjId, entity: Entity, name: Symbol) -> MooResult<()> {
        if !self.valid(entity) {
            return Err(ErrorCode::InvArg);
        }
        if !self.allows(perms, entity, ObjectFlags::WRITE) {
            return Err(ErrorCode::Perm);
        }
        let defs = self.own_defs(entity);
        let at = defs.iter().position(|def| def.symbol == name);
        self.undefine(entity, defs, at.ok_or(ErrorCode::PropNf)?);
        Ok(())
    }

    /// Takes one of an entity's own definitions away, with its values on all that have it.
    pub(super) fn undefine(&mut self, entity: Entity, mut defs: Vec<PropDef>, at: usize) {
        let prop = defs.remove(at).id;
        self.write_defs(entity, defs);
        for affected in self.with_descendants(entity) {
            self.drop_value(affected, prop);
        }
        self.change_tables(entity, |_, entries| entries.without(prop));
    }

    /// The entity, then its descendants, parents before children. An anonymous object has none.
    pub(super) fn with_descendants(&mut self, entity: Entity) -> Vec<Entity> {
        let below = match (entity.kind(), entity.as_object()) {
            (EntityKind::Object, Some(id)) => self.descendants_in_line(id),
            _ => Vec::new(),
        };
        std::iter::once(entity)
            .chain(below.into_iter().map(Entity::object))
            .collect()
    }
}
