//! From a world to its parts as they are written down.
//! In: a world that is asked for its objects. Out: what each object does not have from its parents.

use std::sync::Arc;

use moor_value::ObjId;
use moor_world::{ObjectFlags, ObjectImage, VerbImage, WaifImage};
use rustc_hash::FxHashSet;

use super::lineage::{self, Entry, Table, Tables};
use super::spec::{
    Access, At, ObjectSpec, OverrideSpec, PropertySpec, VerbSpec, WaifSpec, WorldSpec,
};
use crate::source::WorldSource;

/// Properties of waifs have names that begin with this.
pub(crate) const WAIF_PREFIX: char = ':';

/// Describes one object after the other.
pub(crate) struct Describer<'a> {
    world: &'a dyn WorldSource,
    tables: Tables,
}

impl<'a> Describer<'a> {
    pub(crate) fn new(world: &'a dyn WorldSource) -> Self {
        Self {
            world,
            tables: Tables::default(),
        }
    }

    /// What is not in any object.
    pub(crate) fn head(&self) -> WorldSpec {
        let players = self.world.players();
        WorldSpec {
            max_object: Some(self.world.max_object()),
            players: unusual(&players),
            ..WorldSpec::default()
        }
    }

    pub(crate) fn object(&mut self, image: &ObjectImage) -> ObjectSpec {
        self.learn(&image.parents);
        let inherited = lineage::inherited(&image.parents, image.owner, &self.tables);
        let own = image.propdefs.len();
        let properties = image.propdefs.iter().zip(&image.propvals);
        let rest = image.propvals.get(own..).unwrap_or_default();
        ObjectSpec {
            name: image.name.clone(),
            owner: image.owner,
            flags: image.flags,
            parents: image.parents.clone(),
            location: image.location,
            last_move: image.last_move.clone(),
            contents: unusual(&image.contents),
            children: unusual(&image.children),
            properties: properties
                .map(|(name, property)| PropertySpec::of(name, property))
                .collect(),
            overrides: overrides(&inherited, rest),
            verbs: image.verbs.iter().map(verb).collect(),
            place: At::default(),
        }
    }

    pub(crate) fn waif(&mut self, image: &WaifImage) -> WaifSpec {
        self.learn(&[image.class]);
        let line = lineage::inherited(&[image.class], image.owner, &self.tables);
        let places = of_waifs(line);
        let named = image
            .values
            .iter()
            .filter(|(place, _)| *place < places.len());
        WaifSpec {
            class: image.class,
            owner: image.owner,
            values: named
                .map(|(place, value)| (lineage::name_of(&places, *place), value.clone()))
                .collect(),
            place: At::default(),
        }
    }

    /// Makes the tables of these objects and of all their ancestors, ancestors first.
    fn learn(&mut self, ids: &[ObjId]) {
        let mut stack: Vec<(ObjId, bool)> = ids.iter().map(|id| (*id, false)).collect();
        let mut open = FxHashSet::default();
        while let Some((id, is_ready)) = stack.pop() {
            if self.tables.contains_key(&id) {
                continue;
            }
            let Some(image) = self.world.object(id) else {
                continue;
            };
            // Whoever is his own ancestor is not waited for.
            if is_ready || !open.insert(id) {
                let table = self.table(id, &image);
                self.tables.insert(id, Arc::new(table));
            } else {
                stack.push((id, true));
                stack.extend(image.parents.iter().map(|parent| (*parent, false)));
            }
        }
    }

    fn table(&self, id: ObjId, image: &ObjectImage) -> Table {
        let own = image.propdefs.iter().map(|name| (id, name.clone()));
        let inherited = lineage::inherited(&image.parents, image.owner, &self.tables);
        let inherited = inherited
            .into_iter()
            .map(|entry| (entry.definer, entry.name));
        let names: Vec<_> = own.chain(inherited).collect();
        let entries = names.into_iter().zip(&image.propvals);
        Table {
            parents: image.parents.clone(),
            own: image.propdefs.len(),
            entries: entries
                .map(|((definer, name), property)| Entry {
                    definer,
                    name,
                    access: Access {
                        owner: property.owner,
                        flags: property.flags,
                    },
                })
                .collect(),
        }
    }
}

/// The properties that waifs of a class with these have.
pub(crate) fn of_waifs(mut line: Vec<Entry>) -> Vec<Entry> {
    line.retain(|entry| entry.name.as_str().starts_with(WAIF_PREFIX));
    line
}

fn overrides(inherited: &[Entry], values: &[moor_world::PropImage]) -> Vec<OverrideSpec> {
    let mut all = Vec::new();
    for (place, (entry, property)) in inherited.iter().zip(values).enumerate() {
        let access = Access {
            owner: property.owner,
            flags: property.flags,
        };
        if property.value.is_some() || access != entry.access {
            all.push(OverrideSpec {
                property: lineage::name_of(inherited, place),
                access: (access != entry.access).then_some(access),
                value: property.value.clone(),
                place: At::default(),
            });
        }
    }
    all
}

fn verb(image: &VerbImage) -> VerbSpec {
    VerbSpec {
        names: image.names.clone(),
        access: Access {
            owner: image.owner,
            flags: image.flags,
        },
        args: image.args,
        source: image.source.clone(),
        place: At::default(),
    }
}

/// A list whose order is not that of the numbers.
pub(crate) fn unusual(ids: &[ObjId]) -> Option<Vec<ObjId>> {
    (!ids.is_sorted()).then(|| ids.to_vec())
}

/// A whole world, described.
pub(crate) fn describe(world: &dyn WorldSource) -> WorldSpec {
    let mut describer = Describer::new(world);
    let mut spec = describer.head();
    for id in world.ids() {
        if let Some(image) = world.object(id) {
            spec.objects.insert(id, describer.object(&image));
        }
    }
    for id in world.anons() {
        if let Some(image) = world.anon(id) {
            spec.anons.insert(id, describer.object(&image));
        }
    }
    for id in world.waifs() {
        if let Some(image) = world.waif(id) {
            spec.waifs.insert(id, describer.waif(&image));
        }
    }
    spec
}

/// The flags of objects by their words.
pub(crate) const FLAGS: [(ObjectFlags, &str); 7] = [
    (ObjectFlags::PLAYER, "player"),
    (ObjectFlags::PROGRAMMER, "programmer"),
    (ObjectFlags::WIZARD, "wizard"),
    (ObjectFlags::READ, "r"),
    (ObjectFlags::WRITE, "w"),
    (ObjectFlags::FERTILE, "f"),
    (ObjectFlags::ANONYMOUS, "a"),
];
