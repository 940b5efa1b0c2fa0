//! Arithmetic and bits: the operations themselves are in `crate::arithmetic`, here is where their operands come from.

use moor_bytecode::Instruction as I;
use moor_value::Value;

use super::{Computed, Done, Step, foreign};
use crate::arithmetic as math;
use crate::registers::{add_registers, add_value};

/// An operation of two operands that makes a new value.
type Binary = fn(&Value, &Value) -> Computed;
/// An operation of one operand.
type Unary = fn(&Value) -> Computed;

/// Carries out an instruction whose operands are registers.
#[inline(always)]
pub(super) fn registers(step: &mut Step<'_>, instruction: I) -> Done {
    match instruction {
        I::Add { dst, a, b } => {
            let changed = add_registers(step.regs, dst, a, b, step.limits);
            step.finish_change(changed, dst, &[a, b])
        }
        I::Sub { dst, a, b } => binary(step, dst, a, b, math::subtract),
        I::Mul { dst, a, b } => binary(step, dst, a, b, math::multiply),
        I::Div { dst, a, b } => binary(step, dst, a, b, math::divide),
        I::Mod { dst, a, b } => binary(step, dst, a, b, math::modulo),
        I::Pow { dst, a, b } => binary(step, dst, a, b, math::power),
        I::Neg { dst, a } => unary(step, dst, a, math::negate),
        I::Complement { dst, a } => unary(step, dst, a, math::complement),
        I::BitAnd { dst, a, b } => binary(step, dst, a, b, |a, b| math::bits(a, b, |x, y| x & y)),
        I::BitOr { dst, a, b } => binary(step, dst, a, b, |a, b| math::bits(a, b, |x, y| x | y)),
        I::BitXor { dst, a, b } => binary(step, dst, a, b, |a, b| math::bits(a, b, |x, y| x ^ y)),
        I::Shl { dst, a, b } => binary(step, dst, a, b, |a, b| math::shift(a, b, true)),
        I::Shr { dst, a, b } => binary(step, dst, a, b, |a, b| math::shift(a, b, false)),
        _ => foreign(instruction),
    }
}

/// Carries out an instruction whose right operand is a constant of the program or of the instruction itself.
#[inline(always)]
pub(super) fn constants(step: &mut Step<'_>, instruction: I) -> Done {
    let program = step.program;
    let constant = |k: u16| &program.constants[usize::from(k)];
    let int = |imm: i16| Value::Int(i64::from(imm));
    match instruction {
        I::AddI { dst, a, imm } => add(step, dst, a, &int(imm)),
        I::SubI { dst, a, imm } => binary_with(step, dst, a, &int(imm), math::subtract),
        I::MulI { dst, a, imm } => binary_with(step, dst, a, &int(imm), math::multiply),
        I::DivI { dst, a, imm } => binary_with(step, dst, a, &int(imm), math::divide),
        I::ModI { dst, a, imm } => binary_with(step, dst, a, &int(imm), math::modulo),
        I::AddK { dst, a, k } => add(step, dst, a, constant(k)),
        I::SubK { dst, a, k } => binary_with(step, dst, a, constant(k), math::subtract),
        I::MulK { dst, a, k } => binary_with(step, dst, a, constant(k), math::multiply),
        I::DivK { dst, a, k } => binary_with(step, dst, a, constant(k), math::divide),
        _ => foreign(instruction),
    }
}

#[inline(always)]
fn unary(step: &mut Step<'_>, dst: u16, a: u16, operation: Unary) -> Done {
    let computed = operation(step.get(a));
    step.finish(computed, dst, &[a])
}

#[inline(always)]
fn binary(step: &mut Step<'_>, dst: u16, a: u16, b: u16, operation: Binary) -> Done {
    let computed = operation(step.get(a), step.get(b));
    step.finish(computed, dst, &[a, b])
}

#[inline(always)]
fn binary_with(step: &mut Step<'_>, dst: u16, a: u16, right: &Value, operation: Binary) -> Done {
    let computed = operation(step.get(a), right);
    step.finish(computed, dst, &[a])
}

/// Addition changes its left operand in place when that is the destination too.
fn add(step: &mut Step<'_>, dst: u16, a: u16, right: &Value) -> Done {
    let changed = add_value(step.regs, dst, a, right, step.limits);
    step.finish_change(changed, dst, &[a])
}
