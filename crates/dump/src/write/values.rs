//! Values of a textdump.
//! In: values that the format has a place for. Out: lines. Anonymous objects get their numbers, and waifs their
//! indices, in the order of first mention.

use std::io;

use moor_value::{ObjId, Value, write_general};
use moor_world::PropImage;
use rustc_hash::FxHashMap;

use super::lines::LineWriter;
use super::survey::Lost;
use crate::kind;
use crate::source::WorldSource;
use crate::task::Slot;

/// Digits of a float: C's `DBL_DIG` and four more, as both servers write them; enough to be read back exactly.
const FLOAT_DIGITS: usize = 19;

/// Writes values and remembers the things without numbers that they name.
pub(crate) struct ValueWriter<'a> {
    world: &'a (dyn WorldSource + Sync),
    anons: FxHashMap<u64, i64>,
    last_number: i64,
    /// Anonymous objects that were mentioned and are not written yet, with their numbers.
    mentioned: Vec<(u64, i64)>,
    waifs: FxHashMap<u64, usize>,
    places: FxHashMap<ObjId, usize>,
}

impl<'a> ValueWriter<'a> {
    pub(crate) fn new(world: &'a (dyn WorldSource + Sync)) -> Self {
        Self {
            world,
            anons: FxHashMap::default(),
            last_number: world.max_object().0,
            mentioned: Vec::new(),
            waifs: FxHashMap::default(),
            places: FxHashMap::default(),
        }
    }

    /// The anonymous objects that were mentioned for the first time since the last call.
    pub(crate) fn take_mentioned(&mut self) -> Vec<(u64, i64)> {
        std::mem::take(&mut self.mentioned)
    }

    pub(crate) fn value(&mut self, lines: &mut LineWriter<'_>, value: &Value) -> io::Result<()> {
        match value {
            Value::None => lines.int(kind::NONE),
            Value::Int(number) => pair(lines, kind::INT, *number),
            Value::Obj(id) => pair(lines, kind::OBJ, id.0),
            Value::Err(code) => pair(lines, kind::ERR, i64::from(code.number())),
            Value::Bool(truth) => pair(lines, kind::BOOL, i64::from(*truth)),
            Value::Float(number) => {
                lines.int(kind::FLOAT)?;
                let mut text = String::new();
                // Writing to a string does not fail.
                let _ = write_general(&mut text, *number, FLOAT_DIGITS);
                lines.text(&text)
            }
            Value::Str(text) => {
                lines.int(kind::STR)?;
                lines.text(text.as_str())
            }
            Value::List(list) => {
                pair(lines, kind::LIST, list.len() as i64)?;
                list.iter().try_for_each(|item| self.value(lines, item))
            }
            Value::Map(map) => {
                pair(lines, kind::MAP, map.len() as i64)?;
                map.iter().try_for_each(|(key, value)| {
                    self.value(lines, key)?;
                    self.value(lines, value)
                })
            }
            Value::Anon(anon) => self.anon(lines, anon.id()),
            Value::Waif(waif) => self.waif(lines, waif.id(), (waif.class(), waif.owner())),
            // The survey has refused the export before anything was written.
            Value::Sym(_)
            | Value::Error(_)
            | Value::Binary(_)
            | Value::Fly(_)
            | Value::Lambda(_) => Err(io::Error::other("a value that no textdump has a place for")),
        }
    }

    /// A place on the stack of a task.
    pub(crate) fn slot(&mut self, lines: &mut LineWriter<'_>, slot: &Slot) -> io::Result<()> {
        match slot {
            Slot::Value(value) => self.value(lines, value),
            Slot::Clear => lines.int(kind::CLEAR),
            Slot::Iterator(key) => {
                lines.int(kind::ITER)?;
                match key {
                    Some(key) => self.value(lines, key),
                    None => lines.int(kind::CLEAR),
                }
            }
            Slot::Catch(arms) => pair(lines, kind::CATCH, *arms),
            Slot::Finally(offset) => pair(lines, kind::FINALLY, *offset),
        }
    }

    pub(crate) fn property(
        &mut self,
        lines: &mut LineWriter<'_>,
        property: &PropImage,
    ) -> io::Result<()> {
        match &property.value {
            Some(value) => self.value(lines, value)?,
            None => lines.int(kind::CLEAR)?,
        }
        lines.obj(property.owner)?;
        lines.int(i64::from(property.flags.bits()))
    }

    /// An anonymous object or a waif to which nothing refers.
    pub(crate) fn lost(&mut self, lines: &mut LineWriter<'_>, lost: Lost) -> io::Result<()> {
        match lost {
            Lost::Anon(id) => self.anon(lines, id),
            Lost::Waif(id) => {
                let waif = self.world.waif(id);
                let of = waif.map_or((ObjId::NOTHING, ObjId::NOTHING), |waif| {
                    (waif.class, waif.owner)
                });
                self.waif(lines, id, of)
            }
        }
    }

    fn anon(&mut self, lines: &mut LineWriter<'_>, id: u64) -> io::Result<()> {
        let number = match self.anons.get(&id) {
            Some(number) => *number,
            None if self.world.anon(id).is_none() => kind::NO_OBJECT,
            None => {
                self.last_number += 1;
                self.anons.insert(id, self.last_number);
                self.mentioned.push((id, self.last_number));
                self.last_number
            }
        };
        pair(lines, kind::ANON, number)
    }

    fn waif(
        &mut self,
        lines: &mut LineWriter<'_>,
        id: u64,
        (class, owner): (ObjId, ObjId),
    ) -> io::Result<()> {
        lines.int(kind::WAIF)?;
        if let Some(index) = self.waifs.get(&id) {
            lines.line(format_args!("r {index}"))?;
            return lines.text(".");
        }
        let index = self.waifs.len();
        self.waifs.insert(id, index);
        lines.line(format_args!("c {index}"))?;
        lines.obj(class)?;
        lines.obj(owner)?;
        let world = self.world;
        let places = *self
            .places
            .entry(class)
            .or_insert_with(|| world.waif_places(class));
        let waif = world.waif(id);
        // Its class may be gone, and its values still there: readers make room for as many as there are said to be.
        let last = waif.as_ref().and_then(|waif| waif.values.last());
        let places = places.max(last.map_or(0, |(place, _)| place + 1));
        lines.count(places as u64)?;
        for (place, value) in waif.iter().flat_map(|waif| &waif.values) {
            lines.count(*place as u64)?;
            self.value(lines, value)?;
        }
        lines.int(-1)?;
        lines.text(".")
    }
}

fn pair(lines: &mut LineWriter<'_>, kind: i64, number: i64) -> io::Result<()> {
    lines.int(kind)?;
    lines.int(number)
}
