//! Where generated code keeps what it has computed and still needs: of which part of the tree, in which register.
//!
//! In: what the generator says while it works. Out: answers for a place in the code. Only who tells a task to another server
//! asks ([`stopped::tell`](super::stopped::tell_stopped)); for everybody else no notes are kept. Parts of the tree
//! are known by their addresses, so notes are of one tree.

use rustc_hash::FxHashMap;

use super::Codegen;
use super::exits::Exit;
use crate::ast::{Arg, Expr, Place, Stmt};

/// A part of the tree that has a value of its own while a program runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spot<'a> {
    /// An expression.
    Value(&'a Expr),
    /// The list that these arguments begin.
    Elements(&'a [Arg]),
    /// The map that these entries make.
    Entries(&'a [(Expr, Expr)]),
    /// What a place holds of which a part is to be assigned.
    Container(&'a Place),
    /// Why a `finally` runs that has this handler.
    Handler(&'a [Stmt]),
}

impl Spot<'_> {
    /// What tells it from others: parts of different kinds may begin at the same address.
    fn key(self) -> (u8, usize) {
        match self {
            Self::Value(expr) => (0, std::ptr::from_ref(expr) as usize),
            Self::Elements(args) => (1, args.as_ptr() as usize),
            Self::Entries(entries) => (2, entries.as_ptr() as usize),
            Self::Container(place) => (3, std::ptr::from_ref(place) as usize),
            Self::Handler(body) => (4, body.as_ptr() as usize),
        }
    }
}

/// From an instruction on, a value is in a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    since: u16,
    pub(super) register: u16,
    /// Of a list: how many of the arguments are in it.
    pub(super) count: usize,
}

/// What was said about one program.
#[derive(Debug, Default)]
pub(super) struct Notes<'a> {
    spots: FxHashMap<(u8, usize), Vec<Note>>,
    /// The instruction behind each call, and the call.
    calls: Vec<(u16, &'a Expr)>,
    /// Of the handler at an address, the ways out that lead through it.
    exits: FxHashMap<usize, Vec<(Exit, i16)>>,
}

impl<'a> Notes<'a> {
    /// Where the value is at an instruction. The same part may be generated more than once; the newest note before the
    /// instruction is of the code that it belongs to.
    pub(super) fn find(&self, spot: Spot<'_>, at: u16) -> Option<Note> {
        let notes = self.spots.get(&spot.key())?;
        notes.iter().rfind(|note| note.since < at).copied()
    }

    /// The call behind which that instruction stands.
    pub(super) fn call_before(&self, at: u16) -> Option<&'a Expr> {
        let mut calls = self.calls.iter();
        calls.find(|(end, _)| *end == at).map(|(_, call)| *call)
    }

    /// The ways out through a `finally` that has this handler, with their numbers.
    pub(super) fn exits(&self, handler: &[Stmt]) -> &[(Exit, i16)] {
        let exits = self.exits.get(&(handler.as_ptr() as usize));
        exits.map_or(&[], Vec::as_slice)
    }
}

impl<'a> Codegen<'a> {
    /// Notes that a value is in a register now.
    pub(super) fn note(&mut self, spot: Spot<'_>, register: u16) {
        self.note_some(spot, register, 0);
    }

    /// Notes that a list of the first so many arguments is in a register now.
    pub(super) fn note_some(&mut self, spot: Spot<'_>, register: u16, count: usize) {
        let since = self.here();
        if let Some(notes) = &mut self.notes {
            notes.spots.entry(spot.key()).or_default().push(Note {
                since,
                register,
                count,
            });
        }
    }

    /// Notes that a call ends here.
    pub(super) fn note_call(&mut self, call: &'a Expr) {
        let at = self.here();
        if let Some(notes) = &mut self.notes {
            notes.calls.push((at, call));
        }
    }

    /// Notes the ways out that lead through a `finally` with this handler, which begins now.
    pub(super) fn note_handler(&mut self, handler: &[Stmt], state: u16, exits: &[(Exit, i16)]) {
        self.note(Spot::Handler(handler), state);
        if let Some(notes) = &mut self.notes {
            let address = handler.as_ptr() as usize;
            notes.exits.insert(address, exits.to_vec());
        }
    }
}
