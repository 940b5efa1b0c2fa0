//! From the cells of one object to its image.
//! In: whoever can be asked for cells: a committed state, or a transaction, which depends on them from then on. Out: the
//! image, without what is in lists of members.

use moor_value::{ObjId, Value};

use crate::cell::CellValue;
use crate::ids::{CellKey, Entity, PropId, Slot};
use crate::image::{ObjectImage, PropImage, VerbImage};
use crate::lookup::{Facts, ancestors};
use crate::ops::ObjectFlags;
use crate::property::PropInfo;

/// The value in a cell; `None` where it has none.
pub(crate) fn value<F: Facts>(facts: &mut F, entity: Entity, slot: Slot) -> Option<Value> {
    match facts.fact(CellKey { entity, slot }) {
        CellValue::Value(value) => Some(value),
        _ => None,
    }
}

/// The object in a cell; `#-1` where there is none.
pub(crate) fn object_at<F: Facts>(facts: &mut F, entity: Entity, slot: Slot) -> ObjId {
    value(facts, entity, slot)
        .and_then(|value| value.as_obj())
        .unwrap_or(ObjId::NOTHING)
}

/// What permanent and anonymous objects have in common; `None` if there is no such object.
pub(crate) fn image<F: Facts>(facts: &mut F, entity: Entity) -> Option<ObjectImage> {
    let (mut image, properties) = begun(facts, entity)?;
    let name = value(facts, entity, Slot::NAME).and_then(|name| name.as_str().cloned());
    image.name = name.unwrap_or_default();
    image.last_move = value(facts, entity, Slot::LAST_MOVE).unwrap_or(Value::None);
    for (prop, property) in properties.into_iter().zip(&mut image.propvals) {
        property.value = value(facts, entity, Slot::value(prop));
    }
    image.verbs = verbs(facts, entity);
    Some(image)
}

/// What descendants have from an object: owner, flags, parents, and its properties without values; `None` if there is
/// no such object.
pub(crate) fn outline<F: Facts>(facts: &mut F, entity: Entity) -> Option<ObjectImage> {
    begun(facts, entity).map(|(image, _)| image)
}

/// An outline, and the properties in it.
fn begun<F: Facts>(facts: &mut F, entity: Entity) -> Option<(ObjectImage, Vec<PropId>)> {
    let Value::Int(flags) = value(facts, entity, Slot::FLAGS)? else {
        return None;
    };
    let owner = object_at(facts, entity, Slot::OWNER);
    let mut image = ObjectImage::new(ObjId::NOTHING, "", owner);
    image.flags = ObjectFlags::from_bits(flags);
    image.parents = facts.parents_of(entity).as_slice().to_vec();
    let defs = facts.defs_of(entity);
    let defs = defs.iter().flat_map(|defs| &defs.0);
    image.propdefs = defs.map(|def| def.name.clone()).collect();
    let properties = properties(facts, entity);
    let without_value = |(_, PropInfo { owner, flags }): &_| PropImage {
        value: None,
        owner: *owner,
        flags: *flags,
    };
    image.propvals = properties.iter().map(without_value).collect();
    Some((
        image,
        properties.into_iter().map(|(prop, _)| prop).collect(),
    ))
}

/// The definitions of an entity and its ancestors, in the order of property values, each with whether waifs
/// have it.
pub(crate) fn definitions<F: Facts>(facts: &mut F, entity: Entity) -> Vec<(PropId, bool)> {
    let line = ancestors(facts, entity);
    let holders = std::iter::once(entity).chain(line.into_iter().map(Entity::object));
    let defs = holders
        .filter_map(|holder| facts.defs_of(holder))
        .collect::<Vec<_>>();
    let defs = defs.iter().flat_map(|defs| defs.0.iter());
    defs.map(|def| (def.id, def.name.as_str().starts_with(':')))
        .collect()
}

/// The properties of an entity with owner and permissions, in the order of property values.
fn properties<F: Facts>(facts: &mut F, entity: Entity) -> Vec<(PropId, PropInfo)> {
    let slot = Slot::INFOS;
    let CellValue::Infos(infos) = facts.fact(CellKey { entity, slot }) else {
        return Vec::new();
    };
    let mut properties = Vec::new();
    for (prop, _) in definitions(facts, entity) {
        let info = infos
            .get(prop)
            .or_else(|| inherited_info(facts, entity, prop));
        properties.extend(info.map(|info| (prop, info)));
    }
    properties
}

/// What a new child would have: an anonymous object has no entry for a property that an ancestor got after it was
/// made.
fn inherited_info<F: Facts>(facts: &mut F, entity: Entity, prop: PropId) -> Option<PropInfo> {
    let owner = object_at(facts, entity, Slot::OWNER);
    let parents = facts.parents_of(entity);
    parents.as_slice().iter().find_map(|parent| {
        let (entity, slot) = (Entity::object(*parent), Slot::INFOS);
        match facts.fact(CellKey { entity, slot }) {
            CellValue::Infos(infos) => Some(infos.get(prop)?.inherited_by(owner)),
            _ => None,
        }
    })
}

fn verbs<F: Facts>(facts: &mut F, entity: Entity) -> Vec<VerbImage> {
    let verbs = facts.verbs_of(entity).unwrap_or_default();
    let image = |verb: &crate::verb::Verb| VerbImage {
        names: verb.names.clone(),
        owner: verb.owner,
        flags: verb.flags,
        args: verb.args,
        source: facts.code_of(entity, verb).source().as_str().to_owned(),
    };
    verbs.0.iter().map(image).collect()
}
