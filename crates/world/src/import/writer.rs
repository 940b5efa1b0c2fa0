//! The rows of an image that was checked.
//! In: a [`CheckedImage`]. Out: keys and values for a new store. What is wrong with an image was found before.

use std::sync::Arc;

use moor_value::{ObjId, Symbol, Value};
use rustc_hash::FxHashMap;

use super::CheckedImage;
use crate::cell::{CellValue, Parents};
use crate::commit::loaded_order;
use crate::ids::{Entity, MemberKey, MemberKind, PropId, Slot, VerbId};
use crate::image::{ObjectImage, VerbImage};
use crate::property::{PropDef, PropDefs, PropInfo, PropInfos};
use crate::rows;
use crate::verb::{Verb, VerbCode, VerbTable};

/// The layout number of everything imported; later layouts are larger.
const LAYOUT: u64 = 1;

impl CheckedImage<'_> {
    /// Gives every row of the world to `sink`, key and value: those of entities in key order, then those of the whole world.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn rows<E>(&self, sink: impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut writer = RowWriter {
            sink,
            entity: Vec::new(),
            tables: FxHashMap::default(),
            next_verb: 1,
        };
        let mut objects: Vec<&ObjectImage> = self.image.objects.iter().collect();
        objects.sort_unstable_by_key(|object| object.id);
        for object in objects {
            let line = self.line_of(object.id);
            let properties = self.properties_of(&line).into_iter().map(|def| def.id);
            let defs = self.defs.get(&object.id).cloned();
            writer.object(object, defs, properties.collect())?;
        }
        self.anon_rows(&mut writer)?;
        self.waif_rows(&mut writer)?;
        let (entity, kind) = (Entity::WORLD, MemberKind::Players);
        writer.cell(entity, Slot::MAX_OBJECT, Value::Obj(self.image.max_object));
        writer.members(MemberKey { entity, kind }, &self.image.players);
        let ids = self.image.objects.iter().map(|object| object.id);
        let mut uniques: Vec<ObjId> = ids.filter(|id| id.is_unique()).collect();
        uniques.sort_unstable();
        let kind = MemberKind::Uniques;
        writer.members(MemberKey { entity, kind }, &uniques);
        writer.end_entity()?;
        writer.end_world()
    }

    fn anon_rows<E, S: FnMut(&[u8], &[u8]) -> Result<(), E>>(
        &self,
        writer: &mut RowWriter<S>,
    ) -> Result<(), E> {
        let mut next = self.defs.values().map(|defs| defs.0.len()).sum::<usize>() as u32 + 1;
        for anon in &self.image.anons {
            let mut own = Vec::new();
            for name in &anon.object.propdefs {
                own.push(PropDef {
                    name: name.clone(),
                    symbol: Symbol::intern(name.as_str()),
                    id: PropId(next),
                });
                next += 1;
            }
            let line = self.line_of_parents(&anon.object.parents);
            let inherited = self.properties_of(&line).into_iter().map(|def| def.id);
            let properties = own.iter().map(|def| def.id).chain(inherited).collect();
            let defs = (!own.is_empty()).then(|| Arc::new(PropDefs(own)));
            writer.entity(Entity::anon(anon.id), &anon.object, defs, properties);
            writer.end_entity()?;
        }
        Ok(())
    }

    fn waif_rows<E, S: FnMut(&[u8], &[u8]) -> Result<(), E>>(
        &self,
        writer: &mut RowWriter<S>,
    ) -> Result<(), E> {
        for waif in &self.image.waifs {
            let entity = Entity::waif(waif.id);
            let properties = self.waif_properties(waif);
            writer.cell(entity, Slot::CLASS, Value::Obj(waif.class));
            writer.cell(entity, Slot::OWNER, Value::Obj(waif.owner));
            for (place, value) in &waif.values {
                if let Some(prop) = properties.get(*place) {
                    writer.cell(entity, Slot::value(*prop), value.clone());
                }
            }
            writer.end_entity()?;
        }
        Ok(())
    }
}

struct RowWriter<S> {
    sink: S,
    /// The rows of the entity that is being written, in any order.
    entity: Vec<(Vec<u8>, Vec<u8>)>,
    /// Tables so far, by their entries in order of property.
    tables: FxHashMap<Vec<(PropId, PropInfo)>, Arc<PropInfos>>,
    next_verb: u32,
}

impl<S> RowWriter<S> {
    fn cell(&mut self, entity: Entity, slot: Slot, value: Value) {
        self.put(entity, slot, &CellValue::Value(value));
    }

    fn put(&mut self, entity: Entity, slot: Slot, value: &CellValue) {
        self.entity.extend(rows::cell_row(entity, slot, value));
    }

    fn members(&mut self, key: MemberKey, members: &[ObjId]) {
        let members = members.iter().enumerate();
        self.entity.extend(
            members.map(|(index, member)| rows::member_row(key, *member, loaded_order(index))),
        );
    }

    fn entity(
        &mut self,
        entity: Entity,
        object: &ObjectImage,
        defs: Option<Arc<PropDefs>>,
        properties: Vec<PropId>,
    ) {
        self.cell(entity, Slot::FLAGS, Value::Int(object.flags.bits()));
        self.cell(entity, Slot::NAME, Value::Str(object.name.clone()));
        self.cell(entity, Slot::OWNER, Value::Obj(object.owner));
        let parents = Parents::from_slice(&object.parents);
        self.put(entity, Slot::PARENTS, &parents.into());
        if !object.last_move.is_none() {
            self.cell(entity, Slot::LAST_MOVE, object.last_move.clone());
        }
        if let Some(defs) = defs {
            self.put(entity, Slot::DEFS, &CellValue::Defs(defs));
        }
        self.properties(entity, object, &properties);
        self.verbs(entity, &object.verbs);
    }

    fn properties(&mut self, entity: Entity, object: &ObjectImage, properties: &[PropId]) {
        if properties.is_empty() {
            return;
        }
        let infos = object.propvals.iter().map(|prop| PropInfo {
            owner: prop.owner,
            flags: prop.flags,
        });
        let mut entries: Vec<(PropId, PropInfo)> = properties.iter().copied().zip(infos).collect();
        entries.sort_unstable_by_key(|(prop, _)| *prop);
        let table = self.table(entries);
        self.put(entity, Slot::INFOS, &CellValue::Infos(table));
        for (prop, image) in properties.iter().zip(&object.propvals) {
            if let Some(value) = &image.value {
                self.cell(entity, Slot::value(*prop), value.clone());
            }
        }
    }

    fn table(&mut self, entries: Vec<(PropId, PropInfo)>) -> Arc<PropInfos> {
        if let Some(known) = self.tables.get(&entries) {
            return known.clone();
        }
        let table = PropInfos::new(self.tables.len() as u64 + 1, LAYOUT, entries.clone());
        self.tables.insert(entries, table.clone());
        table
    }

    fn verbs(&mut self, entity: Entity, images: &[VerbImage]) {
        if images.is_empty() {
            return;
        }
        let mut verbs = Vec::new();
        for image in images {
            let id = VerbId(self.next_verb);
            self.next_verb += 1;
            let VerbImage {
                names,
                owner,
                flags,
                args,
                source,
            } = image;
            verbs.push(Verb {
                id,
                names: names.clone(),
                owner: *owner,
                flags: *flags,
                args: *args,
            });
            let code = VerbCode::new(source.as_str());
            self.put(entity, Slot::code(id), &CellValue::Code(code));
        }
        let verbs = Arc::new(VerbTable(verbs));
        self.put(entity, Slot::VERBS, &CellValue::Verbs(verbs));
    }
}

impl<E, S: FnMut(&[u8], &[u8]) -> Result<(), E>> RowWriter<S> {
    fn object(
        &mut self,
        object: &ObjectImage,
        defs: Option<Arc<PropDefs>>,
        properties: Vec<PropId>,
    ) -> Result<(), E> {
        let entity = Entity::object(object.id);
        let set = |kind| MemberKey { entity, kind };
        self.cell(entity, Slot::LOCATION, Value::Obj(object.location));
        self.members(set(MemberKind::Children), &object.children);
        self.members(set(MemberKind::Contents), &object.contents);
        self.entity(entity, object, defs, properties);
        self.end_entity()
    }

    /// Gives away the rows of an entity.
    fn end_entity(&mut self) -> Result<(), E> {
        self.entity.sort_unstable();
        let (rows, sink) = (self.entity.drain(..), &mut self.sink);
        for (key, value) in rows {
            sink(&key, &value)?;
        }
        Ok(())
    }

    /// Gives away the rows of the whole world.
    fn end_world(mut self) -> Result<(), E> {
        let (version, one) = rows::version_row();
        (self.sink)(&version, &one)?;
        let mut tables: Vec<Arc<PropInfos>> = self.tables.into_values().collect();
        tables.sort_unstable_by_key(|table| table.id);
        for table in tables {
            let (key, value) = rows::infos_row(&table);
            (self.sink)(&key, &value)?;
        }
        Ok(())
    }
}
