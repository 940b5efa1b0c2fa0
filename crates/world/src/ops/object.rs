//! Facts about one entity: whether it exists, flags, owner, name, place; and who controls it.
//! In: an entity. Out: what the transaction sees. Nothing here checks permissions; the other operations ask here.

use std::sync::Arc;

use moor_value::{ObjId, Str, Value};

use crate::cell::{CellValue, Parents};
use crate::ids::{Entity, EntityKind, Slot};
use crate::lookup::Facts;
use crate::property::PropInfos;
use crate::transaction::Transaction;

/// Flags of an object, with the bits of textdumps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ObjectFlags(u16);

impl ObjectFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// A player.
    pub const PLAYER: Self = Self(1);
    /// May program.
    pub const PROGRAMMER: Self = Self(1 << 1);
    /// May do everything.
    pub const WIZARD: Self = Self(1 << 2);
    /// `r`: everyone may list properties and verbs.
    pub const READ: Self = Self(1 << 4);
    /// `w`: everyone may add properties and verbs.
    pub const WRITE: Self = Self(1 << 5);
    /// `f`: everyone may make children.
    pub const FERTILE: Self = Self(1 << 7);
    /// `a`: everyone may make anonymous children.
    pub const ANONYMOUS: Self = Self(1 << 8);

    const KNOWN: u16 = Self::PLAYER.0
        | Self::PROGRAMMER.0
        | Self::WIZARD.0
        | Self::READ.0
        | Self::WRITE.0
        | Self::FERTILE.0
        | Self::ANONYMOUS.0;

    /// From the bits of a textdump; those without a meaning are dropped.
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits as u16 & Self::KNOWN)
    }

    /// The bits of a textdump.
    pub const fn bits(self) -> i64 {
        self.0 as i64
    }

    /// Whether every flag of `other` is set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags with `other` set or cleared.
    #[must_use]
    pub const fn with(self, other: Self, on: bool) -> Self {
        if on {
            Self(self.0 | other.0)
        } else {
            Self(self.0 & !other.0)
        }
    }
}

impl Transaction {
    /// Whether the entity exists. An anonymous object outlives its parents, and keeps the properties that it had from
    /// them as long as they define them.
    pub fn valid(&mut self, entity: Entity) -> bool {
        match entity.kind() {
            EntityKind::Object if entity.raw_id() < 0 => false,
            EntityKind::Object => self.exists(entity),
            EntityKind::Anon | EntityKind::Waif => self.exists(entity),
            EntityKind::World => false,
        }
    }

    fn exists(&mut self, entity: Entity) -> bool {
        !self.cell(entity, Slot::FLAGS).is_absent()
    }

    /// Whether the object exists.
    pub fn valid_object(&mut self, id: ObjId) -> bool {
        self.valid(id.into())
    }

    /// The flags; none for what does not exist.
    pub fn flags(&mut self, entity: Entity) -> ObjectFlags {
        match self.cell(entity, Slot::FLAGS) {
            CellValue::Value(Value::Int(bits)) => ObjectFlags::from_bits(*bits),
            _ => ObjectFlags::NONE,
        }
    }

    pub(crate) fn set_flag(&mut self, entity: Entity, flag: ObjectFlags, on: bool) {
        let flags = self.flags(entity).with(flag, on);
        self.write_value(entity, Slot::FLAGS, Value::Int(flags.bits()));
    }

    /// Whether the object exists and has the wizard flag.
    pub fn is_wizard(&mut self, id: ObjId) -> bool {
        id.0 >= 0 && self.flags(id.into()).has(ObjectFlags::WIZARD)
    }

    /// Whether the object exists and has the programmer flag.
    pub fn is_programmer(&mut self, id: ObjId) -> bool {
        id.0 >= 0 && self.flags(id.into()).has(ObjectFlags::PROGRAMMER)
    }

    /// Whether the object exists and has the player flag.
    pub fn is_player(&mut self, id: ObjId) -> bool {
        id.0 >= 0 && self.flags(id.into()).has(ObjectFlags::PLAYER)
    }

    /// The owner; `#-1` for what does not exist.
    pub fn owner(&mut self, entity: Entity) -> ObjId {
        self.object_cell(entity, Slot::OWNER)
    }

    /// The name; empty for what does not exist.
    pub fn name(&mut self, entity: Entity) -> Str {
        match self.cell(entity, Slot::NAME) {
            CellValue::Value(Value::Str(name)) => name.clone(),
            _ => Str::default(),
        }
    }

    /// The location; `#-1` for none.
    pub fn location(&mut self, entity: Entity) -> ObjId {
        self.object_cell(entity, Slot::LOCATION)
    }

    fn object_cell(&mut self, entity: Entity, slot: Slot) -> ObjId {
        match self.cell(entity, slot) {
            CellValue::Value(Value::Obj(id)) => *id,
            _ => ObjId::NOTHING,
        }
    }

    /// The parents in order.
    pub fn parents(&mut self, entity: Entity) -> Vec<ObjId> {
        self.parents_of(entity).as_slice().to_vec()
    }

    pub(crate) fn write_parents(&mut self, entity: Entity, parents: &[ObjId]) {
        self.write(entity, Slot::PARENTS, Parents::from_slice(parents).into());
    }

    pub(crate) fn infos_of(&mut self, entity: Entity) -> Option<Arc<PropInfos>> {
        match self.cell(entity, Slot::INFOS) {
            CellValue::Infos(infos) => Some(infos.clone()),
            _ => None,
        }
    }

    /// Whether `who` is a wizard or owns the entity.
    pub fn controls(&mut self, who: ObjId, entity: Entity) -> bool {
        self.is_wizard(who) || self.owner(entity) == who
    }

    /// Whether `who` controls the entity, or the entity's flag lets everyone.
    pub fn allows(&mut self, who: ObjId, entity: Entity, flag: ObjectFlags) -> bool {
        self.flags(entity).has(flag) || self.controls(who, entity)
    }
}
