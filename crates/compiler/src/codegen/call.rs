//! Properties, verb calls, builtin calls, lists and maps: what is built from a run of registers.

use moor_bytecode::Instruction as I;
use moor_value::{ErrorName, List, Map, ObjId, Sym, Value};

use super::notes::Spot;
use super::{Codegen, Home, take_if};
use crate::ast::{Arg, Expr, ExprKind, Literal};
use crate::error::ErrorKind;
use crate::names::VarId;

/// The most arguments that a call takes from registers; more go as a list.
const ARGS_MAX: usize = 255;
/// The most elements that one instruction gathers into a list.
const GATHERED_MAX: usize = 255;

/// The text of a name that the source spells out.
pub(super) fn fixed_name(name: &Expr) -> Option<&str> {
    match &name.kind {
        ExprKind::Literal(Literal::Str(text)) => Some(text),
        _ => None,
    }
}

fn is_system(object: &Expr) -> bool {
    object.kind == ExprKind::Literal(Literal::Obj(ObjId::SYSTEM))
}

impl<'a> Codegen<'a> {
    pub(super) fn property(&mut self, object: &'a Expr, name: &'a Expr, dst: u16) {
        self.ticks += 1;
        let fixed = fixed_name(name).map(|text| self.name(text));
        match fixed {
            Some(name) if is_system(object) => self.emit(I::GetSystem { dst, name }),
            Some(name) => {
                let spare = (!self.is_variable(dst)).then_some(dst);
                let obj = self.operand(object, spare, &[]).reg;
                self.emit(I::GetProp { dst, obj, name });
            }
            None => {
                let obj = self.operand(object, None, &[name]).reg;
                let name = self.operand(name, None, &[]).reg;
                self.emit(I::GetPropDyn { dst, obj, name });
            }
        }
    }

    pub(super) fn call_verb(
        &mut self,
        object: &'a Expr,
        verb: &'a Expr,
        args: &'a [Arg],
        dst: u16,
    ) {
        let fixed = fixed_name(verb).map(|text| self.name(text));
        let base = self.temps(if fixed.is_some() { 1 } else { 2 });
        self.expr_to(object, base);
        if fixed.is_none() {
            self.expr_to(verb, base + 1);
        }
        match (self.plain_args(args, None), fixed) {
            (Some(argc), Some(name)) => self.emit(I::CallVerb {
                argc,
                dst,
                base,
                name,
            }),
            (Some(argc), None) => self.emit(I::CallVerbDyn { argc, dst, base }),
            (None, fixed) => {
                let list = self.temp();
                self.list(args, list);
                match fixed {
                    Some(name) => self.emit(I::CallVerbSpread { dst, base, name }),
                    None => self.emit(I::CallVerbDynSpread { dst, base }),
                }
            }
        }
    }

    /// Computes the arguments into the next temporaries; none when they must go as a list. The variable `given` loses its
    /// value.
    pub(super) fn plain_args(&mut self, args: &'a [Arg], given: Option<VarId>) -> Option<u8> {
        if args.len() > ARGS_MAX || args.iter().any(|arg| matches!(arg, Arg::Splice(_))) {
            return None;
        }
        let first = self.temps(args.len() as u32);
        for (at, arg) in args.iter().enumerate() {
            self.expr_to(arg.expr(), first + at as u16);
            if let (ExprKind::Var(id), Some(given)) = (&arg.expr().kind, given)
                && *id == given
            {
                let dst = self.register(given);
                self.emit(I::Clear { dst });
            }
        }
        Some(args.len() as u8)
    }

    /// `name(args)` into `dst`; see [`plain_args`](Self::plain_args) for `given`.
    pub(super) fn call_builtin(
        &mut self,
        name: &'a str,
        args: &'a [Arg],
        dst: u16,
        given: Option<VarId>,
    ) {
        let Some(builtin) = (self.builtins)(name) else {
            self.fail(ErrorKind::UnknownBuiltin(name.into()));
            return;
        };
        self.pools.builtin(builtin, name);
        if name == "length"
            && let [Arg::One(arg)] = args
        {
            self.length(builtin, arg, dst);
            return;
        }
        let base = u16::try_from(self.next_temp).unwrap_or(0);
        match self.plain_args(args, given) {
            Some(argc) => {
                if argc == 0 {
                    self.temp();
                }
                self.emit(I::CallBuiltin {
                    argc,
                    dst,
                    base,
                    builtin,
                });
            }
            None => {
                let base = self.temp();
                self.list(args, base);
                self.emit(I::CallBuiltinSpread { dst, base, builtin });
            }
        }
    }

    fn length(&mut self, builtin: u16, arg: &'a Expr, dst: u16) {
        self.ticks += 1;
        if let ExprKind::Var(id) = &arg.kind
            && self.home(*id) == Home::Arguments
        {
            self.emit(I::ArgCount { dst });
            return;
        }
        let a = self.operand(arg, None, &[]);
        self.emit(I::Length {
            dst,
            a: a.reg,
            builtin,
        });
        self.forget(a, dst);
    }

    /// `{args}` into `dst`.
    pub(super) fn list(&mut self, args: &'a [Arg], dst: u16) {
        if args.is_empty() {
            self.load(dst, &Value::List(List::new()));
            return;
        }
        let mark = self.next_temp;
        let built = self.scratch(dst);
        let mut rest = args;
        let mut begun = false;
        while let Some(arg) = rest.first() {
            match arg {
                Arg::Splice(expr) => {
                    if !begun {
                        self.load(built, &Value::List(List::new()));
                    }
                    self.extend(built, expr);
                    rest = &rest[1..];
                }
                Arg::One(_) => rest = self.gather(built, rest, begun),
            }
            begun = true;
            self.note_some(Spot::Elements(args), built, args.len() - rest.len());
        }
        self.deliver(dst, built);
        self.release(mark);
    }

    /// `list = {@list, @expr}`.
    pub(super) fn extend(&mut self, list: u16, expr: &'a Expr) {
        self.ticks += 1;
        let mark = self.next_temp;
        let src = self.operand(expr, None, &[]);
        self.emit(I::Extend {
            flags: take_if(src.spent),
            list,
            src: src.reg,
        });
        self.release(mark);
    }

    /// Puts the single elements at the head of `args` into the list; answers what is left of `args`.
    fn gather(&mut self, list: u16, args: &'a [Arg], begun: bool) -> &'a [Arg] {
        let is_one = |arg: &&Arg| matches!(arg, Arg::One(_));
        let count = args.iter().take(GATHERED_MAX).take_while(is_one).count();
        let (ones, rest) = args.split_at(count);
        let mark = self.next_temp;
        self.ticks += 1;
        if begun && count == 1 {
            let src = self.operand(ones[0].expr(), None, &[]);
            self.emit(I::Push {
                flags: take_if(src.spent),
                list,
                src: src.reg,
            });
            self.release(mark);
            return rest;
        }
        let base = self.temps(count as u32);
        for (at, one) in ones.iter().enumerate() {
            self.expr_to(one.expr(), base + at as u16);
        }
        let count = count as u16;
        if begun {
            self.emit(I::List {
                dst: base,
                base,
                count,
            });
            self.emit(I::Extend {
                flags: take_if(true),
                list,
                src: base,
            });
        } else {
            self.emit(I::List {
                dst: list,
                base,
                count,
            });
        }
        self.release(mark);
        rest
    }

    pub(super) fn map(&mut self, entries: &'a [(Expr, Expr)], dst: u16) {
        let map = if entries.is_empty() {
            dst
        } else {
            self.scratch(dst)
        };
        self.load(map, &Value::Map(Map::new()));
        self.note(Spot::Entries(entries), map);
        let value = self.temps(2);
        for (key, expr) in entries {
            self.ticks += 1;
            self.expr_to(expr, value);
            self.expr_to(key, value + 1);
            self.emit(I::Insert {
                map,
                key: value + 1,
                value,
            });
        }
        self.deliver(dst, map);
    }

    /// `E_PERM(message)` into `dst`.
    pub(super) fn error(&mut self, name: &ErrorName, message: &'a Expr, dst: u16) {
        self.ticks += 1;
        let k = self.constant(&name.clone().into_value());
        let spare = (!self.is_variable(dst)).then_some(dst);
        let a = self.operand(message, spare, &[]).reg;
        self.emit(I::Error { dst, a, k });
    }

    /// `<delegate, .slot = value, {contents}>` into `dst`.
    pub(super) fn flyweight(
        &mut self,
        delegate: &'a Expr,
        slots: &'a [(Box<str>, Expr)],
        contents: Option<&'a Expr>,
        dst: u16,
    ) {
        self.ticks += 1;
        let base = self.temps(3);
        self.expr_to(delegate, base);
        self.load(base + 1, &Value::Map(Map::new()));
        let mark = self.next_temp;
        for (name, expr) in slots {
            let value = self.temps(2);
            self.expr_to(expr, value);
            self.load(value + 1, &Value::Sym(Sym::new(name)));
            self.emit(I::Insert {
                map: base + 1,
                key: value + 1,
                value,
            });
            self.release(mark);
        }
        match contents {
            Some(contents) => self.expr_to(contents, base + 2),
            None => self.load(base + 2, &Value::List(List::new())),
        }
        self.emit(I::Flyweight { dst, base });
    }
}
