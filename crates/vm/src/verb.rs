//! A verb that is ready to run, and the table of those that a machine's frames use.
//!
//! Frames name their verb by a small index instead of holding a counted reference, so that a call and its return
//! touch no shared counter.

use std::sync::Arc;

use moor_bytecode::Program;
use moor_value::{ObjId, Str, Value};
use rustc_hash::FxHashMap;

/// A verb that the host has found and compiled.
#[derive(Clone, Debug)]
pub struct Verb {
    /// Its code.
    pub program: Arc<Program>,
    /// The object that defines it: a permanent or an anonymous object, `#-1` for code without a verb.
    pub definer: Value,
    /// All its names as the definer lists them; tracebacks show them.
    pub names: Str,
    /// Whose permissions it runs with.
    pub owner: ObjId,
    /// The `d` flag: errors are raised rather than returned.
    pub debug: bool,
    /// The name that it is always called by, if it is a function and no verb.
    pub own_name: Option<Str>,
}

/// How many recently called verbs are found without hashing.
const RECENT: usize = 32;
/// The table is swept when it has grown to this size, and then to twice what was left.
const SWEEP_MIN: usize = 256;

/// The verbs of one machine, each once.
#[derive(Clone, Debug)]
pub(crate) struct VerbTable {
    entries: Vec<Arc<Verb>>,
    by_address: FxHashMap<usize, u32>,
    recent: [u32; RECENT],
    sweep_at: usize,
}

impl Default for VerbTable {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            by_address: FxHashMap::default(),
            recent: [0; RECENT],
            sweep_at: SWEEP_MIN,
        }
    }
}

impl VerbTable {
    /// The verb's index, when it was asked for not long ago.
    #[inline(always)]
    pub(crate) fn known(&self, verb: &Arc<Verb>) -> Option<u32> {
        let slot = (Arc::as_ptr(verb) as usize >> 4) % RECENT;
        let index = self.recent[slot];
        let entry = self.entries.get(index as usize)?;
        Arc::ptr_eq(entry, verb).then_some(index)
    }

    /// The verb's index; it is added when it is new.
    #[inline]
    pub(crate) fn intern(&mut self, verb: &Arc<Verb>) -> u32 {
        match self.known(verb) {
            Some(index) => index,
            None => self.intern_slow(verb),
        }
    }

    #[cold]
    fn intern_slow(&mut self, verb: &Arc<Verb>) -> u32 {
        let address = Arc::as_ptr(verb) as usize;
        let next = self.entries.len() as u32;
        let index = *self.by_address.entry(address).or_insert(next);
        if index == next {
            self.entries.push(verb.clone());
        }
        self.recent[(address >> 4) % RECENT] = index;
        index
    }

    /// The verb at an index that [`intern`](Self::intern) gave.
    #[inline(always)]
    pub(crate) fn get(&self, index: u32) -> &Arc<Verb> {
        &self.entries[index as usize]
    }

    /// Every verb, in order of its index.
    pub(crate) fn all(&self) -> &[Arc<Verb>] {
        &self.entries
    }

    /// Whether so many verbs were added that those no longer in use should go.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.sweep_at
    }

    /// Keeps only the verbs of these indices, and renumbers them.
    pub(crate) fn sweep<'a>(&mut self, used: impl Iterator<Item = &'a mut u32>) {
        let mut kept = Self::default();
        for index in used {
            *index = kept.intern(self.get(*index));
        }
        kept.sweep_at = SWEEP_MIN.max(kept.entries.len() * 2);
        *self = kept;
    }
}
