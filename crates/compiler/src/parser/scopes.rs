//! Which variable a name means at a place in the program.
//!
//! In: blocks that begin and end, declarations in them. Out: the declared variable that a name means, if it means one. The
//! other variables, which belong to the whole program, are in [`Names`](crate::names::Names).

use std::collections::HashMap;

use crate::names::VarId;

/// The blocks that are open and what is declared in them.
#[derive(Default)]
pub(super) struct Scopes {
    /// For each name in lower case, what it means: in the innermost block that says so, and in those around, outside first.
    meanings: HashMap<Box<str>, Vec<Meaning>>,
    blocks: Vec<Block>,
    /// How many variables are declared in open blocks: the place of the next among them.
    alive: u32,
    /// The most that were alive at once since [`begin_peak`](Self::begin_peak).
    peak: u32,
}

/// What a name means from its declaration to the end of the block.
struct Meaning {
    id: VarId,
    /// How many blocks are open where it was declared.
    depth: usize,
}

#[derive(Default)]
struct Block {
    /// The names that are declared in it, in lower case.
    names: Vec<Box<str>>,
    /// How many variables were alive where it began.
    alive: u32,
}

/// Names that mean for a while what they meant before they were declared.
pub(super) struct Hidden(Vec<(Box<str>, Meaning)>);

impl Scopes {
    /// Begins a block.
    pub(super) fn open(&mut self) {
        self.blocks.push(Block {
            names: Vec::new(),
            alive: self.alive,
        });
    }

    /// Ends the innermost block.
    pub(super) fn close(&mut self) {
        let block = self.blocks.pop().unwrap_or_default();
        for name in block.names {
            if let Some(meanings) = self.meanings.get_mut(&name) {
                meanings.pop();
                if meanings.is_empty() {
                    self.meanings.remove(&name);
                }
            }
        }
        self.alive = block.alive;
    }

    /// The variable that the name, in any case, means by a declaration.
    pub(super) fn find(&self, name: &str) -> Option<VarId> {
        if self.meanings.is_empty() {
            return None;
        }
        let meanings = self.meanings.get(name.to_ascii_lowercase().as_str())?;
        meanings.last().map(|meaning| meaning.id)
    }

    /// Whether the innermost block itself declares the name.
    pub(super) fn is_declared_here(&self, name: &str) -> bool {
        let meanings = self.meanings.get(name.to_ascii_lowercase().as_str());
        let innermost = meanings.and_then(|meanings| meanings.last());
        innermost.is_some_and(|meaning| meaning.depth == self.blocks.len())
    }

    /// The place that a variable declared now has among those that are alive.
    pub(super) fn next_slot(&self) -> u32 {
        self.alive
    }

    /// Takes the place for a variable.
    pub(super) fn take_slot(&mut self) {
        self.alive += 1;
        self.peak = self.peak.max(self.alive);
    }

    /// Begins to watch how many variables are alive at once; answers what was known of it before.
    pub(super) fn begin_peak(&mut self) -> u32 {
        std::mem::replace(&mut self.peak, self.alive)
    }

    /// Ends what [`begin_peak`](Self::begin_peak) began.
    pub(super) fn end_peak(&mut self, before: u32) {
        self.peak = self.peak.max(before);
    }

    /// A place for a variable that was alive all the time that was watched.
    pub(super) fn slot_above_peak(&mut self) -> u32 {
        self.peak += 1;
        self.peak - 1
    }

    /// From here to the end of the innermost block the name means this variable.
    pub(super) fn declare(&mut self, name: &str, id: VarId) {
        let name = name.to_ascii_lowercase().into_boxed_str();
        let depth = self.blocks.len();
        if let Some(block) = self.blocks.last_mut() {
            block.names.push(name.clone());
            let meanings = self.meanings.entry(name).or_default();
            meanings.push(Meaning { id, depth });
        }
    }

    /// How many names the innermost block declares.
    pub(super) fn count(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.names.len())
    }

    /// Takes back what the innermost block declares behind its first `count` names.
    pub(super) fn hide(&mut self, count: usize) -> Hidden {
        let Some(block) = self.blocks.last_mut() else {
            return Hidden(Vec::new());
        };
        let names = block.names.split_off(count.min(block.names.len()));
        let hidden = names.into_iter().rev().filter_map(|name| {
            let meanings = self.meanings.get_mut(&name)?;
            let meaning = meanings.pop()?;
            if meanings.is_empty() {
                self.meanings.remove(&name);
            }
            Some((name, meaning))
        });
        let mut hidden: Vec<_> = hidden.collect();
        hidden.reverse();
        Hidden(hidden)
    }

    /// Gives back what was hidden.
    pub(super) fn show(&mut self, hidden: Hidden) {
        for (name, meaning) in hidden.0 {
            self.declare(&name, meaning.id);
        }
    }
}
