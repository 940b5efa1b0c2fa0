//! A world as LambdaMOO has it where servers differ in what they set by themselves.
//! In: a world. Out: the same, but `#0.maxint` and `#0.minint`, which this server sets at each start to the integers that it can compute with, are
//! those of LambdaMOO; else no world that has them could go back there.

use std::borrow::Cow;

use moor_value::{ObjId, Value};
use moor_world::{ObjectImage, WaifImage};

use crate::source::WorldSource;

/// The properties, what they are here, and what they are there.
const LIMITS: [(&str, i64, i64); 2] = [
    ("maxint", i64::MAX, i32::MAX as i64),
    ("minint", -i64::MAX, i32::MIN as i64),
];

/// The world with the limits of LambdaMOO.
pub(super) struct SmallIntegers<'a>(pub(super) &'a (dyn WorldSource + Sync));

impl WorldSource for SmallIntegers<'_> {
    fn max_object(&self) -> ObjId {
        self.0.max_object()
    }

    fn players(&self) -> Vec<ObjId> {
        self.0.players()
    }

    fn uniques(&self) -> Vec<ObjId> {
        self.0.uniques()
    }

    fn object(&self, id: ObjId) -> Option<Cow<'_, ObjectImage>> {
        let mut object = self.0.object(id)?;
        if id == ObjId::SYSTEM {
            for (name, here, there) in LIMITS {
                let names = &object.propdefs;
                let known = |known: &moor_value::Str| known.as_str().eq_ignore_ascii_case(name);
                let Some(at) = names.iter().position(known) else {
                    continue;
                };
                let is_ours = |value: &Value| value.as_int() == Some(here);
                if object.propvals[at].value.as_ref().is_some_and(is_ours) {
                    object.to_mut().propvals[at].value = Some(Value::Int(there));
                }
            }
        }
        Some(object)
    }

    fn anons(&self) -> Vec<u64> {
        self.0.anons()
    }

    fn anon(&self, id: u64) -> Option<Cow<'_, ObjectImage>> {
        self.0.anon(id)
    }

    fn waifs(&self) -> Vec<u64> {
        self.0.waifs()
    }

    fn waif(&self, id: u64) -> Option<Cow<'_, WaifImage>> {
        self.0.waif(id)
    }
}
