//! Which loops `break` and `continue` can name at a place in the program.

use crate::names::VarId;

/// The loops and forks that are open, the innermost last.
#[derive(Default)]
pub(super) struct Loops(Vec<Scope>);

enum Scope {
    Loop {
        first: Option<VarId>,
        second: Option<VarId>,
    },
    /// Nothing outside a `fork` can be left from inside it.
    Fork,
}

impl Loops {
    /// Opens a loop with its names.
    pub(super) fn open(&mut self, first: Option<VarId>, second: Option<VarId>) {
        self.0.push(Scope::Loop { first, second });
    }

    /// Opens a fork.
    pub(super) fn open_fork(&mut self) {
        self.0.push(Scope::Fork);
    }

    /// Closes what was opened last.
    pub(super) fn close(&mut self) {
        self.0.pop();
    }

    /// Whether a loop can be left here.
    pub(super) fn any(&self) -> bool {
        matches!(self.0.last(), Some(Scope::Loop { .. }))
    }

    /// Whether a loop of this name can be left here.
    pub(super) fn has(&self, name: VarId) -> bool {
        let reachable = self
            .0
            .iter()
            .rev()
            .take_while(|scope| !matches!(scope, Scope::Fork));
        reachable.into_iter().any(|scope| match scope {
            Scope::Loop { first, second } => *first == Some(name) || *second == Some(name),
            Scope::Fork => false,
        })
    }
}
