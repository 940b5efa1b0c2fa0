//! How one list becomes another: what both begin and end with stays, and in between as many items as can.
//! In: items of two lists. Out: edits, in the order of the lists.

use std::ops::Range;

use moor_value::Value;

use super::node::Differ;
use crate::builtins::Raise;

/// A step from one list to the other. Places count from 0.
pub(super) enum Edit<'v> {
    /// The item at this place of both lists is another.
    Change(usize, &'v Value, &'v Value),
    /// The new list has an item at this place.
    Add(usize, &'v Value),
    /// The old list had an item at this place.
    Remove(usize, &'v Value),
    /// These items of the old list became those of the new one.
    Range(Range<usize>, Range<usize>),
}

/// The edits between two lists; one more than are told, where there are so many.
pub(super) fn edits<'v>(
    differ: &mut Differ<'_, '_>,
    old: &'v [Value],
    new: &'v [Value],
) -> Result<Vec<Edit<'v>>, Raise> {
    let shorter = old.len().min(new.len());
    let mut first = 0;
    while first < shorter && differ.equal(&old[first], &new[first])? {
        first += 1;
    }
    let mut behind = 0;
    while behind < shorter - first
        && differ.equal(&old[old.len() - 1 - behind], &new[new.len() - 1 - behind])?
    {
        behind += 1;
    }
    let (from, to) = (first..old.len() - behind, first..new.len() - behind);
    if from.len() == to.len() {
        return changed(differ, old, new, from);
    }
    match from.len().checked_mul(to.len()) {
        Some(cells) if cells <= differ.limits.cells_max => matched(differ, old, new, from, to),
        _ => Ok(vec![Edit::Range(from, to)]),
    }
}

/// Each item that is another.
fn changed<'v>(
    differ: &mut Differ<'_, '_>,
    old: &'v [Value],
    new: &'v [Value],
    range: Range<usize>,
) -> Result<Vec<Edit<'v>>, Raise> {
    let mut edits = Vec::new();
    for at in range {
        if edits.len() > differ.limits.changes_max {
            break;
        }
        if !differ.equal(&old[at], &new[at])? {
            edits.push(Edit::Change(at, &old[at], &new[at]));
        }
    }
    Ok(edits)
}

/// Keeps a longest common subsequence; the rest is removed and added, removals first.
fn matched<'v>(
    differ: &mut Differ<'_, '_>,
    old: &'v [Value],
    new: &'v [Value],
    from: Range<usize>,
    to: Range<usize>,
) -> Result<Vec<Edit<'v>>, Raise> {
    let width = to.len() + 1;
    // In each cell, how many items the rest of both lists has in common.
    let mut common = vec![0_u32; (from.len() + 1) * width];
    for a in (0..from.len()).rev() {
        for b in (0..to.len()).rev() {
            let (at, below) = (a * width + b, (a + 1) * width + b);
            common[at] = match differ.equal(&old[from.start + a], &new[to.start + b])? {
                true => common[below + 1] + 1,
                false => common[below].max(common[at + 1]),
            };
        }
    }
    let mut edits = Vec::new();
    let (mut a, mut b) = (0, 0);
    while (a < from.len() || b < to.len()) && edits.len() <= differ.limits.changes_max {
        let at = a * width + b;
        let removes = a < from.len() && (b == to.len() || common[at] == common[at + width]);
        let adds = b < to.len() && (a == from.len() || common[at] == common[at + 1]);
        if removes {
            edits.push(Edit::Remove(from.start + a, &old[from.start + a]));
            a += 1;
        } else if adds {
            edits.push(Edit::Add(to.start + b, &new[to.start + b]));
            b += 1;
        } else {
            (a, b) = (a + 1, b + 1);
        }
    }
    Ok(edits)
}
