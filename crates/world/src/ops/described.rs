//! Objects as they are written down: one to read as a whole, one made or changed as a description says.
//! In: permissions, an entity, a description. Out: an image; or the object as it is described, or the place of the
//! description that cannot be, and then nothing has changed. What the text of a description looks like is not known
//! here, and no verb is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use moor_value::{ErrorCode, ObjId, Symbol, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use super::hierarchy::{children_key, has_duplicates, ids};
use super::movement::contents_key;
use super::{Builtin, MooResult, ObjectFlags};
use crate::cell::CellValue;
use crate::ids::{Entity, MemberKey, PropId, Slot};
use crate::image::ObjectImage;
use crate::imaging;
use crate::lookup::{Facts, ancestors};
use crate::property::{PropDef, PropFlags, PropInfo, PropInfos};
use crate::spec::{Access, At, ObjectSpec, OverrideSpec, PropertySpec, VerbSpec};
use crate::transaction::Transaction;
use crate::verb::{Verb, VerbCode};

/// Which object is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewObject {
    /// One with the next number.
    Next,
    /// One with this number or unique id, which nobody has.
    At(ObjId),
    /// An anonymous one.
    Anonymous,
}

/// Why an object cannot be as it is described.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misfit {
    /// The error that a program sees.
    pub code: ErrorCode,
    /// The line of the description, 0 where it has none.
    pub line: u32,
    /// What cannot be, in words.
    pub what: String,
}

impl Misfit {
    fn new(code: ErrorCode, at: At, what: impl Into<String>) -> Self {
        Self {
            code,
            line: at.line,
            what: what.into(),
        }
    }

    fn invalid(at: At, what: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvArg, at, what)
    }
}

/// What makes the code of a verb of its canonical source.
pub type MakeCode<'a> = dyn Fn(&str) -> Arc<VerbCode> + 'a;

/// What looking at a description has found.
struct Plan<'s> {
    /// The properties that it inherits, in order.
    inherited: Vec<PropDef>,
    /// What it says of some of them.
    overrides: FxHashMap<PropId, &'s OverrideSpec>,
}

impl From<Access<PropFlags>> for PropInfo {
    fn from(Access { owner, flags }: Access<PropFlags>) -> Self {
        Self { owner, flags }
    }
}

fn symbol(property: &PropertySpec) -> Symbol {
    Symbol::intern(property.name.as_str())
}

impl Transaction {
    /// The image of a permanent or anonymous object, whoever asks; `None` if there is none.
    pub fn image(&mut self, entity: Entity) -> Option<ObjectImage> {
        let mut image = imaging::image(self, entity)?;
        if let Some(id) = entity.as_object() {
            image.id = id;
            image.location = self.location(entity);
            image.contents = ids(&self.contents(id));
            image.children = ids(&self.members(children_key(id)));
        }
        Some(image)
    }

    /// Of an object what its descendants have from it, whoever asks: an image with parents, owner, flags, and properties
    /// without values.
    pub fn outline(&mut self, id: ObjId) -> Option<ObjectImage> {
        let mut image = imaging::outline(self, id.into())?;
        image.id = id;
        Some(image)
    }

    /// Makes an object as it is described, without `:initialize`. An owner that does not exist is kept; one that is the
    /// object to come is the object.
    ///
    /// # Errors
    /// E_PERM for all but wizards and for a number that is taken; E_INVARG for what cannot be, such as parents that do
    /// not exist; E_RECMOVE for a place within itself; E_QUOTA. Nothing has changed then.
    pub fn create_described(
        &mut self,
        perms: ObjId,
        new: NewObject,
        spec: &ObjectSpec,
        code: &MakeCode<'_>,
    ) -> Result<Value, Misfit> {
        let is_anonymous = new == NewObject::Anonymous;
        let plan = self.check_description(perms, None, is_anonymous, spec)?;
        let made = self.create_bare(perms, new, spec);
        let made = made.map_err(|code| {
            let what = match code {
                ErrorCode::Quota => "the owner's quota, or the numbers, do not allow the object",
                ErrorCode::Perm => "an object has this number",
                _ => "no object can be made with this number, owner and parents",
            };
            Misfit::new(code, spec.place, what)
        })?;
        if let Some(entity) = Entity::of(&made) {
            self.fulfil(entity, spec, &plan, code);
        }
        Ok(made)
    }

    fn create_bare(&mut self, perms: ObjId, new: NewObject, spec: &ObjectSpec) -> MooResult<Value> {
        let owner = match self.valid_object(spec.owner) {
            true => spec.owner,
            false => ObjId::NOTHING,
        };
        let parents = &spec.parents;
        Ok(match new {
            NewObject::Next => Value::Obj(self.create(perms, parents, owner)?),
            NewObject::At(id) => {
                self.create_at(perms, id, parents, owner)?;
                Value::Obj(id)
            }
            NewObject::Anonymous => Value::Anon(self.create_anonymous(perms, parents, owner)?),
        })
    }

    /// Makes an object that exists what is described, and nothing besides: properties and verbs that are not described
    /// go. Verbs with the same names, and properties with the same name, stay the same ones. Orders of contents and
    /// children that are not described stay.
    ///
    /// # Errors
    /// As [`create_described`](Self::create_described), without E_QUOTA; E_INVARG too when the object does not exist.
    pub fn become_described(
        &mut self,
        perms: ObjId,
        entity: Entity,
        spec: &ObjectSpec,
        code: &MakeCode<'_>,
    ) -> Result<(), Misfit> {
        let plan = self.check_description(perms, Some(entity), false, spec)?;
        self.fulfil(entity, spec, &plan, code);
        Ok(())
    }

    /// Whether an object can be as it is described: one that exists, or one to come, which may be anonymous.
    ///
    /// # Errors
    /// As [`become_described`](Self::become_described).
    pub fn check_described(
        &mut self,
        perms: ObjId,
        entity: Option<Entity>,
        is_anonymous: bool,
        spec: &ObjectSpec,
    ) -> Result<(), Misfit> {
        let plan = self.check_description(perms, entity, is_anonymous, spec);
        plan.map(drop)
    }

    fn check_description<'s>(
        &mut self,
        perms: ObjId,
        entity: Option<Entity>,
        is_anonymous: bool,
        spec: &'s ObjectSpec,
    ) -> Result<Plan<'s>, Misfit> {
        if !self.is_wizard(perms) {
            return Err(Misfit::new(ErrorCode::Perm, spec.place, "wizards only"));
        }
        if entity.is_some_and(|entity| !self.valid(entity)) {
            return Err(Misfit::invalid(spec.place, "the object is gone"));
        }
        let is_anonymous =
            is_anonymous || entity.is_some_and(|entity| entity.as_object().is_none());
        let powers = [
            ObjectFlags::PLAYER,
            ObjectFlags::PROGRAMMER,
            ObjectFlags::WIZARD,
        ];
        if is_anonymous && powers.iter().any(|power| spec.flags.has(*power)) {
            let what = "an anonymous object is no player, programmer or wizard";
            return Err(Misfit::invalid(spec.place, what));
        }
        self.check_place(entity, spec)?;
        let inherited = self.check_parents(entity, spec)?;
        self.check_definitions(entity, spec, &inherited)?;
        let overrides = found_overrides(spec, &inherited)?;
        check_verbs(spec)?;
        let inherited = inherited.into_iter().map(|(_, def)| def).collect();
        Ok(Plan {
            inherited,
            overrides,
        })
    }

    fn check_place(&mut self, entity: Option<Entity>, spec: &ObjectSpec) -> Result<(), Misfit> {
        let to = spec.location;
        if to != ObjId::NOTHING && !self.valid_object(to) {
            let what = format!("the location {to} does not exist");
            return Err(Misfit::invalid(spec.place, what));
        }
        let object = entity.and_then(Entity::as_object);
        match object.is_some_and(|object| self.is_inside(to, object)) {
            true => {
                let what = format!("the location {to} is within the object");
                Err(Misfit::new(ErrorCode::RecMove, spec.place, what))
            }
            false => Ok(()),
        }
    }

    /// The definitions that the object inherits, each with who has it, in order.
    fn check_parents(
        &mut self,
        entity: Option<Entity>,
        spec: &ObjectSpec,
    ) -> Result<Vec<(ObjId, PropDef)>, Misfit> {
        let parents = &spec.parents;
        let invalid = |what| Err(Misfit::invalid(spec.place, what));
        if let Some(gone) = parents.iter().find(|parent| !self.valid_object(**parent)) {
            return invalid(format!("the parent {gone} does not exist"));
        }
        if has_duplicates(parents) {
            return invalid("a parent is there twice".to_owned());
        }
        let is_below = |txn: &mut Self, parent: ObjId| {
            entity.is_some_and(|entity| txn.isa(parent.into(), entity))
        };
        if let Some(below) = parents.iter().find(|parent| is_below(self, **parent)) {
            let what = format!("the parent {below} is the object, or descends from it");
            return Err(Misfit::new(ErrorCode::RecMove, spec.place, what));
        }
        let inherited = self.inherited_definitions(parents);
        if entity.is_some_and(|entity| self.parents(entity) == *parents) {
            return Ok(inherited);
        }
        let mut seen = FxHashSet::default();
        let twice = inherited.iter().find(|(_, def)| !seen.insert(def.symbol));
        if let Some((_, def)) = twice {
            return invalid(format!("several ancestors define `{}`", def.name));
        }
        let below = self.definitions_below(entity);
        match below.iter().find(|def| seen.contains(&def.symbol)) {
            Some(def) => invalid(format!("ancestors and descendants define `{}`", def.name)),
            None => Ok(inherited),
        }
    }

    fn inherited_definitions(&mut self, parents: &[ObjId]) -> Vec<(ObjId, PropDef)> {
        let mut line = Vec::new();
        let mut seen = FxHashSet::default();
        for parent in parents {
            let above = ancestors(self, (*parent).into());
            let whole = std::iter::once(*parent).chain(above);
            line.extend(whole.filter(|id| seen.insert(*id)));
        }
        let mut found = Vec::new();
        for id in line {
            let defs = self.own_defs(id.into());
            found.extend(defs.into_iter().map(|def| (id, def)));
        }
        found
    }

    fn definitions_below(&mut self, entity: Option<Entity>) -> Vec<PropDef> {
        let Some(entity) = entity else {
            return Vec::new();
        };
        let below = self.with_descendants(entity);
        let below = below.into_iter().skip(1);
        below.flat_map(|holder| self.own_defs(holder)).collect()
    }

    fn check_definitions(
        &mut self,
        entity: Option<Entity>,
        spec: &ObjectSpec,
        inherited: &[(ObjId, PropDef)],
    ) -> Result<(), Misfit> {
        let own = entity.map(|entity| self.own_defs(entity));
        let own = own.unwrap_or_default();
        let has = |defs: &[PropDef], name| defs.iter().any(|def| def.symbol == name);
        let mut below = None;
        let mut seen = FxHashSet::default();
        for property in &spec.properties {
            let name = symbol(property);
            let is_above = inherited.iter().find(|(_, def)| def.symbol == name);
            let why = match is_above {
                _ if !seen.insert(name) => "is defined twice".to_owned(),
                _ if Builtin::of(name).is_some() => "is a property of every object".to_owned(),
                // A world from elsewhere may have several of a name.
                _ if has(&own, name) => continue,
                Some((definer, _)) => format!("is defined by the ancestor {definer}"),
                None => {
                    let below = below.get_or_insert_with(|| self.definitions_below(entity));
                    if !has(below, name) {
                        continue;
                    }
                    "is defined by a descendant".to_owned()
                }
            };
            let what = format!("`{}` {why}", property.name);
            return Err(Misfit::invalid(property.place, what));
        }
        Ok(())
    }

    /// Makes the object so, after all was looked at.
    fn fulfil(&mut self, entity: Entity, spec: &ObjectSpec, plan: &Plan<'_>, code: &MakeCode<'_>) {
        self.drop_definitions(entity, spec);
        if self.parents(entity) != spec.parents {
            self.change_parents(entity, &spec.parents, &[]);
        }
        self.put_facts(entity, spec);
        self.put_definitions(entity, spec);
        self.put_infos(entity, spec, plan);
        self.put_values(entity, spec, plan);
        self.put_verbs(entity, spec, code);
        if let Some(id) = entity.as_object() {
            self.put_place(id, spec);
        }
        // What it has found of properties may stand elsewhere now.
        self.properties.clear();
    }

    fn drop_definitions(&mut self, entity: Entity, spec: &ObjectSpec) {
        let kept: FxHashSet<Symbol> = spec.properties.iter().map(symbol).collect();
        loop {
            let defs = self.own_defs(entity);
            let lost = defs.iter().position(|def| !kept.contains(&def.symbol));
            match lost {
                Some(at) => self.undefine(entity, defs, at),
                None => return,
            }
        }
    }

    fn put_facts(&mut self, entity: Entity, spec: &ObjectSpec) {
        if let Some(id) = entity.as_object() {
            self.set_member_of_players(id, spec.flags.has(ObjectFlags::PLAYER));
        }
        let values = [
            (Slot::FLAGS, Value::Int(spec.flags.bits())),
            (Slot::OWNER, Value::Obj(spec.owner)),
            (Slot::NAME, Value::Str(spec.name.clone())),
        ];
        for (slot, value) in values {
            self.write_value(entity, slot, value);
        }
    }

    fn put_definitions(&mut self, entity: Entity, spec: &ObjectSpec) {
        for property in &spec.properties {
            if !self.defines(entity, symbol(property)) {
                let def = PropDef {
                    name: property.name.clone(),
                    symbol: symbol(property),
                    id: self.world.new_prop(),
                };
                let value = property.value.clone().unwrap_or(Value::ZERO);
                self.define(entity, def, value, property.access.into());
            }
        }
        let own = self.own_defs(entity);
        let in_order = spec.properties.iter().filter_map(|property| {
            let def = own.iter().find(|def| def.symbol == symbol(property))?;
            Some(PropDef {
                name: property.name.clone(),
                ..def.clone()
            })
        });
        let in_order: Vec<PropDef> = in_order.collect();
        let same_names = |(one, other): (&PropDef, &PropDef)| one.name.eq_exact(&other.name);
        if in_order != own || !in_order.iter().zip(&own).all(same_names) {
            self.write_defs(entity, in_order);
        }
    }

    fn put_infos(&mut self, entity: Entity, spec: &ObjectSpec, plan: &Plan<'_>) {
        let inherited = self.inherited_entries(&spec.parents, spec.owner);
        let mut entries: BTreeMap<PropId, PropInfo> = inherited.into_iter().collect();
        for (prop, property) in &plan.overrides {
            if let Some(access) = property.access {
                entries.insert(*prop, access.into());
            }
        }
        for (def, property) in self.own_defs(entity).iter().zip(&spec.properties) {
            entries.insert(def.id, property.access.into());
        }
        let entries: Vec<_> = entries.into_iter().collect();
        let old = self.infos_of(entity);
        let old_entries = old.as_ref().map_or(&[][..], |old| old.entries());
        if old_entries == entries {
            return;
        }
        let same_set = old_entries.len() == entries.len()
            && old_entries.iter().zip(&entries).all(|(a, b)| a.0 == b.0);
        let new = match old.as_ref().filter(|_| same_set) {
            Some(old) => PropInfos::new(self.world.layouts.next(), old.layout, entries),
            None => self.new_infos(entries),
        };
        self.write_infos(entity, Some(new));
    }

    fn put_values(&mut self, entity: Entity, spec: &ObjectSpec, plan: &Plan<'_>) {
        for (def, property) in self.own_defs(entity).iter().zip(&spec.properties) {
            self.put_value(entity, def.id, property.value.as_ref());
        }
        for def in &plan.inherited {
            let value = plan.overrides.get(&def.id);
            self.put_value(entity, def.id, value.and_then(|one| one.value.as_ref()));
        }
    }

    fn put_value(&mut self, entity: Entity, prop: PropId, value: Option<&Value>) {
        match value {
            Some(value) => {
                self.write_value(entity, Slot::value(prop), value.clone());
            }
            None => self.drop_value(entity, prop),
        }
    }

    fn put_verbs(&mut self, entity: Entity, spec: &ObjectSpec, code: &MakeCode<'_>) {
        let mut old: Vec<Option<Verb>> = self
            .verb_table(entity)
            .0
            .iter()
            .cloned()
            .map(Some)
            .collect();
        let mut verbs = Vec::new();
        for wanted in &spec.verbs {
            let is_it = |verb: &Option<Verb>| {
                verb.as_ref()
                    .is_some_and(|verb| verb.names.eq_fold(&wanted.names))
            };
            let known = old
                .iter_mut()
                .find(|verb| is_it(verb))
                .and_then(Option::take);
            let is_same_code = known.as_ref().is_some_and(|known| {
                self.code_of(entity, known).source().as_str() == wanted.source
            });
            let id = known.map_or_else(|| self.world.new_verb(), |known| known.id);
            if !is_same_code {
                let code = CellValue::Code(code(&wanted.source));
                self.write(entity, Slot::code(id), code);
            }
            verbs.push(Verb {
                id,
                names: wanted.names.clone(),
                owner: wanted.access.owner,
                flags: wanted.access.flags,
                args: wanted.args,
            });
        }
        for lost in old.into_iter().flatten() {
            self.write(entity, Slot::code(lost.id), CellValue::Absent);
        }
        self.write_verbs(entity, verbs);
    }

    fn put_place(&mut self, id: ObjId, spec: &ObjectSpec) {
        let entity = Entity::object(id);
        if self.location(entity) != spec.location {
            self.put_into(id, spec.location, 0);
        }
        match spec.last_move.is_none() {
            true if self.value_cell(entity, Slot::LAST_MOVE).is_none() => {}
            true => {
                self.write(entity, Slot::LAST_MOVE, CellValue::Absent);
            }
            false => {
                self.write_value(entity, Slot::LAST_MOVE, spec.last_move.clone());
            }
        }
        self.put_order(contents_key(id), spec.contents.as_deref());
        self.put_order(children_key(id), spec.children.as_deref());
    }

    /// Those who are named come first, in the order in which they are; who the members are stays.
    fn put_order(&mut self, key: MemberKey, wanted: Option<&[ObjId]>) {
        let Some(wanted) = wanted else {
            return;
        };
        let members = ids(&self.members(key));
        let mut open: FxHashSet<ObjId> = members.iter().copied().collect();
        let named = wanted.iter().copied().filter(|id| open.remove(id));
        let mut ordered: Vec<ObjId> = named.collect();
        ordered.extend(members.iter().copied().filter(|id| open.contains(id)));
        if ordered != members {
            ordered.into_iter().for_each(|id| self.add_member(key, id));
        }
    }
}

/// The properties that overrides are about.
fn found_overrides<'s>(
    spec: &'s ObjectSpec,
    inherited: &[(ObjId, PropDef)],
) -> Result<FxHashMap<PropId, &'s OverrideSpec>, Misfit> {
    let mut overrides = FxHashMap::default();
    for property in &spec.overrides {
        let called = &property.property;
        let name = Symbol::intern(called.name.as_str());
        let is_it = |(definer, def): &&(ObjId, PropDef)| {
            def.symbol == name && called.definer.is_none_or(|called| called == *definer)
        };
        let mut found = inherited.iter().filter(is_it);
        let why = match (found.next(), found.next()) {
            (Some((_, def)), None) if overrides.insert(def.id, property).is_none() => continue,
            (Some(_), None) => "is overridden twice".to_owned(),
            (Some(_), Some(_)) => format!(
                "is defined by several ancestors; write `{} of #N`",
                called.name
            ),
            (None, _) => "is defined by no such ancestor".to_owned(),
        };
        let what = format!("`{}` {why}", called.name);
        return Err(Misfit::invalid(property.place, what));
    }
    Ok(overrides)
}

fn check_verbs(spec: &ObjectSpec) -> Result<(), Misfit> {
    let is_nameless = |verb: &&VerbSpec| verb.names.as_str().trim_matches(' ').is_empty();
    match spec.verbs.iter().find(is_nameless) {
        Some(verb) => Err(Misfit::invalid(verb.place, "a verb has no name")),
        None => Ok(()),
    }
}
