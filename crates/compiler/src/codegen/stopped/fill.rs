//! The stack of the other machine put into the registers of the stopped program.
//!
//! In: what stands on the stack, and what the program has there. Out: registers, or the first place that does not fit: the file
//! is not to be trusted, and nothing goes on that the program could not have come to.

use moor_value::{List, Map, ObjId, Value};

use super::super::exits::{ERROR, FALL_THROUGH};
use super::StackValue;
use super::generator::Generator;
use super::stack::{Slot, There, Way};

/// Why a `finally` part runs, as the other machines number it.
pub(super) const REASON_NOTHING: i64 = 0;
pub(super) const REASON_RAISED: i64 = 1;
pub(super) const REASON_UNCAUGHT: i64 = 2;
pub(super) const REASON_RETURN: i64 = 3;
pub(super) const REASON_EXIT: i64 = 5;

/// A value for a register.
type Set = (u16, Value);

impl Generator<'_> {
    /// Fills registers from a stack, which is as long as `slots`.
    ///
    /// # Errors
    /// The number of the first place that does not fit.
    pub(super) fn fill(
        &self,
        part: usize,
        slots: &[Slot],
        stack: &[StackValue],
        registers: &mut [Value],
    ) -> Result<(), usize> {
        let mut below = None;
        for (place, entry) in slots.iter().zip(stack).enumerate() {
            let sets = self.one(part, entry, below).ok_or(place)?;
            for (register, value) in sets {
                *registers.get_mut(usize::from(register)).ok_or(place)? = value;
            }
            below = Some(entry);
        }
        Ok(())
    }

    /// What one place of the stack says of registers, where `below` is the place below it.
    fn one(
        &self,
        part: usize,
        (slot, value): (&Slot, &StackValue),
        below: Option<(&Slot, &StackValue)>,
    ) -> Option<Vec<Set>> {
        let is_at = |mark: usize, offset: i64| self.mark_offset(part, mark) == Some(offset);
        match (slot, value) {
            (Slot::Value(register), StackValue::Value(value)) if !value.is_none() => {
                Some(vec![(*register, value.clone())])
            }
            (Slot::Label(mark), StackValue::Value(Value::Int(offset)))
            | (Slot::Finally(mark), StackValue::Finally(offset)) => {
                is_at(*mark, *offset).then(Vec::new)
            }
            (Slot::Catch(arms), StackValue::Catch(count)) => {
                (i64::try_from(*arms) == Ok(*count)).then(Vec::new)
            }
            (Slot::Position(state), next) => position(*state, below?.1, next),
            (Slot::Next(state), StackValue::Value(next)) => Some(vec![(*state, before(next)?)]),
            (Slot::Last(state), StackValue::Value(last)) => {
                let (_, StackValue::Value(next)) = below? else {
                    return None;
                };
                let is_one_kind = std::mem::discriminant(next) == std::mem::discriminant(last);
                is_one_kind.then(|| vec![(*state, last.clone())])
            }
            (Slot::Reason(..), StackValue::Value(Value::Int(_))) => Some(Vec::new()),
            (Slot::Held, StackValue::Value(held)) if !held.is_none() => match below? {
                (Slot::Reason(state, ways), StackValue::Value(Value::Int(reason))) => {
                    let (number, held) = self.reason(part, ways, *reason, held)?;
                    Some(vec![
                        (*state, Value::Int(number.into())),
                        (*state + 1, held),
                    ])
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Why a `finally` part runs, and what goes on behind it.
    fn reason(&self, part: usize, ways: &[Way], reason: i64, held: &Value) -> Option<(i16, Value)> {
        let way = |is_it: &dyn Fn(&There) -> bool| {
            let found = ways.iter().find(|way| is_it(&way.there));
            found.map(|way| way.number)
        };
        match reason {
            REASON_NOTHING => Some((FALL_THROUGH, Value::ZERO)),
            REASON_RAISED => Some((ERROR, exception(held, false)?)),
            REASON_UNCAUGHT => Some((ERROR, exception(held, true)?)),
            REASON_RETURN => Some((way(&|there| *there == There::Return)?, held.clone())),
            REASON_EXIT => {
                let [Value::Int(left), Value::Int(offset)] = held.as_list()?.as_slice() else {
                    return None;
                };
                let number = way(&|there| match there {
                    There::Return => false,
                    There::Jump { depth, mark } => {
                        i64::try_from(*depth) == Ok(*left)
                            && self.mark_offset(part, *mark) == Some(*offset)
                    }
                })?;
                Some((number, Value::ZERO))
            }
            _ => None,
        }
    }
}

/// `{code, message, value, stack}`; one that nobody takes has the lines of its traceback behind these.
fn exception(held: &Value, is_uncaught: bool) -> Option<Value> {
    let [code, Value::Str(message), value, stack, lines @ ..] = held.as_list()?.as_slice() else {
        return None;
    };
    let mut parts = vec![
        code.clone(),
        Value::Str(message.clone()),
        value.clone(),
        stack.clone(),
    ];
    if is_uncaught {
        let none = Value::List(List::new());
        parts.push(lines.first().cloned().unwrap_or(none));
    }
    Some(Value::List(List::from_vec(parts)))
}

/// The value before this one in a range. The other machine counts on before a turn, this one behind it.
fn before(next: &Value) -> Option<Value> {
    match next {
        Value::Int(next) => next.checked_sub(1).map(Value::Int),
        Value::Obj(next) => next.0.checked_sub(1).map(ObjId).map(Value::Obj),
        _ => None,
    }
}

/// How far a loop over elements is. The other machine holds the number or the key of the next element, this one the number of
/// those that were, or the last key.
fn position(state: u16, container: &StackValue, next: &StackValue) -> Option<Vec<Set>> {
    let StackValue::Value(container) = container else {
        return None;
    };
    let passed = match (container, next) {
        (Value::List(_) | Value::Str(_), StackValue::Value(Value::Int(next))) => {
            Value::Int(next.checked_sub(1).filter(|passed| *passed >= 0)?)
        }
        (Value::Map(map), StackValue::Iterator(key)) => key_before(map, key.as_ref()),
        _ => return None,
    };
    Some(vec![(state + 1, passed.clone()), (state + 2, passed)])
}

/// The key before another one; the last where that is not in the map, as the walk is over then.
fn key_before(map: &Map, next: Option<&Value>) -> Value {
    let mut before = Value::None;
    for (key, _) in map.iter() {
        if next == Some(key) {
            break;
        }
        before = key.clone();
    }
    before
}
