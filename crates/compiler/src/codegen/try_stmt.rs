//! `try .. except` and `try .. finally`.

use moor_bytecode::{Filter, Gives, Handler, Instruction as I};

use super::Codegen;
use super::emit::Operand;
use super::exits::{Exit, FALL_THROUGH, FinallyScope, unless_entered};
use crate::ast::{ExceptArm, Stmt};

impl<'a> Codegen<'a> {
    pub(super) fn try_except(&mut self, body: &'a [Stmt], arms: &'a [ExceptArm]) {
        self.ticks += 1;
        let mark = self.next_temp;
        let filters: Vec<Filter> = arms.iter().map(|arm| self.filter(&arm.codes)).collect();
        let start = self.here();
        self.guards += 1;
        self.block(body);
        self.guards -= 1;
        let end = self.here();
        let after = self.label();
        self.jump(after);
        for (arm, filter) in arms.iter().zip(filters) {
            self.at(arm.pos);
            let target = self.label_here().0;
            let gives = match arm.var {
                Some(id) if self.usage.whole.contains(&id) => Gives::Exception(self.register(id)),
                Some(id) => Gives::Head(self.register(id)),
                None => Gives::Nothing,
            };
            self.handle(Handler {
                start,
                end,
                target,
                filter,
                gives,
            });
            self.uncounted(|codegen| codegen.block(&arm.body));
            self.jump(after);
        }
        self.bind(after);
        self.release(mark);
    }

    pub(super) fn try_finally(&mut self, body: &'a [Stmt], handler: &'a [Stmt]) {
        self.ticks += 1;
        let mark = self.next_temp;
        let state = self.temps(2);
        let entry = self.label();
        self.finallies.push(FinallyScope::new(state, entry));
        let start = self.here();
        self.guards += 1;
        self.block(body);
        self.guards -= 1;
        let end = self.here();
        let scope = self.finallies.pop();
        let (target, gives) = (entry.0, Gives::Pending(state));
        self.handle(Handler {
            start,
            end,
            target,
            filter: Filter::Any,
            gives,
        });
        self.emit(I::Int {
            dst: state,
            imm: FALL_THROUGH,
        });
        self.bind(entry);
        let exits: Vec<_> = scope.into_iter().flat_map(FinallyScope::numbered).collect();
        self.note_handler(handler, state, &exits);
        self.block(handler);
        for (exit, number) in exits {
            self.resume_exit(state, exit, number);
        }
        self.emit(I::EndFinally { state });
        self.release(mark);
    }

    /// Behind the part: if it was entered on this way out, the way goes on.
    fn resume_exit(&mut self, state: u16, exit: Exit, number: i16) {
        let skip = self.label();
        self.emit(unless_entered(state, number, skip));
        match exit {
            Exit::Return => self.leave_with(Operand {
                reg: state + 1,
                spent: true,
            }),
            exit => self.leave(exit),
        }
        self.bind(skip);
    }
}
