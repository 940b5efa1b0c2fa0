//! Handles for the anonymous objects and waifs of a dump that is not part of any world yet.
//! In: the ids that the reader gives out. Out: one handle per id. They belong to no world: what is to live on is
//! encoded (by its ids) and decoded with the world's own handles.

use moor_value::codec::HandleResolver;
use moor_value::{AnonRef, Graveyard, ObjId, WaifRef};
use rustc_hash::FxHashMap;

/// A resolver that knows every id.
#[derive(Debug)]
pub struct DumpHandles {
    graveyard: triomphe::Arc<Graveyard>,
    anons: FxHashMap<u64, AnonRef>,
    waifs: FxHashMap<u64, WaifRef>,
}

impl Default for DumpHandles {
    fn default() -> Self {
        Self {
            graveyard: Graveyard::new(),
            anons: FxHashMap::default(),
            waifs: FxHashMap::default(),
        }
    }
}

impl HandleResolver for DumpHandles {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        let graveyard = &self.graveyard;
        let handle = self
            .anons
            .entry(id)
            .or_insert_with(|| AnonRef::new(id, graveyard.clone()));
        Some(handle.clone())
    }

    fn waif(&mut self, id: u64, class: ObjId, owner: ObjId) -> Option<WaifRef> {
        let graveyard = &self.graveyard;
        let handle = self
            .waifs
            .entry(id)
            .or_insert_with(|| WaifRef::new(id, class, owner, graveyard.clone()));
        Some(handle.clone())
    }
}
