//! Operations on a window of registers that are more than one value's business: what the dispatch loop calls for the
//! longer instructions, and the short writes that it inlines.

use moor_value::{ErrorCode, Str, Symbol, Value};

use crate::arithmetic as math;
use crate::collection;
use crate::outcome::TaskLimits;
use crate::raise::Raise;

/// Writes an integer; nothing has to be dropped when the register held one.
#[inline(always)]
pub(crate) fn set_int(slot: &mut Value, n: i64) {
    match slot {
        Value::Int(old) => *old = n,
        slot => *slot = Value::Int(n),
    }
}

#[inline(always)]
pub(crate) fn set_float(slot: &mut Value, x: f64) {
    match slot {
        Value::Float(old) => *old = x,
        slot => *slot = Value::Float(x),
    }
}

/// The sum of two floats when it is finite.
#[inline(always)]
pub(crate) fn float_sum(a: &Value, b: &Value) -> Option<f64> {
    if let (Value::Float(x), Value::Float(y)) = (a, b) {
        let sum = x + y;
        return sum.is_finite().then_some(sum);
    }
    None
}

/// Copies a value; the common kinds without looking at what is counted.
#[inline(always)]
pub(crate) fn copy(value: &Value) -> Value {
    match value {
        Value::Int(n) => Value::Int(*n),
        Value::Obj(id) => Value::Obj(*id),
        value => value.clone(),
    }
}

/// The symbol of a property that a program names by a string. A string that names nothing stands for the empty
/// name, which no property has, so that programs cannot fill the table of symbols.
pub(crate) fn property_symbol(text: &Str) -> Symbol {
    Symbol::lookup(text.as_str()).unwrap_or_else(|| Symbol::intern(""))
}

/// `dst = a + b` for what is not two numbers; in place when `dst` is `a`.
#[inline(never)]
pub(crate) fn add_registers(
    regs: &mut [Value],
    dst: u16,
    a: u16,
    b: u16,
    limits: &TaskLimits,
) -> Result<(), Box<Raise>> {
    if regs[usize::from(b)].is_none() {
        return Err(Raise::new(ErrorCode::VarNf));
    }
    if a == b {
        let right = regs[usize::from(b)].clone();
        return add_value(regs, dst, a, &right, limits);
    }
    let mut left = moved_or_copied(regs, dst, a);
    let result = math::add(&mut left, &regs[usize::from(b)], limits);
    put_back(regs, (dst, a), left, result)
}

/// `dst = a + right`, where `right` is no register.
#[inline(never)]
pub(crate) fn add_value(
    regs: &mut [Value],
    dst: u16,
    a: u16,
    right: &Value,
    limits: &TaskLimits,
) -> Result<(), Box<Raise>> {
    let mut left = moved_or_copied(regs, dst, a);
    let result = math::add(&mut left, right, limits);
    put_back(regs, (dst, a), left, result)
}

/// The left operand of an addition: moved out when it is about to be overwritten, so that it can grow in place.
fn moved_or_copied(regs: &mut [Value], dst: u16, a: u16) -> Value {
    let slot = &mut regs[usize::from(a)];
    if dst == a { slot.take() } else { slot.clone() }
}

fn put_back(
    regs: &mut [Value],
    (dst, a): (u16, u16),
    left: Value,
    result: Result<(), Box<Raise>>,
) -> Result<(), Box<Raise>> {
    let to = if result.is_ok() { dst } else { a };
    if result.is_ok() || dst == a {
        regs[usize::from(to)] = left;
    }
    result
}

/// Takes the next element of the container at `state`; `false`, and the state is cleared, when there is none.
#[inline]
pub(crate) fn next_element(regs: &mut [Value], var: u16, state: u16) -> bool {
    let at = usize::from(state);
    let next = match (&regs[at], &regs[at + 1]) {
        (Value::Map(map), Value::None) => map.first().map(|(k, v)| (k.clone(), v.clone())),
        (Value::Map(map), key) => map.next_after(key).map(|(k, v)| (k.clone(), v.clone())),
        (container, Value::Int(n)) => {
            let position = *n;
            match collection::element(container, position as usize) {
                Some(value) => {
                    set_int(&mut regs[at + 1], position.wrapping_add(1));
                    set_int(&mut regs[at + 2], position.wrapping_add(1));
                    regs[usize::from(var)] = value;
                    return true;
                }
                None => None,
            }
        }
        _ => None,
    };
    match next {
        Some((key, value)) => {
            regs[at + 1] = key.clone();
            regs[at + 2] = key;
            regs[usize::from(var)] = value;
            true
        }
        None => {
            regs[at..at + 3].fill(Value::None);
            false
        }
    }
}

pub(crate) fn set_path(
    regs: &mut [Value],
    a: u16,
    (keys, count): (u16, u8),
    value: u16,
    limits: &TaskLimits,
) -> Result<(), Box<Raise>> {
    let new = regs[usize::from(value)].clone();
    let from = usize::from(keys);
    let path: Vec<Value> = regs[from..from + usize::from(count)]
        .iter_mut()
        .map(Value::take)
        .collect();
    let Some((last, path)) = path.split_last() else {
        return Err(Raise::new(ErrorCode::Type));
    };
    if new.is_none() {
        return Err(Raise::new(ErrorCode::VarNf));
    }
    let target = &mut regs[usize::from(a)];
    collection::change_at(target, path, &mut |inner| {
        collection::set_index(inner, last, new.clone(), limits)
    })
}

pub(crate) fn set_range(
    regs: &mut [Value],
    a: u16,
    (keys, count): (u16, u8),
    value: u16,
    limits: &TaskLimits,
) -> Result<(), Box<Raise>> {
    let new = regs[usize::from(value)].clone();
    let from = usize::from(keys);
    let path: Vec<Value> = regs[from..from + usize::from(count) + 2]
        .iter_mut()
        .map(Value::take)
        .collect();
    let (path, [start, end]) = path.split_at(usize::from(count)) else {
        return Err(Raise::new(ErrorCode::Type));
    };
    if new.is_none() {
        return Err(Raise::new(ErrorCode::VarNf));
    }
    let target = &mut regs[usize::from(a)];
    collection::change_at(target, path, &mut |inner| {
        collection::set_range(inner, start, end, &new, limits)
    })
}
