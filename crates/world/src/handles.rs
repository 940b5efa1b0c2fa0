//! Handles for the ids that stored rows name.
//! In: ids while rows and suspended tasks are decoded. Out: one handle per id, shared by all that name it.
//! Whether anything keeps a handle is decided when the table lets go.

use moor_value::codec::HandleResolver;
use moor_value::{AnonRef, Graveyard, ObjId, WaifRef};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// The handles made so far.
#[derive(Debug)]
pub(crate) struct Handles {
    graveyard: triomphe::Arc<Graveyard>,
    anons: FxHashMap<u64, AnonRef>,
    waifs: FxHashMap<u64, WaifRef>,
}

impl Handles {
    pub(crate) fn new(graveyard: triomphe::Arc<Graveyard>) -> Self {
        Self {
            graveyard,
            anons: FxHashMap::default(),
            waifs: FxHashMap::default(),
        }
    }
}

impl HandleResolver for Handles {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        let graveyard = &self.graveyard;
        Some(
            self.anons
                .entry(id)
                .or_insert_with(|| AnonRef::new(id, graveyard.clone()))
                .clone(),
        )
    }

    fn waif(&mut self, id: u64, class: ObjId, owner: ObjId) -> Option<WaifRef> {
        let graveyard = &self.graveyard;
        Some(
            self.waifs
                .entry(id)
                .or_insert_with(|| WaifRef::new(id, class, owner, graveyard.clone()))
                .clone(),
        )
    }
}

/// Resolves handles for whoever decodes values that belong to a world, such as suspended tasks at start.
pub struct WorldHandles<'a>(pub(crate) &'a Mutex<Handles>);

impl HandleResolver for WorldHandles<'_> {
    fn anon(&mut self, id: u64) -> Option<AnonRef> {
        self.0.lock().anon(id)
    }

    fn waif(&mut self, id: u64, class: ObjId, owner: ObjId) -> Option<WaifRef> {
        self.0.lock().waif(id, class, owner)
    }
}
