//! The rows of an image that was checked.
//! In: a [`CheckedImage`]. Out: keys and values for a new store. What is wrong with an image was found before.

use std::sync::Arc;

use moor_value::{ObjId, Symbol, Value};
use rustc_hash::FxHashMap;

use super::CheckedImage;
use crate::cell::{CellValue, Parents};
use crate::commit::loaded_order;
use crate::ids::{Entity, MemberKey, MemberKind, PropId, Slot, VerbId};
use crate::image::{ObjectImage, VerbImage, WaifImage};
use crate::property::{PropDef, PropDefs, PropInfo, PropInfos};
use crate::rows;
use crate::verb::{Verb, VerbCode, VerbTable};

/// The layout number of everything imported; later layouts are larger.
const LAYOUT: u64 = 1;

impl CheckedImage<'_> {
    /// Gives every row of the world to `sink`, key and value.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn rows<E>(&self, sink: impl FnMut(&[u8], &[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut writer = RowWriter {
            sink,
            tables: FxHashMap::default(),
            next_verb: 1,
        };
        let (version, one) = rows::version_row();
        (writer.sink)(&version, &one)?;
        writer.cell(
            Entity::WORLD,
            Slot::MAX_OBJECT,
            Value::Obj(self.image.max_object),
        )?;
        writer.members(
            MemberKey {
                entity: Entity::WORLD,
                kind: MemberKind::Players,
            },
            &self.image.players,
        )?;
        for object in &self.image.objects {
            let line = self.line_of(object.id);
            let properties = self.properties_of(&line).into_iter().map(|def| def.id);
            writer.object(
                object,
                self.defs.get(&object.id).cloned(),
                properties.collect(),
            )?;
        }
        self.anon_rows(&mut writer)?;
        for waif in &self.image.waifs {
            self.waif_rows(waif, &mut writer)?;
        }
        Ok(())
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
            writer.entity(Entity::anon(anon.id), &anon.object, defs, properties)?;
        }
        Ok(())
    }

    fn waif_rows<E, S: FnMut(&[u8], &[u8]) -> Result<(), E>>(
        &self,
        waif: &WaifImage,
        writer: &mut RowWriter<S>,
    ) -> Result<(), E> {
        let entity = Entity::waif(waif.id);
        let properties = self.waif_properties(waif);
        writer.cell(entity, Slot::CLASS, Value::Obj(waif.class))?;
        writer.cell(entity, Slot::OWNER, Value::Obj(waif.owner))?;
        for (place, value) in &waif.values {
            if let Some(prop) = properties.get(*place) {
                writer.cell(entity, Slot::value(*prop), value.clone())?;
            }
        }
        Ok(())
    }
}

struct RowWriter<S> {
    sink: S,
    /// Tables written so far, by their entries in order of property.
    tables: FxHashMap<Vec<(PropId, PropInfo)>, Arc<PropInfos>>,
    next_verb: u32,
}

impl<E, S: FnMut(&[u8], &[u8]) -> Result<(), E>> RowWriter<S> {
    fn cell(&mut self, entity: Entity, slot: Slot, value: Value) -> Result<(), E> {
        self.put(entity, slot, &CellValue::Value(value))
    }

    fn put(&mut self, entity: Entity, slot: Slot, value: &CellValue) -> Result<(), E> {
        match rows::cell_row(entity, slot, value) {
            Some((key, bytes)) => (self.sink)(&key, &bytes),
            None => Ok(()),
        }
    }

    fn members(&mut self, key: MemberKey, members: &[ObjId]) -> Result<(), E> {
        for (index, member) in members.iter().enumerate() {
            let (row_key, bytes) = rows::member_row(key, *member, loaded_order(index));
            (self.sink)(&row_key, &bytes)?;
        }
        Ok(())
    }

    fn object(
        &mut self,
        object: &ObjectImage,
        defs: Option<Arc<PropDefs>>,
        properties: Vec<PropId>,
    ) -> Result<(), E> {
        let entity = Entity::object(object.id);
        self.cell(entity, Slot::LOCATION, Value::Obj(object.location))?;
        self.members(
            MemberKey {
                entity,
                kind: MemberKind::Children,
            },
            &object.children,
        )?;
        self.members(
            MemberKey {
                entity,
                kind: MemberKind::Contents,
            },
            &object.contents,
        )?;
        self.entity(entity, object, defs, properties)
    }

    fn entity(
        &mut self,
        entity: Entity,
        object: &ObjectImage,
        defs: Option<Arc<PropDefs>>,
        properties: Vec<PropId>,
    ) -> Result<(), E> {
        self.cell(entity, Slot::FLAGS, Value::Int(object.flags.bits()))?;
        self.cell(entity, Slot::NAME, Value::Str(object.name.clone()))?;
        self.cell(entity, Slot::OWNER, Value::Obj(object.owner))?;
        self.put(
            entity,
            Slot::PARENTS,
            &CellValue::Parents(Parents::from_slice(&object.parents)),
        )?;
        if !object.last_move.is_none() {
            self.cell(entity, Slot::LAST_MOVE, object.last_move.clone())?;
        }
        if let Some(defs) = defs {
            self.put(entity, Slot::DEFS, &CellValue::Defs(defs))?;
        }
        self.properties(entity, object, &properties)?;
        self.verbs(entity, &object.verbs)
    }

    fn properties(
        &mut self,
        entity: Entity,
        object: &ObjectImage,
        properties: &[PropId],
    ) -> Result<(), E> {
        if properties.is_empty() {
            return Ok(());
        }
        let infos = object.propvals.iter().map(|prop| PropInfo {
            owner: prop.owner,
            flags: prop.flags,
        });
        let mut entries: Vec<(PropId, PropInfo)> = properties.iter().copied().zip(infos).collect();
        entries.sort_unstable_by_key(|(prop, _)| *prop);
        let table = self.table(entries)?;
        self.put(entity, Slot::INFOS, &CellValue::Infos(table))?;
        for (prop, image) in properties.iter().zip(&object.propvals) {
            if let Some(value) = &image.value {
                self.cell(entity, Slot::value(*prop), value.clone())?;
            }
        }
        Ok(())
    }

    fn table(&mut self, entries: Vec<(PropId, PropInfo)>) -> Result<Arc<PropInfos>, E> {
        if let Some(known) = self.tables.get(&entries) {
            return Ok(known.clone());
        }
        let table = PropInfos::new(self.tables.len() as u64 + 1, LAYOUT, entries.clone());
        let (key, bytes) = rows::infos_row(&table);
        (self.sink)(&key, &bytes)?;
        self.tables.insert(entries, table.clone());
        Ok(table)
    }

    fn verbs(&mut self, entity: Entity, images: &[VerbImage]) -> Result<(), E> {
        if images.is_empty() {
            return Ok(());
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
            self.put(
                entity,
                Slot::code(id),
                &CellValue::Code(VerbCode::new(source.as_str())),
            )?;
        }
        self.put(
            entity,
            Slot::VERBS,
            &CellValue::Verbs(Arc::new(VerbTable(verbs))),
        )
    }
}
