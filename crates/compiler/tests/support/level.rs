//! Which variable a name means where a program is being drawn, and what number it has: what the parser has to find out again.
//!
//! In: blocks, declarations and mentions, in the order of the text. Out: variables. It does not know what is drawn.

use moor_compiler::ast::{Capture, Declarator};
use moor_compiler::names::{Names, VarId};
use moor_compiler::version::LanguageVersion;

use super::VARIABLES;

/// One of [`VARIABLES`], by its place there.
pub(super) type Name = usize;

/// A program, or a function in it, as far as it is drawn.
#[derive(Clone)]
pub(super) struct Level {
    pub(super) names: Names,
    blocks: Vec<Block>,
    /// How many variables are declared in open blocks.
    alive: u32,
    /// The most slots that were taken at once since the element of a comprehension began.
    peak: u32,
    /// What names mean in the elements of comprehensions that are open.
    elements: Vec<(Name, VarId)>,
    /// The names of the open loops; a fork hides those around it.
    pub(super) loops: Vec<Vec<VarId>>,
    /// How many `[..]` are open.
    pub(super) indexings: usize,
}

#[derive(Clone)]
struct Block {
    declared: Vec<(Name, VarId)>,
    /// How many variables were alive where it began.
    alive: u32,
}

impl Level {
    fn new() -> Self {
        let mut level = Self {
            names: Names::new(LanguageVersion::CURRENT),
            blocks: Vec::new(),
            alive: 0,
            peak: 0,
            elements: Vec::new(),
            loops: Vec::new(),
            indexings: 0,
        };
        level.open();
        level
    }

    fn open(&mut self) {
        self.blocks.push(Block {
            declared: Vec::new(),
            alive: self.alive,
        });
    }

    fn close(&mut self) {
        let block = self.blocks.pop().expect("an open block");
        self.alive = block.alive;
    }

    /// What a declaration in an open block makes the name mean.
    fn declared(&self, name: Name) -> Option<VarId> {
        let blocks = self.blocks.iter().rev();
        let mut all = blocks.flat_map(|block| block.declared.iter().rev());
        let found = all.find(|(declared, _)| *declared == name);
        found.map(|(_, id)| *id)
    }

    /// The variable that the name means already.
    fn known(&self, name: Name) -> Option<VarId> {
        let declared = self.declared(name);
        declared.or_else(|| self.names.find(VARIABLES[name]))
    }

    fn block(&mut self) -> &mut Block {
        self.blocks.last_mut().expect("an open block")
    }
}

/// The program and the functions that are open, the innermost last.
#[derive(Clone)]
pub(super) struct Levels(Vec<Level>);

/// Declarations of the innermost block that count for nothing for a while.
pub(super) struct Hidden(Vec<(Name, VarId)>);

/// Where the variables of a comprehension come from.
#[derive(Clone, Copy)]
pub(super) struct ElementVariable {
    name: Name,
    /// Whether the name meant another variable before the element.
    is_known: bool,
    id: VarId,
}

impl Levels {
    pub(super) fn new() -> Self {
        Self(vec![Level::new()])
    }

    /// The innermost.
    pub(super) fn here(&mut self) -> &mut Level {
        self.0.last_mut().expect("an open program")
    }

    fn inner(&self) -> &Level {
        self.0.last().expect("an open program")
    }

    /// The variables of the whole program, which is drawn.
    pub(super) fn into_names(mut self) -> Names {
        self.0.pop().expect("an open program").names
    }

    pub(super) fn open_block(&mut self) {
        self.here().open();
    }

    pub(super) fn close_block(&mut self) {
        self.here().close();
    }

    /// Whether the innermost block itself declares the name.
    pub(super) fn is_declared_here(&mut self, name: Name) -> bool {
        let mut declared = self.here().block().declared.iter();
        declared.any(|(declared, _)| *declared == name)
    }

    /// Makes the name mean a variable to the end of the block.
    pub(super) fn declare(&mut self, name: Name, declarator: Declarator) -> VarId {
        let level = self.here();
        let id = match declarator {
            Declarator::Global => level.names.intern(VARIABLES[name]),
            Declarator::Let | Declarator::Const => {
                let slot = level.alive;
                level.alive += 1;
                level.peak = level.peak.max(level.alive);
                let is_constant = declarator == Declarator::Const;
                level.names.declare(VARIABLES[name], slot, is_constant)
            }
        };
        level.block().declared.push((name, id));
        id
    }

    /// How many declarations the innermost block has.
    pub(super) fn count(&mut self) -> usize {
        self.here().block().declared.len()
    }

    /// Takes the declarations behind the first `count` of the innermost block back.
    pub(super) fn hide(&mut self, count: usize) -> Hidden {
        Hidden(self.here().block().declared.split_off(count))
    }

    pub(super) fn show(&mut self, hidden: Hidden) {
        self.here().block().declared.extend(hidden.0);
    }

    /// What functions and the program around declare: whether the name is a constant there.
    fn declared_outside(&self, name: Name) -> Option<bool> {
        let mut outer = self.0.iter().rev().skip(1);
        outer.find_map(|level| Some(level.names.is_constant(level.declared(name)?)))
    }

    /// Whether some declaration decides what the name means.
    pub(super) fn is_declared(&self, name: Name) -> bool {
        self.inner().declared(name).is_some() || self.declared_outside(name).is_some()
    }

    /// Whether the name is that of a variable of a block, here or around.
    pub(super) fn is_local(&self, name: Name) -> bool {
        let level = self.inner();
        let declared = level.declared(name);
        declared.is_some_and(|id| level.names.slot(id).is_some())
            || self.declared_outside(name).is_some()
    }

    /// Whether the text has mentioned the name.
    pub(super) fn is_mentioned(&self, name: Name) -> bool {
        let mut levels = self.0.iter();
        levels.any(|level| level.names.find(VARIABLES[name]).is_some())
    }

    /// Whether the name may not be assigned.
    pub(super) fn is_constant(&self, name: Name) -> bool {
        let level = self.inner();
        match level.known(name) {
            Some(id) => level.names.is_constant(id),
            None => self.declared_outside(name).unwrap_or(false),
        }
    }

    /// The variable that the name means where it is mentioned now.
    pub(super) fn mention(&mut self, name: Name) -> VarId {
        let mut elements = self.inner().elements.iter().rev();
        if let Some((_, id)) = elements.find(|(bound, _)| *bound == name) {
            return *id;
        }
        if let Some(id) = self.inner().declared(name) {
            return id;
        }
        let outside = self.declared_outside(name);
        let names = &mut self.here().names;
        match outside {
            Some(is_constant) => names.intern_captured(VARIABLES[name], is_constant),
            None => names.intern(VARIABLES[name]),
        }
    }

    /// The name of an open loop that the name means, without a mention.
    pub(super) fn loop_of(&self, name: Name) -> Option<VarId> {
        let level = self.inner();
        let id = level.known(name)?;
        level.loops.iter().flatten().any(|l| *l == id).then_some(id)
    }

    pub(super) fn open_function(&mut self) {
        self.0.push(Level::new());
    }

    /// Goes back to what is around the function: its variables, and those that it captures.
    pub(super) fn close_function(&mut self) -> (Names, Vec<Capture>) {
        let names = self.0.pop().expect("an open function").names;
        let free = names.iter().filter(|(id, _)| names.is_free(*id));
        let captures = free.map(|(inner, spelling)| {
            let name = VARIABLES.iter().position(|known| *known == spelling);
            let outer = self.mention(name.expect("one of the names"));
            Capture { inner, outer }
        });
        let captures = captures.collect();
        (names, captures)
    }

    /// Begins the element of a comprehension; answers what [`close_element`](Self::close_element) needs.
    pub(super) fn open_element(&mut self, variables: &[ElementVariable]) -> u32 {
        let level = self.here();
        let known = variables.iter().filter(|variable| variable.is_known);
        level.elements.extend(known.map(|v| (v.name, v.id)));
        std::mem::replace(&mut level.peak, level.alive)
    }

    /// Ends the element: from now on the variables, which are named only here, are its own.
    pub(super) fn close_element(&mut self, peak: u32, variables: &mut [ElementVariable]) {
        let level = self.here();
        for variable in variables {
            if variable.is_known {
                level.elements.pop();
            }
            let slot = level.peak;
            level.peak += 1;
            let spelling = VARIABLES[variable.name];
            let mentioned = level.names.find(spelling).filter(|_| !variable.is_known);
            variable.id = match mentioned {
                Some(id) => {
                    level.names.make_local(id, spelling, slot);
                    id
                }
                None => level.names.declare(spelling, slot, false),
            };
        }
        level.peak = level.peak.max(peak);
    }

    /// A variable of a comprehension whose element is not drawn.
    pub(super) fn element_variable(&self, name: Name) -> ElementVariable {
        ElementVariable {
            name,
            is_known: self.inner().known(name).is_some(),
            id: VarId(0),
        }
    }
}

impl ElementVariable {
    pub(super) fn id(self) -> VarId {
        self.id
    }
}
