//! List comprehensions: a loop that appends to a list which nobody else holds.

use moor_bytecode::Instruction as I;
use moor_value::{List, Value};

use super::emit::{Label, Operand};
use super::{Codegen, take_if};
use crate::ast::{Comprehension, Source};

impl<'a> Codegen<'a> {
    /// `{element for ..}` into `dst`, which the element may still read: the list is built elsewhere.
    pub(super) fn comprehension(&mut self, comprehension: &'a Comprehension, dst: u16) {
        let result = self.temp();
        let (next, end) = (self.label(), self.label());
        let Comprehension { value, key, .. } = *comprehension;
        let turn = |codegen: &mut Self| codegen.push_element(comprehension, result, next);
        match &comprehension.source {
            Source::In(container) => {
                let state = self.temps(3);
                self.expr_to(container, state);
                self.load(result, &Value::List(List::new()));
                self.over_elements((value, key), state, (next, end), turn);
            }
            Source::Range(from, to) => {
                let state = self.temps(2);
                self.expr_to(from, state);
                self.expr_to(to, state + 1);
                self.load(result, &Value::List(List::new()));
                self.over_range(value, state, end, turn);
            }
        }
        let spent = true;
        self.copy_to(Operand { reg: result, spent }, dst);
    }

    /// What one turn does, up to the label `next`; answers what it costs.
    fn push_element(&mut self, comprehension: &'a Comprehension, list: u16, next: Label) -> u8 {
        self.turn(next, |codegen| {
            let (mark, around) = (codegen.next_temp, codegen.visible.len());
            codegen.begin_visibility(comprehension.value);
            comprehension
                .key
                .iter()
                .for_each(|key| codegen.begin_visibility(*key));
            let src = codegen.operand(&comprehension.element, None, &[]);
            codegen.ticks += 1;
            codegen.emit(I::Push {
                flags: take_if(src.spent),
                list,
                src: src.reg,
            });
            codegen.end_visibility(around);
            codegen.release(mark);
        })
    }
}
