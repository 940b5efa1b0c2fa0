//! A program of this server that stands in the middle, told as a server of LambdaMOO's family would have it.
//!
//! In: a tree, the program that it was compiled to, the instruction behind a call, the registers. Out: offsets in that server's
//! bytecode, and what is on its stack. The tree is compiled again, with notes of where the code keeps what is half
//! computed, and laid out as that server does; the call is the same part of the tree in both. A program that was made by
//! [`compile_stopped`](super::compile_stopped) has a register for each place of that stack already.

use moor_bytecode::Program;
use moor_value::{List, ObjId, Str, Value};

use super::super::exits::{ERROR, Exit, FALL_THROUGH};
use super::super::notes::{Notes, Spot};
use super::super::usage::Usage;
use super::super::{Codegen, FindBuiltin, Home, Homes};
use super::fill::{REASON_EXIT, REASON_NOTHING, REASON_RAISED, REASON_RETURN, REASON_UNCAUGHT};
use super::generator::{Found, Generator, Wanted};
use super::numbering::numbered;
use super::stack::{Origin, Slot, There, Way};
use super::{Callee, Dialect, Given, StackValue, StopError};
use crate::ast::{Arg, Ast, Expr, ExprKind, Place};
use crate::names::{Predefined, VarId};
use crate::version::LanguageVersion;

/// A program that stands behind a call.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The program.
    pub program: &'a Program,
    /// The instruction behind the call.
    pub pc: u16,
    /// All registers.
    pub registers: &'a [Value],
    /// The arguments that it was called with; none where it has moved them out.
    pub arguments: &'a [Value],
}

/// Who is told.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The number of its textdumps' format, which is that of its language.
    pub format: u8,
    /// Whether it has a builtin function of the name, which is in lower case.
    pub is_builtin: &'a dyn Fn(&str) -> bool,
}

/// Where a program stands on another server.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its variables in the order of that server, with the values of those that always have the same; `Value::None` for the
    /// others.
    pub variables: Vec<(Str, Value)>,
    /// The `fork` whose body it runs; `None` for the main program.
    pub fork: Option<u32>,
    /// The offset of the next instruction.
    pub offset: u64,
    /// The offset of the instruction of the call.
    pub call_offset: u64,
    /// The stack, bottom first.
    pub stack: Vec<StackValue>,
    /// What is called.
    pub callee: Callee,
}

/// Tells where a program stands.
///
/// # Errors
/// [`StopError::Untold`] and [`StopError::Changed`]; [`StopError::Construct`] for a program of which that server knows not all;
/// [`StopError::TooLarge`].
pub fn tell_stopped(
    ast: &Ast,
    standing: Standing<'_>,
    target: Target<'_>,
    builtins: &FindBuiltin<'_>,
) -> Result<Told, StopError> {
    let given = Given {
        ast,
        dialect: Dialect::usual(target.format),
        builtins,
        is_there: target.is_builtin,
    };
    let line = standing
        .program
        .line(usize::from(standing.pc).saturating_sub(1));
    let untold = || StopError::Untold { line };
    let mut variables = variables(ast, LanguageVersion(target.format));
    let (source, wanted): (Box<dyn Source<'_>>, _) = match Usual::new(ast, standing, builtins)? {
        Some(usual) => {
            usual.add_constants(ast, &mut variables);
            let call = usual.notes.call_before(standing.pc).ok_or_else(untold)?;
            (Box::new(usual), Wanted::Call(call))
        }
        None => {
            let own = Own::new(given, standing)?;
            let site = own.found.site;
            (Box::new(own), Wanted::Site(site))
        }
    };
    let names: Vec<Str> = variables.iter().map(|(name, _)| name.clone()).collect();
    let mut whole = given.generate(&names, wanted)?;
    let found = whole.found.take().ok_or_else(untold)?;
    let teller = Teller {
        source: &*source,
        registers: standing.registers,
        whole: &whole,
        part: found.part,
    };
    let stack = teller.stack(&found).ok_or_else(untold)?;
    let (offset, call_offset) = whole.offsets_of(found.site).ok_or_else(untold)?;
    Ok(Told {
        variables,
        fork: whole.parts[found.part].number,
        offset,
        call_offset,
        stack,
        callee: found.callee,
    })
}

/// The variables that every program of that version begins with, then the others as those servers number them.
fn variables(ast: &Ast, version: LanguageVersion) -> Vec<(Str, Value)> {
    let predefined = Predefined::in_order(version);
    let predefined = predefined.map(|(which, name)| (name, which.constant()));
    let spelling = |id: VarId| ast.names.spelling(id);
    let others = numbered(ast).into_iter().map(spelling);
    let others = others.filter(|name| Predefined::from_name(name, version).is_none());
    let all = predefined.chain(others.map(|name| (name, None)));
    all.map(|(name, value)| (Str::new(name), value.unwrap_or(Value::None)))
        .collect()
}

/// Where the code of a program keeps what another server has on its stack.
trait Source<'a> {
    /// The value of the place of this number.
    fn value(&self, place: usize, origin: Origin<'a>) -> Option<Value>;

    /// The first register of the state of a loop or a `finally`, which begins at the place of this number.
    fn state(&self, place: usize, origin: Origin<'a>) -> Option<u16>;

    /// The way out that the state of a `finally` means by a number.
    fn exit(&self, place: usize, origin: Origin<'a>, number: i64) -> Option<Exit>;
}

/// A program that was compiled as usual.
struct Usual<'a> {
    standing: Standing<'a>,
    homes: Homes,
    notes: Notes<'a>,
}

impl<'a> Usual<'a> {
    /// None if the program was not compiled so.
    fn new(
        ast: &'a Ast,
        standing: Standing<'a>,
        builtins: &'a FindBuiltin<'a>,
    ) -> Result<Option<Self>, StopError> {
        let mut codegen = Codegen::new(ast, builtins, Usage::of(ast));
        codegen.notes = Some(Notes::default());
        codegen.prologue();
        codegen.body(&ast.body);
        let notes = codegen.notes.take().unwrap_or_default();
        let homes = codegen.homes.clone();
        let program = codegen.finish().map_err(|_| StopError::TooLarge)?;
        let usual = program.does_as(standing.program).then_some(Self {
            standing,
            homes,
            notes,
        });
        Ok(usual)
    }

    /// Adds the values of variables that have no register because they never change.
    fn add_constants(&self, ast: &Ast, variables: &mut [(Str, Value)]) {
        for (id, name) in ast.names.iter() {
            let named = |(known, _): &&mut (Str, Value)| known.eq_fold(&Str::new(name));
            if let Some(value) = self.homes.of(id).constant()
                && let Some((_, known)) = variables.iter_mut().find(named)
            {
                *known = value;
            }
        }
    }

    fn register(&self, spot: Spot<'_>) -> Option<u16> {
        let note = self.notes.find(spot, self.standing.pc);
        note.map(|note| note.register)
    }

    /// What a register holds, which is something.
    fn held(&self, register: u16) -> Option<Value> {
        let value = self.standing.registers.get(usize::from(register))?;
        (!value.is_none()).then(|| value.clone())
    }

    fn expr(&self, expr: &Expr) -> Option<Value> {
        if let Some(register) = self.register(Spot::Value(expr)) {
            return self.held(register);
        }
        let constant = self.homes.constant_value(expr);
        constant.or_else(|| match &expr.kind {
            ExprKind::Var(id) => self.variable(*id),
            _ => None,
        })
    }

    fn variable(&self, id: VarId) -> Option<Value> {
        match self.homes.of(id) {
            Home::Register(register) => self.held(register),
            Home::Arguments => Some(Value::from(self.standing.arguments.to_vec())),
            home => home.constant(),
        }
    }

    /// The list that begins with the first arguments.
    fn elements(&self, args: &[Arg]) -> Option<Vec<Value>> {
        let mut all = Vec::with_capacity(args.len());
        let mut rest = args;
        while let [first, others @ ..] = rest {
            let built = self.notes.find(Spot::Elements(rest), self.standing.pc);
            if let Some(note) = built.filter(|note| (1..=rest.len()).contains(&note.count)) {
                all.extend_from_slice(self.held(note.register)?.as_list()?.as_slice());
                rest = &rest[note.count..];
                continue;
            }
            match (first, self.expr(first.expr())?) {
                (Arg::One(_), value) => all.push(value),
                (Arg::Splice(_), value) => all.extend_from_slice(value.as_list()?.as_slice()),
            }
            rest = others;
        }
        Some(all)
    }

    fn container(&self, place: &Place) -> Option<Value> {
        if let Some(register) = self.register(Spot::Container(place)) {
            return self.held(register);
        }
        match place {
            Place::Var(id) => self.variable(*id),
            Place::Index { base, index, .. } => element(&self.container(base)?, &self.expr(index)?),
            Place::Prop { .. } | Place::Range { .. } => None,
        }
    }
}

impl<'a> Source<'a> for Usual<'a> {
    fn value(&self, _: usize, origin: Origin<'a>) -> Option<Value> {
        match origin {
            Origin::Zero => Some(Value::ZERO),
            Origin::Value(expr) => self.expr(expr),
            Origin::Elements {
                before,
                args,
                count,
            } => {
                let name = before.into_iter().map(Value::from);
                let elements = self.elements(args.get(..count)?)?;
                Some(Value::from(name.chain(elements).collect::<Vec<_>>()))
            }
            Origin::Entries(entries) => self.held(self.register(Spot::Entries(entries))?),
            Origin::Container(place) => self.container(place),
            Origin::Mark | Origin::Handler(_) => None,
        }
    }

    fn state(&self, _: usize, origin: Origin<'a>) -> Option<u16> {
        match origin {
            Origin::Value(expr) => self.register(Spot::Value(expr)),
            Origin::Handler(handler) => self.register(Spot::Handler(handler)),
            _ => None,
        }
    }

    fn exit(&self, _: usize, origin: Origin<'a>, number: i64) -> Option<Exit> {
        let Origin::Handler(handler) = origin else {
            return None;
        };
        let mut exits = self.notes.exits(handler).iter();
        let found = exits.find(|(_, known)| i64::from(*known) == number);
        found.map(|(exit, _)| *exit)
    }
}

/// The element of a value at an index or key.
fn element(container: &Value, index: &Value) -> Option<Value> {
    let place = || usize::try_from(index.as_int()?.checked_sub(1)?).ok();
    match container {
        Value::List(list) => list.get(place()?).cloned(),
        Value::Str(text) => text.char_at(place()?).map(Value::Str),
        Value::Map(map) => map.get(index).cloned(),
        _ => None,
    }
}

/// A program that goes on from another server.
struct Own<'a> {
    registers: &'a [Value],
    found: Found<'a>,
}

impl<'a> Own<'a> {
    fn new(given: Given<'a>, standing: Standing<'a>) -> Result<Self, StopError> {
        // Its calls are those that the program spells out.
        let given = Given {
            is_there: &|_| true,
            ..given
        };
        let variables = &standing.program.variables;
        let whole = given.generate(variables, Wanted::None)?;
        let places: Vec<(usize, u16)> = whole
            .sites
            .iter()
            .map(|site| (site.part, site.pc))
            .collect();
        let (program, starts) = whole.program()?;
        if !program.does_as(standing.program) {
            return Err(StopError::Changed);
        }
        let site = places
            .iter()
            .position(|(part, pc)| starts[*part] + pc == standing.pc);
        let found = match site {
            Some(site) => given.generate(variables, Wanted::Site(site))?.found,
            None => None,
        };
        Ok(Self {
            registers: standing.registers,
            found: found.ok_or(StopError::Changed)?,
        })
    }
}

impl<'a> Source<'a> for Own<'a> {
    fn value(&self, place: usize, origin: Origin<'a>) -> Option<Value> {
        let Slot::Value(register) = self.found.slots.get(place)? else {
            return None;
        };
        let value = self.registers.get(usize::from(*register))?.clone();
        match (origin, &value) {
            (_, Value::None) => None,
            (
                Origin::Elements {
                    before: Some(name), ..
                },
                Value::List(args),
            ) => {
                let mut all = List::from_vec(vec![Value::from(name)]);
                all.append(args.clone());
                Some(Value::List(all))
            }
            _ => Some(value),
        }
    }

    fn state(&self, place: usize, _: Origin<'a>) -> Option<u16> {
        match self.found.slots.get(place)? {
            Slot::Position(state) | Slot::Next(state) | Slot::Reason(state, _) => Some(*state),
            _ => None,
        }
    }

    fn exit(&self, place: usize, _: Origin<'a>, number: i64) -> Option<Exit> {
        let Slot::Reason(_, ways) = self.found.slots.get(place)? else {
            return None;
        };
        let found = ways.iter().find(|way| i64::from(way.number) == number);
        found.map(|way| way.exit)
    }
}

/// Puts a stack together.
struct Teller<'t, 'a> {
    source: &'t dyn Source<'a>,
    registers: &'t [Value],
    whole: &'t Generator<'a>,
    /// The part of the program that stands.
    part: usize,
}

impl<'a> Teller<'_, 'a> {
    fn stack(&self, found: &Found<'a>) -> Option<Vec<StackValue>> {
        let mut stack = Vec::with_capacity(found.slots.len());
        for (place, (slot, origin)) in found.slots.iter().zip(&found.origins).enumerate() {
            match slot {
                Slot::Value(_) => {
                    stack.push(StackValue::Value(self.source.value(place, *origin)?));
                }
                Slot::Label(mark) => {
                    let offset = self.whole.mark_offset(self.part, *mark)?;
                    stack.push(StackValue::Value(Value::Int(offset)));
                }
                Slot::Catch(arms) => stack.push(StackValue::Catch(i64::try_from(*arms).ok()?)),
                Slot::Finally(mark) => {
                    let offset = self.whole.mark_offset(self.part, *mark)?;
                    stack.push(StackValue::Finally(offset));
                }
                Slot::Position(_) => {
                    let state = self.source.state(place, *origin)?;
                    stack.push(next_element(self.held(state, 0)?, self.held(state, 1)?)?);
                }
                Slot::Next(_) => {
                    let state = self.source.state(place, *origin)?;
                    let range = next_in_range(self.held(state, 0)?, self.held(state, 1)?)?;
                    stack.extend(range.map(StackValue::Value));
                }
                Slot::Reason(_, ways) => {
                    let state = self.source.state(place, *origin)?;
                    let Value::Int(number) = self.held(state, 0)? else {
                        return None;
                    };
                    let exit = || self.source.exit(place, *origin, *number);
                    let (reason, held) = self.reason(*number, self.held(state, 1), exit, ways)?;
                    stack.extend([Value::Int(reason), held].map(StackValue::Value));
                }
                // Told with the place below.
                Slot::Last(_) | Slot::Held => {}
            }
        }
        Some(stack)
    }

    fn held(&self, state: u16, at: u16) -> Option<&Value> {
        self.registers.get(usize::from(state) + usize::from(at))
    }

    /// Why a `finally` runs, and what goes on behind it.
    fn reason(
        &self,
        number: i64,
        held: Option<&Value>,
        exit: impl FnOnce() -> Option<Exit>,
        ways: &[Way],
    ) -> Option<(i64, Value)> {
        if number == i64::from(FALL_THROUGH) {
            return Some((REASON_NOTHING, Value::ZERO));
        }
        let held = held?;
        if number == i64::from(ERROR) {
            let reason = match held.as_list()?.len() {
                EXCEPTION_LEN => REASON_RAISED,
                _ => REASON_UNCAUGHT,
            };
            return Some((reason, held.clone()));
        }
        let exit = exit()?;
        match &ways.iter().find(|way| way.exit == exit)?.there {
            There::Return => Some((REASON_RETURN, held.clone())),
            There::Jump { depth, mark } => {
                let depth = i64::try_from(*depth).ok()?;
                let offset = self.whole.mark_offset(self.part, *mark)?;
                let held = Value::from(vec![Value::Int(depth), Value::Int(offset)]);
                Some((REASON_EXIT, held))
            }
        }
    }
}

/// Elements of an exception that somebody takes; one that nobody takes has its traceback behind them.
const EXCEPTION_LEN: usize = 4;

/// What is next in a loop over elements, of which so many, or those up to a key, have been.
fn next_element(container: &Value, passed: &Value) -> Option<StackValue> {
    match container {
        Value::List(_) | Value::Str(_) => {
            let next = passed.as_int()?.checked_add(1)?;
            Some(StackValue::Value(Value::Int(next)))
        }
        Value::Map(map) => {
            let next = map.next_after(passed);
            Some(StackValue::Iterator(next.map(|(key, _)| key.clone())))
        }
        _ => None,
    }
}

/// The next value of a loop over a range and its last one. Behind the largest number there is none: then the last one goes down.
fn next_in_range(now: &Value, last: &Value) -> Option<[Value; 2]> {
    let pair = |now: i64, last: i64| match now.checked_add(1) {
        Some(next) => (next, last),
        None => (now, last.saturating_sub(1)),
    };
    match (now, last) {
        (Value::Int(now), Value::Int(last)) => {
            let (next, last) = pair(*now, *last);
            Some([Value::Int(next), Value::Int(last)])
        }
        (Value::Obj(now), Value::Obj(last)) => {
            let (next, last) = pair(now.0, last.0);
            Some([ObjId(next), ObjId(last)].map(Value::Obj))
        }
        _ => None,
    }
}
