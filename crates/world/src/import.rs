//! From an image to a new store: the check of what came from outside.
//! In: a [`WorldImage`]. Out: the first thing that is wrong with it, or an image whose rows can be written, with which
//! [`Loader`](crate::Loader) then starts a world. It reads no file format; the rows are made in `writer`.

mod writer;

use std::sync::Arc;

use moor_value::{ObjId, Symbol};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::arena::OBJECTS_MAX;
use crate::cell::{CellValue, Parents};
use crate::ids::{CellKey, PropId, Slot};
use crate::image::{ObjectImage, WaifImage, WorldImage};
use crate::lookup::{Facts, ancestors};
use crate::ops::ObjectFlags;
use crate::property::{PropDef, PropDefs};

/// What is wrong with an image.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A number is negative, above the last one, or above what a world can hold.
    #[error("object number {id} is not from #0 to {last}, the last one")]
    Number {
        /// The number.
        id: ObjId,
        /// The last number that the image names.
        last: ObjId,
    },
    /// Two images have the same number.
    #[error("{id} is there twice")]
    Twice {
        /// The number.
        id: ObjId,
    },
    /// An object refers to another that is not there.
    #[error("{id} has the {relation} {missing}, which does not exist")]
    Missing {
        /// Who refers.
        id: ObjId,
        /// As what: "parent", "child", "location" and so on.
        relation: &'static str,
        /// To whom.
        missing: ObjId,
    },
    /// A list and what it lists do not agree.
    #[error(
        "{listed} is among the {list} of {id}, or should be, but not exactly once on both sides"
    )]
    Mismatch {
        /// Whose list.
        id: ObjId,
        /// Which list: "children", "contents" or "players".
        list: &'static str,
        /// Who is listed, or should be.
        listed: ObjId,
    },
    /// An object is its own ancestor, or inside itself.
    #[error("{id} is among its own {relation}")]
    Cycle {
        /// The object.
        id: ObjId,
        /// "ancestors" or "locations".
        relation: &'static str,
    },
    /// The number of property values is not that of its own and inherited definitions.
    #[error("{owner} has {found} property values; it and its ancestors define {expected}")]
    PropertyCount {
        /// The object, or the anonymous object's or waif's id.
        owner: String,
        /// How many values the image has.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
}

/// An image that was checked.
#[derive(Debug)]
pub struct CheckedImage<'a> {
    image: &'a WorldImage,
    by_id: FxHashMap<ObjId, &'a ObjectImage>,
    /// The definitions of each object that has some.
    defs: FxHashMap<ObjId, Arc<PropDefs>>,
}

/// The parents and definitions of an image, for lookups along ancestors.
struct ImageFacts<'a>(&'a CheckedImage<'a>);

impl Facts for ImageFacts<'_> {
    fn fact(&mut self, key: CellKey) -> CellValue {
        let Some(id) = key.entity.as_object() else {
            return CellValue::Absent;
        };
        match key.slot {
            Slot::PARENTS => {
                let object = self.0.by_id.get(&id);
                object.map_or(CellValue::Absent, |object| {
                    Parents::from_slice(&object.parents).into()
                })
            }
            Slot::DEFS => self
                .0
                .defs
                .get(&id)
                .map_or(CellValue::Absent, |defs| CellValue::Defs(defs.clone())),
            _ => CellValue::Absent,
        }
    }
}

impl WorldImage {
    /// Checks that the image is a world: numbers, references, lists, absence of cycles, properties.
    ///
    /// # Errors
    /// The first [`ImportError`] found.
    pub fn check(&self) -> Result<CheckedImage<'_>, ImportError> {
        let mut checked = CheckedImage {
            image: self,
            by_id: FxHashMap::default(),
            defs: FxHashMap::default(),
        };
        checked.check_numbers()?;
        checked.check_references()?;
        checked.check_lists()?;
        checked.check_cycles()?;
        checked.number_properties();
        checked.check_properties()?;
        Ok(checked)
    }
}

impl<'a> CheckedImage<'a> {
    fn check_numbers(&mut self) -> Result<(), ImportError> {
        let last = self.image.max_object;
        if last.0 < -1 || last.0 >= OBJECTS_MAX {
            return Err(ImportError::Number {
                id: last,
                last: ObjId(OBJECTS_MAX - 1),
            });
        }
        for object in &self.image.objects {
            let is_number = object.id.0 >= 0 && object.id <= last;
            if !is_number && !object.id.is_unique() {
                return Err(ImportError::Number {
                    id: object.id,
                    last,
                });
            }
            if self.by_id.insert(object.id, object).is_some() {
                return Err(ImportError::Twice { id: object.id });
            }
        }
        Ok(())
    }

    fn must_have(
        &self,
        id: ObjId,
        relation: &'static str,
        wanted: &[ObjId],
    ) -> Result<(), ImportError> {
        match wanted
            .iter()
            .find(|wanted| !self.by_id.contains_key(wanted))
        {
            Some(missing) => Err(ImportError::Missing {
                id,
                relation,
                missing: *missing,
            }),
            None => Ok(()),
        }
    }

    fn check_references(&self) -> Result<(), ImportError> {
        for object in &self.image.objects {
            self.must_have(object.id, "parent", &object.parents)?;
            self.must_have(object.id, "child", &object.children)?;
            self.must_have(object.id, "content", &object.contents)?;
            if object.location != ObjId::NOTHING {
                self.must_have(object.id, "location", &[object.location])?;
            }
        }
        for anon in &self.image.anons {
            self.must_have(
                ObjId::NOTHING,
                "anonymous object's parent",
                &anon.object.parents,
            )?;
        }
        self.must_have(ObjId::NOTHING, "player", &self.image.players)
    }

    fn check_lists(&self) -> Result<(), ImportError> {
        let objects = || self.image.objects.iter();
        let children =
            objects().flat_map(|object| object.children.iter().map(|child| (object.id, *child)));
        let parents =
            objects().flat_map(|object| object.parents.iter().map(|parent| (*parent, object.id)));
        agree("children", children, parents)?;
        let contents =
            objects().flat_map(|object| object.contents.iter().map(|thing| (object.id, *thing)));
        let placed = objects().filter(|object| object.location != ObjId::NOTHING);
        agree(
            "contents",
            contents,
            placed.map(|object| (object.location, object.id)),
        )?;
        let players = self
            .image
            .players
            .iter()
            .map(|player| (ObjId::NOTHING, *player));
        let flagged = objects().filter(|object| object.flags.has(ObjectFlags::PLAYER));
        agree(
            "players",
            players,
            flagged.map(|object| (ObjId::NOTHING, object.id)),
        )
    }

    fn check_cycles(&self) -> Result<(), ImportError> {
        let in_ancestors = first_in_cycle(&self.image.objects, |id| {
            self.by_id
                .get(&id)
                .map_or(&[][..], |object| &object.parents)
        });
        let in_locations = first_in_cycle(&self.image.objects, |id| {
            self.by_id
                .get(&id)
                .map_or(&[][..], |object| std::slice::from_ref(&object.location))
        });
        match (in_ancestors, in_locations) {
            (Some(id), _) => Err(ImportError::Cycle {
                id,
                relation: "ancestors",
            }),
            (_, Some(id)) => Err(ImportError::Cycle {
                id,
                relation: "locations",
            }),
            (None, None) => Ok(()),
        }
    }

    /// Gives every definition its identity.
    fn number_properties(&mut self) {
        let mut next = 1;
        for object in self
            .image
            .objects
            .iter()
            .filter(|object| !object.propdefs.is_empty())
        {
            let defs = object.propdefs.iter().map(|name| {
                let id = PropId(next);
                next += 1;
                PropDef {
                    name: name.clone(),
                    symbol: Symbol::intern(name.as_str()),
                    id,
                }
            });
            self.defs
                .insert(object.id, Arc::new(PropDefs(defs.collect())));
        }
    }

    fn check_properties(&self) -> Result<(), ImportError> {
        for object in &self.image.objects {
            let line = self.line_of(object.id);
            self.check_count(
                &object.id.to_string(),
                object.propvals.len(),
                self.properties_of(&line).len(),
            )?;
        }
        for anon in &self.image.anons {
            let expected = self
                .properties_of(&self.line_of_parents(&anon.object.parents))
                .len();
            let owner = format!("anonymous object {}", anon.id);
            self.check_count(
                &owner,
                anon.object.propvals.len(),
                expected + anon.object.propdefs.len(),
            )?;
        }
        for waif in &self.image.waifs {
            let known = self.waif_properties(waif).len();
            let above = waif
                .values
                .iter()
                .map(|(place, _)| place + 1)
                .max()
                .unwrap_or(0);
            if above > known && self.by_id.contains_key(&waif.class) {
                self.check_count(&format!("waif {}", waif.id), above, known)?;
            }
        }
        Ok(())
    }

    fn check_count(&self, owner: &str, found: usize, expected: usize) -> Result<(), ImportError> {
        if found == expected {
            return Ok(());
        }
        Err(ImportError::PropertyCount {
            owner: owner.to_owned(),
            found,
            expected,
        })
    }

    /// An object and its ancestors in the order of its property values.
    fn line_of(&self, id: ObjId) -> Vec<ObjId> {
        std::iter::once(id)
            .chain(ancestors(&mut ImageFacts(self), id.into()))
            .collect()
    }

    fn line_of_parents(&self, parents: &[ObjId]) -> Vec<ObjId> {
        let mut seen = FxHashSet::default();
        let line = parents.iter().flat_map(|parent| self.line_of(*parent));
        line.filter(|id| seen.insert(*id)).collect()
    }

    fn properties_of(&self, line: &[ObjId]) -> Vec<&PropDef> {
        line.iter()
            .filter_map(|id| self.defs.get(id))
            .flat_map(|defs| defs.0.iter())
            .collect()
    }

    fn waif_properties(&self, waif: &WaifImage) -> Vec<PropId> {
        let line = self.line_of(waif.class);
        let properties = self.properties_of(&line);
        properties
            .into_iter()
            .filter(|def| def.name.as_str().starts_with(':'))
            .map(|def| def.id)
            .collect()
    }
}

/// Both sides of a relation name the same pairs, each once.
fn agree(
    list: &'static str,
    listed: impl Iterator<Item = (ObjId, ObjId)>,
    wanted: impl Iterator<Item = (ObjId, ObjId)>,
) -> Result<(), ImportError> {
    let mut open: FxHashSet<(ObjId, ObjId)> = FxHashSet::default();
    let mismatch = |(id, listed)| ImportError::Mismatch { id, list, listed };
    for pair in listed {
        if !open.insert(pair) {
            return Err(mismatch(pair));
        }
    }
    for pair in wanted {
        if !open.remove(&pair) {
            return Err(mismatch(pair));
        }
    }
    open.into_iter()
        .min()
        .map_or(Ok(()), |pair| Err(mismatch(pair)))
}

/// An object from which the relation leads back to it.
fn first_in_cycle<'a>(
    objects: &[ObjectImage],
    next: impl Fn(ObjId) -> &'a [ObjId],
) -> Option<ObjId> {
    let mut done: FxHashSet<ObjId> = FxHashSet::default();
    for object in objects {
        let mut on_path: FxHashSet<ObjId> = FxHashSet::default();
        let mut stack = vec![(object.id, false)];
        while let Some((id, leaving)) = stack.pop() {
            if leaving {
                on_path.remove(&id);
                done.insert(id);
            } else if on_path.contains(&id) {
                return Some(id);
            } else if !done.contains(&id) {
                on_path.insert(id);
                stack.push((id, true));
                stack.extend(next(id).iter().map(|next| (*next, false)));
            }
        }
    }
    None
}
