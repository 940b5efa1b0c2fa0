//! `fork`: its body is generated behind the program, and its text kept.
//!
//! The text is for servers that a waiting task is told to: it is all that a textdump holds of such a task.

use moor_bytecode::{Instruction as I, RESULT};
use moor_value::Str;

use super::Codegen;
use super::emit::Label;
use crate::ast::{Expr, Stmt};
use crate::names::{Names, VarId};
use crate::unparse::{Layout, unparse_body};

/// Bytes that the texts of a program's `fork` bodies have at most: forks within forks would have them grow with the
/// square of the program. Bodies beyond it are compiled without their text.
const FORK_TEXT_BYTES_MAX: usize = 256 * 1024;

/// The texts of a program's `fork` bodies, summed.
#[derive(Default)]
pub(super) struct ForkTexts {
    bytes: usize,
}

impl ForkTexts {
    /// The text of one more body; none when those before it have all the bytes there are.
    pub(super) fn of(&mut self, names: &Names, body: &[Stmt]) -> Option<Str> {
        if self.bytes >= FORK_TEXT_BYTES_MAX {
            return None;
        }
        let text = Str::new(&unparse_body(names, body, Layout::CANONICAL).join("\n"));
        self.bytes += text.len_bytes();
        Some(text)
    }
}

/// The body of a `fork` that is still to be generated.
pub(super) struct ForkBody<'a> {
    label: Label,
    body: &'a [Stmt],
    /// The variables of blocks that it sees.
    visible: Vec<VarId>,
}

impl<'a> Codegen<'a> {
    pub(super) fn fork(&mut self, task: Option<VarId>, delay: &'a Expr, body: &'a [Stmt]) {
        let delay_register = self.temp();
        self.expr_to(delay, delay_register);
        let label = self.label();
        let visible = self.visible.iter().map(|&(id, _)| id).collect();
        self.forks.push(ForkBody {
            label,
            body,
            visible,
        });
        let (flags, task) = match task {
            Some(id) => (RESULT, self.register(id)),
            None => (0, delay_register),
        };
        self.emit(I::Fork {
            flags,
            task,
            delay: delay_register,
            body: label.0,
        });
    }

    pub(super) fn fork_body(&mut self, fork: ForkBody<'a>) {
        self.bind(fork.label);
        let start = self.here();
        if let Some(text) = self.fork_texts.of(&self.ast.names, fork.body) {
            self.table.forks.push((start, text));
        }
        self.visible = fork.visible.iter().map(|&id| (id, start)).collect();
        self.block(fork.body);
        self.emit(I::ReturnI { imm: 0 });
        self.end_visibility(0);
    }
}
