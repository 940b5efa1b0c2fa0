//! Jumps, loops and scattering assignments. The branches on a condition are with the comparisons.

use moor_bytecode::{Instruction as I, TAKE};
use moor_value::{ObjId, Value, ValueType};

use super::{Jump, Jumped, Step, foreign};
use crate::raise::Raise;
use crate::registers::{next_element, set_int, set_obj};
use crate::scatter::{self, Source};

/// Carries out an instruction of this family.
#[inline(always)]
pub(super) fn execute(step: &mut Step<'_>, instruction: I) -> Jumped {
    match instruction {
        I::Jump { ticks, target } => Ok(Some(Jump { target, ticks })),
        I::RangePrep { var, state, end } => prepare_range(step, var, state, end),
        I::RangeStep {
            ticks,
            var,
            state,
            body: target,
        } => {
            let goes_on = next_in_range(step.regs, var, state);
            Ok(goes_on.then_some(Jump { target, ticks }))
        }
        I::EachPrep {
            state,
            step: next,
            end,
        } => prepare_walk(step, state, next, end),
        I::EachStep {
            ticks,
            var,
            state,
            body: target,
        } => {
            let goes_on = next_element(step.regs, var, state);
            Ok(goes_on.then_some(Jump { target, ticks }))
        }
        I::Scatter { src, pattern } => scatter_list(step, src, pattern),
        I::ScatterArgs { flags, pattern } => scatter_arguments(step, flags & TAKE != 0, pattern),
        _ => foreign(instruction),
    }
}

/// Raises, or without the debug flag goes on at `target`.
#[cold]
fn fail(step: &mut Step<'_>, raise: Box<Raise>, used: &[u16], target: u16) -> Jumped {
    step.unraised(raise, used)?;
    Ok(Some(Jump::free(target)))
}

/// Gives a loop over a range its first value, or passes over it when the range is empty.
fn prepare_range(step: &mut Step<'_>, var: u16, state: u16, end: u16) -> Jumped {
    let first = step.get(state);
    let is_empty = match (first, step.get(state + 1)) {
        (Value::Int(from), Value::Int(to)) => from > to,
        (Value::Obj(from), Value::Obj(to)) => from > to,
        (from, to) => {
            let is_end_fit = matches!(to, Value::Int(_) | Value::Obj(_));
            let wrong = if is_end_fit { from } else { to };
            let raise = Raise::type_mismatch(wrong, &[ValueType::Int, ValueType::Obj]);
            return fail(step, raise, &[], end);
        }
    };
    if is_empty {
        return Ok(Some(Jump::free(end)));
    }
    let first = first.clone();
    step.set(var, first);
    Ok(None)
}

/// Goes to the next value of a range; `false` behind the last.
fn next_in_range(regs: &mut [Value], var: u16, state: u16) -> bool {
    let (state, var) = (usize::from(state), usize::from(var));
    match (&regs[state], &regs[state + 1]) {
        (&Value::Int(current), &Value::Int(last)) if current < last => {
            set_int(&mut regs[state], current + 1);
            set_int(&mut regs[var], current + 1);
            true
        }
        (&Value::Obj(current), &Value::Obj(last)) if current < last => {
            let next = ObjId(current.0 + 1);
            set_obj(&mut regs[state], next);
            set_obj(&mut regs[var], next);
            true
        }
        _ => false,
    }
}

/// Begins a walk over the elements of a container; its first step is at `next`.
fn prepare_walk(step: &mut Step<'_>, state: u16, next: u16, end: u16) -> Jumped {
    let position = match step.get(state) {
        Value::List(_) | Value::Str(_) | Value::Fly(_) | Value::Binary(_) => Value::ZERO,
        Value::Map(_) => Value::None,
        value => {
            let expected = &[ValueType::Str, ValueType::List, ValueType::Map];
            let raise = Raise::type_mismatch(value, expected);
            return fail(step, raise, &[], end);
        }
    };
    step.set(state + 1, position);
    Ok(Some(Jump::free(next)))
}

fn scatter_list(step: &mut Step<'_>, src: u16, pattern: u16) -> Jumped {
    let program = step.program;
    let pattern = &program.scatters[usize::from(pattern)];
    let result = match step.get(src) {
        Value::List(list) => {
            let source = Source::List(list.clone());
            scatter::scatter(pattern, source, step.regs)
        }
        value => Err(Raise::type_mismatch(value, &[ValueType::List])),
    };
    match result {
        Ok(target) => Ok(Some(Jump::free(target))),
        Err(raise) => fail(step, raise, &[src], pattern.done),
    }
}

fn scatter_arguments(step: &mut Step<'_>, is_spent: bool, pattern: u16) -> Jumped {
    let program = step.program;
    let pattern = &program.scatters[usize::from(pattern)];
    let source = if is_spent {
        Source::Spent(step.args)
    } else {
        Source::Arguments(step.args)
    };
    match scatter::scatter(pattern, source, step.regs) {
        Ok(target) => Ok(Some(Jump::free(target))),
        Err(raise) => fail(step, raise, &[], pattern.done),
    }
}
