//! The properties that every object has without a definition: `name`, `owner`, `location` and the rest.
//! In: names, values. Out: values, or E_TYPE, E_PERM, E_INVARG. `protect_*` of `$server_options` comes in as a set.

use std::sync::OnceLock;

use moor_value::{ErrorCode, Map, ObjId, Symbol, Value};

use super::{MooResult, ObjectFlags};
use crate::ids::{Entity, MemberKey, MemberKind, Slot};
use crate::transaction::Transaction;

/// A property that every object has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Builtin {
    /// `.name`, a string.
    Name,
    /// `.owner`, an object.
    Owner,
    /// `.programmer`, a flag.
    Programmer,
    /// `.wizard`, a flag.
    Wizard,
    /// `.r`, a flag.
    R,
    /// `.w`, a flag.
    W,
    /// `.f`, a flag.
    F,
    /// `.a`, a flag.
    A,
    /// `.location`, an object.
    Location,
    /// `.last_move`, a map of `time` and `source`.
    LastMove,
    /// `.contents`, a list of objects.
    Contents,
}

impl Builtin {
    /// Every one, with its name.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::Name, "name"),
        (Self::Owner, "owner"),
        (Self::Programmer, "programmer"),
        (Self::Wizard, "wizard"),
        (Self::R, "r"),
        (Self::W, "w"),
        (Self::F, "f"),
        (Self::A, "a"),
        (Self::Location, "location"),
        (Self::LastMove, "last_move"),
        (Self::Contents, "contents"),
    ];

    /// The one of that name.
    pub fn of(name: Symbol) -> Option<Self> {
        static SYMBOLS: OnceLock<[Symbol; Builtin::ALL.len()]> = OnceLock::new();
        let symbols = SYMBOLS.get_or_init(|| Self::ALL.map(|(_, name)| Symbol::intern(name)));
        symbols
            .iter()
            .position(|symbol| *symbol == name)
            .map(|at| Self::ALL[at].0)
    }

    fn flag(self) -> Option<ObjectFlags> {
        match self {
            Self::Programmer => Some(ObjectFlags::PROGRAMMER),
            Self::Wizard => Some(ObjectFlags::WIZARD),
            Self::R => Some(ObjectFlags::READ),
            Self::W => Some(ObjectFlags::WRITE),
            Self::F => Some(ObjectFlags::FERTILE),
            Self::A => Some(ObjectFlags::ANONYMOUS),
            Self::Name | Self::Owner | Self::Location | Self::LastMove | Self::Contents => None,
        }
    }
}

/// A set of built-in properties.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BuiltinSet(u16);

impl BuiltinSet {
    /// The set with one more.
    #[must_use]
    pub const fn with(self, builtin: Builtin) -> Self {
        Self(self.0 | 1 << builtin as u8)
    }

    /// Whether it is in the set.
    pub const fn has(self, builtin: Builtin) -> bool {
        self.0 & 1 << builtin as u8 != 0
    }
}

impl Transaction {
    /// Sets which built-in properties only wizards may use (`$server_options.protect_*`).
    pub fn set_protected(&mut self, protected: BuiltinSet) {
        self.protected = protected;
    }

    pub(super) fn get_builtin(
        &mut self,
        perms: ObjId,
        entity: Entity,
        builtin: Builtin,
    ) -> MooResult<Value> {
        if self.protected.has(builtin) && !self.is_wizard(perms) {
            return Err(ErrorCode::Perm);
        }
        Ok(self.builtin_value(entity, builtin))
    }

    /// The value of a built-in property, whoever asks.
    pub fn builtin_value(&mut self, entity: Entity, builtin: Builtin) -> Value {
        if let Some(flag) = builtin.flag() {
            return Value::Int(self.flags(entity).has(flag).into());
        }
        match builtin {
            Builtin::Owner => Value::Obj(self.owner(entity)),
            Builtin::Location => Value::Obj(self.location(entity)),
            Builtin::LastMove => self
                .value_cell(entity, Slot::LAST_MOVE)
                .unwrap_or(Value::Map(Map::new())),
            Builtin::Contents => Value::List(self.members(MemberKey {
                entity,
                kind: MemberKind::Contents,
            })),
            _ => Value::Str(self.name(entity)),
        }
    }

    pub(super) fn set_builtin(
        &mut self,
        perms: ObjId,
        entity: Entity,
        builtin: Builtin,
        value: Value,
    ) -> MooResult<()> {
        self.check_set_builtin(perms, entity, builtin, &value)?;
        match (builtin.flag(), builtin) {
            (Some(flag), _) => self.set_flag(entity, flag, value.is_true()),
            (None, Builtin::Owner) => {
                self.write_value(entity, Slot::OWNER, value);
            }
            (None, _) => {
                self.write_value(entity, Slot::NAME, value);
            }
        }
        Ok(())
    }

    fn check_set_builtin(
        &mut self,
        perms: ObjId,
        entity: Entity,
        builtin: Builtin,
        value: &Value,
    ) -> MooResult<()> {
        let wizard = self.is_wizard(perms);
        let owner_may = !self.protected.has(builtin) && self.owner(entity) == perms;
        let allowed = match builtin {
            Builtin::Name if value.as_str().is_none() => return Err(ErrorCode::Type),
            Builtin::Name => wizard || (owner_may && !self.flags(entity).has(ObjectFlags::PLAYER)),
            Builtin::Owner if value.as_obj().is_none() => return Err(ErrorCode::Type),
            Builtin::Owner => wizard,
            Builtin::Programmer | Builtin::Wizard if wizard && entity.as_object().is_none() => {
                return Err(ErrorCode::InvArg);
            }
            Builtin::Programmer | Builtin::Wizard => wizard,
            Builtin::R | Builtin::W | Builtin::F | Builtin::A => wizard || owner_may,
            Builtin::Location | Builtin::LastMove | Builtin::Contents => false,
        };
        if allowed {
            Ok(())
        } else {
            Err(ErrorCode::Perm)
        }
    }
}
