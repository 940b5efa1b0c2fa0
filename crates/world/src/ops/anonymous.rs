//! Waifs: values with properties of their own, described by the `:` properties of their class.
//! In: permissions, a handle, a name. Out: values, or the error.
//! Making anonymous objects is in `creation`; their properties and verbs work as those of other objects.

use std::collections::BTreeMap;

use moor_value::{ErrorCode, ObjId, Str, Symbol, Value, WaifRef};

use super::MooResult;
use crate::cell::CellValue;
use crate::ids::{CellKey, Entity, EntityKind, Slot};
use crate::property::{PropFlags, PropInfo};
use crate::transaction::Transaction;

/// What begins the names of the properties and verbs on a class that its waifs have.
const WAIF_PREFIX: &str = ":";

impl Transaction {
    /// `new_waif()` called by a verb of `class`, for the programmer `owner`.
    ///
    /// # Errors
    /// E_INVIND when the class does not exist.
    pub fn new_waif(&mut self, class: ObjId, owner: ObjId) -> MooResult<WaifRef> {
        if !self.valid_object(class) {
            return Err(ErrorCode::InvInd);
        }
        let waif = self.world.new_waif(class, owner);
        self.write_value(Entity::waif(waif.id()), Slot::CLASS, Value::Obj(class));
        self.write_value(Entity::waif(waif.id()), Slot::OWNER, Value::Obj(owner));
        self.new_waifs.push(waif.clone());
        Ok(waif)
    }

    /// A handle of a waif whose last handle has dropped, while its cells still exist: for its `:recycle` verb.
    pub fn revive_waif(&mut self, id: u64) -> Option<WaifRef> {
        let entity = Entity::waif(id);
        let class = self.value_cell(entity, Slot::CLASS)?.as_obj()?;
        let owner = self.value_cell(entity, Slot::OWNER)?.as_obj()?;
        Some(self.world.revive_waif(id, class, owner))
    }

    /// The class of a waif as programs see it: `#-1` once it is recycled.
    pub fn waif_class(&mut self, waif: &WaifRef) -> ObjId {
        if self.valid_object(waif.class()) {
            waif.class()
        } else {
            ObjId::NOTHING
        }
    }

    /// `waif.name`.
    ///
    /// # Errors
    /// E_INVIND when the class is recycled, E_PROPNF, E_PERM.
    pub fn get_waif_property(
        &mut self,
        perms: ObjId,
        waif: &WaifRef,
        name: &str,
    ) -> MooResult<Value> {
        match name.to_ascii_lowercase().as_str() {
            "class" => return Ok(Value::Obj(self.waif_class(waif))),
            "owner" => return Ok(Value::Obj(waif.owner())),
            "wizard" | "programmer" => return Ok(Value::Int(0)),
            _ => {}
        }
        let (symbol, info) = self.waif_property(waif, name)?;
        if !self.property_allows(perms, info, PropFlags::READ) {
            return Err(ErrorCode::Perm);
        }
        let class = Entity::object(waif.class());
        let (hit, _) = self.find_property(class, symbol).ok_or(ErrorCode::PropNf)?;
        if let Some(value) = self.value_cell(Entity::waif(waif.id()), Slot::value(hit.prop)) {
            return Ok(value);
        }
        self.property_value(class, symbol).ok_or(ErrorCode::PropNf)
    }

    /// `waif.name = value`.
    ///
    /// # Errors
    /// E_PERM for `class`, `owner`, `wizard` and `programmer` too; E_INVIND; E_PROPNF; E_RECMOVE for a value that holds the waif
    /// itself.
    pub fn set_waif_property(
        &mut self,
        perms: ObjId,
        waif: &WaifRef,
        name: &str,
        value: Value,
    ) -> MooResult<()> {
        let fixed = ["class", "owner", "wizard", "programmer"];
        if fixed.iter().any(|fixed| name.eq_ignore_ascii_case(fixed)) {
            return Err(ErrorCode::Perm);
        }
        let (symbol, info) = self.waif_property(waif, name)?;
        if !self.property_allows(perms, info, PropFlags::WRITE) {
            return Err(ErrorCode::Perm);
        }
        if self.reaches_waif(&value, waif.id()) {
            return Err(ErrorCode::RecMove);
        }
        let (hit, _) = self
            .find_property(waif.class().into(), symbol)
            .ok_or(ErrorCode::PropNf)?;
        self.write_value(Entity::waif(waif.id()), Slot::value(hit.prop), value);
        Ok(())
    }

    /// The class's property behind a waif's, with the owner that it has on the waif.
    fn waif_property(&mut self, waif: &WaifRef, name: &str) -> MooResult<(Symbol, PropInfo)> {
        let class = Entity::object(waif.class());
        if !self.valid(class) {
            return Err(ErrorCode::InvInd);
        }
        let symbol = Symbol::lookup(&format!("{WAIF_PREFIX}{name}")).ok_or(ErrorCode::PropNf)?;
        let (_, info) = self.find_property(class, symbol).ok_or(ErrorCode::PropNf)?;
        Ok((symbol, info.inherited_by(waif.owner())))
    }

    /// Whether a value holds the waif, directly or through other waifs: what would become a cycle.
    fn reaches_waif(&mut self, value: &Value, target: u64) -> bool {
        let mut pending = vec![value.clone()];
        let mut seen = rustc_hash::FxHashSet::default();
        while let Some(value) = pending.pop() {
            match value {
                Value::Waif(waif) if waif.id() == target => return true,
                Value::Waif(waif) if seen.insert(waif.id()) => {
                    pending.extend(self.waif_values(&waif))
                }
                other => other.for_each_part(&mut |part| pending.push(part.clone())),
            }
        }
        false
    }

    /// How many waifs each class has: those that values of the world hold and those made by this transaction.
    /// The commit does not depend on the outcome.
    pub fn waif_counts(&self) -> BTreeMap<ObjId, i64> {
        let mut counts = BTreeMap::new();
        let stored = self.world.arena.ids(EntityKind::Waif);
        let classes = stored.into_iter().filter_map(|id| {
            let key = CellKey {
                entity: Entity::waif(id.cast_unsigned()),
                slot: Slot::CLASS,
            };
            match self.world.read_at(key, self.snapshot.ts) {
                CellValue::Value(Value::Obj(class)) => Some(class),
                _ => None,
            }
        });
        for class in classes.chain(self.new_waifs.iter().map(WaifRef::class)) {
            *counts.entry(class).or_default() += 1;
        }
        counts
    }

    /// The values that a waif itself has, by the names of its class, without the `:`; in order of definition.
    pub fn waif_properties(&mut self, waif: &WaifRef) -> Vec<(Str, Value)> {
        let class = Entity::object(waif.class());
        if !self.valid(class) {
            return Vec::new();
        }
        let line = std::iter::once(class).chain(
            crate::lookup::ancestors(self, class)
                .into_iter()
                .map(Entity::object),
        );
        let defs: Vec<_> = line
            .collect::<Vec<_>>()
            .into_iter()
            .flat_map(|holder| self.own_defs(holder))
            .collect();
        let mut found = Vec::new();
        for def in defs {
            let Some(name) = def.name.as_str().strip_prefix(WAIF_PREFIX) else {
                continue;
            };
            if let Some(value) = self.value_cell(Entity::waif(waif.id()), Slot::value(def.id)) {
                found.push((Str::new(name), value));
            }
        }
        found
    }

    fn waif_values(&mut self, waif: &WaifRef) -> Vec<Value> {
        self.waif_properties(waif)
            .into_iter()
            .map(|(_, value)| value)
            .collect()
    }
}
