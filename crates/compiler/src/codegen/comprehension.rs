//! List comprehensions: a loop that appends to a list which nobody else holds.

use moor_bytecode::{Instruction as I, Sense, TAKE};
use moor_value::{List, Value};

use super::Codegen;
use super::emit::{Label, Operand};
use crate::ast::{Comprehension, Source};

impl<'a> Codegen<'a> {
    /// `{element for ..}` into `dst`, which the element may still read: the list is built elsewhere.
    pub(super) fn comprehension(&mut self, comprehension: &'a Comprehension, dst: u16) {
        let result = self.temp();
        match &comprehension.source {
            Source::In(container) => {
                let state = self.temps(3);
                self.expr_to(container, state);
                self.load(result, &Value::List(List::new()));
                self.walk_turns(comprehension, result, state);
            }
            Source::Range(from, to) => {
                let state = self.temps(2);
                self.expr_to(from, state);
                self.expr_to(to, state + 1);
                self.load(result, &Value::List(List::new()));
                self.range_turns(comprehension, result, state);
            }
        }
        let spent = true;
        self.copy_to(Operand { reg: result, spent }, dst);
    }

    fn walk_turns(&mut self, comprehension: &'a Comprehension, list: u16, state: u16) {
        let (step, end) = (self.label(), self.label());
        self.emit(I::EachPrep {
            state,
            step: step.0,
            end: end.0,
        });
        let top = self.label_here();
        if let Some(key) = comprehension.key {
            let dst = self.register(key);
            self.emit(I::Move {
                dst,
                src: state + 2,
            });
        }
        let var = self.register(comprehension.value);
        let ticks = self.turn(comprehension, list, step);
        self.emit(I::EachStep {
            ticks,
            var,
            state,
            body: top.0,
        });
        self.bind(end);
    }

    fn range_turns(&mut self, comprehension: &'a Comprehension, list: u16, state: u16) {
        let (step, end) = (self.label(), self.label());
        let var = self.register(comprehension.value);
        self.emit(I::RangePrep {
            var,
            state,
            end: end.0,
        });
        let top = self.label_here();
        let ticks = self.turn(comprehension, list, step);
        self.emit(I::RangeStep {
            ticks,
            var,
            state,
            body: top.0,
        });
        self.bind(end);
    }

    /// What one turn does, up to `step`; answers what it costs.
    fn turn(&mut self, comprehension: &'a Comprehension, list: u16, step: Label) -> u8 {
        let outside = std::mem::take(&mut self.ticks);
        let (mark, around) = (self.next_temp, self.visible.len());
        self.begin_visibility(comprehension.value);
        comprehension
            .key
            .iter()
            .for_each(|key| self.begin_visibility(*key));
        let src = self.operand(&comprehension.element, None, &[]);
        self.emit(I::Push {
            flags: if src.spent { TAKE } else { 0 },
            list,
            src: src.reg,
        });
        self.end_visibility(around);
        self.release(mark);
        self.bind(step);
        let cost = self.ticks.saturating_add(2);
        self.ticks = outside.saturating_add(1);
        cost.min(u32::from(Sense::TICKS_MAX)) as u8
    }
}
