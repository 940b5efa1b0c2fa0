//! A whole world as plain data: what importers give and exporters get.
//! In and out: images of objects, anonymous objects and waifs. No identities of cells, versions or rows appear here.

use moor_value::{ObjId, Str, Value};
use rustc_hash::FxHashMap;

use crate::ops::ObjectFlags;
use crate::property::PropFlags;
use crate::verb::{VerbArgs, VerbFlags};

/// A world. Object numbers up to `max_object` that no image has are recycled ones; unique ids are beyond all numbers.
#[derive(Clone, Debug)]
pub struct WorldImage {
    /// The permanent objects, in any order.
    pub objects: Vec<ObjectImage>,
    /// The last number ever given.
    pub max_object: ObjId,
    /// The players in order; exactly the objects with the player flag.
    pub players: Vec<ObjId>,
    /// The anonymous objects.
    pub anons: Vec<AnonImage>,
    /// The waifs.
    pub waifs: Vec<WaifImage>,
}

/// An object.
#[derive(Clone, Debug)]
pub struct ObjectImage {
    /// The number; of no meaning in an [`AnonImage`].
    pub id: ObjId,
    /// `.name`.
    pub name: Str,
    /// `.owner`.
    pub owner: ObjId,
    /// The flags.
    pub flags: ObjectFlags,
    /// `.location`, `#-1` for none.
    pub location: ObjId,
    /// `.last_move`; `Value::None` for an object that never moved.
    pub last_move: Value,
    /// `.contents` in order: exactly the objects whose location this is.
    pub contents: Vec<ObjId>,
    /// The parents in order.
    pub parents: Vec<ObjId>,
    /// The children in order: exactly the objects that have this parent.
    pub children: Vec<ObjId>,
    /// The names of the properties that it defines, in order.
    pub propdefs: Vec<Str>,
    /// Its properties in LambdaMOO's order: those that it defines, in order, then those of each ancestor, depth first,
    /// each ancestor once.
    pub propvals: Vec<PropImage>,
    /// Its verbs in order.
    pub verbs: Vec<VerbImage>,
}

/// A property on an object.
#[derive(Clone, PartialEq, Debug)]
pub struct PropImage {
    /// The value; `None` when it is clear.
    pub value: Option<Value>,
    /// The owner.
    pub owner: ObjId,
    /// The permissions.
    pub flags: PropFlags,
}

/// A verb of an object.
#[derive(Clone, PartialEq, Debug)]
pub struct VerbImage {
    /// The names, separated by spaces.
    pub names: Str,
    /// The owner.
    pub owner: ObjId,
    /// The permissions.
    pub flags: VerbFlags,
    /// The argument specifiers.
    pub args: VerbArgs,
    /// The canonical source, lines separated by `\n`, without a final one.
    pub source: String,
}

/// An anonymous object.
#[derive(Clone, Debug)]
pub struct AnonImage {
    /// The id of its handles.
    pub id: u64,
    /// What it is; its number, location, contents and children mean nothing.
    pub object: ObjectImage,
}

/// A waif.
#[derive(Clone, Debug)]
pub struct WaifImage {
    /// The id of its handles.
    pub id: u64,
    /// Its class.
    pub class: ObjId,
    /// The programmer who made it.
    pub owner: ObjId,
    /// The values that are not clear, each with the place of its property among those properties of the class whose
    /// names begin with `:`, in the order of [`ObjectImage::propvals`], counted from 0.
    pub values: Vec<(usize, Value)>,
}

impl ObjectImage {
    /// An object with nothing but a number, a name and an owner.
    pub fn new(id: ObjId, name: &str, owner: ObjId) -> Self {
        Self {
            id,
            name: Str::new(name),
            owner,
            flags: ObjectFlags::NONE,
            location: ObjId::NOTHING,
            last_move: Value::None,
            contents: Vec::new(),
            parents: Vec::new(),
            children: Vec::new(),
            propdefs: Vec::new(),
            propvals: Vec::new(),
            verbs: Vec::new(),
        }
    }
}

impl WorldImage {
    /// A world of these objects, with contents, children and players filled in from locations, parents and flags, in
    /// the order of the objects.
    pub fn from_objects(objects: Vec<ObjectImage>) -> Self {
        let numbers = objects.iter().map(|object| object.id);
        let max_object = numbers
            .filter(|id| !id.is_unique())
            .max()
            .unwrap_or(ObjId::NOTHING);
        let is_player = |object: &&ObjectImage| object.flags.has(ObjectFlags::PLAYER);
        let players = objects
            .iter()
            .filter(is_player)
            .map(|object| object.id)
            .collect();
        let mut image = Self {
            objects,
            max_object,
            players,
            anons: Vec::new(),
            waifs: Vec::new(),
        };
        image.fill_lists();
        image
    }

    fn fill_lists(&mut self) {
        let mut contents: FxHashMap<ObjId, Vec<ObjId>> = FxHashMap::default();
        let mut children: FxHashMap<ObjId, Vec<ObjId>> = FxHashMap::default();
        for object in &self.objects {
            contents.entry(object.location).or_default().push(object.id);
            for parent in &object.parents {
                children.entry(*parent).or_default().push(object.id);
            }
        }
        for object in &mut self.objects {
            object.contents = contents.remove(&object.id).unwrap_or_default();
            object.children = children.remove(&object.id).unwrap_or_default();
        }
    }
}
