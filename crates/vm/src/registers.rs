//! Operations on a window of registers that are more than one value's business: what the dispatch loop calls for the
//! longer instructions, and the short writes that it inlines.

/// Told to the compiler before a call, where it must not give up registers of the processor for what has to survive the call:
/// the way that makes none is the one that has to be fast.
pub(crate) use std::hint::cold_path as calls_out;

use moor_value::{ErrorCode, List, ObjId, Value};

use crate::arithmetic as math;
use crate::collection;
use crate::outcome::TaskLimits;
use crate::raise::Raise;
use crate::run::TOIL_BYTES_MIN;

// Writing registers. A processor that is to load sixteen bytes at once waits for what was just stored in two parts, so
// plain values go by their parts, tag and number, wherever the kind is known. What a register held before is looked at
// first: one that is not counted is forgotten, so that nothing has to survive a call in the usual case.

/// Defines a writer of one plain kind and, out of line, the same over a counted value.
macro_rules! plain_writer {
    ($doc:literal, $name:ident, $over_counted:ident, ($($part:ident: $type:ty)?) $value:expr) => {
        #[doc = $doc]
        #[inline(always)]
        pub(crate) fn $name(slot: &mut Value $(, $part: $type)?) {
            match slot {
                Value::None | Value::Int(_) | Value::Float(_) | Value::Obj(_) | Value::Err(_) => {
                    std::mem::forget(std::mem::replace(slot, $value));
                }
                slot => {
                    calls_out();
                    $over_counted(slot $(, $part)?);
                }
            }
        }

        #[inline(never)]
        fn $over_counted(slot: &mut Value $(, $part: $type)?) {
            *slot = $value;
        }
    };
}

plain_writer!("Makes a register unset.", clear, clear_counted, () Value::None);
plain_writer!("Writes an object.", set_obj, obj_over_counted, (id: ObjId) Value::Obj(id));
plain_writer!("An integer over any kind.", int_over_plain, int_over_counted, (n: i64) Value::Int(n));
plain_writer!("A float over any kind.", float_over_plain, float_over_counted, (x: f64) Value::Float(x));

/// Writes an integer.
#[inline(always)]
pub(crate) fn set_int(slot: &mut Value, n: i64) {
    if let Value::Int(old) = slot {
        *old = n;
    } else {
        calls_out();
        int_over_other(slot, n);
    }
}

#[inline(never)]
fn int_over_other(slot: &mut Value, n: i64) {
    int_over_plain(slot, n);
}

/// Writes a float.
#[inline(always)]
pub(crate) fn set_float(slot: &mut Value, x: f64) {
    if let Value::Float(old) = slot {
        *old = x;
    } else {
        calls_out();
        float_over_other(slot, x);
    }
}

#[inline(never)]
fn float_over_other(slot: &mut Value, x: f64) {
    float_over_plain(slot, x);
}

/// Writes any value.
#[inline(always)]
pub(crate) fn put(slot: &mut Value, value: Value) {
    match value {
        Value::Int(n) => set_int(slot, n),
        Value::Obj(id) => set_obj(slot, id),
        value => {
            calls_out();
            put_other(slot, value);
        }
    }
}

#[inline(never)]
fn put_other(slot: &mut Value, value: Value) {
    *slot = value;
}

/// Writes a copy of a value over another.
#[inline(always)]
pub(crate) fn put_copy(slot: &mut Value, value: &Value) {
    match value {
        Value::Int(n) => set_int(slot, *n),
        Value::Obj(id) => set_obj(slot, *id),
        value => {
            calls_out();
            put_clone(slot, value);
        }
    }
}

#[inline(never)]
fn put_clone(slot: &mut Value, value: &Value) {
    *slot = value.clone();
}

/// Moves a value over another. What it leaves behind is to be written before it is read.
#[inline(always)]
pub(crate) fn shift(to: &mut Value, from: &mut Value) {
    match from {
        Value::Int(n) => int_over_plain(to, *n),
        Value::Obj(id) => set_obj(to, *id),
        from => shift_other(to, from),
    }
}

#[inline(never)]
fn shift_other(to: &mut Value, from: &mut Value) {
    *to = from.take();
}

/// The sum of two floats when it is finite.
#[inline(always)]
pub(crate) fn float_sum(a: &Value, b: &Value) -> Option<f64> {
    match (a, b) {
        (Value::Float(x), Value::Float(y)) => Some(x + y).filter(|sum| sum.is_finite()),
        _ => None,
    }
}

/// The product of two floats when it is finite.
#[inline(always)]
pub(crate) fn float_product(a: &Value, b: &Value) -> Option<f64> {
    match (a, b) {
        (Value::Float(x), Value::Float(y)) => Some(x * y).filter(|product| product.is_finite()),
        _ => None,
    }
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

/// Whether both are strings, and joining them costs no more than its tick.
#[inline(always)]
pub(crate) fn are_short_texts(a: &Value, b: &Value) -> bool {
    calls_out();
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => a.len_bytes() + b.len_bytes() < TOIL_BYTES_MIN,
        _ => false,
    }
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
#[inline(always)]
pub(crate) fn next_element(regs: &mut [Value], var: u16, state: u16) -> bool {
    next_item(regs, var, state) || {
        calls_out();
        next_of_any(regs, var, state)
    }
}

/// Takes the next element of a list at `state`. `false`, and nothing happened, where there is no list or no element.
#[inline(always)]
fn next_item(regs: &mut [Value], var: u16, state: u16) -> bool {
    let at = usize::from(state);
    let (Value::List(list), &Value::Int(position)) = (&regs[at], &regs[at + 1]) else {
        return false;
    };
    match list.get(position as usize) {
        Some(&Value::Int(n)) => set_int(&mut regs[usize::from(var)], n),
        Some(value) => {
            let value = copy(value);
            put(&mut regs[usize::from(var)], value);
        }
        None => return false,
    }
    set_int(&mut regs[at + 1], position + 1);
    set_int(&mut regs[at + 2], position + 1);
    true
}

fn next_of_any(regs: &mut [Value], var: u16, state: u16) -> bool {
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

/// `dst = a[from..to]` of a string or list, the ends in two registers; in place when `dst` is `a`. `false`, and nothing
/// happened, where it is not so simple, costs more than its tick, or is an error.
#[inline(always)]
pub(crate) fn take_range(regs: &mut [Value], dst: u16, a: u16, range: u16) -> bool {
    calls_out();
    range_of_any(regs, dst, a, range)
}

#[inline(never)]
fn range_of_any(regs: &mut [Value], dst: u16, a: u16, range: u16) -> bool {
    let at = usize::from(range);
    let (&Value::Int(from), &Value::Int(to)) = (&regs[at], &regs[at + 1]) else {
        return false;
    };
    let slot = &mut regs[usize::from(a)];
    let Some(length) = collection::last_index(slot).filter(|_| slot.bytes() < TOIL_BYTES_MIN)
    else {
        return false;
    };
    if from > to {
        let empty = match slot {
            Value::Str(_) => Value::EMPTY_STR,
            _ => Value::List(List::new()),
        };
        put(&mut regs[usize::from(dst)], empty);
        return true;
    }
    if from < 1 || to > length {
        return false;
    }
    let (from, to) = (from as usize, to as usize);
    let part = match slot {
        Value::Str(text) if dst == a => {
            text.keep(from, to);
            return true;
        }
        Value::List(list) if dst == a => {
            list.keep(from - 1..to);
            return true;
        }
        Value::Str(text) => Value::Str(text.slice(from, to)),
        Value::List(list) => Value::List(list.slice(from - 1..to)),
        _ => return false,
    };
    put(&mut regs[usize::from(dst)], part);
    true
}

/// The character of a string or the value of a map, where there is one and finding it costs no more than its tick.
#[inline(always)]
pub(crate) fn element_of(a: &Value, i: &Value) -> Option<Value> {
    calls_out();
    element_of_any(a, i)
}

#[inline(never)]
fn element_of_any(a: &Value, i: &Value) -> Option<Value> {
    match (a, i) {
        (Value::Str(text), Value::Int(n)) if text.len_bytes() < TOIL_BYTES_MIN => {
            text.char_at(*n as usize).map(Value::Str)
        }
        (Value::Map(map), Value::Int(_) | Value::Str(_) | Value::Obj(_)) => map.get(i).cloned(),
        _ => None,
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
