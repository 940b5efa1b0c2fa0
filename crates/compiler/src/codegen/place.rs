//! Places within lists, strings and maps, possibly those of a property: `a[b][c]`, `o.p[b..c]`.

use moor_bytecode::{Instruction as I, TAKE};

use super::Codegen;
use super::call::fixed_name;
use super::emit::Operand;
use super::notes::Spot;
use super::usage::assigns;
use crate::ast::{Expr, Place};
use crate::names::VarId;

/// A place whose parts have been computed.
pub(super) struct Target {
    root: Root,
    /// The register of the container that changes.
    container: u16,
    keys: Keys,
}

enum Root {
    /// The container is this variable's register.
    Variable,
    /// The container is a copy that goes back into this variable's register.
    Copied(u16),
    /// The container is the value of a property.
    Property { object: u16, name: PropertyName },
}

/// How a property is named.
#[derive(Clone, Copy)]
pub(super) enum PropertyName {
    Fixed(u16),
    Register(u16),
}

enum Keys {
    One(u16),
    /// The first register and how many indices; with a range two more follow.
    Run {
        first: u16,
        count: u8,
        is_range: bool,
    },
}

/// A place taken apart: the outermost value, the indices into it, the range at the end.
struct Chain<'a> {
    root: &'a Place,
    indices: Vec<&'a Expr>,
    range: Option<(&'a Expr, &'a Expr)>,
}

impl<'a> Chain<'a> {
    fn of(place: &'a Place) -> Self {
        match place {
            Place::Var(_) | Place::Prop { .. } => Self {
                root: place,
                indices: Vec::new(),
                range: None,
            },
            Place::Index { base, index, .. } => {
                let mut chain = Self::of(base);
                chain.indices.push(index);
                chain
            }
            Place::Range { base, from, to, .. } => {
                let mut chain = Self::of(base);
                chain.range = Some((from, to));
                chain
            }
        }
    }

    fn assigns(&self, id: VarId) -> bool {
        let ends = self.range.iter().flat_map(|(from, to)| [*from, *to]);
        self.indices
            .iter()
            .copied()
            .chain(ends)
            .any(|expr| assigns(expr, id))
    }
}

impl<'a> Codegen<'a> {
    /// Computes the parts of an indexed place. `value` is evaluated after them.
    pub(super) fn open(&mut self, place: &'a Place, value: Option<&'a Expr>) -> Target {
        let chain = Chain::of(place);
        let (root, container) = self.open_root(&chain, value);
        self.note(Spot::Container(chain.root), container);
        let keys = match (chain.indices.as_slice(), chain.range) {
            ([index], None) => {
                let later: Vec<&Expr> = value.into_iter().collect();
                Keys::One(
                    self.within(container, |codegen| codegen.operand(index, None, &later))
                        .reg,
                )
            }
            (indices, range) => self.open_run(container, indices, range),
        };
        Target {
            root,
            container,
            keys,
        }
    }

    fn open_root(&mut self, chain: &Chain<'a>, value: Option<&'a Expr>) -> (Root, u16) {
        match chain.root {
            Place::Var(id) => {
                let register = self.register(*id);
                if !chain.assigns(*id) && !value.is_some_and(|value| assigns(value, *id)) {
                    return (Root::Variable, register);
                }
                let copy = self.temp();
                self.emit(I::Move {
                    dst: copy,
                    src: register,
                });
                (Root::Copied(register), copy)
            }
            Place::Prop { object, name, .. } => {
                // The object must be the same when the property is set.
                let object_register = self.temp();
                self.expr_to(object, object_register);
                let name = self.property_name(name);
                let container = self.temp();
                self.get_property(container, object_register, name);
                (
                    Root::Property {
                        object: object_register,
                        name,
                    },
                    container,
                )
            }
            Place::Index { .. } | Place::Range { .. } => {
                unreachable!("a chain's root is not indexed")
            }
        }
    }

    pub(super) fn property_name(&mut self, name: &'a Expr) -> PropertyName {
        match fixed_name(name) {
            Some(text) => PropertyName::Fixed(self.name(text)),
            None => {
                let register = self.temp();
                self.expr_to(name, register);
                PropertyName::Register(register)
            }
        }
    }

    pub(super) fn get_property(&mut self, dst: u16, obj: u16, name: PropertyName) {
        self.ticks += 1;
        self.emit(match name {
            PropertyName::Fixed(name) => I::GetProp { dst, obj, name },
            PropertyName::Register(name) => I::GetPropDyn { dst, obj, name },
        });
    }

    pub(super) fn set_property(&mut self, flags: u8, obj: u16, name: PropertyName, value: u16) {
        self.ticks += 1;
        self.emit(match name {
            PropertyName::Fixed(name) => I::SetProp {
                flags,
                obj,
                name,
                value,
            },
            PropertyName::Register(name) => I::SetPropDyn {
                flags,
                obj,
                name,
                value,
            },
        });
    }

    fn open_run(
        &mut self,
        container: u16,
        indices: &[&'a Expr],
        range: Option<(&'a Expr, &'a Expr)>,
    ) -> Keys {
        let count = u8::try_from(indices.len()).unwrap_or_else(|_| {
            self.too_large("indices in a row");
            0
        });
        let is_range = range.is_some();
        let first = self.temps(indices.len() as u32 + if is_range { 2 } else { 0 });
        for (at, index) in indices.iter().enumerate() {
            self.key(container, first, at as u16, index, first + at as u16);
        }
        if let Some((from, to)) = range {
            let after = first + indices.len() as u16;
            self.key(container, first, indices.len() as u16, from, after);
            self.key(container, first, indices.len() as u16, to, after + 1);
        }
        Keys::Run {
            first,
            count,
            is_range,
        }
    }

    /// Computes the key at `level` into `dst`, where `^` and `$` mean what the keys before it lead to.
    fn key(&mut self, container: u16, first: u16, level: u16, key: &'a Expr, dst: u16) {
        if level == 0 || !Self::needs_container(key) {
            self.within(container, |codegen| codegen.expr_to(key, dst));
            return;
        }
        let mark = self.next_temp;
        let inner = self.temp();
        self.walk(container, first, level, inner);
        self.within(inner, |codegen| codegen.expr_to(key, dst));
        // Else the element would be held twice and could not change in place.
        self.emit(I::Clear { dst: inner });
        self.release(mark);
    }

    /// `dst = container[first][first+1]...`, `count` indices.
    fn walk(&mut self, container: u16, first: u16, count: u16, dst: u16) {
        let mut a = container;
        for i in first..first + count {
            self.emit(I::Index { dst, a, i });
            a = dst;
        }
    }

    /// The element that an opened place has now.
    pub(super) fn read(&mut self, target: &Target, dst: u16) {
        self.ticks += 1;
        match target.keys {
            Keys::One(i) => self.emit(I::Index {
                dst,
                a: target.container,
                i,
            }),
            Keys::Run { first, count, .. } => {
                self.walk(target.container, first, u16::from(count), dst)
            }
        }
    }

    /// Puts a value into an opened place. `flags` as of [`I::SetIndex`].
    pub(super) fn store(&mut self, target: Target, value: Operand, flags: u8) {
        self.ticks += 1;
        let a = target.container;
        match target.keys {
            Keys::One(i) => self.emit(I::SetIndex {
                flags,
                a,
                i,
                value: value.reg,
            }),
            Keys::Run {
                first,
                count,
                is_range,
            } => {
                self.emit(match is_range {
                    true => I::SetRange {
                        count,
                        a,
                        keys: first,
                        value: value.reg,
                    },
                    false => I::SetPath {
                        count,
                        a,
                        keys: first,
                        value: value.reg,
                    },
                });
                if flags & TAKE != 0 {
                    self.emit(I::Clear { dst: value.reg });
                }
            }
        }
        match target.root {
            Root::Variable => {}
            Root::Copied(dst) => self.emit(I::Take { dst, src: a }),
            Root::Property { object, name } => self.set_property(TAKE, object, name, a),
        }
    }
}
