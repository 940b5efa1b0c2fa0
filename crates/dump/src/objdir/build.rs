//! From descriptions to a world.
//! In: descriptions. Out: an image, or each place that names a property which is not there. Whether the image is a world
//! (parents that exist, no cycles) is for its own check.

use std::collections::BTreeMap;
use std::sync::Arc;

use moor_value::ObjId;
use moor_world::{
    AnonImage, ObjectFlags, ObjectImage, PropImage, VerbImage, WaifImage, WorldImage,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::describe::of_waifs;
use super::files::{anonymous_file, object_file, waifs_file};
use super::lineage::{self, Entry, Table, Tables};
use super::spec::{At, ObjectSpec, PropertyName, VerbSpec, WaifSpec, WorldSpec};
use super::{FileFault, cursor::TextFault};

/// The world that descriptions describe.
pub(crate) fn image(world: &WorldSpec) -> Result<WorldImage, Vec<FileFault>> {
    let mut builder = Builder {
        world,
        tables: Tables::default(),
        faults: Vec::new(),
    };
    let all: Vec<ObjId> = world.objects.keys().copied().collect();
    builder.learn(&all);
    let image = builder.image();
    match builder.faults.is_empty() {
        true => Ok(image),
        false => Err(builder.faults),
    }
}

struct Builder<'a> {
    world: &'a WorldSpec,
    tables: Tables,
    faults: Vec<FileFault>,
}

impl Builder<'_> {
    fn image(&mut self) -> WorldImage {
        let world = self.world;
        let mut numbers = world.objects.keys().filter(|id| !id.is_unique());
        let last = numbers.next_back().copied();
        let last = last.unwrap_or(ObjId::NOTHING);
        let (mut contents, mut children) = (Members::default(), Members::default());
        for (id, object) in &world.objects {
            contents.entry(object.location).or_default().push(*id);
            for parent in &object.parents {
                children.entry(*parent).or_default().push(*id);
            }
        }
        let objects = world.objects.iter().map(|(id, spec)| {
            let mut object = self.object(*id, spec, &object_file(*id));
            object.contents = ordered(contents.remove(id), spec.contents.as_deref());
            object.children = ordered(children.remove(id), spec.children.as_deref());
            object
        });
        let objects = objects.collect();
        let is_player = |(id, object): (&ObjId, &ObjectSpec)| {
            object.flags.has(ObjectFlags::PLAYER).then_some(*id)
        };
        let players = world.objects.iter().filter_map(is_player).collect();
        WorldImage {
            objects,
            max_object: world.max_object.unwrap_or(last).max(last),
            players: ordered(Some(players), world.players.as_deref()),
            anons: self.anons(),
            waifs: self.waifs(),
        }
    }

    fn anons(&mut self) -> Vec<AnonImage> {
        let anons = self.world.anons.iter();
        let anon = |(id, spec): (&u64, &ObjectSpec)| AnonImage {
            id: *id,
            object: self.object(ObjId::NOTHING, spec, &anonymous_file(*id)),
        };
        anons.map(anon).collect()
    }

    fn waifs(&mut self) -> Vec<WaifImage> {
        let waifs = self.world.waifs.iter();
        waifs.map(|(id, spec)| self.waif(*id, spec)).collect()
    }

    fn fault(&mut self, file: &str, place: At, what: String) {
        self.faults.push(FileFault::new(
            file,
            TextFault {
                line: place.line,
                column: 1,
                what: what.into(),
            },
        ));
    }

    fn object(&mut self, id: ObjId, spec: &ObjectSpec, file: &str) -> ObjectImage {
        let mut image = ObjectImage::new(id, spec.name.as_str(), spec.owner);
        image.flags = spec.flags;
        image.location = spec.location;
        image.last_move = spec.last_move.clone();
        image.parents.clone_from(&spec.parents);
        let own = spec.properties.iter();
        image.propdefs = own.clone().map(|property| property.name.clone()).collect();
        let own = own.map(|property| PropImage {
            value: property.value.clone(),
            owner: property.access.owner,
            flags: property.access.flags,
        });
        image.propvals = own.collect();
        let inherited = self.inherited(spec, file);
        image.propvals.extend(inherited);
        image.verbs = spec.verbs.iter().map(verb).collect();
        image
    }

    /// The property values that come from ancestors, with what the object has of its own.
    fn inherited(&mut self, spec: &ObjectSpec, file: &str) -> Vec<PropImage> {
        let entries = lineage::inherited(&spec.parents, spec.owner, &self.tables);
        let mut values: Vec<PropImage> = entries
            .iter()
            .map(|entry| PropImage {
                value: None,
                owner: entry.access.owner,
                flags: entry.access.flags,
            })
            .collect();
        let mut seen = FxHashSet::default();
        for property in &spec.overrides {
            let Some(place) = self.find(&entries, &property.property, (file, property.place))
            else {
                continue;
            };
            if !seen.insert(place) {
                let name = &property.property.name;
                self.fault(
                    file,
                    property.place,
                    format!("`{name}` is overridden twice"),
                );
            }
            let value = &mut values[place];
            value.value.clone_from(&property.value);
            if let Some(access) = property.access {
                (value.owner, value.flags) = (access.owner, access.flags);
            }
        }
        values
    }

    fn find(
        &mut self,
        entries: &[Entry],
        called: &PropertyName,
        (file, place): (&str, At),
    ) -> Option<usize> {
        let found = lineage::find(entries, called);
        if found.is_none() {
            let PropertyName { name, definer } = called;
            let is_there = entries.iter().any(|entry| entry.name.eq_fold(name));
            let what = match (definer, is_there) {
                (None, true) => format!("several ancestors define `{name}`; write `{name} of #N`"),
                (None, false) => format!("no ancestor defines `{name}`"),
                (Some(definer), _) => {
                    format!("{definer} is no ancestor, or does not define `{name}`")
                }
            };
            self.fault(file, place, what);
        }
        found
    }

    fn waif(&mut self, id: u64, spec: &WaifSpec) -> WaifImage {
        let line = lineage::inherited(&[spec.class], spec.owner, &self.tables);
        let places = of_waifs(line);
        let file = waifs_file();
        let mut values = BTreeMap::new();
        for (name, value) in &spec.values {
            if let Some(place) = self.find(&places, name, (file, spec.place)) {
                values.insert(place, value.clone());
            }
        }
        WaifImage {
            id,
            class: spec.class,
            owner: spec.owner,
            values: values.into_iter().collect(),
        }
    }

    /// Makes the tables of these objects and of all their ancestors, ancestors first.
    fn learn(&mut self, ids: &[ObjId]) {
        let mut stack: Vec<(ObjId, bool)> = ids.iter().map(|id| (*id, false)).collect();
        let mut open = FxHashSet::default();
        while let Some((id, is_ready)) = stack.pop() {
            let Some(spec) = self.world.objects.get(&id) else {
                continue;
            };
            if self.tables.contains_key(&id) {
                continue;
            }
            // Whoever is his own ancestor is not waited for; the world's check finds him.
            if is_ready || !open.insert(id) {
                let table = self.table(id, spec);
                self.tables.insert(id, Arc::new(table));
            } else {
                stack.push((id, true));
                stack.extend(spec.parents.iter().map(|parent| (*parent, false)));
            }
        }
    }

    fn table(&self, id: ObjId, spec: &ObjectSpec) -> Table {
        let own = spec.properties.iter().map(|property| Entry {
            definer: id,
            name: property.name.clone(),
            access: property.access,
        });
        let mut inherited = lineage::inherited(&spec.parents, spec.owner, &self.tables);
        for property in &spec.overrides {
            let place = lineage::find(&inherited, &property.property);
            if let (Some(place), Some(access)) = (place, property.access) {
                inherited[place].access = access;
            }
        }
        Table {
            parents: spec.parents.clone(),
            own: spec.properties.len(),
            entries: own.chain(inherited).collect(),
        }
    }
}

fn verb(spec: &VerbSpec) -> VerbImage {
    VerbImage {
        names: spec.names.clone(),
        owner: spec.access.owner,
        flags: spec.access.flags,
        args: spec.args,
        source: spec.source.clone(),
    }
}

/// Who is in a list.
type Members = FxHashMap<ObjId, Vec<ObjId>>;

/// The members in the order that is given; those of whom it says nothing behind them.
fn ordered(members: Option<Vec<ObjId>>, order: Option<&[ObjId]>) -> Vec<ObjId> {
    let members = members.unwrap_or_default();
    let Some(order) = order else {
        return members;
    };
    let mut open: FxHashSet<ObjId> = members.iter().copied().collect();
    let named = order.iter().copied().filter(|id| open.remove(id));
    let mut all: Vec<ObjId> = named.collect();
    all.extend(members.into_iter().filter(|id| open.contains(id)));
    all
}
