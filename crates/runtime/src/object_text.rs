//! Objects as text: what `dump_object()`, `load_object()` and `reload_object()` need of whoever knows the text.
//!
//! In: images and descriptions of objects, or lines. Out: the other. What the text looks like is not known here, nor what
//! becomes of a description.

use std::fmt;
use std::io;

use moor_compiler::CompileErrors;
use moor_value::codec::HandleResolver;
use moor_value::{AnonRef, ObjId, Value, WaifRef};
use moor_world::{Entity, ObjectImage, ObjectSpec};
use rustc_hash::{FxHashMap, FxHashSet};

/// What makes canonical source of source, or says what is wrong with it.
pub type CompileSource<'a> = dyn Fn(&str) -> Result<String, CompileErrors> + Sync + 'a;

/// Whose text it is and what it says; or every mistake, at least one.
pub type ReadObject = Result<(Entity, ObjectSpec), Vec<TextMistake>>;

/// A place of a text that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextMistake {
    /// The line, from 1.
    pub line: u32,
    /// The character of the line, from 1.
    pub column: u32,
    /// What was expected there and what was found, or what else is wrong; lines with details may follow.
    pub what: String,
}

/// A text form of objects.
pub trait ObjectText: fmt::Debug + Send + Sync {
    /// What an object does not have from its parents. `ancestors` are all of them, in any order, without values.
    fn describe(&self, image: &ObjectImage, ancestors: Vec<ObjectImage>) -> ObjectSpec;

    /// The lines of an object. References to anonymous objects that are not among `anons` are to such that are no more.
    ///
    /// # Errors
    /// When the machine does not allow the work.
    fn write(
        &self,
        entity: Entity,
        object: &ObjectSpec,
        anons: &FxHashSet<u64>,
    ) -> io::Result<Vec<String>>;

    /// Whose text it is, as far as that can be seen at a glance.
    fn subject(&self, text: &str) -> Option<Entity>;

    /// What a text says; the sources in it are as `compile` makes them.
    ///
    /// # Errors
    /// When the machine does not allow the work.
    fn read(
        &self,
        text: &str,
        handles: &mut (dyn HandleResolver + Send),
        compile: &CompileSource<'_>,
    ) -> io::Result<ReadObject>;
}

/// The anonymous objects and waifs that values hold: those that a text can name.
#[derive(Debug, Default)]
pub(crate) struct HeldHandles {
    anons: FxHashMap<u64, AnonRef>,
    waifs: FxHashMap<u64, WaifRef>,
}

impl HeldHandles {
    /// Adds those of a value.
    pub(crate) fn add(&mut self, value: &Value) {
        let mut pending = vec![value];
        while let Some(value) = pending.pop() {
            match value {
                Value::Anon(handle) => {
                    self.anons.insert(handle.id(), handle.clone());
                }
                Value::Waif(handle) => {
                    self.waifs.insert(handle.id(), handle.clone());
                }
                other => other.for_each_part(&mut |part| pending.push(part)),
            }
        }
    }

    /// The ids of the anonymous objects.
    pub(crate) fn anons(&self) -> impl Iterator<Item = u64> {
        self.anons.keys().copied()
    }
}

impl HandleResolver for HeldHandles {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        // Texts have this id for everything that is no more.
        match id {
            0 => Some(AnonRef::nobody()),
            id => self.anons.get(&id).cloned(),
        }
    }

    fn waif(&mut self, id: u64, _class: ObjId, _owner: ObjId) -> Option<WaifRef> {
        self.waifs.get(&id).cloned()
    }
}
