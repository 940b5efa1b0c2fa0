//! What makes one value another: changes of lists, maps and flyweights, part by part.
//!
//! In: two values, or three of which one is what the others were made of; bounds. Out: a map that says where they differ, made of plain
//! values. Texts are compared with regard to case, lest a change be lost. Nothing is put together from two sides that both changed.

mod lists;
mod node;

use moor_value::Value;

use self::node::{Differ, Limits};
use super::arg::Args;
use super::named_options::Options;
use super::spec::pure;
use super::{BuiltinSpec, Call, Raise, named_map};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("value_diff", 2..=3, [Any, Any, Map], MooR, value_diff)
        .doc(
            "old new options",
            "MAP",
            "How two values differ: `[\"equal\", \"kind\", \"truncated\", \"changes\"]`. `kind` is `unchanged`, `replace` (with `old_type` and \
             `new_type`), `list` (with `old_len` and `new_len`), `map` or `flyweight`. A change is a map: `op` is `change` (with the `diff` of the part), `add` or \
             `remove` (with the `value`, by its type unless `include_values` is true and it is a number or the like), or in lists \
             `replace_range`; `index`, `key` or `field` say where. Options: `max_depth` (8), `max_changes` of one list, map or flyweight (128), \
             `max_lcs_cells` (16,384; the product of the lengths up to which items of lists are matched), `include_values`.",
        )
        .raises(OPTION_ERRORS),
    pure!("value_diff3", 3..=4, [Any, Any, Any, Map], MooR, value_diff3)
        .doc(
            "base local incoming options",
            "MAP",
            "Which of two changes of a value holds: `[\"ok\" -> true, \"kind\" -> \"resolved\", \"conflict\" -> false, \"resolution\", \"value\", \
             \"diff\"]` with the resolution `same`, `incoming` or `local` where both are the same, or one side has changed nothing; else `ok` is false, \
             `kind` `conflict`, `resolution` `manual`, and `local_diff` and `incoming_diff` are what `value_diff()` gives for each side.",
        )
        .raises(OPTION_ERRORS),
];

const OPTION_ERRORS: &str = "E_TYPE if an option is of another type; E_INVARG if there is no such option; E_RANGE if a number is out of its bounds \
     (`max_depth` 0 to 500, `max_changes` 1 to 1,000,000, `max_lcs_cells` 0 to 4,194,304); E_QUOTA if the answer would be too large, or the \
     task's time is up";

fn value_diff(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let limits = limits(args.given(2))?;
    Differ { call, limits }.diff(&args[0], &args[1], 0)
}

fn value_diff3(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let limits = limits(args.given(3))?;
    let [base, local, incoming] = [&args[0], &args[1], &args[2]];
    let mut differ = Differ { call, limits };
    let resolved = if differ.equal(local, incoming)? {
        Some(("same", local))
    } else if differ.equal(base, local)? {
        Some(("incoming", incoming))
    } else if differ.equal(base, incoming)? {
        Some(("local", local))
    } else {
        None
    };
    let head = |is_ok: bool, kind: &str, resolution: &str| {
        [
            ("ok", is_ok.into()),
            ("kind", kind.into()),
            ("conflict", (!is_ok).into()),
            ("resolution", resolution.into()),
        ]
    };
    let (head, parts) = match resolved {
        Some((resolution, value)) => {
            let diff = differ.diff(base, value, 0)?;
            let parts = [("value", value.clone()), ("diff", diff)];
            (head(true, "resolved", resolution), parts)
        }
        None => {
            let parts = [
                ("local_diff", differ.diff(base, local, 0)?),
                ("incoming_diff", differ.diff(base, incoming, 0)?),
            ];
            (head(false, "conflict", "manual"), parts)
        }
    };
    match named_map(head.into_iter().chain(parts)) {
        Value::Map(map) => call.map(map),
        other => Ok(other),
    }
}

fn limits(given: Option<&Value>) -> Result<Limits, Raise> {
    let known = [
        "max_depth",
        "max_changes",
        "max_lcs_cells",
        "include_values",
    ];
    let options = Options::read(given, &known)?;
    Ok(Limits {
        depth_max: options.number("max_depth", 8, 0..=500)?,
        changes_max: options.number("max_changes", 128, 1..=1_000_000)?,
        cells_max: options.number("max_lcs_cells", 1 << 14, 0..=1 << 22)?,
        with_values: options.flag("include_values", false),
    })
}
