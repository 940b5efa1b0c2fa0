//! An object as its parts are written down: with what it does not have from its parents.
//! In: what is read from text, or an image. Out: the same for whoever compares, merges or writes, and for the operation
//! that makes an object so. Names stand for themselves here; places in tables are the image's business.

use moor_value::{ObjId, Str, Value};

use crate::image::PropImage;
use crate::ops::ObjectFlags;
use crate::property::PropFlags;
use crate::verb::{VerbArgs, VerbFlags};

/// Who owns something, and what others may do with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access<F> {
    /// The owner.
    pub owner: ObjId,
    /// The permissions.
    pub flags: F,
}

/// An object.
#[derive(Clone, PartialEq, Debug)]
pub struct ObjectSpec {
    /// `.name`.
    pub name: Str,
    /// `.owner`.
    pub owner: ObjId,
    /// The flags.
    pub flags: ObjectFlags,
    /// The parents in order.
    pub parents: Vec<ObjId>,
    /// `.location`, `#-1` for none.
    pub location: ObjId,
    /// `.last_move`; `Value::None` for an object that never moved.
    pub last_move: Value,
    /// `.contents`, where the order is not that of the numbers.
    pub contents: Option<Vec<ObjId>>,
    /// `.children`, where the order is not that of the numbers.
    pub children: Option<Vec<ObjId>>,
    /// The properties that it defines, in order.
    pub properties: Vec<PropertySpec>,
    /// What it has of its own in properties that its ancestors define, in the order of these.
    pub overrides: Vec<OverrideSpec>,
    /// Its verbs in order.
    pub verbs: Vec<VerbSpec>,
    /// Where it is written down.
    pub place: At,
}

impl ObjectSpec {
    /// An object of this owner that has nothing.
    pub fn new(owner: ObjId) -> Self {
        Self {
            name: Str::EMPTY,
            owner,
            flags: ObjectFlags::NONE,
            parents: Vec::new(),
            location: ObjId::NOTHING,
            last_move: Value::None,
            contents: None,
            children: None,
            properties: Vec::new(),
            overrides: Vec::new(),
            verbs: Vec::new(),
            place: At::default(),
        }
    }
}

/// A property that an object defines.
#[derive(Clone, PartialEq, Debug)]
pub struct PropertySpec {
    /// The name.
    pub name: Str,
    /// Owner and permissions.
    pub access: Access<PropFlags>,
    /// The value; `None` when it is clear.
    pub value: Option<Value>,
    /// Where it is written down.
    pub place: At,
}

impl PropertySpec {
    /// A property as an image has it, written nowhere.
    pub fn of(name: &Str, image: &PropImage) -> Self {
        Self {
            name: name.clone(),
            access: Access {
                owner: image.owner,
                flags: image.flags,
            },
            value: image.value.clone(),
            place: At::default(),
        }
    }
}

/// A property that an ancestor defines, on an object where something about it is not as on the parent.
#[derive(Clone, PartialEq, Debug)]
pub struct OverrideSpec {
    /// Which property.
    pub property: PropertyName,
    /// Owner and permissions, where they are not those that a new child would get.
    pub access: Option<Access<PropFlags>>,
    /// The value; `None` when it is clear.
    pub value: Option<Value>,
    /// Where it is written down.
    pub place: At,
}

/// A property of an ancestor.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PropertyName {
    /// The name.
    pub name: Str,
    /// The ancestor that defines it, where several define one of this name.
    pub definer: Option<ObjId>,
}

/// A verb.
#[derive(Clone, PartialEq, Debug)]
pub struct VerbSpec {
    /// The names, separated by spaces.
    pub names: Str,
    /// Owner and permissions.
    pub access: Access<VerbFlags>,
    /// The argument specifiers.
    pub args: VerbArgs,
    /// The source, lines separated by `\n`, without a final one.
    pub source: String,
    /// Where it is written down; the source begins in the line after it.
    pub place: At,
}

/// A line of a file; it does not count when things are compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct At {
    /// The line, from 1; 0 for what comes from no file.
    pub line: u32,
}

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
