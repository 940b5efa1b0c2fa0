//! Objects of a textdump and the programs of their verbs.
//! In: images. Out: lines, in LambdaMOO's layout with lists as links, or in that of the next generation.

use std::io;

use moor_value::{ObjId, Value};
use moor_world::{ObjectImage, VerbImage};

use super::{DumpWriter, Neighbours};
use crate::source_text;

/// Where the bits of a verb's argument specifiers begin.
const DOBJ_SHIFT: u32 = 4;
const IOBJ_SHIFT: u32 = 6;

const NO_NEIGHBOURS: Neighbours = Neighbours {
    content: ObjId::NOTHING,
    child: ObjId::NOTHING,
};

impl DumpWriter<'_> {
    /// Makes links of the lists of all objects.
    pub(super) fn find_neighbours(&mut self) {
        for number in 0..=self.world.max_object().0 {
            let Some(object) = self.world.object(ObjId(number)) else {
                continue;
            };
            for pair in object.contents.windows(2) {
                self.next.entry(pair[0]).or_insert(NO_NEIGHBOURS).content = pair[1];
            }
            for pair in object.children.windows(2) {
                self.next.entry(pair[0]).or_insert(NO_NEIGHBOURS).child = pair[1];
            }
        }
    }

    pub(super) fn linked_object(&mut self, object: &ObjectImage) -> io::Result<()> {
        let first = |list: &[ObjId]| list.first().copied().unwrap_or(ObjId::NOTHING);
        let next = self.next.get(&object.id).copied().unwrap_or(NO_NEIGHBOURS);
        let lines = &mut self.lines;
        lines.line(format_args!("#{}", object.id.0))?;
        lines.text(object.name.as_str())?;
        // Handles, which went out of use before LambdaMOO was published.
        lines.text("")?;
        lines.int(object.flags.bits())?;
        lines.obj(object.owner)?;
        lines.obj(object.location)?;
        lines.obj(first(&object.contents))?;
        lines.obj(next.content)?;
        lines.obj(first(&object.parents))?;
        lines.obj(first(&object.children))?;
        lines.obj(next.child)?;
        self.definitions(object)
    }

    pub(super) fn listed_object(&mut self, number: i64, object: &ObjectImage) -> io::Result<()> {
        self.lines.line(format_args!("#{number}"))?;
        self.lines.text(object.name.as_str())?;
        self.lines.int(object.flags.bits())?;
        self.lines.obj(object.owner)?;
        self.value(&Value::Obj(object.location))?;
        match object.last_move.is_none() {
            true => self.value(&Value::from(moor_value::Map::new()))?,
            false => self.value(&object.last_move)?,
        }
        self.value(&list(&object.contents))?;
        let parents = match object.parents[..] {
            [] => Value::Obj(ObjId::NOTHING),
            [parent] => Value::Obj(parent),
            _ => list(&object.parents),
        };
        self.value(&parents)?;
        self.value(&list(&object.children))?;
        self.definitions(object)
    }

    fn value(&mut self, value: &Value) -> io::Result<()> {
        self.values.value(&mut self.lines, value)
    }

    fn definitions(&mut self, object: &ObjectImage) -> io::Result<()> {
        self.lines.count(object.verbs.len() as u64)?;
        object.verbs.iter().try_for_each(|verb| self.verb(verb))?;
        self.lines.count(object.propdefs.len() as u64)?;
        for name in &object.propdefs {
            self.lines.text(name.as_str())?;
        }
        self.lines.count(object.propvals.len() as u64)?;
        for property in &object.propvals {
            self.values.property(&mut self.lines, property)?;
        }
        Ok(())
    }

    fn verb(&mut self, verb: &VerbImage) -> io::Result<()> {
        let (dobj, iobj) = (verb.args.dobj as u8, verb.args.iobj as u8);
        let bits = verb.flags.bits() | dobj << DOBJ_SHIFT | iobj << IOBJ_SHIFT;
        self.lines.text(verb.names.as_str())?;
        self.lines.obj(verb.owner)?;
        self.lines.int(i64::from(bits))?;
        self.lines.int(verb.args.prep.number())
    }

    /// The programs of all permanent objects, then those of these anonymous ones (ids with their numbers).
    pub(super) fn programs(&mut self, anons: &[(u64, i64)]) -> io::Result<()> {
        for number in 0..=self.world.max_object().0 {
            if let Some(object) = self.world.object(ObjId(number)) {
                self.programs_of(number, &object)?;
            }
        }
        for &(id, number) in anons {
            if let Some(object) = self.world.anon(id) {
                self.programs_of(number, &object)?;
            }
        }
        Ok(())
    }

    fn programs_of(&mut self, number: i64, object: &ObjectImage) -> io::Result<()> {
        for (place, verb) in object.verbs.iter().enumerate() {
            self.lines.line(format_args!("#{number}:{place}"))?;
            self.program(&verb.source)?;
        }
        Ok(())
    }

    /// The text of a program and the `.` that ends it.
    pub(super) fn program(&mut self, source: &str) -> io::Result<()> {
        // The survey has seen that it can be parsed.
        if let Some(ast) = source_text::parsed(source) {
            for line in source_text::textdump_lines(&ast) {
                self.lines.text(&line)?;
            }
        }
        self.lines.text(".")
    }
}

fn list(ids: &[ObjId]) -> Value {
    Value::List(ids.iter().copied().map(Value::Obj).collect())
}
