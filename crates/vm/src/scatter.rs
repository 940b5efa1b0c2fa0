//! Scattering assignment: taking a list apart into variables.

use moor_bytecode::{Scatter, ScatterKind};
use moor_value::{ErrorCode, List, Value};

use crate::raise::Raise;
use crate::registers::{put, shift};

/// Writes the elements of `source` into the registers that `pattern` names. Answers where the program goes on: at
/// the first default that must be computed, or behind all of them. With `take` the elements are moved out.
pub(crate) fn scatter(
    pattern: &Scatter,
    source: Source<'_>,
    registers: &mut [Value],
) -> Result<u16, Box<Raise>> {
    let len = source.len();
    let targets = &pattern.targets;
    let required = targets
        .iter()
        .filter(|t| t.kind == ScatterKind::Required)
        .count();
    let has_rest = targets.iter().any(|t| t.kind == ScatterKind::Rest);
    if len < required || (!has_rest && len > targets.len()) {
        return Err(Raise::new(ErrorCode::Args));
    }
    let single = targets.len() - usize::from(has_rest);
    let optional_given = (len - required).min(single - required);
    let rest_len = len - required - optional_given;
    assign(pattern, source, registers, optional_given, rest_len)
}

/// The usual case of a verb's beginning: each target gets one argument, which is moved. `false`, and nothing happened,
/// where it is not so simple.
#[inline]
pub(crate) fn one_each(pattern: &Scatter, args: &mut [Value], registers: &mut [Value]) -> bool {
    let targets = &pattern.targets;
    if targets.len() != args.len() || targets.iter().any(|t| t.kind == ScatterKind::Rest) {
        return false;
    }
    for (target, arg) in targets.iter().zip(args) {
        shift(&mut registers[usize::from(target.register)], arg);
    }
    true
}

fn assign(
    pattern: &Scatter,
    mut source: Source<'_>,
    registers: &mut [Value],
    mut optional_given: usize,
    rest_len: usize,
) -> Result<u16, Box<Raise>> {
    let mut at = 0;
    let mut go_on = pattern.done;
    for target in &pattern.targets {
        let slot = &mut registers[usize::from(target.register)];
        match target.kind {
            ScatterKind::Rest => {
                *slot = Value::List((at..at + rest_len).map(|i| source.get(i)).collect::<List>());
                at += rest_len;
                continue;
            }
            ScatterKind::Required => {}
            ScatterKind::Optional | ScatterKind::Default(_) if optional_given > 0 => {
                optional_given -= 1
            }
            ScatterKind::Optional => continue,
            ScatterKind::Default(label) => {
                if go_on == pattern.done {
                    go_on = label;
                }
                continue;
            }
        }
        match &mut source {
            Source::Spent(args) => shift(slot, &mut args[at]),
            source => put(slot, source.get(at)),
        }
        at += 1;
    }
    Ok(go_on)
}

/// Where the elements come from.
pub(crate) enum Source<'a> {
    /// A list that is kept.
    List(List),
    /// The arguments of the frame, which are kept.
    Arguments(&'a [Value]),
    /// The arguments of the frame, which are not needed any more.
    Spent(&'a mut [Value]),
}

impl Source<'_> {
    fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Arguments(args) => args.len(),
            Self::Spent(args) => args.len(),
        }
    }

    #[inline]
    fn get(&mut self, at: usize) -> Value {
        match self {
            Self::List(list) => list.as_slice()[at].clone(),
            Self::Arguments(args) => args[at].clone(),
            Self::Spent(args) => args[at].take(),
        }
    }
}
