//! Changing, searching and slicing lists.
//! In: lists, which change in place where nobody else holds them. Out: lists, positions from 1.

use moor_value::fold::Case;
use moor_value::{ErrorCode, List, Value};

use super::arg::Args;
use super::spec::pure;
use super::strings::reversed;
use super::{BuiltinSpec, Call, Raise};

pub(super) const SPECS: &[BuiltinSpec] = &[
    pure!("all_members", 2..=2, [Any, List], ToastStunt, all_members).doc(
        "value list",
        "LIST of INT",
        "Every position at which the value stands in the list; upper and lower case are \
             the same.",
    ),
    pure!("is_member", 2..=3, [Any, Any, Int], LambdaMoo, is_member)
        .doc(
            "value list:LIST|MAP case_matters",
            "INT",
            "The first position of the value in a list, or among a map's values; 0 if it is \
             not there. Upper and lower case differ unless `case_matters` is false.",
        )
        .raises("E_INVARG if the second argument is neither a list nor a map"),
    pure!("listappend", 2..=3, [List, Any, Int], LambdaMoo, listappend)
        .doc(
            "list value after",
            "LIST",
            "The list with the value put in after that position; at the end if none is given \
             or it is beyond the end.",
        )
        .raises("E_QUOTA if the list would be too large"),
    pure!("listdelete", 2..=2, [List, Int], LambdaMoo, listdelete)
        .doc(
            "list index",
            "LIST",
            "The list without the item at that position.",
        )
        .raises("E_RANGE if there is no such position"),
    pure!("listinsert", 2..=3, [List, Any, Int], LambdaMoo, listinsert)
        .doc(
            "list value before",
            "LIST",
            "The list with the value put in before that position; at the front if none is \
             given, at the end if it is beyond the end.",
        )
        .raises("E_QUOTA if the list would be too large"),
    pure!("listset", 3..=3, [List, Any, Int], LambdaMoo, listset)
        .doc(
            "list value index",
            "LIST",
            "The list with the item at that position replaced.",
        )
        .raises("E_RANGE if there is no such position; E_QUOTA if the list would be too large"),
    pure!("reverse", 1..=1, [Any], ToastStunt, reverse)
        .doc(
            "value:LIST|STR",
            "LIST|STR",
            "The list or the string backwards.",
        )
        .raises("E_INVARG if the value is neither"),
    pure!("setadd", 2..=2, [List, Any], LambdaMoo, setadd)
        .doc(
            "list value",
            "LIST",
            "The list with the value at its end, unless it is in the list.",
        )
        .raises("E_QUOTA if the list would be too large"),
    pure!("setremove", 2..=2, [List, Any], LambdaMoo, setremove).doc(
        "list value",
        "LIST",
        "The list without the first item that is equal to the value.",
    ),
    pure!("slice", 1..=3, [List, Any, Any], ToastStunt, slice)
        .doc(
            "list index:INT|LIST|STR default",
            "LIST",
            "From every item of a list of lists or strings what stands at the index (1 if \
             none is given), or a list of what stands at a list of indices; from every item \
             of a list of maps the value of a key. A map without the key gives the default, \
             or nothing if there is none.",
        )
        .raises(
            "E_RANGE if an index is below 1 or beyond the end of an item, or the list of \
             indices is empty; E_INVARG if an item is not of the kind that the index asks for",
        ),
];

/// `listappend(list, value [, after])`; a position beyond an end means that end.
fn listappend(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let after = args.given(2).map_or(Ok(i64::MAX), |_| args.int(2))?;
    insert(call, args, after)
}

/// `listinsert(list, value [, before])`; a position beyond an end means that end.
fn listinsert(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let before = args.given(2).map_or(Ok(1), |_| args.int(2))?;
    insert(call, args, before.saturating_sub(1))
}

/// Inserts after that many items.
fn insert(call: &mut Call<'_>, args: &mut [Value], after: i64) -> Result<Value, Raise> {
    let mut list = args.take_list(0)?;
    let value = element(args[1].take())?;
    let after = usize::try_from(after.max(0)).map_or(list.len(), |n| n.min(list.len()));
    if after == list.len() {
        list.push(value);
    } else {
        call.charge(list.len())?;
        list.insert(after, value);
    }
    call.list(list)
}

fn listdelete(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let index = position(args.list(0)?, args.int(1)?)?;
    let mut list = args.take_list(0)?;
    call.charge(list.len())?;
    list.remove(index);
    call.list(list)
}

fn listset(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let index = position(args.list(0)?, args.int(2)?)?;
    let value = element(args[1].take())?;
    let mut list = args.take_list(0)?;
    list.set(index, value);
    call.list(list)
}

fn setadd(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let mut list = args.take_list(0)?;
    if find(call, &args[1], &list, Case::Fold)?.is_none() {
        list.push(element(args[1].take())?);
    }
    call.list(list)
}

fn setremove(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let mut list = args.take_list(0)?;
    if let Some(index) = find(call, &args[1], &list, Case::Fold)? {
        list.remove(index);
    }
    call.list(list)
}

/// A value that may be put into a list, or E_QUOTA.
pub(super) fn element(value: Value) -> Result<Value, Raise> {
    if value.nestable() {
        Ok(value)
    } else {
        Err(ErrorCode::Quota.into())
    }
}

/// The 0-based index of a position from 1, or E_RANGE.
fn position(list: &List, position: i64) -> Result<usize, Raise> {
    let index = usize::try_from(position).ok().filter(|p| *p <= list.len());
    let index = index.and_then(|p| p.checked_sub(1));
    index.ok_or_else(|| ErrorCode::Range.into())
}

fn find(
    call: &mut Call<'_>,
    value: &Value,
    list: &List,
    case: Case,
) -> Result<Option<usize>, Raise> {
    call.charge(search_cost(value, list))?;
    Ok(list.iter().position(|item| value.equal(item, case)))
}

/// Most comparisons end at the first difference, so a part of the value's size is charged for each.
fn search_cost(value: &Value, list: &List) -> usize {
    (1 + value.bytes() / 64).saturating_mul(list.len())
}

/// `is_member(value, list-or-map [, case-matters])`, case matters unless told otherwise; in a map
/// the values are searched, in key order.
fn is_member(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let case_matters = args.given(2).is_none_or(Value::is_true);
    let case = Case::from_matters(case_matters);
    let index = match &args[1] {
        Value::List(list) => find(call, &args[0], list, case)?,
        Value::Map(map) => {
            call.charge(map.len())?;
            map.values().position(|value| args[0].equal(value, case))
        }
        _ => return Err(ErrorCode::InvArg.into()),
    };
    Ok(Value::Int(index.map_or(0, |i| i as i64 + 1)))
}

/// The positions of all items equal to the value.
fn all_members(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let list = args.list(1)?;
    call.charge(search_cost(&args[0], list))?;
    let equal = list
        .iter()
        .enumerate()
        .filter(|(_, item)| args[0] == **item);
    let positions: Vec<Value> = equal.map(|(i, _)| Value::Int(i as i64 + 1)).collect();
    call.list(positions)
}

/// A list or a string backwards.
fn reverse(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    call.charge(args[0].bytes())?;
    match args[0].take() {
        Value::List(list) => {
            let mut items = list.into_vec();
            items.reverse();
            Ok(items.into())
        }
        Value::Str(text) => Ok(reversed(&text).into()),
        _ => Err(ErrorCode::InvArg.into()),
    }
}

/// What `slice()` takes from every element.
enum Pick<'a> {
    At(usize),
    AtAll(Vec<usize>),
    Key(&'a Value, Option<&'a Value>),
}

/// `slice(list [, index])`: from every element (a list or a string) the item at `index`, or a list
/// of those at a list of indices; `slice(maps, key [, default])`: the value of that key.
fn slice(call: &mut Call<'_>, args: &mut [Value]) -> Result<Value, Raise> {
    let list = args.list(0)?;
    let pick = match args.given(1) {
        None => Pick::At(1),
        Some(Value::Int(n)) => Pick::At(natural(&Value::Int(*n))?),
        Some(Value::List(indices)) if indices.is_empty() => return Err(ErrorCode::Range.into()),
        Some(Value::List(indices)) => {
            Pick::AtAll(indices.iter().map(natural).collect::<Result<_, _>>()?)
        }
        Some(key @ Value::Str(_)) => Pick::Key(key, args.given(2)),
        Some(_) => return Err(ErrorCode::InvArg.into()),
    };
    let mut picked = Vec::new();
    for item in list {
        let one = pick_from(call, item, &pick)?;
        picked.extend(one.map(element).transpose()?);
    }
    call.list(picked)
}

/// A position from 1: E_INVARG if it is no integer, E_RANGE if it is below 1.
fn natural(value: &Value) -> Result<usize, Raise> {
    let number = value.as_int().ok_or(ErrorCode::InvArg)?;
    let number = usize::try_from(number).map_err(|_| ErrorCode::Range)?;
    if number == 0 {
        return Err(ErrorCode::Range.into());
    }
    Ok(number)
}

fn pick_from(call: &mut Call<'_>, item: &Value, pick: &Pick<'_>) -> Result<Option<Value>, Raise> {
    call.charge(8)?;
    match (pick, item) {
        (Pick::Key(key, default), Value::Map(map)) => Ok(map.get(key).or(*default).cloned()),
        (Pick::At(at), Value::List(_) | Value::Str(_)) => nth(item, *at).map(Some),
        (Pick::AtAll(all), Value::List(_) | Value::Str(_)) => {
            call.charge(all.len())?;
            let items: Result<Vec<Value>, Raise> = all.iter().map(|at| nth(item, *at)).collect();
            Ok(Some(items?.into()))
        }
        _ => Err(ErrorCode::InvArg.into()),
    }
}

fn nth(item: &Value, at: usize) -> Result<Value, Raise> {
    let found = match item {
        Value::List(list) => list.get(at - 1).cloned(),
        Value::Str(text) => text.char_at(at).map(Value::from),
        _ => None,
    };
    found.ok_or_else(|| ErrorCode::Range.into())
}
