//! Places that are assigned: variables, properties, elements and ranges of them.
//!
//! What an assignment needs goes onto the stack first, then the value, then it is put where it belongs, from the innermost container outwards.

use moor_bytecode::{Instruction as I, RESULT, TAKE};

use super::super::call::fixed_name;
use super::generator::Generator;
use super::stack::Origin;
use crate::ast::{Expr, Place, StepOp};

impl<'a> Generator<'a> {
    /// The place is opened, its value computed from the start, changed, and put back.
    pub(super) fn step(&mut self, op: StepOp, place: &'a Place) {
        self.open(place, false);
        self.value_of(place);
        self.bytes(1);
        let a = self.top();
        let imm = match op {
            StepOp::Increment => -1,
            StepOp::Decrement => 1,
        };
        self.emit(I::SubI { dst: a, a, imm });
        self.put(place);
        self.bytes(1);
    }

    /// Puts on the stack what the assignment of a place needs; with `is_container` also what the place holds.
    pub(super) fn open(&mut self, place: &'a Place, is_container: bool) {
        match place {
            Place::Var(id) if is_container => {
                self.push_variable(*id);
                self.stands_for(Origin::Container(place));
            }
            Place::Var(_) => {}
            Place::Prop { object, name, .. } => {
                self.expr(object);
                self.expr(name);
                if is_container {
                    self.bytes(1);
                    let dst = self.push_value();
                    self.get_property(dst, dst - 2, name);
                    self.stands_for(Origin::Container(place));
                }
            }
            Place::Index { base, index, .. } => {
                self.open(base, true);
                self.within(|generator| generator.expr(index));
                if is_container {
                    self.bytes(1);
                    let dst = self.push_value();
                    self.emit(I::Index {
                        dst,
                        a: dst - 2,
                        i: dst - 1,
                    });
                    self.stands_for(Origin::Container(place));
                }
            }
            Place::Range { base, from, to, .. } => {
                self.open(base, true);
                self.within(|generator| {
                    generator.expr(from);
                    generator.expr(to);
                });
            }
        }
    }

    /// The value of a place, as of an expression that says the same.
    fn value_of(&mut self, place: &'a Place) {
        match place {
            Place::Var(id) => self.push_variable(*id),
            Place::Prop { object, name, .. } => self.property(object, name),
            Place::Index { base, index, .. } => {
                self.value_of(base);
                self.index(index);
            }
            Place::Range { base, from, to, .. } => {
                self.value_of(base);
                self.range(from, to);
            }
        }
    }

    /// Assigns the value on top of the stack to the place that was opened below it; it is the value of the assignment.
    pub(super) fn put(&mut self, place: &'a Place) {
        let is_indexed = matches!(place, Place::Index { .. } | Place::Range { .. });
        let kept = self.above(1);
        if is_indexed {
            // The register for what is to be the value meanwhile.
            self.bytes(1);
            let src = self.top();
            self.emit(I::Move { dst: kept, src });
        }
        let mut place = place;
        while let Place::Index { base, .. } | Place::Range { base, .. } = place {
            self.put_element(matches!(place, Place::Range { .. }));
            place = base;
        }
        match place {
            Place::Var(id) => {
                self.variable_bytes(*id);
                let (dst, src) = (self.variable(*id), self.top());
                self.emit(I::Move { dst, src });
            }
            Place::Prop { name, .. } => self.put_property(name),
            Place::Index { .. } | Place::Range { .. } => {}
        }
        if is_indexed {
            self.bytes(2);
            let dst = self.top();
            self.emit(I::Take { dst, src: kept });
        }
    }

    fn put_element(&mut self, is_range: bool) {
        if is_range {
            self.bytes(2);
            self.pop(3);
            let a = self.top();
            self.emit(I::SetRange {
                count: 0,
                a,
                keys: a + 1,
                value: a + 3,
            });
        } else {
            self.bytes(1);
            self.pop(2);
            let a = self.top();
            self.emit(I::SetIndex {
                flags: TAKE,
                a,
                i: a + 1,
                value: a + 2,
            });
        }
    }

    fn put_property(&mut self, name: &'a Expr) {
        self.bytes(1);
        self.pop(2);
        let obj = self.top();
        let value = obj + 2;
        let flags = RESULT;
        let fixed = fixed_name(name).map(|text| self.name(text));
        self.emit(match fixed {
            Some(name) => I::SetProp {
                flags,
                obj,
                name,
                value,
            },
            None => I::SetPropDyn {
                flags,
                obj,
                name: obj + 1,
                value,
            },
        });
        self.emit(I::Take {
            dst: obj,
            src: value,
        });
    }
}
