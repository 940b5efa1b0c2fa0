//! Names of things in the world: entities, properties, verbs, and the cells that make them up.
//! In: object numbers and handles. Out: small copyable keys. What a cell holds is `cell`'s knowledge.

use std::hash::{Hash, Hasher};

use moor_value::{ObjId, Symbol, Value};

/// What kind of thing an [`Entity`] is. The numbers are part of the row keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum EntityKind {
    /// A permanent object, known by its number.
    Object = 1,
    /// An anonymous object, known by the id of its handle.
    Anon = 2,
    /// A waif, known by the id of its handle.
    Waif = 3,
    /// The world itself: the last object number, the players.
    World = 4,
}

/// Something that owns cells: a permanent object, an anonymous object, a waif, or the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Entity {
    kind: EntityKind,
    id: i64,
}

impl Entity {
    pub(crate) const WORLD: Self = Self {
        kind: EntityKind::World,
        id: 0,
    };

    /// The permanent object of that number, whether or not it exists.
    pub const fn object(id: ObjId) -> Self {
        Self {
            kind: EntityKind::Object,
            id: id.0,
        }
    }

    /// The anonymous object behind a handle of that id.
    pub const fn anon(id: u64) -> Self {
        Self {
            kind: EntityKind::Anon,
            id: id.cast_signed(),
        }
    }

    /// The waif behind a handle of that id.
    pub const fn waif(id: u64) -> Self {
        Self {
            kind: EntityKind::Waif,
            id: id.cast_signed(),
        }
    }

    /// The object or anonymous object that a value refers to; `None` for every other value, waifs included.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Obj(id) => Some(Self::object(*id)),
            Value::Anon(handle) => Some(Self::anon(handle.id())),
            _ => None,
        }
    }

    /// What kind of thing it is.
    pub const fn kind(self) -> EntityKind {
        self.kind
    }

    /// The number, when it is a permanent object.
    pub fn as_object(self) -> Option<ObjId> {
        (self.kind == EntityKind::Object).then_some(ObjId(self.id))
    }

    /// The id, when it is an anonymous object.
    pub fn as_anon(self) -> Option<u64> {
        (self.kind == EntityKind::Anon).then_some(self.id.cast_unsigned())
    }

    /// Whether it is none of those whose ids follow each other: an anonymous object, a waif, an object with a unique id.
    pub(crate) const fn is_sparse(self) -> bool {
        match self.kind {
            EntityKind::Anon | EntityKind::Waif => true,
            EntityKind::Object => ObjId(self.id).is_unique(),
            EntityKind::World => false,
        }
    }

    pub(crate) const fn raw_id(self) -> i64 {
        self.id
    }

    pub(crate) fn from_parts(kind: u8, id: i64) -> Option<Self> {
        let kind = match kind {
            1 => EntityKind::Object,
            2 => EntityKind::Anon,
            3 => EntityKind::Waif,
            4 => EntityKind::World,
            _ => return None,
        };
        Some(Self { kind, id })
    }
}

impl From<ObjId> for Entity {
    fn from(id: ObjId) -> Self {
        Self::object(id)
    }
}

/// The identity of a property definition; it survives renaming and is never given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PropId(pub u32);

/// The identity of a verb definition; it survives renaming and reordering.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VerbId(pub u32);

/// Which cell of an entity: a kind and, for values and code, the property or verb.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Slot(u64);

impl Slot {
    /// Flags; the entity exists exactly while this cell holds something.
    pub(crate) const FLAGS: Self = Self::plain(1);
    pub(crate) const NAME: Self = Self::plain(2);
    pub(crate) const OWNER: Self = Self::plain(3);
    pub(crate) const PARENTS: Self = Self::plain(4);
    pub(crate) const LOCATION: Self = Self::plain(5);
    pub(crate) const LAST_MOVE: Self = Self::plain(6);
    pub(crate) const DEFS: Self = Self::plain(7);
    pub(crate) const INFOS: Self = Self::plain(8);
    pub(crate) const VERBS: Self = Self::plain(9);
    /// The last object number ever given (a cell of the world).
    pub(crate) const MAX_OBJECT: Self = Self::plain(10);
    /// The class of a waif.
    pub(crate) const CLASS: Self = Self::plain(11);

    const KIND_VALUE: u8 = 16;
    const KIND_CODE: u8 = 17;

    const fn plain(kind: u8) -> Self {
        Self((kind as u64) << 32)
    }

    pub(crate) const fn value(prop: PropId) -> Self {
        Self((Self::KIND_VALUE as u64) << 32 | prop.0 as u64)
    }

    pub(crate) const fn code(verb: VerbId) -> Self {
        Self((Self::KIND_CODE as u64) << 32 | verb.0 as u64)
    }

    pub(crate) const fn kind(self) -> u8 {
        (self.0 >> 32) as u8
    }

    pub(crate) const fn index(self) -> u32 {
        self.0 as u32
    }

    pub(crate) const fn is_value(self) -> bool {
        self.kind() == Self::KIND_VALUE
    }

    pub(crate) const fn is_code(self) -> bool {
        self.kind() == Self::KIND_CODE
    }

    /// Whether a change of this cell can change the outcome of a name lookup.
    pub(crate) fn is_schema(self) -> bool {
        matches!(self, Self::PARENTS | Self::DEFS | Self::VERBS) || self.is_code()
    }

    pub(crate) fn from_parts(kind: u8, index: u32) -> Option<Self> {
        let known = match kind {
            1..=11 => index == 0,
            Self::KIND_VALUE | Self::KIND_CODE => true,
            _ => false,
        };
        known.then_some(Self((u64::from(kind)) << 32 | u64::from(index)))
    }
}

/// One cell of the world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct CellKey {
    pub(crate) entity: Entity,
    pub(crate) slot: Slot,
}

impl Hash for CellKey {
    /// One round for the whole key: the id is spread over the high half, where slots have few bits.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let id = self.entity.id.cast_unsigned().rotate_left(40);
        state.write_u64(id ^ self.slot.0 ^ (self.entity.kind as u64) << 38);
    }
}

/// An entity and a name in one word, to find what a transaction knows of them. Ids that do not fit have none, and
/// nothing is remembered for them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct NameKey(u64);

impl NameKey {
    const ID_BITS: u32 = 29;

    #[inline]
    pub(crate) fn new(entity: Entity, name: Symbol) -> Option<Self> {
        let id = entity.id.cast_unsigned();
        let key = (entity.kind as u64) << (32 + Self::ID_BITS) | id << 32 | u64::from(name.index());
        (id >> Self::ID_BITS == 0).then_some(Self(key))
    }

    /// The word with entity and name folded into its low bits.
    #[inline]
    pub(crate) fn mixed(self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// Which ordered set of objects an entity keeps. The numbers are part of the row keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(crate) enum MemberKind {
    /// The objects that have this one as a parent.
    Children = 32,
    /// The objects whose location is this one.
    Contents = 33,
    /// The objects with the player flag (a set of the world).
    Players = 34,
    /// The objects with unique ids (a set of the world).
    Uniques = 35,
}

impl MemberKind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Children, Self::Contents, Self::Players, Self::Uniques]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// An ordered set of objects that an entity keeps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct MemberKey {
    pub(crate) entity: Entity,
    pub(crate) kind: MemberKind,
}
