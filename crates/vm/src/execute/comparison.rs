//! Comparisons and the truth of a value, as values and as conditions of a branch.

use moor_bytecode::{Instruction as I, Sense};
use moor_value::{ErrorCode, Value};

use super::{Done, Jump, Jumped, Step, foreign};
use crate::compare::{order, position};
use crate::raise::Raise;

/// Whether something holds, or why that cannot be said.
type Truth = Result<bool, Box<Raise>>;

/// A relation of two values.
#[derive(Clone, Copy)]
enum Relation {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    #[inline(always)]
    fn holds(self, a: &Value, b: &Value) -> Truth {
        Ok(match self {
            Self::Equal => equal(a, b)?,
            Self::Unequal => !equal(a, b)?,
            Self::Less => order(a, b)?.is_lt(),
            Self::LessOrEqual => order(a, b)?.is_le(),
            Self::Greater => order(a, b)?.is_gt(),
            Self::GreaterOrEqual => order(a, b)?.is_ge(),
        })
    }
}

/// Values of any two types can be equal; an unset register is no value.
fn equal(a: &Value, b: &Value) -> Truth {
    if a.is_none() || b.is_none() {
        return Err(Raise::new(ErrorCode::VarNf));
    }
    Ok(a == b)
}

fn is_true(a: &Value) -> Truth {
    if a.is_none() {
        return Err(Raise::new(ErrorCode::VarNf));
    }
    Ok(a.is_true())
}

/// Carries out an instruction that makes a truth value, or the place of one value in another.
#[inline(always)]
pub(super) fn execute(step: &mut Step<'_>, instruction: I) -> Done {
    match instruction {
        I::Eq { dst, a, b } => compare(step, dst, a, b, Relation::Equal),
        I::Ne { dst, a, b } => compare(step, dst, a, b, Relation::Unequal),
        I::Lt { dst, a, b } => compare(step, dst, a, b, Relation::Less),
        I::Le { dst, a, b } => compare(step, dst, a, b, Relation::LessOrEqual),
        I::Gt { dst, a, b } => compare(step, dst, a, b, Relation::Greater),
        I::Ge { dst, a, b } => compare(step, dst, a, b, Relation::GreaterOrEqual),
        I::In { dst, a, b } => {
            let (part, whole) = (step.get(a), step.get(b));
            let place = if part.is_none() || whole.is_none() {
                Err(Raise::new(ErrorCode::VarNf))
            } else {
                position(part, whole)
            };
            step.finish(place, dst, &[a, b])
        }
        I::Not { dst, a } => {
            let truth = is_true(step.get(a));
            step.finish(truth.map(|truth| int(!truth)), dst, &[a])
        }
        _ => foreign(instruction),
    }
}

fn int(truth: bool) -> Value {
    Value::Int(i64::from(truth))
}

#[inline(always)]
fn compare(step: &mut Step<'_>, dst: u16, a: u16, b: u16, relation: Relation) -> Done {
    let truth = relation.holds(step.get(a), step.get(b));
    step.finish(truth.map(int), dst, &[a, b])
}

/// Carries out a branch on a relation of two registers.
#[inline(always)]
pub(super) fn branch_registers(step: &mut Step<'_>, instruction: I) -> Jumped {
    let (relation, sense, a, b, target) = match instruction {
        I::BrEq {
            sense,
            a,
            b,
            target,
        } => (Relation::Equal, sense, a, b, target),
        I::BrLt {
            sense,
            a,
            b,
            target,
        } => (Relation::Less, sense, a, b, target),
        I::BrLe {
            sense,
            a,
            b,
            target,
        } => (Relation::LessOrEqual, sense, a, b, target),
        I::BrGt {
            sense,
            a,
            b,
            target,
        } => (Relation::Greater, sense, a, b, target),
        I::BrGe {
            sense,
            a,
            b,
            target,
        } => (Relation::GreaterOrEqual, sense, a, b, target),
        _ => foreign(instruction),
    };
    let truth = relation.holds(step.get(a), step.get(b));
    branch(step, truth, &[a, b], Sense(sense), target)
}

/// Carries out a branch on one register: its truth, or its relation to a constant.
#[inline(always)]
pub(super) fn branch_constant(step: &mut Step<'_>, instruction: I) -> Jumped {
    let (relation, sense, a, imm, target) = match instruction {
        I::Br { sense, a, target } => {
            let truth = is_true(step.get(a));
            return branch(step, truth, &[a], Sense(sense), target);
        }
        I::BrEqK {
            sense,
            a,
            k,
            target,
        } => {
            let truth = equal(step.get(a), &step.program.constants[usize::from(k)]);
            return branch(step, truth, &[a], Sense(sense), target);
        }
        I::BrEqI {
            sense,
            a,
            imm,
            target,
        } => (Relation::Equal, sense, a, imm, target),
        I::BrLtI {
            sense,
            a,
            imm,
            target,
        } => (Relation::Less, sense, a, imm, target),
        I::BrLeI {
            sense,
            a,
            imm,
            target,
        } => (Relation::LessOrEqual, sense, a, imm, target),
        I::BrGtI {
            sense,
            a,
            imm,
            target,
        } => (Relation::Greater, sense, a, imm, target),
        I::BrGeI {
            sense,
            a,
            imm,
            target,
        } => (Relation::GreaterOrEqual, sense, a, imm, target),
        _ => foreign(instruction),
    };
    let truth = relation.holds(step.get(a), &Value::Int(i64::from(imm)));
    branch(step, truth, &[a], Sense(sense), target)
}

/// A condition that failed without being raised counts as false.
fn branch(step: &mut Step<'_>, truth: Truth, used: &[u16], sense: Sense, target: u16) -> Jumped {
    let truth = match truth {
        Ok(truth) => truth,
        Err(raise) => {
            step.unraised(raise, used)?;
            false
        }
    };
    let ticks = sense.ticks();
    Ok((truth == sense.want()).then_some(Jump { target, ticks }))
}
