//! Lists, maps and strings: building them, taking parts of them, changing them in place; building flyweights, and errors
//! with messages.

use moor_bytecode::Instruction as I;
use moor_value::{ErrorCode, ErrorName, ErrorValue, Flyweight, List, Value, ValueType};

use super::{Computed, Done, Flow, Step, foreign};
use crate::collection;
use crate::raise::Raise;
use crate::registers::{copy, set_path, set_range};
use crate::run::Exit;

/// Carries out an instruction of this family that no waif concerns.
#[inline(always)]
pub(super) fn execute(step: &mut Step<'_>, instruction: I) -> Done {
    match instruction {
        I::List { dst, base, count } => build_list(step, dst, base, count),
        I::Push { flags, list, src } => push(step, flags, list, src),
        I::Extend { flags, list, src } => extend(step, flags, list, src),
        I::Insert { map, key, value } => insert(step, map, key, value),
        I::Range { dst, a, range } => {
            let (from, to) = (step.get(range), step.get(range + 1));
            let part = collection::range(step.get(a), from, to);
            step.finish(part, dst, &[a, range, range + 1])
        }
        I::First { dst, a } => {
            let first = collection::first(step.get(a));
            step.finish(first, dst, &[a])
        }
        I::Last { dst, a } => {
            let last = collection::last(step.get(a));
            step.finish(last, dst, &[a])
        }
        I::SetPath {
            count,
            a,
            keys,
            value,
        } => {
            let changed = set_path(step.regs, a, (keys, count), value, step.limits);
            step.finish_change(changed, a, &[a, value])
        }
        I::SetRange {
            count,
            a,
            keys,
            value,
        } => {
            let changed = set_range(step.regs, a, (keys, count), value, step.limits);
            step.finish_change(changed, a, &[a, value])
        }
        I::Error { dst, a, k } => {
            let name = step.program.constants[usize::from(k)].error_name();
            let error = error_with(name, step.get(a));
            step.finish(error, dst, &[a])
        }
        I::Flyweight { dst, base } => build_flyweight(step, dst, base),
        _ => foreign(instruction),
    }
}

fn error_with(name: Option<ErrorName>, message: &Value) -> Computed {
    match (name, message) {
        (Some(name), Value::Str(text)) => Ok(ErrorValue::make(name, Some(text.clone()))),
        _ => Err(Raise::type_mismatch(message, &[ValueType::Str])),
    }
}

/// Moves three registers into a new flyweight.
fn build_flyweight(step: &mut Step<'_>, dst: u16, base: u16) -> Done {
    let mut part = |at: u16| step.regs[usize::from(base + at)].take();
    let parts = (part(0), part(1), part(2));
    let made = match parts {
        (Value::Obj(delegate), Value::Map(slots), Value::List(contents)) => {
            Flyweight::with_slots(delegate, &slots, contents)
                .map(Value::Fly)
                .ok_or_else(|| Raise::new(ErrorCode::Quota))
        }
        (Value::Obj(_), Value::Map(_), contents) => {
            Err(Raise::type_mismatch(&contents, &[ValueType::List]))
        }
        (Value::Obj(_), slots, _) => Err(Raise::type_mismatch(&slots, &[ValueType::Map])),
        (delegate, ..) => Err(Raise::type_mismatch(&delegate, &[ValueType::Obj])),
    };
    let made = made.and_then(|made| match made.bytes() <= step.limits.map_bytes() {
        true => Ok(made),
        false => Err(step.limits.quota()),
    });
    step.finish(made, dst, &[])
}

/// Moves registers into a new list.
fn build_list(step: &mut Step<'_>, dst: u16, base: u16, count: u16) -> Done {
    let (from, to) = (usize::from(base), usize::from(base) + usize::from(count));
    let items: Vec<Value> = step.regs[from..to].iter_mut().map(Value::take).collect();
    if items.iter().any(|item| !item.nestable()) {
        return step.fail(Raise::new(ErrorCode::Quota), dst, &[]);
    }
    if let Err(raise) = step.limits.check_items(&items) {
        return step.fail(raise, dst, &[]);
    }
    step.set(dst, Value::List(List::from_vec(items)));
    Ok(())
}

fn push(step: &mut Step<'_>, flags: u8, list: u16, src: u16) -> Done {
    match step.kept(src, flags) {
        Ok(value) => {
            let target = &mut step.regs[usize::from(list)];
            let changed = collection::push(target, value, step.limits);
            step.finish_change(changed, list, &[list])
        }
        Err(raise) => step.fail(raise, list, &[src]),
    }
}

fn extend(step: &mut Step<'_>, flags: u8, list: u16, src: u16) -> Done {
    match step.kept(src, flags) {
        Ok(value) => {
            let target = &mut step.regs[usize::from(list)];
            let changed = collection::extend(target, &value, step.limits);
            step.finish_change(changed, list, &[list])
        }
        Err(raise) => step.fail(raise, list, &[src]),
    }
}

fn insert(step: &mut Step<'_>, map: u16, key: u16, value: u16) -> Done {
    let value = step.regs[usize::from(value)].take();
    let key = step.regs[usize::from(key)].take();
    let target = &mut step.regs[usize::from(map)];
    let changed = collection::insert(target, &key, value, step.limits);
    step.finish_change(changed, map, &[])
}

/// Carries out an instruction that reads or writes one element. A waif's elements are the business of its verbs.
#[inline(always)]
pub(super) fn index<R>(step: &mut Step<'_>, instruction: I) -> Flow<R> {
    match instruction {
        I::Index { dst, a, i } => {
            let index = copy(step.get(i));
            get_element(step, dst, a, index, &[a, i])
        }
        I::IndexI { dst, a, imm } => {
            let index = Value::Int(i64::from(imm));
            get_element(step, dst, a, index, &[a])
        }
        I::SetIndex { flags, a, i, value } => set_element(step, flags, a, i, value),
        _ => foreign(instruction),
    }
}

fn get_element<R>(step: &mut Step<'_>, dst: u16, a: u16, index: Value, used: &[u16]) -> Flow<R> {
    match step.get(a) {
        waif @ Value::Waif(_) if !index.is_none() => {
            let waif = waif.clone();
            step.frame().result = dst;
            Err(Exit::Waif {
                waif,
                verb: "_index",
                args: [index, Value::None],
                argc: 1,
            })
        }
        value => {
            let element = collection::get(value, &index);
            Ok(step.finish(element, dst, used)?)
        }
    }
}

fn set_element<R>(step: &mut Step<'_>, flags: u8, a: u16, i: u16, value: u16) -> Flow<R> {
    let index = copy(step.get(i));
    let new = match step.kept(value, flags) {
        Ok(new) if !index.is_none() => new,
        _ => return Ok(step.fail(Raise::new(ErrorCode::VarNf), a, &[i, value])?),
    };
    if let waif @ Value::Waif(_) = step.get(a) {
        let waif = waif.clone();
        step.frame().result = a;
        return Err(Exit::Waif {
            waif,
            verb: "_set_index",
            args: [index, new],
            argc: 2,
        });
    }
    let target = &mut step.regs[usize::from(a)];
    let changed = collection::set_index(target, &index, new, step.limits);
    Ok(step.finish_change(changed, a, &[a])?)
}
