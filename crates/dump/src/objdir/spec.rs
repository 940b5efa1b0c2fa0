//! A world as its parts are written down: each object with what it does not have from its parents.
//! In: what is read from files, or an image. Out: the same for whoever compares, merges or writes. What an object is
//! made of is the world's knowledge (`moor_world::ObjectSpec`).

use std::collections::BTreeMap;

use moor_value::{ObjId, Value};
pub use moor_world::{Access, At, ObjectSpec, OverrideSpec, PropertyName, PropertySpec, VerbSpec};

/// A world, or a part of one.
#[derive(Clone, Debug, Default)]
pub struct WorldSpec {
    /// The last number ever given; `None` where only parts are written down.
    pub max_object: Option<ObjId>,
    /// The players, where their order is not that of their numbers.
    pub players: Option<Vec<ObjId>>,
    /// The permanent objects.
    pub objects: BTreeMap<ObjId, ObjectSpec>,
    /// The anonymous objects, by id.
    pub anons: BTreeMap<u64, ObjectSpec>,
    /// The waifs, by id.
    pub waifs: BTreeMap<u64, WaifSpec>,
}

/// A waif.
#[derive(Clone, PartialEq, Debug)]
pub struct WaifSpec {
    /// Its class.
    pub class: ObjId,
    /// The programmer who made it.
    pub owner: ObjId,
    /// The values that are not clear; the names begin with `:`.
    pub values: Vec<(PropertyName, Value)>,
    /// Where it is written down.
    pub place: At,
}
